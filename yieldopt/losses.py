"""What a search minimizes: the log of the loss in yield as a function of knobs, with its gradient.

The loss is summed on fixed points (common random numbers), so that it is one smooth function of the knobs; where the
points are aimed is refitted on demand. Few nodes stand for the map where a gradient is wanted; answers are re-estimated
on all.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy import stats

from yieldopt.box import Box
from yieldopt.conditional.integrand import Route
from yieldopt.conditional.prepare import Prepared, frame, thinned
from yieldopt.conditional.slope import followed, level, sample, slopes
from yieldopt.estimators.proposal import STAGES as FIRST
from yieldopt.estimators.proposal import Proposal, aim
from yieldopt.estimators.sobol import BATCH, losses, once
from yieldopt.kriging import Seen
from yieldopt.problem import Problem
from yieldopt.programs import beside

POINTS = 256
"""Shared draws of one evaluation."""
ORDER = 10
"""Order of the cubature of a search."""
STAGES = 2
"""Stages that aim a slot anew, from the laws that it had."""
KEPT = 16
"""Designs kept prepared: a corner is aimed at, then looked at."""
STEADY = 0.25
"""Standard error of a log loss up to which its points are taken as they are."""
TURNS = 3
"""Times that a slot's points are looked at before they are taken all the same."""
TINY = 1e-15
"""A loss below this counts as this."""

Look = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, Any]]
"""The losses at points with their weights, and what else is wanted."""


@dataclass
class LogLoss:
    """log(1 - parametric yield) over some knobs; each `slot` (a corner of a window, the centre) has its own points."""

    problem: Problem[Any]
    design: Any
    box: Box
    seed: int = 0
    aims: dict[Any, Proposal] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    evaluations: int = 0

    def __post_init__(self) -> None:
        self.few = frame(self.problem, self.design, ORDER, exact=0).nodes
        self.route = Route(frame(self.problem, self.design))
        self.size = self.route.frame.structure.unit
        self._known: dict[bytes, Prepared] = {}

    def __call__(self, point: np.ndarray, slot: Any = 0) -> tuple[float, np.ndarray]:
        """Value and gradient at `point` (base units)."""
        _, value, slope, _ = self.look(point, slot)
        return value, slope

    def look(self, point: np.ndarray, slot: Any = 0) -> Seen:
        """Value and gradient with the standard error of the value, kept among what was `seen`."""
        prepared = thinned(self._prepared(point), self.few)

        def look(points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, Any]:
            found = sample(prepared, jnp.asarray(points), jnp.asarray(weights / len(points)))
            return np.asarray(found.loss), found.design

        loss, error, slope = self._seen(look, point, slot, POINTS)
        gradient = np.array([float(getattr(slope, name)) for name in self.box.names])
        self.seen.append(Seen(point.copy(), float(np.log(loss)), np.nan_to_num(gradient / loss), error))
        return self.seen[-1]

    def ready(self, point: np.ndarray) -> None:
        """Compile or load what looks run, so that it may be done while something else is."""
        prepared = thinned(self._prepared(point), self.few)
        points, weights = jnp.zeros((POINTS, self.size)), jnp.zeros(POINTS)
        beside([partial(slopes, prepared, points, weights), partial(followed, prepared, level(prepared))])

    def value(self, point: np.ndarray, slot: Any = 0) -> float:
        """The value alone, with all nodes and more points: half the time."""
        prepared = self._prepared(point)
        return float(np.log(self._seen(lambda z, _: (losses(prepared, z)[:, 0], None), point, slot, BATCH)[0]))

    def fresh(self, point: np.ndarray, slot: Any, seed: int) -> tuple[float, float, int]:
        """The loss on points that no search has seen, its standard error, and their number.

        They follow a law of the point's own, sought from that of a slot: by the slot's law a limit that costs nothing
        there would be missed here, with a small error.
        """
        self.evaluations += BATCH
        return once(self._prepared(point), self._aimed(point, self.aims.get(slot)), self.size, seed)

    def refit(self, point: np.ndarray, slot: Any = 0, turn: int = 0) -> None:
        """Aim a slot's points at the losses of a point; another `turn`, from scratch on other pilot draws."""
        self.aims[slot] = self._aimed(point, None if turn else self.aims.get(slot), turn)

    def _aimed(self, point: np.ndarray, start: Proposal | None, turn: int = 0) -> Proposal:
        prepared, stages = self._prepared(point), STAGES if start and start.aims else FIRST
        return aim(lambda z: losses(prepared, z), self.size, BATCH, self.seed + 3 + turn, start, stages)

    def _seen(self, look: Look, point: np.ndarray, slot: Any, count: int) -> tuple[float, float, Any]:
        """The loss by a slot's points, its error as a share of it, and what else `look` gives.

        Where a few points have most of the say (a loss that the aimed laws do not reach, met by chance with its whole
        weight), the points are aimed anew: the truth is for fresh points to tell, a search needs a steady slope.
        """
        for turn in range(TURNS):
            points, weights = self._points(point, slot, count)
            found, more = look(points, weights)
            terms = weights * found
            total = max(float(terms.sum()), count * TINY)
            error = float(np.sqrt(count) * terms.std() / total)
            if error <= STEADY or turn + 1 == TURNS:
                return total / count, error, more
            self.refit(point, slot, turn + 1)
        raise AssertionError  # the last turn returns

    def _prepared(self, point: np.ndarray) -> Prepared:
        key = point.tobytes()
        if key not in self._known:
            if len(self._known) >= KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[key] = self.route.prepare(self.problem, self.box.place(self.design, jnp.asarray(point)))
        return self._known[key]

    def _points(self, point: np.ndarray, slot: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
        if slot not in self.aims:
            self.refit(point, slot)
        self.evaluations += count
        draws = stats.qmc.Sobol(max(self.size, 1), rng=np.random.default_rng([self.seed, 3])).random(count)
        law = self.aims[slot]
        points = law.points(draws[:, : self.size])
        return points, law.weights(points)
