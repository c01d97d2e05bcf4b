"""The design with the least loss inside a box: Optax's L-BFGS on unbounded coordinates, on points aimed anew.

Claims hold it inside their region by an augmented Lagrangian, whose multipliers learn whenever the points are aimed.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

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
    is that of the last function. Steps are shortened until the loss falls; stops once neither loss nor point moves. The
    point lies in the `region`, where one is given.
    """
    held = Augmented(region) if region else None
    search = _Downhill(loss, box, steps, watch or Watch(), held, np.asarray(box.free(jnp.asarray(start))))
    refits: list[int] = [*REFITS]
    while search.going():
        if refits and len(search.losses) >= refits[0]:
            refits.pop(0)
            refit(search.point)
            search.learn()
            search.anew()
        outcome = search.step(tolerance)
        if outcome == "stuck" and refits:
            refits[0] = len(search.losses)
        elif outcome != "moved" and not refits:
            if not search.going() or search.learn() <= LEARNT:
                break
            search.anew()
    point = region.nearest(search.point) if region else search.point
    return Descent(point, search.value, search.losses)


class _Downhill:
    """A search on its way: where it is in unbounded coordinates, what it saw there, and the method's memory."""

    def __init__(
        self, loss: Loss, box: Box, steps: int, watch: Watch, held: Augmented | None, free: np.ndarray
    ) -> None:
        self.loss, self.box, self.steps, self.watch, self.held, self.free = loss, box, steps, watch, held, free
        self.method, self.losses = optax.scale_by_lbfgs(), list[float]()
        self.anew()

    @property
    def point(self) -> np.ndarray:
        """Where it is, in the box."""
        return np.asarray(self.box.inside(jnp.asarray(self.free)))

    def going(self) -> bool:
        """Whether another evaluation is allowed."""
        return len(self.losses) < self.steps and not self.watch.stop.is_set()

    def anew(self) -> None:
        """Forget what earlier functions taught, and look again."""
        self.state = self.method.init(jnp.asarray(self.free))
        self.value, self.slope = self._look(self.free)

    def learn(self) -> float:
        """Let multipliers learn here; how much they learnt (`Augmented.learn`), nothing where no claim bounds."""
        return self.held.learn(self.point) if self.held else 0.0

    def step(self, tolerance: float) -> Literal["moved", "settled", "stuck"]:
        """One step of the method, shortened until it goes down enough (Armijo 1966)."""
        uphill, self.state = self.method.update(jnp.asarray(self.slope), self.state, jnp.asarray(self.free))
        move = -np.asarray(uphill)
        move *= min(1.0, REACH / max(float(np.abs(move).max()), 1e-300))
        while self.going():
            trial, slope = self._look(self.free + move)
            fall = self.value - trial
            if fall >= -1e-4 * float(self.slope @ move):
                settled = fall < tolerance and np.abs(move).max() < 10 * tolerance
                self.free, self.value, self.slope = self.free + move, trial, slope
                return "settled" if settled else "moved"
            move = 0.4 * move
            if np.abs(move).max() < tolerance:
                break
        return "stuck"

    def _look(self, at: np.ndarray) -> tuple[float, np.ndarray]:
        point, back = jax.vjp(self.box.inside, jnp.asarray(at))
        value, slope = self.loss(np.asarray(point))
        self.losses.append(value)
        self.watch.tell("optimizing", len(self.losses) / self.steps)
        if self.held:
            more, push = self.held(np.asarray(point))
            value, slope = value + more, slope + push
        return value, np.asarray(back(jnp.asarray(slope))[0])
