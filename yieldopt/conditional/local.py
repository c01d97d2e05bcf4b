"""The failure probability of one element in a given state, far into its tail: a second-order design point.

The design point is the failure surface's point nearest the origin of the element's normals (Hasofer & Lind 1974; found
by Rackwitz & Fiessler's iteration 1978, then Newton on the optimality conditions). The curvatures there correct the
half-space's probability: Phi(-beta) / sqrt(det(I + psi K)), psi = phi(beta) / Phi(-beta) (Hohenbichler & Rackwitz 1988).
Right to half a per cent between 1e-2 and 1e-15 for one smooth limit; it loses its ground where psi times a curvature
nears -1 (a ring of design points), which `Point.roundness` tells.
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
STEPS = 10
"""Steps of the search before Newton's."""
_STEP = 1e-4
"""Step of the central differences of the gradient: their error, 1e-8, is nothing to a curvature's effect."""


class Point(NamedTuple):
    """A design point: distance (negative when the median element fails), log correction, direction towards failure.

    `pull` is the margin's gradient in the state over its slope in the normals; `roundness` is the smallest
    1 + psi x curvature: near one for a flat limit, near zero for a ring; `residual` what is left of the margin.
    """

    beta: Float[Array, ""]
    correction: Float[Array, ""]
    direction: Float[Array, " normals"]
    slope: Float[Array, ""]
    normal: Float[Array, " normals"]
    pull: Float[Array, " states"]
    roundness: Float[Array, ""]
    residual: Float[Array, ""]


def design_point(margin: Callable[[Array, Array], Array], state: Array, size: int) -> Point:
    """Find the design point of `margin(state, normals)` (fails below zero) in `size` standard normals.

    One loop makes every query, the curvature's central differences too: a single gradient is compiled. Nothing here is
    to be differentiated; `tie` gives the index its derivative.
    """
    both = jax.value_and_grad(margin, argnums=(0, 1))
    offsets = np.concatenate([np.zeros((STEPS + 1, size)), _STEP * np.eye(size), -_STEP * np.eye(size)])
    search = np.arange(len(offsets)) < STEPS

    def query(z: Array, k: tuple[Array, Array]) -> tuple[Array, Any]:
        offset, moving = k
        g, (s, d) = both(state, z + offset)
        return jnp.where(moving, _nearer(z, g, d), z), (g, s, d)

    z, (g, s, d) = jax.lax.scan(query, jnp.zeros(size), (jnp.asarray(offsets), jnp.asarray(search)))
    g, s, apart = g[STEPS], s[STEPS], d[STEPS + 1 :]
    hessian = (apart[:size] - apart[size:]) / (2.0 * _STEP)
    hessian, d = 0.5 * (hessian + hessian.T), d[STEPS]
    step = _newton(z, g, d, hessian)
    z, g, d = z + step, g + d @ step + 0.5 * step @ hessian @ step, d + hessian @ step
    length = jnp.maximum(jnp.linalg.norm(d), 1e-30)
    away = d / length
    across = jnp.eye(size) - jnp.outer(away, away)
    # Where the search stopped short (far points), the tangent there stands in for the surface.
    beta = g / length - away @ z
    bent = jnp.eye(size) + hazard(beta) * (across @ hessian @ across) / length
    roundness = jnp.linalg.eigvalsh(bent).min()
    # A ring has no second-order answer; the flat one stands in and `roundness` says so.
    correction = jnp.where(roundness > 0.05, -0.5 * jnp.linalg.slogdet(bent)[1], 0.0)
    return Point(beta, correction, -away, length, z, s / length, roundness, jnp.abs(g) / length)


def tie(point: Point, margin: Array) -> Array:
    """The index with its derivative: the margin's at the point over the slope there (the envelope theorem)."""
    return point.beta + (margin - jax.lax.stop_gradient(margin)) / point.slope


def hazard(beta: Array) -> Array:
    """phi(beta) / Phi(-beta), without underflow."""
    return jnp.exp(norm.logpdf(beta) - log_ndtr(-beta))


def _nearer(z: Array, g: Array, d: Array) -> Array:
    """One step of Rackwitz & Fiessler, bounded in length and kept within the tail that counts."""
    move = (d @ z - g) * d / jnp.maximum(d @ d, 1e-30) - z
    z = z + move * jnp.minimum(1.0, 4.0 / jnp.maximum(jnp.linalg.norm(move), 1e-30))
    return z * jnp.minimum(1.0, FAR / jnp.maximum(jnp.linalg.norm(z), 1e-30))


def _newton(z: Array, g: Array, d: Array, hessian: Array) -> Array:
    """One Newton step on the optimality conditions; refused where it leaves the neighbourhood (far, irrelevant points)."""
    size = z.shape[0]
    multiplier = -(z @ d) / jnp.maximum(d @ d, 1e-30)
    matrix = jnp.block([[jnp.eye(size) + multiplier * hessian, d[:, None]], [d[None, :], jnp.zeros((1, 1))]])
    right = -jnp.concatenate([z + multiplier * d, g[None]])
    sound = d @ d > 1e-24
    step = jnp.linalg.solve(jnp.where(sound, matrix, jnp.eye(size + 1)), right)[:size]
    small = sound & (jnp.linalg.norm(step) < 1.0) & (jnp.linalg.norm(z) < FAR - 1e-6)
    return jnp.where(small, step, 0.0)
