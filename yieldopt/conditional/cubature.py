"""A sum over a million sites as a weighted sum over a few hundred: exact for every polynomial up to an order.

Positive weights on actual sites always exist (Tchakaloff 1957); non-negative least squares on the moments finds them.
The moments of all sites come from two one-dimensional tables, so their cost is one matrix product.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

ORDER = 20
"""Order of the rules by which yields are told."""
EXACT = 1000
"""Up to so many sites the sum is taken over all of them."""
AT_ONCE = 1 << 16
"""Sites whose powers are held at once."""


class Rule(NamedTuple):
    """Sites that stand for all (indices), and how many each stands for; padded with weight zero to a fixed length."""

    chosen: np.ndarray
    weight: np.ndarray
    order: int
    residual: float


def rule(x: np.ndarray, y: np.ndarray, order: int, candidates: int = 4000, exact: int = EXACT, room: int = 0) -> Rule:
    """A rule for `sum_i f(x_i, y_i)`, exact for polynomials of total degree `order`; all sites up to `exact` of them.

    It is as long as one of order `room` may be, where that is more: what is compiled for the one serves the other.
    `residual` is the largest error of a moment relative to the number of sites. A map's rule is found once a process.
    """
    return _rule(
        np.asarray(x, float).tobytes(), np.asarray(y, float).tobytes(), order, candidates, exact, max(room, order)
    )


@lru_cache
def _rule(xs: bytes, ys: bytes, order: int, candidates: int, exact: int, room: int) -> Rule:
    x, y = np.frombuffer(xs), np.frombuffer(ys)
    count = len(x)
    terms = [(i, j) for i in range(order + 1) for j in range(order + 1 - i)]
    if count <= max(exact, len(terms)):
        return Rule(np.arange(count), np.ones(count), order, 0.0)
    u, v = _scaled(x), _scaled(y)
    parts = [slice(k, k + AT_ONCE) for k in range(0, count, AT_ONCE)]
    whole = np.sum([_vander(u[part], order).T @ _vander(v[part], order) for part in parts], 0)
    target = np.array([whole[i, j] for i, j in terms]) / count
    chosen = _spread(count, candidates, u, v)
    tu, tv = _vander(u[chosen], order), _vander(v[chosen], order)
    moments = np.stack([tu[:, i] * tv[:, j] for i, j in terms])
    weight, _ = nnls(moments, target, maxiter=20 * len(terms))
    kept = np.flatnonzero(weight > 0)
    residual = float(np.abs(moments[:, kept] @ weight[kept] - target).max())
    size = (room + 1) * (room + 2) // 2
    index, padded = np.zeros(size, int), np.zeros(size)
    index[: len(kept)], padded[: len(kept)] = chosen[kept], weight[kept] * count
    return Rule(index, padded, order, residual)


def _scaled(x: np.ndarray) -> np.ndarray:
    low, high = float(x.min()), float(x.max())
    return (2 * x - low - high) / (high - low) if high > low else np.zeros_like(x)


def _vander(u: np.ndarray, order: int) -> np.ndarray:
    return np.polynomial.chebyshev.chebvander(u, order)


def _spread(count: int, wanted: int, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Candidates spread over the map, rim included: outermost sites and a fixed low-discrepancy pick of the rest."""
    if count <= wanted:
        return np.arange(count)
    rim = np.concatenate(
        [np.argsort(a + b)[k] for a, b in ((u, 0), (v, 0), (u, v), (u, -v)) for k in (slice(64), slice(-64, None))]
    )
    golden = np.unique((np.arange(wanted) * 0.6180339887498949 % 1.0 * count).astype(int))
    return np.unique(np.concatenate([rim, golden]))
