"""What a search minimizes: the log of the loss in yield as a function of knobs, with its gradient.

The loss is summed on fixed points (common random numbers), so that it is one smooth function of the knobs; where the
points are aimed is refitted on demand. Few nodes stand for the map where a gradient is wanted; answers are re-estimated
on all.
"""

from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy import stats

from yieldopt.box import Box
from yieldopt.conditional.integrand import Route
from yieldopt.conditional.prepare import frame
from yieldopt.estimators.proposal import STAGES as FIRST
from yieldopt.estimators.proposal import Proposal, aim
from yieldopt.estimators.sobol import BATCH, losses
from yieldopt.problem import Problem

POINTS = 256
"""Shared draws of one evaluation."""
ORDER = 10
"""Order of the cubature of a search."""
STAGES = 2
"""Stages that aim a slot anew, from the laws of the first slot aimed."""
TINY = 1e-15
"""A loss below this counts as this."""


@dataclass
class LogLoss:
    """log(1 - parametric yield) over some knobs; each `slot` (a corner of a window, the centre) has its own points."""

    problem: Problem[Any]
    design: Any
    box: Box
    seed: int = 0
    aims: dict[Any, Proposal] = field(default_factory=dict)
    evaluations: int = 0

    def __post_init__(self) -> None:
        self.route = Route(frame(self.problem, self.design, ORDER, exact=0))
        self.whole = Route(frame(self.problem, self.design))
        self.size = self.whole.frame.structure.unit
        self.first: Proposal | None = None

    def __call__(self, point: np.ndarray, slot: Any = 0) -> tuple[float, np.ndarray]:
        """Value and gradient at `point` (base units)."""
        points, weights = self._points(point, slot, POINTS)
        found = self.route.sample(
            self.problem, self._place(point), jnp.asarray(points), jnp.asarray(weights / len(points))
        )
        loss = max(float(weights @ np.asarray(found.loss)) / len(points), TINY)
        gradient = np.array([float(getattr(found.design, name)) for name in self.box.names])
        return float(np.log(loss)), np.nan_to_num(gradient / loss)

    def value(self, point: np.ndarray, slot: Any = 0) -> float:
        """The value alone, with all nodes and more points: half the time."""
        points, weights = self._points(point, slot, BATCH)
        found = losses(self.whole.prepare(self.problem, self._place(point)), points)[:, 0]
        return float(np.log(max(float(weights @ found) / len(points), TINY)))

    def refit(self, point: np.ndarray, slot: Any = 0) -> None:
        """Aim a slot's points at the losses of a point."""
        prepared = self.whole.prepare(self.problem, self._place(point))
        stages = FIRST if self.first is None else STAGES
        found = aim(lambda z: losses(prepared, z), self.size, BATCH, self.seed + 3, self.first, stages)
        self.first = self.first or found
        self.aims[slot] = found

    def _place(self, point: np.ndarray) -> Any:
        return self.box.place(self.design, jnp.asarray(point))

    def _points(self, point: np.ndarray, slot: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
        if slot not in self.aims:
            self.refit(point, slot)
        self.evaluations += count
        draws = stats.qmc.Sobol(max(self.size, 1), rng=np.random.default_rng([self.seed, 3])).random(count)
        law = self.aims[slot]
        points = law.points(draws[:, : self.size])
        return points, law.weights(points)
