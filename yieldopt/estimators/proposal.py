"""Where the losses are: a few directions of the shared normals, and a normal law in them that half the points follow.

With L the loss of a unit given its shared normals z, the law of z given a loss differs from the standard normal only in
the leading eigenvectors of E[s s'], s = grad log L, under that law (likelihood-informed subspace, Cui et al. 2014);
s is read off a regression of log L on the pilot's draws and their squares. In those directions mean and covariance are
taken (cross-entropy, Rubinstein 1999). Half of the points stay with the standard
normal, so that no weight exceeds two (defensive mixture, Hesterberg 1995) and nothing unseen by the pilot is lost.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.special import ndtri

KEPT = 5
"""Directions at most."""
LIMITS = 2
"""Limits aimed at beside the whole."""
SHARES = (0.02, 0.6)
"""Shares of the loss between which a limit is aimed at by itself: below, it hides in the error; above, it is all."""
INFLATED = 1.25
"""Spread of the first pilot's draws: reaches the losses without starving in some twenty dimensions."""


class Aimed(NamedTuple):
    """Rotation of the normals (leading directions first), and mean and factor of the proposed law in those."""

    rotation: np.ndarray
    mean: np.ndarray
    factor: np.ndarray

    def points(self, normals: np.ndarray) -> np.ndarray:
        """Carry standard normals onto the proposed law."""
        kept = len(self.mean)
        lead = self.mean + normals[:, :kept] @ self.factor.T
        return np.concatenate([lead, normals[:, kept:]], 1) @ self.rotation.T

    def log_ratio(self, points: np.ndarray) -> np.ndarray:
        """Log of the proposed density over the standard one."""
        inside = points @ self.rotation[:, : len(self.mean)]
        off = np.linalg.solve(self.factor, (inside - self.mean).T)
        return 0.5 * (inside**2).sum(1) - 0.5 * (off**2).sum(0) - np.log(np.abs(np.diag(self.factor))).sum()


class Proposal(NamedTuple):
    """Half of the points by the standard law (rotated), half by laws aimed at the losses, in equal parts."""

    aims: tuple[Aimed, ...]

    def points(self, plain: np.ndarray, aimed: np.ndarray) -> np.ndarray:
        """Shared normals from uniforms: `plain` by the standard law, `aimed` by the aimed ones, block after block.

        Only blocks of a power of two of a Sobol sequence are balanced (every second point of one lies in one half), so
        the number of laws is one too.
        """
        u, v = (ndtri(np.clip(part, 1e-16, 1 - 1e-16)) for part in (plain, aimed))
        if not self.aims:
            return np.concatenate([u, v])
        parts = [aim.points(block) for aim, block in zip(self.aims, np.split(v, len(self.aims)), strict=True)]
        return np.concatenate([u @ self.aims[0].rotation.T, *parts])

    def weights(self, points: np.ndarray) -> np.ndarray:
        """Standard density over that of the mixture; never above two."""
        if not self.aims:
            return np.ones(len(points))
        ratios = np.exp(np.minimum([aim.log_ratio(points) for aim in self.aims], 700.0))
        return 1.0 / (0.5 + 0.5 * ratios.mean(0))


def plain() -> Proposal:
    """Nothing aimed at: the standard law alone."""
    return Proposal(())


def aim(losses: Callable[[np.ndarray], np.ndarray], size: int, points: int, stages: int, seed: int) -> Proposal:
    """Find a proposal from pilots of `points` draws.

    `losses` gives, for given normals, the loss in its first column and each limit's own in the others: one law is aimed
    at the whole, others at the limits that cost most, so that a rare limit is not lost behind a common one.
    """
    if size == 0:
        return plain()
    draw = stats.qmc.Sobol(size, rng=np.random.default_rng(seed))
    z, weight = pilot(draw.random(points))
    found = plain()
    for stage in range(stages):
        seen = losses(z)
        cost = weight @ seen
        worst = 1 + np.argsort(-cost[1:])[:LIMITS]
        columns = [0, *(c for c in worst if SHARES[0] * cost[0] < cost[c] < SHARES[1] * cost[0])]
        laws = [fit(z, seen[:, c], weight) for c in columns]
        aims = [law.aims[0] for law in laws if law.aims]
        found = Proposal(tuple([aims[0], *aims] if len(aims) == 3 else aims))
        if stage + 1 < stages:
            z = found.points(*np.split(draw.random(points), 2))
            weight = found.weights(z)
    return found


def pilot(uniforms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inflated standard normals and their weights: what a search starts from that knows nothing yet."""
    z = ndtri(np.clip(uniforms, 1e-16, 1 - 1e-16)) * INFLATED
    log = z.shape[1] * np.log(INFLATED) - 0.5 * (z**2).sum(1) * (1.0 - 1.0 / INFLATED**2)
    return z, np.exp(log)


def fit(z: np.ndarray, loss: np.ndarray, weight: np.ndarray) -> Proposal:
    """The proposal that losses seen at weighted draws suggest; the standard law where none was seen."""
    size = z.shape[1]
    good = np.isfinite(loss) & (loss > 1e-300)
    if size == 0 or good.sum() < 3:
        return plain()
    z, loss, share = z[good], loss[good], (weight * loss)[good]
    share = share / share.sum()
    score = _scores(z, np.log(loss), share)
    _, vectors = np.linalg.eigh((share[:, None] * score).T @ score)
    rotation = vectors[:, ::-1]
    kept = min(KEPT, size)
    inside = z @ rotation[:, :kept]
    mean = share @ inside
    effective = 1.0 / (share**2).sum()
    spread = (share[:, None] * (inside - mean)).T @ (inside - mean)
    spread = (effective * spread + 3.0 * np.eye(kept)) / (effective + 3.0) + 0.1 * np.eye(kept)
    return Proposal((Aimed(rotation, mean, np.linalg.cholesky(spread)),))


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
