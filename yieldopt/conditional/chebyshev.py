"""Smooth functions of a few scalars as Chebyshev series on a box: fit once a design, evaluate a million times.

A series keeps the terms of total degree (each axis in parts of its own degree) at most one. Fits are weighted least
squares on the tensor of Chebyshev points, so that values known to be useless can be given no say.
"""

import itertools
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float


@lru_cache
def terms(degrees: tuple[int, ...]) -> np.ndarray:
    """Exponents kept, one row a term: those with sum of degree_i / degrees_i at most one."""
    every = itertools.product(*(range(d + 1) for d in degrees))
    kept = [t for t in every if sum(i / d for i, d in zip(t, degrees, strict=True) if d) <= 1 + 1e-9]
    return np.array(kept, int).reshape(len(kept), len(degrees))


@lru_cache
def grid(degrees: tuple[int, ...]) -> np.ndarray:
    """Tensor of Chebyshev points of the first kind on [-1, 1], one row a point."""
    if not degrees:
        return np.zeros((1, 0))
    axes = [np.cos(np.pi * (np.arange(d + 1) + 0.5) / (d + 1)) for d in degrees]
    return np.stack([a.ravel() for a in np.meshgrid(*axes, indexing="ij")], -1).reshape(-1, len(degrees))


def powers(x: Float[Array, " points"], degree: int) -> Float[Array, "terms points"]:
    """Chebyshev polynomials T_0..T_degree at x, by recurrence."""
    values = [jnp.ones_like(x), x]
    for _ in range(degree - 1):
        values.append(2.0 * x * values[-1] - values[-2])
    return jnp.stack(values[: degree + 1])


def clenshaw(x: Float[Array, " points"], terms: Float[Array, "terms *columns points"]) -> Array:
    """Series at x, by Clenshaw's recurrence: nothing is stored between the terms, so that they run as one loop."""
    ahead = behind = jnp.zeros_like(terms[0])
    for k in range(len(terms) - 1, 0, -1):
        ahead, behind = terms[k] + 2.0 * x * ahead - behind, ahead
    return terms[0] + x * ahead - behind


def evaluate(x: Float[Array, "axes points"], tensor: Float[Array, "..."]) -> Float[Array, "*columns points"]:
    """Several series at points of the box [-1, 1]^axes; `tensor` has an axis of terms each, then the columns.

    Points lie along the last axis all the way: every step runs along memory.
    """
    axes, columns = x.shape[0], tensor.shape[x.shape[0] :]
    degrees = tuple(size - 1 for size in tensor.shape[:axes])
    flat = tensor.reshape(*tensor.shape[:axes], -1, 1)
    if not axes:
        return jnp.broadcast_to(tensor[..., None], (*columns, x.shape[1]))
    others = [powers(x[axis], degree) for axis, degree in enumerate(degrees) if axis]
    kept, total = terms(degrees), jnp.zeros((flat.shape[-2], x.shape[1]))
    for rest in terms(degrees[1:]):
        most = int(kept[(kept[:, 1:] == rest).all(1), 0].max())
        part = clenshaw(x[0], flat[(slice(most + 1), *rest)])
        for power, k in zip(others, rest, strict=True):
            part = part * power[k] if k else part
        total = total + part
    return total.reshape(*columns, x.shape[1])


def fit(
    values: Float[Array, "points rows columns"], weights: Float[Array, "points rows"], degrees: tuple[int, ...]
) -> Float[Array, "..."]:
    """Weighted least squares on `grid(degrees)`: a tensor with one axis of terms an axis, then rows, then columns.

    Terms above the total degree are zero; a small ridge keeps a fit with few trusted points defined.
    """
    points, kept = grid(degrees), terms(degrees)
    at = np.ones((len(points), len(kept)))
    for axis, degree in enumerate(degrees):
        at *= np.polynomial.chebyshev.chebvander(points[:, axis], degree)[:, kept[:, axis]]
    at /= np.sqrt(len(points))
    weights = jax.lax.optimization_barrier(weights)  # else constant weights are folded at compile time, for seconds
    normal = jnp.einsum("pt,pr,pu->rtu", at, weights, at) + 1e-10 * jnp.eye(at.shape[1])
    right = jnp.einsum("pt,pr,prc->rtc", at / np.sqrt(len(points)), weights, values)
    found = jnp.moveaxis(jnp.linalg.solve(normal, right), 0, 1)
    if not degrees:
        return found[0]
    tensor = jnp.zeros((*(d + 1 for d in degrees), *found.shape[1:]))
    return tensor.at[tuple(kept.T)].set(found)


def derivative(degree: int) -> np.ndarray:
    """Matrix that takes the coefficients of a series to those of its derivative."""
    matrix = np.zeros((degree + 1, degree + 1))
    for k in range(1, degree + 1):
        matrix[: k + 1, k] = np.pad(np.polynomial.chebyshev.chebder(np.eye(degree + 1)[k])[: k + 1], (0, 1))[: k + 1]
    return matrix
