"""The process window of a study: searched by slopes, sized by truer looks, audited, and verified on fresh points.

What the audit finds beyond the corners joins them, and what fresh points say of the worst point corrects the size, both
ways: a window that fails is narrowed, one that has room is widened.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np

from yieldopt.estimators.auto import method
from yieldopt.estimators.base import Estimate, Watch
from yieldopt.losses import LogLoss
from yieldopt.resize import resized, scaled, sought
from yieldopt.study.plan import Plan
from yieldopt.window import SLACK, Search, Window, audit

AUDITED = 16
"""Points that the audit of a window scatters."""
CLIMBS = 4
"""Steps uphill from the worst of them."""
ACTIVE = 0.6
"""Share of a window's corners looked at anew in a step, the worst ones: what is left out is known from before."""
INERT, ALIKE = 1.0, 0.5
"""Change in log loss over six drifts each way below which a knob counts as inert, where both ways are alike to within
what one rare draw makes of it: about its best place, the change over three drifts is a quarter of that, and the audit
looks at both sides.
"""
STEPS = 8
"""Steps of the search."""
SIZES = 4
"""Sizes that are verified on fresh points."""
ROUNDS = 2
"""Audits, the sizes verified again after each that finds a worse point."""
ROOM = 0.15
"""How far the loss at the worst point may stay below what is allowed, as a share of it."""


class Checked(NamedTuple):
    """A window, its worst point and the estimate there; how many points were looked at, the least yield seen, and
    whether the worst lies beyond the corners.
    """

    window: Window
    point: np.ndarray
    worst: Estimate
    points: int
    seen: float
    beyond: bool


@dataclass
class Windowing:
    """The widest window around a design all of whose points meet a target, as far as it can be seen."""

    plan: Plan
    loss: LogLoss
    method: str
    target: float
    measure: Literal["capability", "volume"]
    seed: int
    watch: Watch

    def __post_init__(self) -> None:
        # Parametric loss that the target leaves once defects took theirs.
        defects = float(jnp.exp(self.plan.problem.log_defects()))
        self.allowed = float(np.log(max(1.0 - self.target / defects, 1e-12)))

    def __call__(self, point: np.ndarray) -> Checked:
        """Find the window from a start inside it."""
        search = self._search(point)
        # Near the start all points are alike: what is aimed at it serves them until they have gone their ways.
        self.loss.aims.update(dict.fromkeys(range(len(search.places)), self.loss.aims[0]))
        window = search(self._start(point, search.inert), 0.5 * self.plan.drift)
        for slot, corner in enumerate(search.points(window.box)):
            self.loss.refit(corner, slot)
        window = resized(search, window, self._excess)
        for turn in range(ROUNDS):
            best = self._sized(search, window, turn)
            worse = None if self.watch.stop.is_set() else self._audited(search, best, turn)
            if worse is None or worse.worst.value >= self.target or turn + 1 == ROUNDS:
                return worse or best
            search.add(best.window, worse.point)
            window = resized(search, best.window, self._excess)
        raise AssertionError  # the last round returns

    def _sized(self, search: Search, window: Window, turn: int) -> Checked:
        """A window with its size corrected, both ways, by what fresh points say of its worst corner."""
        share, known, seen = 1.0, dict[float, float](), list[Checked]()
        for size in range(SIZES):
            box = scaled(window.box, len(search.low), share)
            looked = window if share == 1.0 else self._looked(search, box)
            seen.append(self._verified(looked, looked.worst, len(search.places), SIZES * turn + size))
            known[share] = self._log(seen[-1].worst) - self.allowed
            if self.watch.stop.is_set() or -ROOM <= known[share] <= 0.0:
                break
            share = sought(known, -0.5 * ROOM)
        return max(seen, key=self._worth)

    def _worth(self, checked: Checked) -> tuple[bool, float]:
        """A window that meets the target before one that does not; then the wider, or the safer."""
        met = checked.worst.value >= self.target
        return met, checked.window.volume if met else checked.worst.value

    def _log(self, found: Estimate) -> float:
        return float(np.log(max(1.0 - found.parametric, 1e-15)))

    def _excess(self, point: np.ndarray, slot: Any) -> float:
        """Log of the loss over what is allowed."""
        return self.loss.value(point, slot) - self.allowed

    def _search(self, point: np.ndarray) -> Search:
        low, high = np.asarray(self.plan.search.low), np.asarray(self.plan.search.high)

        def constraint(p: np.ndarray, slot: Any) -> tuple[np.ndarray, np.ndarray]:
            value, slope = self.loss(p, slot)
            return np.array([value - self.allowed]), slope[None]

        inert = self._inert(point, low, high)
        active = int(np.ceil(ACTIVE * 2 ** (len(self.plan.drift) - len(inert))))
        return Search(
            constraint, low, high, self.plan.drift, self.measure, STEPS, 1e-2, 0.1, self.watch, self.loss.refit, active,
            inert,
        )  # fmt: skip

    def _start(self, point: np.ndarray, inert: Mapping[int, float]) -> np.ndarray:
        """Where a knob changes nothing the descent may have left it anywhere: back to where the study has it."""
        start = point.copy()
        start[list(inert)] = np.asarray(self.plan.search.read(self.plan.design))[list(inert)]
        return start

    def _inert(self, point: np.ndarray, low: np.ndarray, high: np.ndarray) -> dict[int, float]:
        """Window knobs that change next to nothing over twice three drifts (a placement that self-aligns): worse side.

        The window is then looked at on that side alone.
        """
        own, value, found = (
            np.asarray(self.plan.search.read(self.plan.design)),
            self.loss.value(point),
            dict[int, float](),
        )
        for k, drift in enumerate(self.plan.drift):
            ends = np.tile(point, (2, 1))
            ends[:, k] = np.clip(own[k] + np.array([-6.0, 6.0]) * drift, low[k], high[k])
            below, above = (self.loss.value(end) - value for end in ends)
            if abs(above - below) < ALIKE and max(abs(below), abs(above)) < INERT:
                found[k] = 1.0 if above >= below else -1.0
        return found

    def _looked(self, search: Search, box: np.ndarray) -> Window:
        points = search.points(box)
        return search.window(box, np.array([self._excess(point, slot) for slot, point in enumerate(points)]))

    def _audited(self, search: Search, checked: Checked, turn: int) -> Checked | None:
        """A worse point that an independent search finds in a window, estimated on fresh points; none where none is."""
        window, seed = checked.window, self.seed + 7 + turn
        where, _ = audit(
            lambda p, _: search.constraint(p, 0),
            window,
            AUDITED,
            seed,
            self.watch,
            CLIMBS,
            lambda p: self._excess(p, 0),
        )
        if self._excess(where, ("found", turn)) <= window.value + SLACK:
            return None
        found = self._verified(window, where, len(search.places), SIZES * ROUNDS + turn)._replace(beyond=True)
        return found if found.worst.parametric < checked.worst.parametric else None

    def _verified(self, window: Window, point: np.ndarray, corners: int, turn: int) -> Checked:
        """A window with its worst point estimated on fresh points."""
        points = AUDITED + corners
        # The worst of many is quoted: its confidence is corrected for the choice (Bonferroni).
        sure = 1.0 - (1.0 - self.plan.precision.confidence) / points
        precision = replace(self.plan.precision, of_loss=0.2, confidence=sure)
        design = self.plan.search.place(self.plan.design, jnp.asarray(point))
        worst = method(self.method, precision, self.watch)(self.loss.problem, design, self.seed + 20 + turn)
        seen = float(1.0 - np.exp(window.value + self.allowed))
        return Checked(window, point, worst, points, seen, False)
