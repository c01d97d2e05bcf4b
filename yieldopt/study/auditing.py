"""The audit of a window: the points that an independent search looks at, each named, each bounded on fresh draws.

A point whose upper bound lies below the yield that the window quotes would refute it: such a point is estimated whole,
and is the worst from then on. An audit can fail to find; it is evidence and no proof.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy import stats

from yieldopt.estimators.base import Estimate, Watch
from yieldopt.estimators.sobol import REPLICATES
from yieldopt.losses import TINY, LogLoss
from yieldopt.window import SAME, Search, Window, audit

SCATTERED = 16
"""Points scattered over the window, half of them on its faces."""
CLIMBS = 4
"""Steps uphill from the worst of them."""
SURE = 0.999
"""Confidence of a point's upper bound, one-sided."""

Place = Literal["corner", "scattered", "uphill"]


class Looked(NamedTuple):
    """A point that was looked at on fresh draws: its yield, and the bound that it exceeds with a chance of .1 %."""

    point: np.ndarray
    place: Place
    value: float
    upper: float
    evaluations: int

    @staticmethod
    def of(point: np.ndarray, place: Place, found: Estimate) -> "Looked":
        """What a whole estimate says of a point."""
        bound = _bound(1.0 - found.value, found.stderr)
        return Looked(point, place, found.value, bound, found.evaluations)


@dataclass(frozen=True)
class Auditor:
    """Looks for a worse point of a window than the one it quotes, on draws by a `seed` that nothing else uses."""

    loss: LogLoss
    defects: float
    seed: int
    watch: Watch

    def __call__(self, search: Search, window: Window, known: Collection[bytes], turn: int) -> list[Looked]:
        """The points looked at: the corners that are not `known`, scattered ones, and one uphill from the worst, where
        that is no corner.
        """
        corners = search.points(window.box)
        wide = np.append(np.maximum(window.high - window.low, 1e-300), np.ones(corners.shape[1] - search.count))
        aimed = [i for i in range(len(corners)) if i in self.loss.aims]

        def near(point: np.ndarray) -> int:
            """The corner whose law serves best: the nearest of those that were looked at."""
            return min(aimed, key=lambda i: np.linalg.norm((corners[i] - point) / wide))

        found = [
            self.look(point, place_of(search, i), near(point), turn)
            for i, point in enumerate(corners)
            if point.tobytes() not in known
        ]

        def scattered(point: np.ndarray) -> float:
            found.append(self.look(point, "scattered", near(point), turn))
            return float(np.log(max(1.0 - found[-1].value / self.defects, TINY)))

        def slope(point: np.ndarray, _slot: Any) -> tuple[np.ndarray, np.ndarray]:
            return search.constraint(point, near(point))

        seed = self.seed + 7 + turn
        where, _ = audit(slope, window, SCATTERED, seed, self.watch, CLIMBS, scattered)
        before = np.array([*corners, *(one.point for one in found)])
        if np.abs((before - where) / wide).max(1).min() < SAME:  # it ended where it was before
            return found
        return [*found, self.look(where, "uphill", near(where), turn)]

    def look(self, point: np.ndarray, place: Place, slot: Any, turn: int) -> Looked:
        """A point on fresh draws, aimed from a slot's law."""
        loss, stderr, count = self.loss.fresh(point, slot, self.seed + 20 + turn)
        value = (1.0 - loss) * self.defects
        return Looked(point, place, value, _bound(1.0 - value, stderr * self.defects), count)


def place_of(search: Search, index: int) -> Place:
    """Where a point of a search came from: the first are corners, the others an earlier audit found."""
    return "corner" if np.all(np.abs(search.places[index]) == 1.0) else "uphill"


def settled(
    looked: list[Looked], quoted: float, verify: Callable[[Looked], Estimate], slack: float, most: int
) -> tuple[list[Looked], list[tuple[np.ndarray, Estimate]]]:
    """Estimate whole those that refute a `quoted` yield, and up to `most` that seem worse by a share `slack` of its
    loss; the list with what that says of them, and the points with their estimates.
    """
    found, whole = list[Looked](), list[tuple[np.ndarray, Estimate]]()
    for i, one in enumerate(sorted(looked, key=lambda one: one.value)):
        seems = i < most and 1.0 - one.value > (1.0 + slack) * (1.0 - quoted)
        if one.upper < quoted or seems:
            whole.append((one.point, verify(one)))
            quoted = min(quoted, whole[-1][1].value)
            one = Looked.of(one.point, one.place, whole[-1][1])
        found.append(one)
    return found, whole


def _bound(loss: float, stderr: float) -> float:
    """The yield's upper bound by Student's law over the replicates."""
    return float(np.clip(1.0 - loss + stats.t.ppf(SURE, REPLICATES - 1) * stderr, 0.0, 1.0))
