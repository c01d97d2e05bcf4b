"""Importance sampling about the design points: each look counts, weighed by how much likelier it was made.

Points are drawn beyond where each design point's limit is expected to begin to fail, by the law that a few lines have
shaped across it (`across`), and a share of them by the standard law, so that none weighs more than one over that share
(defensive mixture, Hesterberg 1995). What weights explain by themselves is taken out (`levelling`).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import stats
from scipy.special import log_ndtr, ndtr, ndtri

from yieldopt.estimators.across import WIDE, Laid
from yieldopt.estimators.foretold import Foretold
from yieldopt.estimators.laying import LINES, Laying
from yieldopt.estimators.levelling import REPLICATES, Drawn
from yieldopt.estimators.line import Line

STANDARD = 0.1
"""Share of the points by the standard law."""
NEARER = 0.15
"""Share of the others that may lie well before where failures are expected to begin."""
BEFORE = 0.25, 1.5
"""How far before they begin points are drawn, the most and those."""


class Led:
    """Points led to where they fail; `batch` draws some of every replicate, and looks at them."""

    def __init__(self, laying: Laying, seed: int):
        self.state, self.laws = laying.state, [part.law for part in laying.parts]
        self.foretold: list[Foretold | None] = [None]
        random = np.random.default_rng([seed, 9])
        # By what each part's failures scatter, and a fifth of what it loses at least: it may lose more than was seen.
        wanted = np.array([part.scatter + 0.2 * part.share for part in laying.parts])
        wanted = (1.0 - STANDARD) * wanted / max(wanted.sum(), 1e-300)
        total = max(LINES, 4 * REPLICATES * (1 + len(wanted))) / REPLICATES
        self.each = [int(2 ** np.round(np.log2(max(share * total, 2)))) for share in [STANDARD, *wanted]]
        self.engines = [
            [stats.qmc.Sobol(self.state.size + 2, rng=random) for _ in self.each] for _ in range(REPLICATES)
        ]

    def batch(self) -> list[Drawn]:
        """The next points of all parts and replicates."""
        drawn = [
            self._points(k, engine.random(count))
            for engines in self.engines
            for k, (engine, count) in enumerate(zip(engines, self.each, strict=True))
        ]
        points, weight = np.concatenate(drawn), 1.0 / self._density(np.concatenate(drawn))
        seen = self.state.look(points)
        replicate = np.repeat(np.arange(REPLICATES), sum(self.each))
        none = np.zeros((len(points), 0))
        laid = Laid(none, none, none, none, none)
        return [Drawn(replicate, weight * seen.failed, weight, weight, seen.fails, laid)]

    def _points(self, k: int, uniforms: np.ndarray) -> np.ndarray:
        """Points of a part: the first by the standard law, those of a law beyond where it expects failures to begin."""
        if k == 0:
            return ndtri(np.clip(uniforms[:, 2:], 1e-15, 1 - 1e-15))
        law, kind, place = self.laws[k - 1], uniforms[:, 0], uniforms[:, 1]
        feet = law.points(uniforms[:, 1:])
        start = law.guess(feet) - np.where(kind < NEARER, BEFORE[1], BEFORE[0])
        # The first of a law's numbers chooses its kind of line: within a kind it is uniform still.
        wide = place < WIDE
        place = np.where(wide, place / WIDE, (place - WIDE) / (1.0 - WIDE))
        return feet - ndtri(np.maximum(place * ndtr(-start), 1e-300))[:, None] * law.direction

    def _density(self, points: np.ndarray) -> np.ndarray:
        """Of the mixture, over the standard one."""
        total = np.full(len(points), float(self.each[0]))
        for law, count in zip(self.laws, self.each[1:], strict=True):
            along, feet = points @ law.direction, law.across(points)
            begin = law.guess(feet)
            for share, before in zip((1.0 - NEARER, NEARER), BEFORE, strict=True):
                start = begin - before
                own = np.exp(np.minimum(law.log_ratio(feet) - log_ndtr(-start), 700.0))
                total += count * share * np.where(along > start, own, 0.0)
        return total / sum(self.each)


@dataclass(frozen=True)
class Importance(Line):
    """Points about the design points until the precision is met or `evaluations` looks at the model are spent."""

    name: ClassVar[str] = "importance"

    def sampler(self, laying: Laying, seed: int) -> Led:
        """What draws its batches."""
        return Led(laying, seed)
