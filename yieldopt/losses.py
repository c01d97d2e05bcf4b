"""What a search minimizes: the log of the loss in yield as a function of knobs, with its gradient.

The loss is summed on fixed points (common random numbers), so that it is one smooth function of the knobs; where the
points are aimed is refitted on demand. Few nodes stand for the map during a search; answers are re-estimated on all.
"""

from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy import stats

from yieldopt.box import Box
from yieldopt.conditional.integrand import Route
from yieldopt.conditional.prepare import frame
from yieldopt.estimators import proposal
from yieldopt.problem import Problem

POINTS = 256
"""Shared draws of one evaluation."""
ORDER = 10
"""Order of the cubature of a search."""


@dataclass
class Aim:
    """Points and weights of one place in the design space (a corner of a window, the centre)."""

    proposal: proposal.Proposal
    points: np.ndarray
    weights: np.ndarray
    seen: Any = None


@dataclass
class LogLoss:
    """log(1 - parametric yield) over some knobs: value and gradient; one aim a `slot`."""

    problem: Problem[Any]
    design: Any
    box: Box
    seed: int = 0
    aims: dict[Any, Aim] = field(default_factory=dict)
    evaluations: int = 0

    def __post_init__(self) -> None:
        self.route = Route(frame(self.problem, self.design, ORDER, exact=0))
        self.size = self.route.frame.structure.unit
        self.tiny = 1e-15

    def __call__(self, point: np.ndarray, slot: Any = 0) -> tuple[float, np.ndarray]:
        """Value and gradient at `point` (base units); a loss below 1e-15 counts as that."""
        aim = self.aims.get(slot) or self._aim(slot, proposal.plain(), inflated=True)
        design = self.box.place(self.design, jnp.asarray(point))
        found = self.route.sample(
            self.problem, design, jnp.asarray(aim.points), jnp.asarray(aim.weights / len(aim.points))
        )
        self.evaluations += len(aim.points)
        losses = np.asarray(found.loss)
        aim.seen = (aim.points, losses, aim.weights)
        loss = float(aim.weights @ losses) / len(losses)
        gradient = np.array([float(getattr(found.design, name)) for name in self.box.names])
        return float(np.log(max(loss, self.tiny))), np.nan_to_num(gradient / max(loss, self.tiny))

    def refit(self, slot: Any = 0) -> None:
        """Aim a slot's points at the losses last seen there."""
        aim = self.aims.get(slot)
        if aim is not None and aim.seen is not None:
            self._aim(slot, proposal.fit(*aim.seen))

    def _aim(self, slot: Any, law: proposal.Proposal, inflated: bool = False) -> Aim:
        draws = stats.qmc.Sobol(max(self.size, 1), rng=np.random.default_rng([self.seed, 3])).random(POINTS)[
            :, : self.size
        ]
        if inflated:
            points, weights = proposal.pilot(draws)
        else:
            points = law.points(*np.split(draws, 2))
            weights = law.weights(points)
        self.aims[slot] = Aim(law, points, weights)
        return self.aims[slot]
