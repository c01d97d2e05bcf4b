"""Where the losses are: a few directions of the shared normals, and normal laws in them that most points follow.

With L the loss of a unit given its shared normals z, the law of z given a loss differs from the standard normal only in
the leading eigenvectors of E[s s'], s = grad log L, under that law (likelihood-informed subspace, Cui et al. 2014);
s is read off a regression of log L on draws and their squares. In those directions mean and covariance are taken
(cross-entropy, Rubinstein 1999), one law a limit. An eighth of the points stay with the standard normal, so that no
weight exceeds eight (defensive mixture, Hesterberg 1995), and an eighth with a wider one.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.special import ndtri

from yieldopt.estimators.aimed import Aimed, fit

PARTS = 8
"""Equal parts of the points."""
LIMITS = 4
"""Limits aimed at."""
STAGED = 7
"""Limits approached at a time."""
SHARE = 0.02
"""Share of the loss below which a limit is not aimed at by itself: it hides in the error."""
STAGES = 6
"""Stages at most."""
ENOUGH = 80.0
"""Effective number of draws that a stage fits a law to."""
INFLATED = 1.25
"""Spread of the first pilot's draws: reaches the losses without starving in some twenty dimensions."""


class Proposal(NamedTuple):
    """One part of the points by the standard law (rotated), one by a wider law, the others by laws aimed at the losses.

    `aims` is empty, or has a law for each of the parts but the first. The wider law keeps the weight of what the laws
    missed far out small, the standard one bounds all weights. `others` are laws of limits that are not
    aimed at, since they cost less here: they may cost most at a design nearby.
    """

    aims: tuple[Aimed, ...]
    others: tuple[Aimed, ...] = ()

    def points(self, uniforms: np.ndarray) -> np.ndarray:
        """Shared normals from uniforms, part after part.

        Only blocks of a power of two of a Sobol sequence are balanced: PARTS is one, and so should their length be.
        """
        z = ndtri(np.clip(uniforms, 1e-16, 1 - 1e-16))
        if not self.aims:
            return z
        first, *parts = np.split(z, PARTS)
        aimed = [law.points(part) for law, part in zip(self.aims, parts, strict=True)]
        return np.concatenate([first @ self.aims[-1].rotation.T, *aimed])

    def weights(self, points: np.ndarray) -> np.ndarray:
        """Standard density over that of the mixture; never above PARTS."""
        if not self.aims:
            return np.ones(len(points))
        return PARTS / (1 + (PARTS - 1) * _density(self.aims, points))


def aim(
    losses: Callable[[np.ndarray], np.ndarray],
    size: int,
    points: int,
    seed: int,
    start: Proposal | None = None,
    stages: int = STAGES,
) -> Proposal:
    """Find a proposal from stages of `points` draws, all of which every later stage uses (balance heuristic).

    `losses` gives, for given normals, the loss in its first column and each limit's own in the others. A limit that
    fails far out is approached in stages, by a power of its loss that enough draws still see (adaptive tempering), so
    that it is not missed by draws that never came near. The laws of the limits that cost most are
    aimed at.
    A `start` (a proposal of a design nearby) spares stages.
    """
    if size == 0:
        return Proposal(())
    draw = stats.qmc.Sobol(size, rng=np.random.default_rng(seed))
    wide = Aimed(np.eye(size), np.zeros(size), INFLATED * np.eye(size))
    used = [_each(start) if start and start.aims else (wide,)]
    z, seen, tried = np.zeros((0, size)), list[np.ndarray](), list[Tried]()
    for stage in range(stages):
        uniforms = np.array_split(np.clip(draw.random(points), 1e-16, 1 - 1e-16), len(used[-1]))
        new = np.concatenate([law.points(ndtri(part)) for law, part in zip(used[-1], uniforms, strict=True)])
        z, seen = np.concatenate([z, new]), [*seen, losses(new)]
        weight = 1.0 / np.mean([_density(laws, z) for laws in used], 0)
        tried = _tried(z, np.concatenate(seen), weight)
        laws = tuple(one.law for one in tried if one.law)
        if not laws or all(one.power == 1.0 for one in tried) or stage + 1 == stages:
            break
        used.append(laws)
    known = [(one.law, one.cost) for one in tried[1:] if one.law]
    count = sum(cost > SHARE * tried[0].cost for _, cost in known[:LIMITS])
    return Proposal(_shared(wide, known[:count]), tuple(law for law, _ in known[count:]))


class Tried(NamedTuple):
    """A column of the losses: its weighted sum, the power of it that draws see, the law fitted to that."""

    cost: float
    power: float
    law: Aimed | None


def _each(start: Proposal) -> tuple[Aimed, ...]:
    """The laws of a proposal, each once, with those that it does not aim at."""
    return tuple({id(law): law for law in (*start.aims, *start.others)}.values())


def _tried(z: np.ndarray, seen: np.ndarray, weight: np.ndarray) -> list[Tried]:
    """The whole, then the limits that cost most so far."""
    cost = weight @ seen
    nearest = [0, *(int(c) for c in 1 + np.argsort(-cost[1:])[:STAGED] if cost[c] > 0.0)]
    found: list[Tried] = []
    for column in nearest:
        power = _power(seen[:, column], weight)
        law = fit(z, _log(seen[:, column]), weight, power)
        found.append(Tried(float(cost[column]), power, law))
    return found


def _density(laws: tuple[Aimed, ...], z: np.ndarray) -> np.ndarray:
    """Density of equal parts of some laws over the standard normal's."""
    return np.exp(np.minimum([law.log_ratio(z) for law in laws], 700.0)).mean(0)


def _log(loss: np.ndarray) -> np.ndarray:
    return np.where(loss > 1e-300, np.log(np.maximum(loss, 1e-300)), -np.inf)


def _power(loss: np.ndarray, weight: np.ndarray) -> float:
    """The largest power of the loss, one at most, of which as many draws as ENOUGH still carry the weighted sum."""
    log = _log(loss)
    if np.isfinite(log).sum() < 3:
        return 1.0

    def effective(power: float) -> float:
        share = weight * np.exp(power * (log - log.max()))
        return float(share.sum() ** 2 / (share**2).sum())

    if effective(1.0) >= ENOUGH:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if effective(middle) >= ENOUGH else (low, middle)
    return low


def _shared(wide: Aimed, laws: list[tuple[Aimed, float]]) -> tuple[Aimed, ...]:
    """The parts dealt out: one to the wide law and to each other, the rest in turn to whom most is still wanted."""
    if not laws:
        return ()
    wanted, dealt = np.sqrt([cost for _, cost in laws]), np.ones(len(laws), int)
    while dealt.sum() < PARTS - 2:
        dealt[np.argmax(wanted / dealt)] += 1
    return wide, *(law for (law, _), count in zip(laws, dealt, strict=True) for _ in range(count))
