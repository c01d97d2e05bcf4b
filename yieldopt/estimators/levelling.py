"""What lines add, less what is known of it without a look: the mean stays the same, and little scatter is left.

Two things are known (control variates, Hammersley & Handscomb 1964): a line's weight is one on average whatever fails,
and what is `foretold` of its worth is summed by itself. What is told, and how much of either is taken out, comes from
the lines of one half of the replicates and serves those of the other: no bias.
"""

from typing import NamedTuple

import jax
import numpy as np

from yieldopt.estimators.across import Laid
from yieldopt.estimators.foretold import Foretold, Lines

REPLICATES = 16
STILL = 1e-6
"""Spread of what is known, over its size, below which there is nothing to explain."""
ROOTS = 5e-4
"""What crossings may be off where Newton's last step is taken as it is, of the loss."""


class Drawn(NamedTuple):
    """Lines of a design point: whose replicate, what each adds to the loss, its weight (one on average); of the point
    drawn on it the weight, and which rows fail there; where it was laid and begins to fail.
    """

    replicate: np.ndarray
    value: np.ndarray
    weight: np.ndarray
    point: np.ndarray
    fails: np.ndarray
    laid: Laid

    def and_(self, more: "Drawn") -> "Drawn":
        """These and more."""
        return Drawn(*jax.tree.map(lambda *parts: np.concatenate(parts), self, more))


def levelled(drawn: Drawn, foretold: Foretold | None) -> tuple[np.ndarray, float]:
    """What each line adds, less what is known of it, and the standard error of what is known."""
    value, error, odd = drawn.value.copy(), 0.0, drawn.replicate % 2 == 1
    lines = foretold.lines(drawn.laid) if foretold else None
    for own, other in ((odd, ~odd), (~odd, odd)):
        known, off = _known(drawn, foretold, lines, own, other) if foretold and lines else (None, 0.0)
        by_weight, by_told, left = _regressed(drawn, known, other)
        plain, _, much = _regressed(drawn, None, other)
        # What is known is off alike for both halves, while what they leave is averaged.
        if known is None or 0.5 * left / own.sum() + (by_told * off) ** 2 > 0.5 * much / own.sum():
            value[own] -= plain * (drawn.weight[own] - 1.0)
            continue
        value[own] -= by_weight * (drawn.weight[own] - 1.0) + by_told * known[own]
        error += 0.5 * abs(by_told) * off
    return value, error


def _known(
    drawn: Drawn, foretold: Foretold, lines: Lines, own: np.ndarray, other: np.ndarray
) -> tuple[np.ndarray | None, float]:
    """What is foretold of the `own` lines by the `other` half of all, less its mean, and of the others by either half
    of themselves; with the standard error of the mean.
    """
    half = drawn.replicate // 2 % 2 == 1
    best = foretold.best(lines, drawn.value, other & half, other & ~half)
    if best is None:
        return None, 0.0
    (mean, off), known = foretold.mean(best[0]), best[1]
    known[own] = foretold.adds(best[0], lines.places.some(np.flatnonzero(own)))
    return known - mean, off


def _regressed(drawn: Drawn, known: np.ndarray | None, which: np.ndarray) -> tuple[float, float, float]:
    """How much of the weights and of what is known is in what some lines add, by least squares; the variance left."""
    value = drawn.value[which] - drawn.value[which].mean()
    told = np.zeros(len(value)) if known is None else known[which]
    rows = np.stack([drawn.weight[which], told], 1)
    rows = rows - rows.mean(0)
    size = np.sqrt((rows**2).mean(0))
    scale = np.where(
        size > STILL * np.array([1.0, abs(drawn.value[which]).mean()]), 1.0 / np.maximum(size, 1e-300), 0.0
    )
    found = scale * np.linalg.lstsq(rows * scale, value, rcond=1e-6)[0]
    return float(found[0]), float(found[1]), float(((value - rows @ found) ** 2).sum() / max(len(value) - 3, 1))


class Summed(NamedTuple):
    """The loss and its standard error."""

    loss: float
    stderr: float


def summed(drawn: list[Drawn], foretold: list[Foretold | None]) -> Summed:
    """Sum up what the lines of all parts add, foretold or not.

    Sixteen replicates that happen to agree end the laying of lines: the standard error is never told below the root
    mean square of theirs and of what as many lines at random would scatter by. Where all that scatters is foretold, the
    points drawn on lines still saw only so much of them: one line of each such part may be worth nothing, or twice.
    """
    replicates, variance, doubt = np.zeros(REPLICATES), 0.0, 0.0
    for part, told in zip(drawn, foretold, strict=True):
        value, error = levelled(part, told)
        replicates += np.bincount(part.replicate, value, REPLICATES) / (len(value) / REPLICATES)
        variance += float(value.var(ddof=1)) / len(value)
        doubt += error**2 + (float(value.mean()) / len(value) if told else 0.0) ** 2
    loss, spread = float(replicates.mean()), replicates.var(ddof=1) / REPLICATES
    return Summed(loss, float(np.sqrt(max(spread, 0.5 * (spread + variance)) + doubt + (ROOTS * loss) ** 2)))
