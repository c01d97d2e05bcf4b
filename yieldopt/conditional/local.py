"""The failure probability of one element in a given state, far into its tail: a second-order design point.

The design point is the failure surface's point nearest the origin of the element's normals (Hasofer & Lind 1974; found
by Rackwitz & Fiessler's iteration 1978, then Newton on the optimality conditions). The curvatures there correct the
half-space's probability: Phi(-beta) / sqrt(det(I + psi K)), psi = phi(beta) / Phi(-beta) (Hohenbichler, Rackwitz 1988).
Right to half a per cent between 1e-2 and 1e-15 for one smooth limit; it loses its ground where psi times a curvature
nears -1 (a ring of design points), which `Point.roundness` tells; `ring` then takes its place.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import log_ndtr
from jax.scipy.stats import norm
from jaxtyping import Float

FAR = 14.0
"""Design points beyond so many standard deviations are not looked for: their probability is zero."""
STARTS = 5.0, 9.0
"""Where the search starts when nothing is in sight from the origin."""
STEPS = 10
"""Steps of the search before Newton's."""
SOUND = 1e-3
"""A design point's margin is zero to so many standard deviations, or the search has stopped short."""
_STEP = 1e-4
"""Step of the central differences of the gradient: their error, 1e-8, is nothing to a curvature's effect."""


class Point(NamedTuple):
    """A design point: distance (negative when the median element fails), log correction, direction towards failure.

    `pull` is the margin's gradient in the state over its slope in the normals; `roundness` is the smallest
    1 + psi x curvature: near one for a flat limit, near zero for a ring; `bend` is its direction and `rest` the log
    correction of the other curvatures; `residual` is what is left of the margin; `mirror` is the direction towards
    failure where the two halves of the normals have changed places.
    """

    beta: Float[Array, ""]
    correction: Float[Array, ""]
    direction: Float[Array, " normals"]
    slope: Float[Array, ""]
    normal: Float[Array, " normals"]
    pull: Float[Array, " states"]
    roundness: Float[Array, ""]
    bend: Float[Array, " normals"]
    rest: Float[Array, ""]
    residual: Float[Array, ""]
    mirror: Float[Array, " normals"]


def design_point(margin: Callable[[Array, Array], Array], state: Array, size: int) -> Point:
    """Find the design point of `margin(state, normals)` (fails below zero) in `size` standard normals.

    One loop makes every query, the curvature's central differences too: a single gradient is compiled. Nothing here is
    to be differentiated; `tie` gives the index its derivative.
    """
    both = jax.value_and_grad(margin, argnums=(0, 1))
    offsets = np.concatenate(
        [np.zeros((STEPS + 1, size)), _STEP * np.eye(size), -_STEP * np.eye(size), np.zeros((1, size))]
    )
    order = np.arange(len(offsets))

    def query(z: Array, k: tuple[Array, Array]) -> tuple[Array, Any]:
        offset, count = k
        g, (s, d) = both(state, jnp.where(count == len(offsets) - 1, jnp.roll(z, size // 2), z) + offset)
        tangent = (g - d @ z) / jnp.maximum(jnp.linalg.norm(d), 1e-30)
        return jnp.where(count < STEPS, _nearer(z, g, d), z), (g, s, d, tangent)

    start, here = _start(margin, state, size)
    z, (g, s, d, tangents) = jax.lax.scan(query, start, (jnp.asarray(offsets), jnp.asarray(order)))
    g, s, apart, mirror, tangents = g[STEPS], s[STEPS], d[STEPS + 1 : -1], -d[-1], tangents[STEPS // 2 : STEPS + 1]
    hessian = (apart[:size] - apart[size:]) / (2.0 * _STEP)
    hessian, d = 0.5 * (hessian + hessian.T), d[STEPS]
    step = _newton(z, g, d, hessian)
    z, g, d = z + step, g + d @ step + 0.5 * step @ hessian @ step, d + hessian @ step
    length = jnp.maximum(jnp.linalg.norm(d), 1e-30)
    away = d / length
    across = jnp.eye(size) - jnp.outer(away, away)
    beta, left = g / length - away @ z, jnp.abs(g) / length
    bent = jnp.eye(size) + hazard(beta) * (across @ hessian @ across) / length
    correction, roundness, bend, rest = _bending(bent, away)
    mirror = mirror / jnp.maximum(jnp.linalg.norm(mirror), 1e-30)
    found = Point(beta, correction, -away, length, z, s / length, roundness, bend, rest, left, mirror)
    return _short(found, here, tangents)


def _short(found: Point, here: Array, tangents: Float[Array, " steps"]) -> Point:
    """Where the search stopped short (far points, corners) a tangent stands in for the surface: of those met, the one
    farthest from the origin, for about a corner where several surfaces must be crossed each of them is too near.
    `here` is the margin at the origin.
    """
    beta = jnp.where(here < 0.0, jnp.min(tangents), jnp.max(tangents))
    flat = found._replace(beta=beta, correction=0.0 * beta, roundness=1.0 + 0.0 * beta, rest=0.0 * beta)
    return jax.tree.map(lambda a, b: jnp.where(found.residual < SOUND, a, b), found, flat)


def _bending(bent: Array, away: Array) -> tuple[Array, Array, Array, Array]:
    """Log correction of all curvatures, least 1 + psi x curvature with its direction, log correction of the others."""
    values, vectors = jnp.linalg.eigh(bent - 1e6 * jnp.outer(away, away))  # the normal's own axis sorts first
    if values.shape[0] == 1:
        return jnp.zeros(()), jnp.ones(()), jnp.zeros(1), jnp.zeros(())
    rest = -0.5 * jnp.log(jnp.maximum(values[2:], 0.05)).sum()
    # A ring has no second-order answer; the flat one stands in and `roundness` says so.
    return rest - 0.5 * jnp.log(jnp.maximum(values[1], 0.05)), values[1], vectors[:, 1], rest


def index(point: Point, margin: Array, log_p: Array) -> Array:
    """The index whose half-space has probability exp(log_p), with the derivative of the point's distance: that of the
    `margin` there over its slope (the envelope theorem).

    Newton on the log of the tail from a first-order start; exact at log_p = log Phi(-beta).
    """
    beta, bound = jax.lax.stop_gradient((point.beta, jnp.minimum(log_p, -1e-14)))

    def nearer(k: int, sought: Array) -> Array:
        first = k == 0
        least, most = jnp.where(first, 0.3, 1e-3), jnp.where(first, 2.0, 1.0)
        tail = log_ndtr(-sought)
        steep = jnp.maximum(jnp.exp(norm.logpdf(sought) - tail), least)
        return sought + jnp.clip((tail - bound) / steep, -most, most)

    sought = jnp.where(beta > -4.0, jax.lax.fori_loop(0, 5, nearer, beta), beta)
    return jax.lax.stop_gradient(sought) + (margin - jax.lax.stop_gradient(margin)) / point.slope


def hazard(beta: Array) -> Array:
    """phi(beta) / Phi(-beta), without underflow."""
    return jnp.exp(norm.logpdf(beta) - log_ndtr(-beta))


def _start(margin: Callable[[Array, Array], Array], state: Array, size: int) -> tuple[Array, Array]:
    """The origin, or where the margin is flat there and failure out of sight, the most failing of a few far points; the
    margin at the origin.
    """
    both = np.concatenate([np.eye(size), -np.eye(size)])
    trials = jnp.asarray(np.concatenate([np.zeros((1, size)), *(r * both for r in STARTS), _STEP * both]))
    values = jax.vmap(lambda z: margin(state, z))(trials)
    here, far, near = values[0], values[1 : -2 * size], values[-2 * size :]
    # By the linear measure, is failure within reach from the origin?
    sight = here < FAR * jnp.linalg.norm(near[:size] - near[size:]) / (2.0 * _STEP)
    return jnp.where(sight | (far >= here).all(), trials[0], trials[1 + jnp.argmin(far)]), here


def _nearer(z: Array, g: Array, d: Array) -> Array:
    """One step of Rackwitz & Fiessler, bounded in length and kept within the tail that counts."""
    move = (d @ z - g) * d / jnp.maximum(d @ d, 1e-30) - z
    z = z + move * jnp.minimum(1.0, 4.0 / jnp.maximum(jnp.linalg.norm(move), 1e-30))
    return z * jnp.minimum(1.0, FAR / jnp.maximum(jnp.linalg.norm(z), 1e-30))


def _newton(z: Array, g: Array, d: Array, hessian: Array) -> Array:
    """One Newton step on the optimality conditions; refused where it leaves the neighbourhood (far points)."""
    size = z.shape[0]
    multiplier = -(z @ d) / jnp.maximum(d @ d, 1e-30)
    matrix = jnp.block([[jnp.eye(size) + multiplier * hessian, d[:, None]], [d[None, :], jnp.zeros((1, 1))]])
    right = -jnp.concatenate([z + multiplier * d, g[None]])
    sound = d @ d > 1e-24
    step = jnp.linalg.solve(jnp.where(sound, matrix, jnp.eye(size + 1)), right)[:size]
    small = sound & (jnp.linalg.norm(step) < 1.0) & (jnp.linalg.norm(z) < FAR - 1e-6)
    return jnp.where(small, step, 0.0)
