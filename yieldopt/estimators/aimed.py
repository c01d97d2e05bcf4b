"""One law of the shared normals near the losses of a limit: shifted and stretched, or a ring where all sides are lost.

A limit on a distance (an offset whose direction does not matter) fails outside a circle about the nominal. No normal
law is near that: its draws fall inside, or far out where they count for nothing. There the directions that matter are
drawn in polar form, the radius beyond the circle (Harbitz 1986), the direction by an angular central Gaussian law
(Tyler 1987).
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

KEPT = 5
"""Directions at most."""
SYMMETRIC, STRETCHED = 0.25, 2.0
"""Share of a direction's second moment up to which its mean may go, and variance from which it may be one of a ring."""
HOLLOW, SOFT = 0.02, 0.2
"""Share of the losses left inside of a ring, and what its radius keeps clear of the others."""
WIDER = 1.25
"""Least stretch of a ring's radius: what lies further out, or beyond where anything is known, is to be met too."""
SURE = 12.0
"""Effective number of draws that a ring's radius is read from."""
LEAST = 2.0
"""Least gain of a ring over the normal law: minus the log of the share of standard draws beyond its radius."""


class Aimed(NamedTuple):
    """Rotation of the normals (leading directions first), and mean and factor of the proposed law in those.

    The first `ring` of them are drawn in polar form beyond a `radius`, the standard law's `stretch` times as wide;
    `factor` couples them with none of the others.
    """

    rotation: np.ndarray
    mean: np.ndarray
    factor: np.ndarray
    ring: int = 0
    radius: float = 0.0
    stretch: float = 1.0

    def points(self, normals: np.ndarray) -> np.ndarray:
        """Carry standard normals onto the proposed law."""
        kept = len(self.mean)
        lead = self.mean + normals[:, :kept] @ self.factor.T
        if self.ring:
            along = lead[:, : self.ring] / np.linalg.norm(lead[:, : self.ring], axis=1, keepdims=True)
            own, m = np.linalg.norm(normals[:, : self.ring], axis=1), self.ring
            radius = self.stretch * stats.chi.isf(stats.chi.sf(own, m) * stats.chi.sf(self.radius / self.stretch, m), m)
            lead[:, : self.ring] = along * radius[:, None]
        return np.concatenate([lead, normals[:, kept:]], 1) @ self.rotation.T

    def log_ratio(self, points: np.ndarray) -> np.ndarray:
        """Log of the proposed density over the standard one."""
        inside = points @ self.rotation[:, : len(self.mean)]
        off = np.linalg.solve(self.factor, (inside - self.mean).T)
        m, squares, size = self.ring, inside**2, np.log(np.abs(np.diag(self.factor)))
        ratio = 0.5 * squares[:, m:].sum(1) - 0.5 * (off[m:] ** 2).sum(0) - size.sum()
        if not m:
            return ratio
        square = np.maximum(squares[:, :m].sum(1), 1e-300)
        # The density of a direction over the uniform one, and that of a radius beyond the ring's over the standard one.
        angle = -0.5 * m * np.log(np.maximum((off[:m] ** 2).sum(0), 1e-300) / square)
        wider = 0.5 * square * (1.0 - self.stretch**-2) - m * np.log(self.stretch)
        beyond = stats.chi.logsf(self.radius / self.stretch, m)
        return np.where(square >= self.radius**2, ratio + angle + wider - beyond, -np.inf)


def fit(z: np.ndarray, log_loss: np.ndarray, weight: np.ndarray, power: float = 1.0) -> Aimed | None:
    """The law that a power of losses seen at weighted draws suggests; none where none was seen."""
    good = np.isfinite(log_loss)
    if good.sum() < 3:
        return None
    z, log_loss, weight = z[good], log_loss[good], weight[good]
    full = weight * np.exp(log_loss - log_loss.max())
    log_loss = max(power, 1e-6) * log_loss
    share = weight * np.exp(log_loss - log_loss.max())
    share, full = share / share.sum(), full / full.sum()
    score = _scores(z, log_loss, share)
    _, vectors = np.linalg.eigh((share[:, None] * score).T @ score)
    rotation = vectors[:, ::-1]
    kept = min(KEPT, z.shape[1])
    inside = z @ rotation[:, :kept]
    mean = share @ inside
    effective = 1.0 / (share**2).sum()
    spread = (share[:, None] * (inside - mean)).T @ (inside - mean)
    spread = (effective * spread + 3.0 * np.eye(kept)) / (effective + 3.0) + 0.1 * np.eye(kept)
    law = Aimed(rotation, mean, np.linalg.cholesky(spread))
    return (_ring(law, inside, full, spread) if (full**2).sum() < 1.0 / SURE else None) or law


def _ring(law: Aimed, inside: np.ndarray, share: np.ndarray, spread: np.ndarray) -> Aimed | None:
    """The law of a ring, where in some directions losses are on all sides and hardly within."""
    size, turn = np.linalg.eigh(spread)
    size, turn = size[::-1], turn[:, ::-1]
    mean, turned, kept = law.mean @ turn, inside @ turn, len(size)
    own = np.flatnonzero((size > STRETCHED) & (mean**2 < SYMMETRIC * size))
    found, most = None, LEAST
    for m in range(1, len(own) + 1):
        distance = np.linalg.norm(turned[:, own[:m]], axis=1)
        rank = np.argsort(distance)
        radius = float(distance[rank][np.searchsorted(np.cumsum(share[rank]), HOLLOW)]) - SOFT
        if radius > 0.0 and -stats.chi.logsf(radius, m) > most:
            found, most = (m, radius), -stats.chi.logsf(radius, m)
    if found is None:
        return None
    m, radius = found
    beyond = float(share @ np.maximum((turned[:, own[:m]] ** 2).sum(1) - radius**2, 0.0))
    order = np.concatenate([own[:m], np.setdiff1d(np.arange(kept), own[:m])])
    rotation = np.concatenate([law.rotation[:, :kept] @ turn[:, order], law.rotation[:, kept:]], 1)
    mean = np.where(np.arange(kept) < m, 0.0, mean[order])
    return Aimed(rotation, mean, np.diag(np.sqrt(size[order])), m, radius, max(WIDER, np.sqrt(0.5 * beyond)))


def _scores(z: np.ndarray, log_loss: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Gradient of a ridge regression of log loss on the draws and their squares, weighted to where the loss is."""
    # Half the weight follows the loss; the other half keeps the regression defined where few draws carry it.
    weight = 0.5 * share + 0.5 / len(share)
    terms = np.concatenate([np.ones((len(z), 1)), z, z**2 - 1.0], 1)
    ridge = np.diag(np.concatenate([[1e-9], np.full(2 * z.shape[1], 0.01)]))
    fitted = np.linalg.solve(
        (weight[:, None] * terms).T @ terms + ridge, (weight[:, None] * terms).T @ np.maximum(log_loss, -50.0)
    )
    return fitted[1 : z.shape[1] + 1] + 2.0 * fitted[z.shape[1] + 1 :] * z
