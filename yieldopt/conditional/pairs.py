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
from jax.scipy.special import ndtr
from jaxtyping import Float

from yieldopt.conditional import local

COORDINATE = np.linspace(-7.2, 7.2, 25)
"""Where a pair's margin is taken along each of its elements' coordinates."""
FINE = np.linspace(-7.2, 7.2, 289)
"""Where it is interpolated to for the mean over an element's own."""
_BETWEEN = np.stack([np.interp(FINE, COORDINATE, row) for row in np.eye(len(COORDINATE))], 1)
_WEIGHT = np.exp(-0.5 * FINE**2) / np.exp(-0.5 * FINE**2).sum()


def counted(alone: Array, ends: Array | float) -> Array:
    """How often a pair's log pass counts, where `ends` is the sum over its elements of one over their pairs."""
    return 1.0 - alone * (2.0 - ends)


def plane(point: local.Point) -> tuple[Array, Array]:
    """Directions in which the first and the second element of a pair fail it, each on its own half of the normals.

    Where one element does it alone, the design point knows only of that one; the other's is its mirror image.
    """
    half = point.direction.shape[0] // 2
    norms = jnp.linalg.norm(point.direction.reshape(2, half), axis=1)
    known, mirrored = (v.reshape(2, half) for v in (point.direction, point.mirror))
    first = jnp.where(norms[0] >= norms[1], known[0], mirrored[0])
    second = jnp.where(norms[0] >= norms[1], mirrored[1], known[1])
    first, second = (v / jnp.maximum(jnp.linalg.norm(v), 1e-12) for v in (first, second))
    zero = jnp.zeros(half)
    return jnp.concatenate([first, zero]), jnp.concatenate([zero, second])


def flat(point: local.Point) -> local.Point:
    """The point with the plane of the two coordinates as the one to be integrated, always: either may fail the pair."""
    first, second = plane(point)
    both, apart = (first + second) / np.sqrt(2.0), (first - second) / np.sqrt(2.0)
    return point._replace(direction=both, bend=apart, roundness=jnp.zeros_like(point.roundness))


def on_plane(margin: Callable[[Array], Array], point: local.Point, degree: float) -> Float[Array, "2"]:
    """From a pair's margin on the plane of its elements' two coordinates: the share, the log failure probability."""
    first, second = plane(point)
    s = jnp.asarray(COORDINATE)
    at = jax.vmap(lambda a: jax.vmap(lambda b: margin(a * first + b * second))(s))(s)
    return 0.5 * (_by_one(at, degree) + _by_one(at.T, degree))


def _by_one(values: Float[Array, "own others"], degree: float) -> Float[Array, "2"]:
    """What `on_plane` answers, by one of the elements."""
    # The margin is interpolated, not the crossing: so both ways to fail come out with the same threshold.
    fails = ndtr(-jax.vmap(_crossing)(jnp.asarray(_BETWEEN) @ values))
    logs = jnp.log1p(-jnp.minimum(fails, 1.0 - 1e-12))
    one, every = (jnp.log1p(jnp.maximum(_WEIGHT @ jnp.expm1(many * logs), -1.0 + 1e-12)) for many in (1.0, degree))
    alone = (1.0 - every / jnp.minimum(one, -1e-300) / degree) / max(1.0 - 1.0 / degree, 1e-6)
    seen = (one < -1e-13) & (one > -20.0)
    return jnp.stack([jnp.where(seen, alone, 0.0), jnp.log(jnp.maximum(-jnp.expm1(one), 1e-300))])


def _crossing(values: Float[Array, " others"]) -> Array:
    """Where the margin first falls below zero along the other coordinate, by linear interpolation; far if nowhere."""
    grid, fails = jnp.asarray(COORDINATE), values < 0.0
    after = jnp.argmax(fails)
    before = jnp.maximum(after - 1, 0)
    share = values[before] / jnp.maximum(values[before] - values[after], 1e-30)
    found = grid[before] + (grid[after] - grid[before]) * jnp.clip(share, 0.0, 1.0)
    return jnp.where(fails.any(), jnp.where(after == 0, -9.0, found), 9.0)
