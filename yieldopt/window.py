"""The process window: the largest box of knobs all of whose points meet the target.

Corners are where the search starts: where the pass region is convex they suffice. An audit then looks for a worse point
inside, on its own; what it finds joins the corners and the search goes on. Two measures: `capability`, the largest
common half-width in units of three drifts of its knob, by sequential linear programs with a trust region; and `volume`,
by SciPy's SLSQP.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy import optimize, stats

from yieldopt.estimators.base import Watch

REFIT = 3
"""The step after which points are placed anew: the box is then about as large as it will be."""
Constraint = Callable[[np.ndarray, Any], tuple[np.ndarray, np.ndarray]]
"""(point, slot) -> values and gradients (constraints x knobs) at a point; met where no value is positive."""
Measure = Literal["capability", "volume"]
SLACK = 0.02
"""A constraint counts as met during the search up to this much (log loss: two per cent of the loss)."""


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

    `refit(point, slot)` is called for every point after REFIT steps: there a noisy constraint may place its own points
    anew. Where a constraint is dear, `active` points are looked at anew in a step, those that the linear model has as
    the worst; the others keep the value and slope they had, carried along. Knobs known to be `inert` stay and have one
    side looked at, the given one; the audit sees both. `radius` is the first step's, as a share of the ranges.
    """

    constraint: Constraint
    low: np.ndarray
    high: np.ndarray
    drift: np.ndarray
    measure: Measure = "capability"
    steps: int = 40
    tolerance: float = 1e-5
    radius: float = 0.25
    watch: Watch = field(default_factory=Watch)
    refit: Callable[[np.ndarray, Any], None] | None = None
    active: int | None = None
    inert: Mapping[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.count = len(self.drift)
        # Points of the box by their place in it, each coordinate from -1 to 1: the corners, then what an audit adds.
        signs = [(self.inert[k],) if k in self.inert else (-1.0, 1.0) for k in range(self.count)]
        self.places = np.array(list(product(*signs)))
        self._known: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def __call__(self, start: np.ndarray, half: np.ndarray) -> Window:
        """Search from the box start[:window] +- half; the knobs beside begin at start[window:]."""
        if self.measure == "volume":
            return self._by_volume(np.concatenate([start, half]))
        return self._by_capability(np.append(start, np.min(half / (3.0 * self.drift))))

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
        """Look from now on at a point that an audit found in a window, and at the one across its centre."""
        centre, wide = 0.5 * (window.low + window.high), 0.5 * (window.high - window.low)
        place = (where[: self.count] - centre) / np.maximum(wide, 1e-300)
        self.places = np.concatenate([self.places, place[None], np.where(np.abs(place) < 1, -place, place)[None]])

    def _half(self, box: np.ndarray) -> np.ndarray:
        own = box[len(self.low) :]
        return own if self.measure == "volume" else 3.0 * self.drift * own[0]

    def points(self, box: np.ndarray) -> np.ndarray:
        """The points of a box that are looked at: its corners, and what an audit added."""
        k = self.count
        own = np.clip(box[:k] + self.places * self._half(box), self.low[:k], self.high[:k])
        return np.concatenate([own, np.broadcast_to(box[k : len(self.low)], (len(own), len(self.low) - k))], 1)

    def _look(self, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values and gradients in (knobs, size) at every point of the box, flattened over constraints."""
        values, rows = [], []
        points = self.points(box)
        k, knobs = self.count, len(self.low)
        self._renew(points)
        for slot, (point, place) in enumerate(zip(points, self.places, strict=True)):
            at, value, slope = self._known[slot]
            value, slope = value + slope @ (point - at), slope.copy()
            held = ((point[:k] <= self.low[:k]) & (place < 0)) | ((point[:k] >= self.high[:k]) & (place > 0))
            slope[:, :k] = np.where(held, 0.0, slope[:, :k])
            size = slope[:, :k] * place
            rows.append(
                np.concatenate(
                    [slope[:, :knobs], size if self.measure == "volume" else size @ (3.0 * self.drift)[:, None]], 1
                )
            )
            values.append(value)
        return np.concatenate(values), np.concatenate(rows)

    def _renew(self, points: np.ndarray) -> None:
        """Look at the points anew: all of them, or the active ones once every point has been seen."""
        slots = list(range(len(points)))
        if self.active is not None and all(slot in self._known for slot in slots):
            guess = [float((v + d @ (points[slot] - at)).max()) for slot, (at, v, d) in sorted(self._known.items())]
            slots = [int(i) for i in np.argsort(guess)[::-1][: self.active]]
        for slot in slots:
            value, slope = self.constraint(points[slot], slot)
            self._known[slot] = points[slot].copy(), np.atleast_1d(value), np.array(np.atleast_2d(slope), float)

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
        seen, radius, best = self._look(box), self.radius, None
        for step in range(self.steps):
            trial = box + self._program(box, seen, radius, scale)
            looked = self._look(trial)
            self.watch.tell("widening the window", (step + 1) / self.steps)
            if seen[0].max() <= SLACK and (best is None or box[-1] > best[0][-1]):
                best = box, seen[0]
            moved = float(np.max(np.abs(trial - box) / scale))
            excess, before = max(looked[0].max(), 0.0), max(seen[0].max(), 0.0)
            if excess <= max(SLACK, 0.7 * before) and (trial[-1] >= box[-1] or before > SLACK):
                box, seen, radius = trial, looked, min(0.25, 1.5 * radius)
            else:
                radius *= 0.4
            if min(moved, radius) < self.tolerance or self.watch.stop.is_set():
                break
            if step == REFIT and self.refit:
                for slot, point in enumerate(self.points(box)):
                    self.refit(point, slot)
                seen, best = self._look(box), None
        if seen[0].max() <= SLACK and (best is None or box[-1] > best[0][-1]):
            best = box, seen[0]
        return self.window(*(best or (box, seen[0])))

    def _program(
        self, box: np.ndarray, seen: tuple[np.ndarray, np.ndarray], radius: float, scale: np.ndarray
    ) -> np.ndarray:
        """Linear program of the linearized constraints, with one common slack to bring an infeasible box back."""
        value, rows = seen
        reach = radius * scale
        reach[list(self.inert)] = 0.0  # nothing says where an inert knob should go: it stays
        low, high = np.append(self.low, 0.0), np.append(self.high, np.inf)
        least, most = np.maximum(low - box, -reach) / scale, np.minimum(high - box, reach) / scale
        bounds = [*zip(least, most, strict=True), (0, None)]
        cost = np.append(np.zeros(len(box)), 1e3)
        cost[len(box) - 1] = -1.0
        found = optimize.linprog(
            cost, np.concatenate([rows * scale, -np.ones((len(rows), 1))], 1), -value, bounds=bounds
        )
        return np.zeros(len(box)) if found.x is None else found.x[:-1] * scale

    def window(self, box: np.ndarray, values: np.ndarray) -> Window:
        """The window of a box at whose points the constraint has these values."""
        points, k = self.points(box), self.count
        worst = int(values.reshape(len(points), -1).max(1).argmax())
        half = self._half(box)
        low, high = np.maximum(box[:k] - half, self.low[:k]), np.minimum(box[:k] + half, self.high[:k])
        near = 1e-6 * (self.high - self.low)[:k]
        stopped = [(i, "low") for i in np.flatnonzero(low <= self.low[:k] + near)]
        stopped += [(i, "high") for i in np.flatnonzero(high >= self.high[:k] - near)]
        free = np.minimum(box[:k] - low, high - box[:k]) / (3.0 * self.drift)
        capability = float(box[-1] if self.measure == "capability" else free.min())
        return Window(
            low, high, box[k : len(self.low)], capability, points[worst], float(values.max()),
            tuple((int(i), side) for i, side in stopped), box,
        )  # fmt: skip


def audit(
    constraint: Constraint,
    window: Window,
    points: int,
    seed: int,
    watch: Watch | None = None,
    climbs: int = 8,
    value: Callable[[np.ndarray], float] | None = None,
) -> tuple[np.ndarray, float]:
    """The worst point that an independent search finds in a window: scattered points, half on faces, then uphill.

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

    def downhill(inside: np.ndarray) -> tuple[float, np.ndarray]:
        g, d = constraint(np.concatenate([inside, window.beside]), ("audit", 0))
        return -float(np.atleast_1d(g)[index]), -np.atleast_2d(d)[index][:size]

    bounds = list(zip(window.low, window.high, strict=True))
    climbed = optimize.minimize(
        downhill, best[:size], jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": climbs}
    )
    if -climbed.fun > most:
        best, most = np.concatenate([climbed.x, window.beside]), float(-climbed.fun)
    return best, most
