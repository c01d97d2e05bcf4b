"""The process window: the largest box of knobs all of whose points meet the target.

Corners are where the search starts: where the pass region is convex they suffice. An audit then looks for a worse point
inside, on its own; what it finds joins the corners and the search goes on. Two measures: `capability`, the largest
common half-width in units of three drifts of its knob, by sequential linear programs with a trust region; and `volume`,
by SciPy's SLSQP.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy import optimize, stats

from yieldopt.estimators.base import Watch

Constraint = Callable[[np.ndarray, Any], tuple[np.ndarray, np.ndarray]]
"""(point, slot) -> values and gradients (constraints x knobs) at a point; met where no value is positive."""
Measure = Literal["capability", "volume"]
SLACK = 0.02
"""A constraint counts as met during the search up to this much (log loss: two per cent of the loss)."""
RADIUS = 0.25
"""Longest step, and the first one, as a share of the ranges."""
SAME = 1e-6
"""Distance, as a share of a window's half-widths, up to which two places in it are one."""


class Window(NamedTuple):
    """A box of the window's knobs with the others beside it, its worst point, and the sides that the range stops.

    `box` is the searched vector: the centre, the knobs beside, the size (capability, or the half-widths).
    """

    low: np.ndarray
    high: np.ndarray
    beside: np.ndarray
    capability: float
    worst: np.ndarray
    value: float
    bounded: tuple[tuple[int, str], ...]
    box: np.ndarray

    @property
    def volume(self) -> float:
        """Product of the widths."""
        return float(np.prod(self.high - self.low))


@dataclass
class Search:
    """A search over knobs in [low, high]: the first `len(drift)` span the window, the rest move it as a whole.

    Knobs known to be `inert` stay and have one side looked at, the given one; the audit sees both. A knob whose whole
    range is in the window limits it no more.
    """

    constraint: Constraint
    low: np.ndarray
    high: np.ndarray
    drift: np.ndarray
    measure: Measure = "capability"
    steps: int = 40
    tolerance: float = 1e-5
    watch: Watch = field(default_factory=Watch)
    inert: Mapping[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.count = len(self.drift)
        # Points of the box by their place in it, each coordinate from -1 to 1: the corners, then what an audit adds.
        signs = [(self.inert[k],) if k in self.inert else (-1.0, 1.0) for k in range(self.count)]
        self.places = np.array(list(product(*signs)))
        self.found = -1  # which of them an audit found last

    def __call__(self, start: np.ndarray, half: np.ndarray) -> Window:
        """Search from the box start[:window] +- half; the knobs beside begin at start[window:]."""
        if self.measure == "volume":
            return self._by_volume(np.concatenate([start, half]))
        box = np.append(start, np.min(half / (3.0 * self.drift)))
        box[: self.count] = self._centre(box)
        return self._by_capability(box)

    def audited(self, start: np.ndarray, half: np.ndarray, points: int, seed: int, rounds: int = 4) -> Window:
        """Search and audit in turn until the audit finds no point worse than the corners."""
        window = self(start, half)
        for turn in range(rounds):
            where, value = audit(self.constraint, window, points, seed + turn, self.watch)
            if value <= SLACK or value <= window.value:
                break
            centre, wide = 0.5 * (window.low + window.high), 0.5 * (window.high - window.low)
            self.add(window, where)
            window = self(np.concatenate([centre, window.beside]), 0.7 * wide)
        return window

    def add(self, window: Window, where: np.ndarray) -> None:
        """Look from now on at a point that an audit `found` in a window, and at the one across its centre.

        A knob that was taken as inert, of which the point is on the side not looked at, is felt from now on.
        """
        centre, wide = 0.5 * (window.low + window.high), 0.5 * (window.high - window.low)
        place = (where[: self.count] - centre) / np.maximum(wide, 1e-300)
        face = np.abs(place) > 1.0 - SAME
        place = np.where(face, np.sign(place), place)
        for k in [k for k, side in self.inert.items() if side * place[k] < 0.0]:
            self.inert = {other: side for other, side in self.inert.items() if other != k}
            for old in self.places:
                self._join(np.where(np.arange(self.count) == k, -1.0, 1.0) * old)
        self._join(np.where(face, place, -place))
        self.found = self._join(place)

    def _join(self, place: np.ndarray) -> int:
        """The index of a place among those looked at, which it joins where it is new."""
        same = np.flatnonzero(np.all(np.abs(self.places - place) < SAME, axis=1))
        if not len(same):
            self.places = np.concatenate([self.places, place[None]])
        return int(same[0]) if len(same) else len(self.places) - 1

    def _half(self, box: np.ndarray) -> np.ndarray:
        own = box[len(self.low) :]
        whole = 0.5 * (self.high - self.low)[: self.count]
        return own if self.measure == "volume" else np.minimum(3.0 * self.drift * own[0], whole)

    def _centre(self, box: np.ndarray) -> np.ndarray:
        """The centre of a box, as near to the searched one as the range leaves room for the box."""
        k, half = self.count, self._half(box)
        return np.clip(box[:k], self.low[:k] + half, self.high[:k] - half)

    def points(self, box: np.ndarray) -> np.ndarray:
        """The points of a box that are looked at: its corners, and what an audit added."""
        k = self.count
        own = np.clip(self._centre(box) + self.places * self._half(box), self.low[:k], self.high[:k])
        return np.concatenate([own, np.broadcast_to(box[k : len(self.low)], (len(own), len(self.low) - k))], 1)

    def _look(self, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values and gradients in (knobs, size) at every point of the box, flattened over constraints."""
        values, rows = [], []
        k, knobs = self.count, len(self.low)
        growth = 3.0 * self.drift * ~self._filled(box) if self.measure == "capability" else np.ones(k)
        for slot, (point, place) in enumerate(zip(self.points(box), self.places, strict=True)):
            value, slope = self.constraint(point, slot)
            slope = np.atleast_2d(np.asarray(slope, float))
            size = slope[:, :k] * place * growth
            rows.append(
                np.concatenate([slope[:, :knobs], size if self.measure == "volume" else size.sum(1, keepdims=True)], 1)
            )
            values.append(np.atleast_1d(value))
        return np.concatenate(values), np.concatenate(rows)

    def _filled(self, box: np.ndarray) -> np.ndarray:
        """Knobs whose whole range a box of this capability takes."""
        return 6.0 * self.drift * box[-1] >= (1.0 - 1e-9) * (self.high - self.low)[: self.count]

    def _sides(self, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far the sides of a box lie beyond the ranges, and the slopes of that.

        Knobs that fill their range have none, nor inert ones: they make room.
        """
        k, own = self.count, np.setdiff1d(np.flatnonzero(~self._filled(box)), list(self.inert))
        rows = np.zeros((2 * k, len(box)))
        rows[:k, :k], rows[k:, :k], rows[:, -1] = -np.eye(k), np.eye(k), 3.0 * np.tile(self.drift, 2)
        beyond = rows @ box + np.concatenate([self.low[:k], -self.high[:k]])
        return beyond[[*own, *(own + k)]], rows[[*own, *(own + k)]]

    def _by_volume(self, box: np.ndarray) -> Window:
        k, knobs, memo = self.count, len(self.low), {}

        def look(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            if memo.get("at") is None or not np.array_equal(memo["at"], y):
                memo.update(at=y.copy(), seen=self._look(y))
            return memo["seen"]

        within = np.zeros((2 * k, len(box)))
        within[:k, :k], within[k:, :k], within[:, knobs:] = -np.eye(k), np.eye(k), np.tile(-np.eye(k), (2, 1))
        edge = np.concatenate([self.high[:k], -self.low[:k]])
        wide = self.high - self.low
        bounds = [*zip(self.low, self.high, strict=True), *zip(1e-6 * wide[:k], 0.5 * wide[:k], strict=True)]
        found = optimize.minimize(
            lambda y: (-np.log(y[knobs:]).sum(), np.concatenate([np.zeros(knobs), -1.0 / y[knobs:]])), box, jac=True,
            bounds=bounds, method="SLSQP", options={"maxiter": self.steps * 5, "ftol": 1e-10},
            constraints=[
                {"type": "ineq", "fun": lambda y: -look(y)[0], "jac": lambda y: -look(y)[1]},
                {"type": "ineq", "fun": lambda y: within @ y + edge, "jac": lambda _y: within},
            ],
        )  # fmt: skip
        return self.window(found.x, look(found.x)[0])

    def _by_capability(self, box: np.ndarray) -> Window:
        felt = [k for k in range(self.count) if k not in self.inert] or list(range(self.count))
        sizes = (self.high - self.low)[: self.count] / (6.0 * self.drift)
        scale = np.append(self.high - self.low, 0.5 * sizes[felt].max())
        seen, radius, best = self._look(box), RADIUS, None
        for step in range(self.steps):
            trial = box + self._program(box, seen, radius, scale)
            looked = self._look(trial)
            self.watch.tell("widening the window", (step + 1) / self.steps)
            if seen[0].max() <= SLACK and (best is None or box[-1] > best[0][-1]):
                best = box, seen[0]
            moved = float(np.max(np.abs(trial - box) / scale))
            excess, before = max(looked[0].max(), 0.0), max(seen[0].max(), 0.0)
            if excess <= max(SLACK, 0.7 * before) and (trial[-1] >= box[-1] or before > SLACK):
                box, seen, radius = trial, looked, min(RADIUS, 1.5 * radius)
            else:
                radius *= 0.4
            if min(moved, radius) < self.tolerance or self.watch.stop.is_set():
                break
        if seen[0].max() <= SLACK and (best is None or box[-1] > best[0][-1]):
            best = box, seen[0]
        return self.window(*(best or (box, seen[0])))

    def _program(
        self, box: np.ndarray, seen: tuple[np.ndarray, np.ndarray], radius: float, scale: np.ndarray
    ) -> np.ndarray:
        """Linear program of the linearized constraints, with one common slack to bring an infeasible box back."""
        value, rows = seen
        beyond, sides = self._sides(box)
        reach = radius * scale
        reach[list(self.inert)] = 0.0  # nothing says where an inert knob should go: it stays
        low, high = np.append(self.low, 0.0), np.append(self.high, np.inf)
        least, most = np.maximum(low - box, -reach) / scale, np.minimum(high - box, reach) / scale
        bounds = [*zip(least, most, strict=True), (0, None)]
        cost = np.append(np.zeros(len(box)), 1e3)
        cost[len(box) - 1] = -1.0
        found = optimize.linprog(
            cost,
            np.concatenate(
                [np.append(rows * scale, -np.ones((len(rows), 1)), 1), np.append(sides * scale, 0 * sides[:, :1], 1)]
            ),
            -np.concatenate([value, np.minimum(beyond, 0.0)]),
            bounds=bounds,
        )
        return np.zeros(len(box)) if found.x is None else found.x[:-1] * scale

    def window(self, box: np.ndarray, values: np.ndarray) -> Window:
        """The window of a box at whose points the constraint has these values."""
        points, k = self.points(box), self.count
        worst = int(values.reshape(len(points), -1).max(1).argmax())
        half, centre = self._half(box), self._centre(box)
        low, high = np.maximum(centre - half, self.low[:k]), np.minimum(centre + half, self.high[:k])
        near = 1e-6 * (self.high - self.low)[:k]
        stopped = [(i, "low") for i in np.flatnonzero(low <= self.low[:k] + near)]
        stopped += [(i, "high") for i in np.flatnonzero(high >= self.high[:k] - near)]
        free = np.minimum(box[:k] - low, high - box[:k]) / (3.0 * self.drift)
        capability = float(box[-1] if self.measure == "capability" else free.min())
        return Window(
            low, high, box[k : len(self.low)], capability, points[worst], float(values.max()),
            tuple((int(i), side) for i, side in stopped), box,
        )  # fmt: skip


class _EnoughError(Exception):
    """Ends a climb after so many looks."""


def audit(
    constraint: Constraint,
    window: Window,
    points: int,
    seed: int,
    watch: Watch | None = None,
    climbs: int = 8,
    value: Callable[[np.ndarray], float] | None = None,
) -> tuple[np.ndarray, float]:
    """The worst point that an independent search finds in a window: scattered points, half on faces, then uphill from
    the worst of them by so many `climbs`, in twice as many looks at most.

    `value` looks at the scattered points where that is cheaper than the constraint with its slope.
    """
    size = len(window.low)
    draws = stats.qmc.Sobol(size, rng=np.random.default_rng(seed)).random(points)
    for row, k in zip(draws[: points // 2], np.arange(points) % size, strict=False):
        row[k] = np.round(row[k])
    best, most, index = window.worst, -np.inf, 0
    for i, inside in enumerate(window.low + draws * (window.high - window.low)):
        place = np.concatenate([inside, window.beside])
        g = np.atleast_1d(value(place) if value else constraint(place, ("audit", i % 4))[0])
        if float(g.max()) > most:
            best, most, index = place, float(g.max()), int(g.argmax())
        if watch:
            watch.tell("auditing the window", (i + 1) / points)

    bounds, climbed = list(zip(window.low, window.high, strict=True)), list[tuple[float, np.ndarray]]()

    def downhill(inside: np.ndarray) -> tuple[float, np.ndarray]:
        if len(climbed) == 2 * climbs:  # noise in a value can send a line search on for twenty looks
            raise _EnoughError
        place = np.concatenate([inside, window.beside])
        g, d = constraint(place, ("audit", 0))
        climbed.append((float(np.nan_to_num(np.atleast_1d(g)[index], nan=-np.inf)), place))
        return -climbed[-1][0], -np.atleast_2d(d)[index][:size]

    with suppress(_EnoughError):
        optimize.minimize(
            downhill, best[:size], jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": climbs}
        )
    most, best = max((one for one in climbed if one[0] > -np.inf), key=lambda one: one[0], default=(most, best))
    return best, most
