"""First and second order: a plane, or a bent surface, at each design point. Approximations, and always called so.

First order takes Phi(-b) of the distance b of a design point (Hasofer & Lind 1974); second order multiplies it by the
product of (1 + h k)^(-1/2) over the main curvatures k of the surface there, h the hazard phi(b) / Phi(-b)
(Hohenbichler & Rackwitz 1988; Breitung 1984 has b for h). Several design points add up. Nothing says how far off either
is: a plane from the origin is within 3 % on five of 27 problems (`experiments/009_rare_failures`).
"""

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.special import log_ndtr, ndtr

from yieldopt.compiler import plainly
from yieldopt.errors import UserError
from yieldopt.estimators.base import Estimate, Precision, Watch
from yieldopt.estimators.design_points import find
from yieldopt.limit_state import LimitState, least
from yieldopt.problem import Problem
from yieldopt.programs import program
from yieldopt.timing import Stopwatch

MOST = 400
"""Normals up to which a surface's curvatures are worked out."""
LEAST = 0.05
"""What one plus a curvature is taken as at least: below, the surface bends more than the sphere: no formula."""


@dataclass(frozen=True)
class FirstOrder:
    """Planes at the design points; with `bent`, surfaces with their curvatures."""

    precision: Precision = field(default_factory=Precision)
    bent: bool = False
    watch: Watch = field(default_factory=Watch)

    def __call__(self, problem: Problem[Any], design: Any, seed: int = 0) -> Estimate:
        """Approximate; raise UserError where margins have no slope, or too many normals to bend in."""
        with Stopwatch() as watch:
            state = LimitState(problem, design)
            if self.bent and state.size > MOST:
                raise UserError.of(f"{MOST} normals or fewer", f"{state.size}", "Use method line or first_order.")
            lost = bool(state.look(np.zeros((1, state.size))).failed[0])
            found = find(state, seed, self.watch)
            if not found.smooth:
                do = "Use method line, which goes without."
                raise UserError.of(
                    "margins with slopes", "margins that are flat, or change otherwise than they say", do
                )
            distance = np.linalg.norm(found.points, axis=1) * (-1.0 if lost else 1.0)
            tails = ndtr(-distance)
            if self.bent:
                tails = tails * np.array(
                    [_bent(state, point, b) for point, b in zip(found.points, distance, strict=True)]
                )
        name = "second_order" if self.bent else "first_order"
        loss, defects = float(min(tails.sum(), 1.0)), float(jnp.exp(state.problem.log_defects()))
        said = f"{name}: an approximation from {len(tails)} design points, how far off is not known; use method line."
        fails = np.zeros(len(state.rows))
        for point, tail in zip(found.points, tails, strict=True):
            fails[int(np.argmin(np.abs(state.margins(point[None])[0])))] += tail
        each = {n: min(float(fails[own].sum()), 1.0) for n, own in state.owners().items()}
        limits = {n: (share, share) for n, share in each.items()}
        return Estimate(
            (1.0 - loss) * defects, loss, (0.0, defects), self.precision.confidence, 1.0 - loss, defects, limits,
            state.evaluations, name, said, loss, watch.seconds, state.gradient_evaluations,
        )  # fmt: skip


def _bent(state: LimitState, point: np.ndarray, distance: float) -> float:
    """What curvature makes of the tail beyond a plane."""
    slope, bend = (
        np.asarray(a) for a in _curved(state.problem, state.design, jnp.asarray(point), jnp.asarray(state.scale))
    )
    state.evaluations += state.size
    state.gradient_evaluations += state.size
    normal = slope / np.linalg.norm(slope)
    across = np.eye(state.size) - np.outer(normal, normal)
    size = np.linalg.eigvalsh(across @ bend @ across / np.linalg.norm(slope))
    hazard = np.exp(-0.5 * distance**2 - 0.5 * np.log(2.0 * np.pi) - log_ndtr(-distance))
    return float(np.exp(-0.5 * np.log(np.maximum(1.0 + hazard * size, LEAST)).sum()))


def _curvature(problem: Problem[Any], design: Any, point: Array, scale: Array) -> tuple[Array, Array]:
    def margin(z: Array) -> Array:
        return least(problem, design, z, scale)

    return jax.grad(margin)(point), jax.hessian(margin)(point)


_curved = program(_curvature, plainly())
