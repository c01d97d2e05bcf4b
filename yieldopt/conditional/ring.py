"""Failure probabilities where the design point is not alone: rings and opposite pairs of them, by polar quadrature.

Where a failure surface bends around the origin almost as the sphere through its nearest point does, second order is
singular. The plane of the design point and of the direction in which the surface bends most is then integrated exactly,
p = 1/(2 pi) integral exp(-r(angle)^2 / 2) d angle with r the distance to the surface; the other curvatures correct it
as before. Exact for a margin that depends on two normals (directional simulation: Deak 1980, Bjerager 1988).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import log_ndtr
from jaxtyping import Float

from yieldopt.conditional import local

ANGLES = 48
"""Directions over the full circle."""
ROOTS = 14
"""Steps of the bracketed root search along each."""
CHUNK = 16
"""Points worked on at once."""
ROUND, FLAT = 0.35, 0.6
"""Second order is left between these values of the roundness, smoothly."""


def log_probability(margin: Callable[[Any, Array], Array], points: Any, found: local.Point) -> Float[Array, " points"]:
    """Log failure probability of each point: second order, by polar quadrature where it is round."""
    found = jax.lax.stop_gradient(found)
    plain = log_ndtr(-found.beta) + found.correction
    matters = (found.beta > 0.0) & (found.beta < 9.0)
    found = found._replace(roundness=jnp.where(matters, found.roundness, jnp.inf))
    order = jnp.argsort(found.roundness)
    picked = jax.tree.map(lambda leaf: leaf[order], (points, found))
    polar = _while_round(
        lambda one: _polar(lambda z: margin(one[0], z), one[1]), picked, picked[1].roundness, plain[order]
    )
    share = jnp.clip((FLAT - picked[1].roundness) / (FLAT - ROUND), 0.0, 1.0)
    share = jnp.where(jnp.isfinite(polar), share * share * (3.0 - 2.0 * share), 0.0)
    return plain.at[order].add(share * (jnp.where(share > 0.0, polar, 0.0) - plain[order]))


def _while_round(function: Callable[[Any], Array], points: Any, roundness: Array, otherwise: Array) -> Array:
    """`function` of the points, the roundest first, for as long as there are round ones: a chunk is costly."""
    count = roundness.shape[0]

    def step(at: tuple[Array, Array]) -> tuple[Array, Array]:
        start, found = at
        start = jnp.minimum(start, max(count - CHUNK, 0))
        part = jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, start, min(CHUNK, count)), points)
        return start + CHUNK, jax.lax.dynamic_update_slice_in_dim(found, jax.vmap(function)(part), start, 0)

    def going(at: tuple[Array, Array]) -> Array:
        return (at[0] < count) & (roundness[jnp.minimum(at[0], count - 1)] < FLAT)

    return jax.lax.while_loop(going, step, (jnp.asarray(0), otherwise))[1]


def _polar(margin: Callable[[Array], Array], point: local.Point) -> Array:
    """Log probability from the plane of the design point and the most bent direction, the rest by second order."""
    angles = 2.0 * np.pi * (np.arange(ANGLES) + 0.5) / ANGLES
    rays = jnp.cos(angles)[:, None] * point.direction + jnp.sin(angles)[:, None] * point.bend
    reach = jax.vmap(lambda ray: _distance(lambda r: margin(r * ray), point.beta))(rays)
    return jax.scipy.special.logsumexp(-0.5 * reach**2) - np.log(ANGLES) + point.rest


def _distance(g: Callable[[Array], Array], start: Array) -> Array:
    """First crossing of zero along a ray within the tail that counts, infinite where there is none.

    A bracket from a few fixed radii, then the Illinois variant of regula falsi.
    """
    radii = jnp.concatenate(
        [jnp.zeros(1), jnp.minimum(start * jnp.array([0.9, 1.02, 1.1, 1.25, 1.5]), local.FAR), jnp.array([local.FAR])]
    )
    values = jax.vmap(g)(radii)
    failed = values < 0.0
    first = jnp.argmax(failed)
    before = jnp.maximum(first - 1, 0)

    def step(at: tuple[Array, ...], _: None) -> tuple[tuple[Array, ...], None]:
        low, high, at_low, at_high = at
        width = at_low - at_high
        middle = low + (high - low) * jnp.where(width > 0.0, at_low / jnp.where(width > 0.0, width, 1.0), 0.5)
        value = g(middle)
        fails = value < 0.0
        low, high = jnp.where(fails, low, middle), jnp.where(fails, middle, high)
        return (low, high, jnp.where(fails, 0.5 * at_low, value), jnp.where(fails, value, 0.5 * at_high)), None

    begin = radii[before], radii[first], values[before], values[first]
    (low, high, at_low, at_high), _ = jax.lax.scan(step, begin, None, length=ROOTS)
    found = jnp.where(at_low < -at_high, low, high)
    return jnp.where(failed.any(), found, jnp.inf)
