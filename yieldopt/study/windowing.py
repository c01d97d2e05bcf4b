"""The process window of a study: searched on a stand-in, sized by truer looks, audited, and verified on fresh points.

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
from yieldopt.kriging import Seen
from yieldopt.losses import LogLoss
from yieldopt.modelled import Guess, modelled
from yieldopt.resize import scaled, sought
from yieldopt.study.auditing import SCATTERED, Auditor, Looked, place_of, settled
from yieldopt.study.plan import Plan
from yieldopt.window import SLACK, Search, Window

FELT = 1.0
"""Change in log loss over twelve drifts, by the steepest slope seen, above which a knob is felt without asking."""
INERT = 0.5
"""Change in log loss over six drifts each way below which a knob counts as inert: about its best place, the change over
three drifts is a quarter of that, and the audit looks at both sides.
"""
STEPS, NARROW = 60, 1e-4
"""Steps of a search on the stand-in, where they cost nothing, and the share of the ranges at which it ends."""
SIZES = 4
"""Sizes that are verified on fresh points."""
FAR = 8.0
"""Log loss below what is allowed from which a design is taken as good."""
FEW, CLOSE = 3, 0.4
"""Corners verified at each size: at most so many, and those guessed to lose nearly as much as the worst that was found
(log loss).
"""
ROUNDS = 2
"""Searches, each after the first with what an audit found before."""
NARROWED = 3
"""Times that a window is narrowed about its centre where the last search's audit found a worse point all the same."""
MOST, FINE = 8.0, 1e-3
"""Shares of a window's size up to which claims are asked whether they leave room, and how finely."""
AUDITS = 100
"""Seeds of audits begin here, past those of all that is verified: a lucky quote is to meet no look like itself."""
ROOM = 0.15
"""How far the loss at the worst point may stay below what is allowed, as a share of it."""


class Checked(NamedTuple):
    """A window, its worst point and the estimate there; what was looked at on fresh draws, and whether the worst was
    found by the audit.
    """

    window: Window
    point: np.ndarray
    worst: Estimate
    looked: tuple[Looked, ...]
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
        self.defects = float(jnp.exp(self.plan.goal.log_defects()))
        self.allowed = float(np.log(max(1.0 - self.target / self.defects, 1e-12)))

    def __call__(self, point: np.ndarray) -> Checked:
        """Find the window from a start inside it; what the audit finds beyond its corners joins them."""
        search = self._search(point)
        start, half = self._start(point, search.inert), 0.5 * self.plan.drift
        for turn in range(ROUNDS):
            known = [self._beside(seen) for seen in self.loss.seen]
            window, guess = modelled(search, self._look, known, start, half, self.plan.region)
            best = self._audited(search, self._sized(search, window, guess, turn), turn)
            if self._done(best):
                return best
            self._look(best.point, ("found", turn))
            search.add(best.window, best.point)
            start = _centre(best.window)
            if turn + 1 == ROUNDS:
                return self._narrowed(search, best, guess)
        raise AssertionError  # the last round returns

    def _done(self, checked: Checked) -> bool:
        return not checked.beyond or checked.worst.value >= self.target or self.watch.stop.is_set()

    def _narrowed(self, search: Search, best: Checked, guess: Guess) -> Checked:
        """A window in which an audit found a point, the last that was added, that misses the target: narrower, until
        an audit finds none. Where its centre misses the target as well, no narrower one would meet it.
        """
        if self._value(_centre(best.window), ("found", ROUNDS)) > self.allowed:
            return best
        for turn in range(ROUNDS, ROUNDS + NARROWED):
            best = self._audited(search, self._sized(search, best.window, guess, turn, best), turn)
            if self._done(best):
                break
            search.add(best.window, best.point)
        return best

    def _sized(self, search: Search, window: Window, guess: Guess, turn: int, failed: Checked | None = None) -> Checked:
        """A window with its size corrected, both ways, by what fresh points say of its worst corners.

        Where it `failed` at a point that an audit found, that one is among them, whatever is guessed of it.
        """
        share, known, seen, off = 1.0, dict[float, float](), list[Checked](), dict[int, float]()
        if failed:
            known[share] = self._log(failed.worst) - self.allowed
            share = sought(known, -0.5 * ROOM)
        for size in range(SIZES):
            box = scaled(window.box, len(search.low), share)
            points = search.points(box)
            guessed = np.array([guess(point) for point in points])
            looked = search.window(box, guessed)
            first = [search.found] if failed else []
            found = self._verified_of(points, guessed, off, first, _fresh(turn, size))
            lowest = min(found, key=lambda i: found[i].parametric)
            named = tuple(Looked.of(points[i], place_of(search, i), one) for i, one in found.items())
            seen.append(Checked(looked, points[lowest], found[lowest], named, False))
            known[share] = self._log(found[lowest]) - self.allowed
            if self.watch.stop.is_set() or -ROOM <= known[share] <= 0.0:
                break
            share = min(sought(known, -0.5 * ROOM), self._room(search, window))
            if share in known:
                break
        return max(seen, key=self._worth)

    def _room(self, search: Search, window: Window) -> float:
        """The largest share of a window's size that the claims leave room for."""
        region, free = self.plan.region, len(search.low)

        def lacks(share: float) -> bool:
            return min(region(point)[0].min() for point in search.points(scaled(window.box, free, share))) < 0.0

        if not region or not lacks(MOST):
            return np.inf
        kept, lost = 0.0, MOST
        while lost - kept > FINE:
            middle = 0.5 * (kept + lost)
            kept, lost = (kept, middle) if lacks(middle) else (middle, lost)
        return kept

    def _verified_of(
        self, points: np.ndarray, guessed: np.ndarray, off: dict[int, float], first: list[int], turn: int
    ) -> dict[int, Estimate]:
        """A few of a window's points estimated whole, those that may lose most, until the next is guessed to lose
        clearly less than one that was found to. How far each guess was `off` tells of that point at other sizes, and
        of the others where guesses are on the whole too good.
        """
        found, most = dict[int, Estimate](), -np.inf
        while len(found) < min(FEW, len(points)):
            usual = max(0.0, float(np.mean(list(off.values() or [0.0]))))
            told = guessed + np.array([off.get(i, usual) for i in range(len(points))])
            told[list(found)] = -np.inf
            i = next((i for i in first if i not in found), int(told.argmax()))
            if told[i] < most - CLOSE and i not in first:
                break
            found[i] = self._verified(points[i], len(points), turn)
            value = self._log(found[i]) - self.allowed
            most, off[i] = max(most, value), value - guessed[i]
        return found

    def _worth(self, checked: Checked) -> tuple[bool, float]:
        """A window that meets the target before one that does not; then the wider, or the safer."""
        met = checked.worst.value >= self.target
        return met, checked.window.volume if met else checked.worst.value

    def _log(self, found: Estimate) -> float:
        return float(np.log(max(1.0 - found.parametric, 1e-15)))

    def _look(self, point: np.ndarray, slot: Any) -> Seen:
        self.loss.refit(point, slot)
        return self._beside(self.loss.look(point, slot))

    def _beside(self, seen: Seen) -> Seen:
        """The log of the loss over what is allowed; far below that, how far does not matter."""
        value = seen.value - self.allowed
        return seen._replace(value=value) if value > -FAR else Seen(seen.point, -FAR, 0.0 * seen.slope, 1.0)

    def _search(self, point: np.ndarray) -> Search:
        low, high = np.asarray(self.plan.search.low), np.asarray(self.plan.search.high)

        def constraint(p: np.ndarray, slot: Any) -> tuple[np.ndarray, np.ndarray]:
            value, slope = self.loss(p, slot)
            return np.array([value - self.allowed]), slope[None]

        inert = self._inert(point, low, high)
        return Search(
            constraint, low, high, self.plan.drift, self.measure, STEPS, NARROW, watch=self.watch, inert=inert
        )

    def _start(self, point: np.ndarray, inert: Mapping[int, float]) -> np.ndarray:
        """Where a knob changes nothing the descent may have left it anywhere: back to where the study has it."""
        start = point.copy()
        start[list(inert)] = np.asarray(self.plan.search.read(self.plan.design))[list(inert)]
        return start

    def _inert(self, point: np.ndarray, low: np.ndarray, high: np.ndarray) -> dict[int, float]:
        """Window knobs that change next to nothing over twice three drifts (a placement that self-aligns): worse side.

        The window is then looked at on that side alone.
        """
        own, found = np.asarray(self.plan.search.read(self.plan.design)), dict[int, float]()
        for k, drift in enumerate(self.plan.drift):
            if max(12.0 * drift * abs(seen.slope[k]) for seen in self.loss.seen) > FELT:
                continue
            ends = np.tile(point, (2, 1))
            ends[:, k] = np.clip(own[k] + np.array([-6.0, 6.0]) * drift, low[k], high[k])
            self.loss.aims |= {("end", k, i): self.loss.aims[0] for i in range(2)}
            # Each end with points of its own: a rare draw that is met from one side alone would feign a slope.
            below, above = (self._value(end, ("end", k, i)) - self.loss.value(point) for i, end in enumerate(ends))
            if max(abs(below), abs(above)) < INERT:
                found[k] = 1.0 if above >= below else -1.0
        return found

    def _value(self, point: np.ndarray, slot: Any) -> float:
        self.loss.refit(point, slot)
        return self.loss.value(point, slot)

    def _audited(self, search: Search, checked: Checked, turn: int) -> Checked:
        """The window with what an audit looked at; where that found a worse point, with that one."""
        if self.watch.stop.is_set():
            return checked
        known = {one.point.tobytes() for one in checked.looked}
        audited = Auditor(self.loss, self.defects, self.seed + AUDITS, self.watch)(search, checked.window, known, turn)

        def verify(one: Looked) -> Estimate:
            return self._verified(one.point, len(known) + len(audited) - SCATTERED, _fresh(turn))

        looked, whole = settled(audited, checked.worst.value, verify, SLACK, FEW)
        checked = checked._replace(looked=(*checked.looked, *looked))
        point, worst = min(whole, key=lambda one: one[1].value, default=(checked.point, checked.worst))
        if worst.value >= checked.worst.value:
            return checked
        return checked._replace(point=point, worst=worst, beyond=True)

    def _verified(self, point: np.ndarray, among: int, turn: int) -> Estimate:
        """A point that is the worst among so many, and what an audit scatters, estimated whole on fresh points."""
        # The worst of many is quoted: its confidence is corrected for the choice (Bonferroni).
        sure = 1.0 - (1.0 - self.plan.precision.confidence) / (SCATTERED + among)
        precision = replace(self.plan.precision, of_loss=0.2, confidence=sure)
        design = self.plan.search.place(self.plan.design, jnp.asarray(point))
        return method(self.method, precision, self.watch)(self.loss.problem, design, self.seed + 20 + turn)


def _centre(window: Window) -> np.ndarray:
    """The middle of a window, with the knobs beside it."""
    return np.concatenate([0.5 * (window.low + window.high), window.beside])


def _fresh(turn: int, size: int | None = None) -> int:
    """Seeds of no points seen before: of each size that a turn verifies, and of its audit."""
    if turn < ROUNDS:
        return SIZES * ROUNDS + turn if size is None else SIZES * turn + size
    return (SIZES + 1) * turn + (SIZES if size is None else size)
