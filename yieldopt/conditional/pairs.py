"""Pairs that have an element in common: how many of their failures are that one element's own doing.

Given the coordinate s of one element along its own part of the pair's direction of failure, its pairs are independent
(their other elements are), so that an element of d pairs passes them all with probability E_s (1 - p(s))^d. The log
pass probability of all pairs is the sum over pairs, and over elements of log E_s (1 - p(s))^d - d log E_s (1 - p(s))
(Bethe's approximation, exact on a tree). The second is written as the share g of a pair's failures that one of its
elements causes alone, failing all of its pairs at once: d log E_s (1 - p) g (1 / d - 1). The share hardly depends on d,
so that every pair may be counted with the true numbers of its elements' pairs. It is measured where the design points
are, in the plane of the two coordinates; corrections couple by couple cannot give it, since a crushed element fails
four pairs.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import log_ndtr, ndtr
from jaxtyping import Float
from scipy import interpolate

from yieldopt.conditional import local

COORDINATE = np.linspace(-9.0, 9.0, 51)
"""Where a pair's margin is taken along each of its elements' coordinates."""
FINE = np.linspace(-9.0, 9.0, 181)
"""Where it is interpolated to, by cubic splines, for the mean over an element's own."""
NEAR = 8.5
"""Reliability index beyond which the plane ends and the design point alone is asked."""
_BETWEEN = interpolate.CubicSpline(COORDINATE, np.eye(len(COORDINATE)))(FINE)
_WEIGHT = np.exp(-0.5 * FINE**2) / np.exp(-0.5 * FINE**2).sum()
_NOWHERE = 12.0


def counted(alone: Array, ends: Array | float) -> Array:
    """How often a pair's log pass counts, where `ends` is the sum over its elements of one over their pairs."""
    return 1.0 - alone * (2.0 - ends)


def plane(point: local.Point) -> tuple[Array, Array]:
    """Directions in which the first and the second element of a pair fail it, in the normals of each.

    Where one element does it alone, the design point knows only of that one; the other's is its mirror image.
    """
    half = point.direction.shape[0] // 2
    norms = jnp.linalg.norm(point.direction.reshape(2, half), axis=1)
    known, mirrored = (v.reshape(2, half) for v in (point.direction, point.mirror))
    first = jnp.where(norms[0] >= norms[1], known[0], mirrored[0])
    second = jnp.where(norms[0] >= norms[1], mirrored[1], known[1])
    return first / jnp.maximum(jnp.linalg.norm(first), 1e-12), second / jnp.maximum(jnp.linalg.norm(second), 1e-12)


def on_plane(margin: Callable[[Array, Array], Array], point: local.Point, degree: float) -> Float[Array, "2"]:
    """From a pair's margin on the plane of its elements' two coordinates: the share, the log failure probability.

    `margin` takes the normals of each: what it makes of one alone is then computed once a line of the plane.
    """
    first, second = plane(point)
    s = jnp.asarray(COORDINATE)
    at = jax.vmap(lambda a: jax.vmap(lambda b: margin(a * first, b * second))(s))(s)
    # The margin is interpolated, not the crossing: so both ways to fail come out with the same threshold.
    by_second, by_first = (jax.vmap(_crossing)(jnp.asarray(_BETWEEN) @ each) for each in (at, at.T))
    by_one, by_other = (
        (_fails(*both, degree), _fails(*both, 1.0)) for both in ((by_second, by_first), (by_first, by_second))
    )
    log_p = jnp.log(jnp.maximum(by_one[1], 1e-300))
    share = 0.5 * (_share(*by_one, degree) + _share(*by_other, degree))
    # The plane leaves out how the surface bends across it: less than a per cent of the probability.
    return jnp.stack([share, jnp.where(point.beta < NEAR, log_p, log_ndtr(-point.beta) + point.correction)])


def _fails(threshold: Float[Array, " own"], own: Float[Array, " others"], many: float) -> Array:
    """Probability that an element fails any of `many` pairs: from the other's threshold given its own, and its own.

    Each side of the diagonal is integrated along the lesser coordinate (of the others that is their largest), in which
    the threshold is smooth even where either element fails the pair alone.
    """
    others = -jnp.expm1(many * log_ndtr(jnp.maximum(threshold, FINE)))
    largest = many * jnp.exp((many - 1.0) * log_ndtr(jnp.asarray(FINE)))
    return _WEIGHT @ (others + largest * ndtr(-jnp.maximum(own, FINE)))


def _share(every: Array, one: Array, degree: float) -> Array:
    """The share of a pair's failures that are one element's own doing."""
    one, every = (jnp.log1p(-jnp.minimum(p, 1.0 - 1e-12)) for p in (one, every))
    share = (1.0 - every / jnp.minimum(one, -1e-300) / degree) / max(1.0 - 1.0 / degree, 1e-6)
    return jnp.where((one < -1e-13) & (one > -20.0), share, 0.0)


def _crossing(values: Float[Array, " others"]) -> Array:
    """Where the margin first falls below zero along the other coordinate, far if nowhere: the line between two points,
    then Newton on the cubic through four.
    """
    fails = values < 0.0
    after = jnp.argmax(fails)
    start = jnp.clip(after - 2, 0, len(COORDINATE) - 4)
    v = jax.lax.dynamic_slice(values, (start,), (4,))
    one, two, three = v[1] - v[0], v[2] - 2.0 * v[1] + v[0], v[3] - 3.0 * v[2] + 3.0 * v[1] - v[0]
    high, low = values[jnp.maximum(after - 1, 0)], values[after]
    drop = jnp.maximum(high - low, 1e-30)
    place = linear = (after - 1 - start) + jnp.clip(high / drop, 0.0, 1.0)
    for _ in range(2):
        found = v[0] + place * (one + 0.5 * (place - 1.0) * (two + (place - 2.0) * three / 3.0))
        place = jnp.clip(place + found / drop, linear - 0.5, linear + 0.5)
    found = COORDINATE[0] + (COORDINATE[1] - COORDINATE[0]) * (start + place)
    return jnp.where(fails.any(), jnp.where(after == 0, -_NOWHERE, found), _NOWHERE)
