"""Smooth Gaussian fields over a die or a wafer, by the few modes that carry them (Karhunen & Loeve).

The covariance exp(-d^2 / (2 length^2)) falls apart into a factor for each axis, whose eigenfunctions Nystroem's method
finds on Gauss-Legendre points; those of the plane are their products, the largest first.
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.errors import UserError

NODES = 64
"""Gauss-Legendre points along an axis: enough for lengths down to a tenth of its half."""
SHORTEST = 0.1
"""Correlation length, in half widths of the square, below which a field is not carried by few modes."""


class Modes(eqx.Module):
    """Modes of a field of unit variance over the square [-1, 1]^2.

    The field at (u, v) is `at(u, v) @ normals` with `count` independent standard normals; `share` is how much of its
    variance they carry, on average over the square.
    """

    places: Float[Array, " nodes"]
    table: Float[Array, "nodes axis"]
    first: Array
    second: Array
    length: float = eqx.field(static=True)
    share: float = eqx.field(static=True)

    @property
    def count(self) -> int:
        """How many normals the field takes."""
        return len(self.first)

    def at(self, u: Any, v: Any) -> Float[Array, "*sites modes"]:
        """The modes at places of the square."""
        across, along = self._axis(jnp.asarray(u, float)), self._axis(jnp.asarray(v, float))
        return across[..., self.first] * along[..., self.second]

    def _axis(self, x: Array) -> Array:
        """Each mode of one axis, times the root of its variance (Nystroem's extension)."""
        return jnp.exp(-0.5 * ((x[..., None] - self.places) / self.length) ** 2) @ self.table


def modes(length: float, share: float = 0.99) -> Modes:
    """The fewest modes that carry `share` of the variance of a field of that correlation length, in half widths of the
    square; raise UserError for a length or a share out of reach.
    """
    if not length >= SHORTEST:
        do = "Draw what varies faster for each element by itself."
        raise UserError.of(f"a correlation length of at least {SHORTEST} half widths", f"{length:g}", do)
    if not 0.0 < share <= 0.9999:
        raise UserError.of("a share of the variance between 0 and .9999", f"{share:g}", "Take .99.")
    places, weights = np.polynomial.legendre.leggauss(NODES)
    root = np.sqrt(weights)
    kernel = np.exp(-0.5 * ((places[:, None] - places) / length) ** 2)
    values, vectors = np.linalg.eigh(root[:, None] * kernel * root)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    both = np.outer(values, values)
    order = np.argsort(-both, axis=None, kind="stable")
    carried = np.cumsum(both.ravel()[order]) / 4.0  # the square's area: of unit variance everywhere
    count = int(np.searchsorted(carried, share)) + 1
    first, second = np.unravel_index(order[:count], both.shape)
    kept = int(max(first.max(), second.max())) + 1
    # phi(x) = sum_j w_j k(x, x_j) phi(x_j) / value, and the mode is phi times the root of its value.
    table = root[:, None] * vectors[:, :kept] / np.sqrt(values[:kept])
    arrays = (jnp.asarray(places), jnp.asarray(table), jnp.asarray(first), jnp.asarray(second))
    return Modes(*arrays, float(length), float(carried[count - 1]))
