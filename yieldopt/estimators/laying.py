"""Lines laid across design points: each counts its own share of the failures, and one random point on it keeps it true.

Every point of the space is shared out between the design points by smooth weights that add to one. A line is worth its
share of the tail beyond its crossing, by quadrature of the weights alone. One more point is drawn on it at random and
looked at: where that contradicts the crossing, the difference is added with its weight.
"""

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy import stats
from scipy.special import ndtr, ndtri

from yieldopt.estimators.across import Across, Laid
from yieldopt.estimators.crossings import NEAR, crossings, off, on_the_ray
from yieldopt.estimators.design_points import APART, BEYOND, Found, apart, nearest
from yieldopt.estimators.foretold import Foretold
from yieldopt.estimators.levelling import REPLICATES, Drawn
from yieldopt.limit_state import LimitState

FIRST, SHAPED = 16, 6
"""Lines laid across each design point to shape its law, and rounds of that at most."""
LINES = 128
"""Lines of one batch, all replicates and design points together, at least."""
KEPT = 3e-4
"""Share of all that is lost below which a design point is left out; its part of the space goes to the others."""
TAIL, BELOW = 0.4, 0.3
"""Of the points drawn on lines: those beyond the crossing, those anywhere before it; the rest lies close before it."""
SLACK, STARTS = 0.35, 6
"""How far off a line's guess a failing point may lie and still be covered, and searches from those that are not."""
ROUGH, CLOSER = 2e-3, 5e-3
"""What crossings may be off in the middle, of the loss, or Newton's last step is to be so small."""
TURNED = 0.3
"""How far a design point found without slopes is moved at least."""
NODES, WEIGHTS = 0.5 + 0.5 * leggauss(8)[0], 0.5 * leggauss(8)[1]
MIDDLE = np.array([0.5]), np.array([1.0])
"""Nodes and weights in a line's tail, for its share of it; one node where the rest is made good anyway."""


@dataclass
class Part:
    """A design point with its law, its share of the loss as far as known, and the lines that shaped it.

    A batch lays `each` lines a replicate, from a sequence of its own.
    """

    law: Across
    share: float = 0.0
    scatter: float = 0.0
    each: int = 8
    laid: list[Laid] = field(default_factory=list)
    sequences: list[stats.qmc.Sobol] = field(default_factory=list)

    def lines(self) -> Laid:
        """All the lines that shaped its law."""
        return Laid(*(np.concatenate(parts) for parts in zip(*self.laid, strict=True)))


class Laying:
    """The design points of a limit state with their laws, shaped by a few lines each; `batch` lays lines for all."""

    def __init__(self, state: LimitState, found: Found, seed: int):
        self.state, self.smooth = state, found.smooth
        self.random = np.random.default_rng([seed, 6])
        self.near = NEAR
        self.lost = bool(state.look(np.zeros((1, state.size))).failed[0])
        self.parts = [Part(Across(point, self.lost)) for point in found.points]
        for turn in range(SHAPED):
            again = self._shape()
            # What is found uncovered in the last round is left to the lines of others: its own would have no shape.
            if turn + 1 == SHAPED or not (self._uncovered() or again):
                break
        self._deal()
        self.foretold = [
            Foretold(p.law, p.lines(), partial(self._worth, k, rule=MIDDLE), self.smooth, [seed, 10, k])
            if Foretold.can(p.law)
            else None
            for k, p in enumerate(self.parts)
        ]

    def _shape(self) -> bool:
        """Lay a few lines for every part and shape its law; tell whether there is reason to do so again."""
        again = any(not part.laid for part in self.parts)
        for part in self.parts:
            self._lay(part)
        if not self.smooth and self.parts:
            again |= self._turned()
        worth = [self._worth(k, p.lines()) for k, p in enumerate(self.parts)]
        for part, value in zip(self.parts, worth, strict=True):
            laid = part.lines()
            with np.errstate(divide="ignore"):
                part.law.refit(laid._replace(worth=np.log(value)))
            each = value * np.exp(-laid.ratio)
            part.share, part.scatter = float(each.mean()), float(each.std())
        least = KEPT * sum(part.share for part in self.parts)
        self.parts = [part for part in self.parts if part.share > least]
        return again

    def _lay(self, part: Part) -> None:
        feet = part.law.points(self._sequence().random(FIRST))
        along, guess = np.broadcast_to(part.law.direction, feet.shape), part.law.guess(feet)
        found = crossings(self.state, feet, along, guess, self.smooth, self.near)
        if self.smooth and not part.laid:
            rough = off(self.state, feet, along, found.distance)
            self.near = CLOSER if rough > ROUGH else self.near
            self.smooth = rough < np.inf
        part.laid.append(Laid(feet, found.distance, found.slope, np.zeros(FIRST), part.law.log_ratio(feet)))

    def _turned(self) -> bool:
        """Without slopes: turn directions upright on the plane through the crossings; tell whether any was."""
        old = np.array([part.law.direction * part.law.distance for part in self.parts])
        new = np.array([part.law.upright(part.lines()) for part in self.parts])
        moved = (np.linalg.norm(new - old, axis=1) > TURNED) & [len(part.laid) == 1 for part in self.parts]
        kept = [part for part, off in zip(self.parts, moved, strict=True) if not off]
        known = old[~moved]
        fresh = [Part(Across(point, self.lost)) for point in apart(new[moved], known, APART)]
        for part in fresh:
            self._lay(part)
        self.parts = [*kept, *fresh]
        return bool(fresh)

    def _sequence(self) -> stats.qmc.Sobol:
        return stats.qmc.Sobol(self.state.size + 1, rng=self.random)

    def _uncovered(self) -> bool:
        """Look for the design points of what failed so far and lies before every crossing: whether there are any."""
        seen = self.state.failing
        if self.lost or not self.parts or not len(seen):
            return False
        open_ = seen[~np.any([part.law.covers(seen, SLACK) for part in self.parts], 0)]
        near = min(part.law.distance for part in self.parts) + BEYOND
        open_ = open_[np.linalg.norm(open_, axis=1) < np.hypot(near, np.sqrt(self.state.size))]
        known = np.array([part.law.direction * part.law.distance for part in self.parts])
        starts = apart(open_, np.zeros((0, self.state.size)), 1.5)[:STARTS]
        if not len(starts):
            return False
        starts = on_the_ray(self.state, starts, self.smooth)
        if self.smooth and len(starts):
            ends = nearest(self.state, starts, self.smooth)
            found = apart(ends, known, APART)
            # A search that slid to where another had ended leaves its start open: a line through that then.
            starts = np.concatenate([found, apart(starts, np.concatenate([known, found]), 1.5)])
        new = apart(starts, known, APART)
        self.parts += [Part(Across(point)) for point in new]
        return bool(len(new))

    def _deal(self) -> None:
        """How many lines of a batch each part gets: as its value scatters, two a replicate at least."""
        wanted = np.array([part.scatter + 0.2 * part.share for part in self.parts])
        total = max(LINES, 2 * REPLICATES * len(self.parts))
        for part, share in zip(self.parts, wanted / max(wanted.sum(), 1e-300), strict=True):
            part.each = int(2 ** np.round(np.log2(max(share * total / REPLICATES, 2))))
            part.sequences = [self._sequence() for _ in range(REPLICATES)]

    def batch(self) -> list[Drawn]:
        """Lay lines for every part and replicate."""
        return [self._batch(k) for k in range(len(self.parts))]

    def _batch(self, k: int) -> Drawn:
        part = self.parts[k]
        law, feet = part.law, part.law.points(np.concatenate([one.random(part.each) for one in part.sequences]))
        weight = np.exp(-law.log_ratio(feet))
        along = np.broadcast_to(law.direction, feet.shape)
        found = crossings(self.state, feet, along, law.guess(feet), self.smooth, self.near)
        point, inside = self._point(found.distance)
        on = feet + point[:, None] * law.direction
        seen = self.state.look(on)
        ratio = weight * self._shared(k, on) * inside
        laid = Laid(feet, found.distance, found.slope, np.zeros(len(feet)), law.log_ratio(feet))
        value = weight * self._worth(k, laid)
        value = value + ratio * (seen.failed.astype(float) - (point > found.distance))
        laid = laid if self.foretold[k] else Laid(*(np.zeros((len(feet), 0)) for _ in laid))  # nobody asks for them
        return Drawn(np.repeat(np.arange(REPLICATES), part.each), value, weight, ratio, seen.fails, laid)

    def _worth(self, k: int, laid: Laid, rule: tuple[np.ndarray, np.ndarray] = (NODES, WEIGHTS)) -> np.ndarray:
        """What lies beyond the crossings of lines, of the part's own share."""
        tail = ndtr(-laid.distance)
        if len(self.parts) == 1:
            return tail
        t = -ndtri(np.maximum(tail[:, None] * rule[0], 1e-300))
        points = laid.feet[:, None] + t[:, :, None] * self.parts[k].law.direction
        own = self._shared(k, points.reshape(-1, self.state.size)).reshape(t.shape)
        return tail * (own @ rule[1])

    def _shared(self, k: int, points: np.ndarray) -> np.ndarray:
        """The part's own share of some points: by the densities of all the parts' laws."""
        if len(self.parts) == 1:
            return np.ones(len(points))
        density = []
        for part in self.parts:
            law, t = part.law, points @ part.law.direction
            own = law.log_ratio(law.across(points)) + t * law.distance - 0.5 * law.distance**2
            density.append(np.log(max(part.share, 1e-300)) if part.share else -(law.distance**2) / 2)
            density[-1] = own + density[-1]
        return np.exp(density[k] - np.logaddexp.reduce(density, 0))

    def _point(self, crossing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A random place on each line, and the standard density there over the one it is drawn by."""
        at, count = np.clip(crossing, -7.0, 7.5), len(crossing)
        kind, chance = self.random.random(count), self.random.random(count)
        beyond, before = ndtr(-at), ndtr(at)
        tail, below = -ndtri(np.maximum(chance * beyond, 1e-300)), ndtri(np.maximum(chance * before, 1e-300))
        close = at + ndtri(np.maximum(0.5 * chance, 1e-300))
        place = np.where(kind < TAIL, tail, np.where(kind < TAIL + BELOW, below, close))
        near = 2.0 * (1.0 - TAIL - BELOW) * np.exp(0.5 * (place**2 - (place - at) ** 2))
        return place, 1.0 / np.where(place > at, TAIL / beyond, BELOW / before + near)
