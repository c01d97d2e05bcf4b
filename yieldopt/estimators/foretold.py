"""What lines will be worth, foretold from others: by a polynomial through where those began to fail, and its slopes.

Summed over the law by which lines are laid it needs no look at the model. Two more polynomials, each through half of
the lines, tell how far the one through all is to be believed: where they differ, what the law itself expects is told.
"""

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import stats

from yieldopt.estimators.across import Across, Laid
from yieldopt.estimators.surface import Seen, degrees, fit, values

CLOUDS, CLOUD = 16, 1024
"""Sets of lines without a look over which what is foretold is summed, and lines of each."""
WIDEST, ENOUGH = 100, 2048
"""Normals beyond which a cloud costs more than the looks that it spares, and lines that a fit goes through at most."""
AGREE = 0.1
"""Difference of the polynomials of either half at which the one through all is half believed, standard deviations."""
REACH = 4.0
"""How far from what the law expects a crossing is foretold at most."""
LARGEST = 1.5
"""The most that a line is foretold to add, over the most that one was seen to: what was never seen is not foretold."""
EVEN, HEAVIEST = 0.1, 20.0
"""Weights in a fit of lines that add nothing, and at most, where those that add as others do weigh about one."""


class Places(NamedTuple):
    """Where lines are laid: feet, those within the law's directions, the crossings it expects, each line's weight."""

    feet: np.ndarray
    inside: np.ndarray
    guess: np.ndarray
    weight: np.ndarray

    def some(self, which: np.ndarray) -> "Places":
        """Some of them."""
        return Places(*(part[which] for part in self))


class Told(NamedTuple):
    """Polynomials of one degree through all of some lines and through either half; the most that a line may add."""

    degree: int
    through: list[np.ndarray]
    most: float


class Lines(NamedTuple):
    """Lines that were laid, and behind them those that shaped their law: where, with which crossings and slopes within
    the law's directions, and what each adds.
    """

    places: Places
    distance: np.ndarray
    slope: np.ndarray
    adds: np.ndarray

    def seen(self, which: np.ndarray) -> Seen:
        """Some of them, for a fit: those that fail somewhere, and no more than are enough."""
        some = np.flatnonzero(which & np.isfinite(self.distance))[:ENOUGH]
        adds = self.adds[some]
        weight = np.minimum(len(some) * adds / max(adds.sum(), 1e-300), HEAVIEST) + EVEN
        return Seen(self.places.inside[some], self.distance[some], self.slope[some], weight)


class Foretold:
    """What lines of one law are worth; `known` are those that shaped it, `worth` tells that from their crossings."""

    def __init__(self, law: Across, known: Laid, worth: Callable[[Laid], np.ndarray], smooth: bool, seed: list[int]):
        self.law, self.known, self.worth, self.smooth, self.seed = law, known, worth, smooth, seed

    @staticmethod
    def can(law: Across) -> bool:
        """Whether anything can be foretold of a law's lines: not where they differ in too many directions."""
        return law.size <= WIDEST and bool(degrees(law.basis.shape[1], ENOUGH, True))

    def places(self, feet: np.ndarray, ratio: np.ndarray) -> Places:
        """Places of lines by their feet, and the log of how often they are laid over how often they are met."""
        return Places(feet, feet @ self.law.basis, self.law.guess(feet), np.exp(-ratio))

    def lines(self, laid: Laid) -> Lines:
        """Lines, ready to be fitted."""
        every = Laid(*(np.concatenate(pair) for pair in zip(laid, self.known, strict=True)))
        places = self.places(every.feet, every.ratio)
        slope = every.slope @ self.law.basis if self.smooth else np.zeros((len(every.feet), 0))
        return Lines(places, every.distance, slope, places.weight * self.worth(every))

    def best(
        self, lines: Lines, value: np.ndarray, one: np.ndarray, other: np.ndarray
    ) -> tuple[Told, np.ndarray] | None:
        """What tells of further lines by `one` half of some lines and the `other`, of the degree by which either half
        foretells best the `value` of its other one; and what was so foretold. None where they are too few.

        Of those that shaped the law every other one is on the side of either half.
        """
        known, both = np.arange(len(lines.adds) - len(value)) % 2, one | other
        sides = (np.append(one, known == 0), np.append(other, known == 1), np.append(both, known < 2))
        fits, most = [lines.seen(side) for side in sides], LARGEST * float(lines.adds[sides[2]].max(initial=0.0))
        found, least, told = None, np.inf, np.zeros(len(value))
        for degree in degrees(lines.places.inside.shape[1], min(len(half.value) for half in fits[:2]), self.smooth):
            through = [fit(seen, degree) for seen in fits]
            for half, mine, its in ((one, *through[:2]), (other, *through[1::-1])):
                told[half] = self.adds(Told(degree, [its, mine, its], most), lines.places.some(np.flatnonzero(half)))
            left = float((value - told)[both].var())
            if left < least:
                found, least = (Told(degree, [through[2], *through[:2]], most), told.copy()), left
        return found

    def adds(self, told: Told, places: Places) -> np.ndarray:
        """What lines add, as it is told."""
        guess = places.guess
        first, *halves = np.clip(values(told.through, places.inside, told.degree), guess - REACH, guess + REACH)
        sure = 1.0 / (1.0 + ((halves[0] - halves[1]) / AGREE) ** 2)
        distance = guess + sure * (first - guess)
        adds = places.weight * self.worth(Laid(places.feet, distance, distance, distance, distance))
        return np.minimum(adds, told.most)

    def mean(self, told: Told) -> tuple[float, float]:
        """What they add on average, and the standard error of that; less what their weights explain, one on average."""
        places = self._cloud
        adds, weight = self.adds(told, places), places.weight
        spread = weight.var()
        by_weight = np.cov(adds, weight)[0, 1] / spread if spread > 1e-12 else 0.0
        means = (adds - by_weight * (weight - 1.0)).reshape(CLOUDS, -1).mean(1)
        return float(means.mean()), float(means.std(ddof=1) / np.sqrt(CLOUDS))

    @cached_property
    def _cloud(self) -> Places:
        random = np.random.default_rng(self.seed)
        engines = [stats.qmc.Sobol(self.law.size + 1, rng=random) for _ in range(CLOUDS)]
        feet = self.law.points(np.concatenate([one.random(CLOUD) for one in engines]))
        return self.places(feet, self.law.log_ratio(feet))
