"""The design with the least loss inside a box: Optax's L-BFGS on unbounded coordinates, on points aimed anew.

Claims hold it inside their region by an augmented Lagrangian, whose multipliers learn whenever the points are aimed.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from yieldopt.box import Box
from yieldopt.estimators.base import Watch
from yieldopt.region import Augmented, Region

Loss = Callable[[np.ndarray], tuple[float, np.ndarray]]
REACH = 1.0
"""Longest step in unbounded coordinates; a knob's range is some eight wide there."""
LEARNT = 1e-3
"""Scaled margin by which an optimum may lie off the bounds of a region before its multipliers learn again."""
REFITS = (2, 5, 10)
"""Evaluations before which the points of the loss are aimed anew."""


class Descent(NamedTuple):
    """The best point seen, its loss, and the loss at every evaluation."""

    point: np.ndarray
    loss: float
    losses: list[float]


def optimize(
    loss: Loss,
    box: Box,
    start: np.ndarray,
    steps: int = 40,
    refit: Callable[[np.ndarray], None] = lambda _point: None,
    watch: Watch | None = None,
    tolerance: float = 1e-4,
    region: Region | None = None,
) -> Descent:
    """Minimize `loss` (value and gradient at a point of `box`) from `start`, in at most `steps` evaluations.

    Between two calls of `refit` the loss is one function; losses on different points do not compare, so the best point
    is that of the last function. Steps are halved until the loss falls; stops once neither loss nor point moves. The
    point lies in the `region`, where one is given.
    """
    watch = watch or Watch()
    held = Augmented(region) if region else None
    method = optax.scale_by_lbfgs()
    free = np.asarray(box.free(jnp.asarray(start)))
    state, losses = method.init(jnp.asarray(free)), list[float]()

    def look(at: np.ndarray) -> tuple[float, np.ndarray]:
        point, back = jax.vjp(box.inside, jnp.asarray(at))
        value, slope = loss(np.asarray(point))
        losses.append(value)
        watch.tell("optimizing", len(losses) / steps)
        if held:
            more, push = held(np.asarray(point))
            value, slope = value + more, slope + push
        return value, np.asarray(back(jnp.asarray(slope))[0])

    def relearnt() -> bool:
        return held is not None and held.learn(np.asarray(box.inside(jnp.asarray(free)))) > LEARNT

    value, slope = look(free)
    refits = list(REFITS)
    while len(losses) < steps and not watch.stop.is_set():
        if refits and len(losses) >= refits[0]:
            refits.pop(0)
            here = np.asarray(box.inside(jnp.asarray(free)))
            refit(here)
            if held:
                held.learn(here)
            state = method.init(jnp.asarray(free))
            value, slope = look(free)
        uphill, state = method.update(jnp.asarray(slope), state, jnp.asarray(free))
        move = -np.asarray(uphill)
        move *= min(1.0, REACH / max(float(np.abs(move).max()), 1e-300))
        moved, trial = False, value
        while len(losses) < steps and not watch.stop.is_set():
            trial, new = look(free + move)
            if trial <= value + 1e-4 * float(slope @ move):
                moved = True
                break
            move = 0.4 * move
            if np.abs(move).max() < tolerance:
                break
        if not moved:
            if refits:
                refits = [len(losses), *refits[1:]]
                continue
            if not relearnt():
                break
            state = method.init(jnp.asarray(free))
            value, slope = look(free)
            continue
        settled = value - trial < tolerance and np.abs(move).max() < 10 * tolerance
        free, value, slope = free + move, trial, new  # type: ignore[possibly-undefined]
        if settled and not refits:
            if not relearnt():
                break
            state = method.init(jnp.asarray(free))
            value, slope = look(free)
    point = np.asarray(box.inside(jnp.asarray(free)))
    return Descent(region.nearest(point) if region else point, value, losses)
