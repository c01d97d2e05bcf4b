"""Limits on the unit that its pose moves: their chance over the scatter that its elements' own noise gives the pose.

The pose is normal about the mean-field one. Along the direction in which the limits are nearest it is integrated
exactly, margins taken as straight between a few steps; across, by a few quasi-random points of the unit's own.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import ndtr, ndtri
from jaxtyping import Float
from scipy import stats

from yieldopt.conditional.balance import Crowd
from yieldopt.conditional.prepare import Prepared

ACROSS = 16
"""Poses across the direction that is integrated."""
STEPS = np.linspace(-4.5, 4.5, 13)
"""Standard deviations at which margins are looked at along it; straight on beyond."""
MOST = 2.0
"""Standard deviations by which elements that all passed may have moved the pose: a first order, no more."""
NONE = 1e-30
"""Chance of a unit that is surely lost: its log has a slope."""


class Whole(NamedTuple):
    """Log pass of limits on the unit, each (zero for others), and what they share."""

    each: Float[Array, " limits"]
    together: Float[Array, ""]


def of_unit(
    prepared: Prepared, unit: Float[Array, " normals"], shared: Any, crowd: Crowd, leaning: Float[Array, " pose"]
) -> Whole:
    """Limits on the unit as a whole: met or not, where its pose has no say.

    `leaning` is by how much the pose of units whose elements all pass lies off the others' (`crowd.in_common`).
    """
    problem, poised = prepared.problem, [*prepared.structure.poised]

    def margins(pose: Array, which: list[int]) -> list[Array]:
        measured = problem.model.response(prepared.design, shared, pose)
        return [jnp.stack(problem.limits[i].margins(measured[problem.limits[i].response])) for i in which]

    fixed = [i for i, limit in enumerate(problem.limits) if limit.population == "" and i not in poised]
    each = jnp.zeros(len(problem.limits))
    for i, margin in zip(fixed, margins(crowd.pose, fixed), strict=True):
        each = each.at[i].set(jnp.where(margin.min() >= 0.0, 0.0, -jnp.inf))
    if not poised:
        return Whole(each, jnp.zeros(()))
    spread = crowd.compliance @ crowd.scatter @ crowd.compliance.T
    across = _points(unit, crowd.pose.shape[0])
    found = chances(lambda pose: margins(pose, poised), crowd.pose, spread, leaning, across)
    return Whole(each.at[np.array(poised)].set(found.each), found.together)


def chances(
    margins: Callable[[Array], list[Array]],
    pose: Float[Array, " pose"],
    spread: Float[Array, "pose pose"],
    moved: Float[Array, " pose"],
    across: Float[Array, "across pose"],
) -> Whole:
    """Log chances of limits whose `margins` (a limit's sides, each) depend on the pose, of covariance `spread`.

    `moved` is by how much the pose of units whose elements all pass lies off the others'; `across` are
    standard normals.
    """
    free = jax.lax.stop_gradient(jnp.diag(spread))
    root = jnp.linalg.cholesky(spread + jnp.diag(1e-9 * free + 1e-18))
    off = jax.scipy.linalg.solve_triangular(root, moved, lower=True)
    pose = pose + root @ (off / jnp.maximum(1.0, jax.lax.stop_gradient(jnp.linalg.norm(off)) / MOST))
    owner = np.concatenate([np.full(len(sides), i) for i, sides in enumerate(jax.eval_shape(margins, pose))])

    def look(u: Array) -> Array:
        return jnp.concatenate(margins(pose + root @ u))

    along = jax.lax.stop_gradient(_nearest(look, pose.shape[0]))
    across = across - (across @ along)[:, None] * along
    values = jax.vmap(lambda u: jax.vmap(lambda t: look(u + t * along))(jnp.asarray(STEPS)))(across)
    lost = jnp.stack([_lost(values[..., np.flatnonzero(owner == i)]) for i in range(owner[-1] + 1)] + [_lost(values)])
    logs = jnp.log(jnp.maximum(1.0 - lost.mean(1), NONE))
    return Whole(logs[:-1], logs[-1] - logs[:-1].sum())


def _nearest(look: Callable[[Array], Array], size: int) -> Float[Array, " pose"]:
    """Unit vector along which the margin of the least index changes; at rest on its crest, any."""
    values, slopes = look(jnp.zeros(size)), jax.jacfwd(look)(jnp.zeros(size))
    steep = jnp.linalg.norm(slopes, axis=1)
    index = jnp.where(steep > 0.0, jnp.abs(values) / jnp.maximum(steep, 1e-300), jnp.inf)
    slope = slopes[jnp.argmin(index)]
    length = jnp.linalg.norm(slope)
    return jnp.where(length > 0.0, slope / jnp.maximum(length, 1e-300), jnp.eye(size)[0])


def _lost(values: Float[Array, "across steps sides"]) -> Float[Array, " across"]:
    """Share of a line's normal law on which some side is not met, its margins straight between the steps."""
    start, rise = values[:, :-1], jnp.diff(values, axis=1) / (STEPS[1] - STEPS[0])
    level = jnp.abs(rise) <= 1e-12 * (1.0 + jnp.abs(start))
    crossing = STEPS[:-1, None] - start / jnp.where(level, 1.0, rise)
    never = level & (start < 0.0)
    low = jnp.where(never, jnp.inf, jnp.where(~level & (rise > 0.0), crossing, -jnp.inf)).max(-1)
    high = jnp.where(~level & (rise < 0.0), crossing, jnp.inf).min(-1)
    ends = np.concatenate([[-np.inf], STEPS[1:-1], [np.inf]])
    low, high = jnp.clip(low, ends[:-1], ends[1:]), jnp.clip(high, ends[:-1], ends[1:])
    whole, kept = _between(jnp.asarray(ends[:-1]), jnp.asarray(ends[1:])), jnp.maximum(_between(low, high), 0.0)
    return jnp.maximum(whole - kept, 0.0).sum(-1)


def _between(low: Array, high: Array) -> Array:
    """Normal chance between two bounds, from the nearer tail."""
    flip = low > 0.0
    return jnp.where(flip, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low))


def _points(unit: Float[Array, " normals"], size: int) -> Float[Array, "across pose"]:
    """Quasi-random standard normals, moved round the unit cube by what the unit's own normals say: every unit has its
    own, the same at every design, so that what a few leave averages out over units and is seen in their scatter.
    """
    rng = np.random.default_rng(0)
    many = ACROSS if unit.shape[0] else ACROSS**2
    uniform, turns = stats.qmc.Sobol(size, rng=rng).random(many), rng.uniform(5.0, 50.0, (unit.shape[0], size))
    moved = jnp.asarray(uniform) + ndtr(jax.lax.stop_gradient(unit)) @ jnp.asarray(turns)
    return ndtri(jnp.clip(moved % 1.0, 1e-9, 1.0 - 1e-9))
