"""The law by which lines along a direction are laid: normal across it, shaped by how the crossing bends away.

Along its `direction` a limit begins to fail at a distance t(v) that depends on where v, across it, the line is laid.
A line is worth Phi(-t(v)), so that lines are wanted where that is large against how seldom they are met: with
t about t0 + b v + v K v / 2 that is a normal law of precision 1 + h K, h the hazard phi / Phi(-t) (the curvatures of
Breitung 1984), corrected by the moments of the lines seen. Every so many lines are laid by the standard law, so that
none weighs more than one over that share of them.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr, ndtri

WIDE = 0.125
"""Share of the lines laid by the standard law."""
KEPT = 24
"""Directions across in which the law is shaped, at most."""
PRIOR = 3.0
"""Lines, of each direction, that the bend found by regression counts as beside the moments of those seen."""
LEAST, MOST = 1e-3, 3.0
"""Variances of the law in any direction."""
FELT = 1e-3
"""Slope across below which a direction changes nothing."""
NEXT = 0.15
"""Change of a variance's logarithm below which a direction is left as it is."""
WIDER, DIRECTIONS = 0.6, 1.0
"""How much wider than found the law is, where its tails are thin: in many directions shared out, as each costs."""
AWAY = 1.0
"""How far the law follows the lines from where its design point is."""
REACH = 4.0
"""How far from the expected distance a crossing is guessed at most."""


class Laid(NamedTuple):
    """Lines laid so far: feet across, crossings with their slopes, log of what each is worth, of how often it is laid
    over how often it is met.
    """

    feet: np.ndarray
    distance: np.ndarray
    slope: np.ndarray
    worth: np.ndarray
    ratio: np.ndarray


class Across:
    """The law across a unit `direction`, at first the standard one; failures lie beyond `distance` along it.

    Where the origin is `lost`, they begin on the other side of it.
    """

    def __init__(self, point: np.ndarray, lost: bool = False):
        self.size = len(point)
        self.distance = float(np.linalg.norm(point)) * (-1.0 if lost else 1.0)
        self.direction = point / (self.distance or 1e-300)
        self.mean = np.zeros(self.size)
        self.axes, self.variance = np.zeros((self.size, 0)), np.zeros(0)
        self.start = self.at = self.distance
        self.basis = np.zeros((self.size, 0))
        self.lean, self.bend = np.zeros(0), np.zeros((0, 0))

    def across(self, normals: np.ndarray) -> np.ndarray:
        """Standard normals without what lies along the direction."""
        return normals - (normals @ self.direction)[:, None] * self.direction

    def points(self, uniforms: np.ndarray) -> np.ndarray:
        """Lay lines by uniform numbers (lines x 1 + normals), by the first of which some follow the standard law."""
        feet = self.across(ndtri(np.clip(uniforms[:, 1:], 1e-15, 1 - 1e-15)))
        shaped = feet + (feet @ self.axes * (np.sqrt(self.variance) - 1.0)) @ self.axes.T + self.mean
        return np.where(uniforms[:, :1] < WIDE, feet, shaped)

    def log_ratio(self, feet: np.ndarray) -> np.ndarray:
        """Log of how often lines are laid here over how often they are met."""
        off = feet - self.mean
        shaped = -0.5 * ((off @ self.axes) ** 2 * (1.0 / self.variance - 1.0)).sum(1)
        own = shaped - 0.5 * (off**2).sum(1) + 0.5 * (feet**2).sum(1) - 0.5 * np.log(self.variance).sum()
        return np.logaddexp(np.log1p(-WIDE) + own, np.log(WIDE))

    def guess(self, feet: np.ndarray) -> np.ndarray:
        """The distance at which lines are expected to begin to fail."""
        inside = feet @ self.basis
        bent = 0.5 * np.einsum("ni,ij,nj->n", inside, self.bend, inside)
        return np.clip(self.at + inside @ self.lean + bent, self.distance - REACH, self.distance + REACH)

    def covers(self, points: np.ndarray, slack: float) -> np.ndarray:
        """Which points lie beyond where their line is expected to begin to fail, but for some slack."""
        return points @ self.direction >= self.guess(self.across(points)) - slack

    def upright(self, laid: Laid) -> np.ndarray:
        """The point nearest to the origin of the plane through the crossings seen, by regression."""
        good = np.isfinite(laid.distance)
        terms = np.column_stack([np.ones(good.sum()), laid.feet[good]])
        ridge = np.diag(np.append(1e-6, np.full(self.size, 0.3)))
        found = np.linalg.solve(terms.T @ terms + ridge, terms.T @ laid.distance[good])
        normal = self.direction - self.across(found[None, 1:])[0]
        return normal * found[0] / (normal @ normal)

    def refit(self, laid: Laid) -> None:
        """Shape the law by the lines seen."""
        good = np.isfinite(laid.distance) & np.isfinite(laid.worth)
        if good.sum() < 4:
            return
        feet, t, slope, worth, ratio = (part[good] for part in laid)
        share = np.exp(worth - ratio - (worth - ratio).max())
        # One line that happens to be worth all the others is not to decide alone (truncated: Ionides 2008).
        share = np.minimum(share, np.sqrt(len(share)) * share.mean())
        share = share / share.sum()
        self.distance = float(np.clip(share @ t, self.start - AWAY, self.start + AWAY))
        self.basis = self._basis(slope, 0.7 * share + 0.3 / len(share))
        inside, slopes = feet @ self.basis, slope @ self.basis
        self._bent(inside, t, slopes, 0.7 * share + 0.3 / len(share))
        self._shaped(inside, share)

    def _basis(self, slope: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Directions across: all of them where they are few, else those in which crossings lean most."""
        if self.size - 1 <= KEPT:
            return np.linalg.qr(np.column_stack([self.direction, np.eye(self.size)]))[0][:, 1 : self.size]
        _, size, turn = np.linalg.svd(np.sqrt(weight)[:, None] * slope, full_matrices=False)
        return self.across(turn[:KEPT][size[:KEPT] > FELT]).T

    def _bent(self, inside: np.ndarray, t: np.ndarray, slopes: np.ndarray, weight: np.ndarray) -> None:
        """Regress the slopes on where the lines are: t0, b and K."""
        kept, count = inside.shape[1], len(t)
        terms = np.column_stack([np.ones(count), inside])
        ridge = np.diag(np.append(1e-6, np.full(kept, 0.3)))
        found = np.linalg.solve(
            terms.T @ (count * weight[:, None] * terms) + ridge, terms.T @ (count * weight[:, None] * slopes)
        )
        self.lean, self.bend = found[0], 0.5 * (found[1:] + found[1:].T)
        self.at = float(weight @ (t - inside @ self.lean - 0.5 * np.einsum("ni,ij,nj->n", inside, self.bend, inside)))

    def _shaped(self, inside: np.ndarray, share: np.ndarray) -> None:
        """The law from the bend, and from the moments of the lines as far as they are enough."""
        kept = inside.shape[1]
        hazard = np.exp(-0.5 * self.distance**2 - 0.5 * np.log(2.0 * np.pi) - log_ndtr(-self.distance))
        size, turn = np.linalg.eigh(hazard * self.bend)
        prior = (turn / np.clip(1.0 + size, 0.4, None)) @ turn.T
        middle = -prior @ (hazard * self.lean)
        middle *= min(1.0, 3.0 / max(float(np.linalg.norm(middle)), 1e-9))
        effective, known = 1.0 / (share**2).sum(), PRIOR * kept
        mean = (effective * (share @ inside) + known * middle) / (effective + known)
        off = inside - mean
        spread = (effective * (share[:, None] * off).T @ off + known * prior) / (effective + known)
        size, turn = np.linalg.eigh(spread)
        other = np.abs(np.log(np.maximum(size, 1e-9))) > NEXT
        wider = 1.0 + min(WIDER, DIRECTIONS / max(int(other.sum()), 1))
        self.mean = self.basis @ mean
        self.axes, self.variance = self.basis @ turn[:, other], np.clip(wider * size[other], LEAST, MOST)
