"""Smooth functions of a few scalars as Chebyshev series on a box: fit once a design, evaluate a million times.

A series keeps the terms of total degree (each axis in parts of its own degree) at most one. Fits are weighted least
squares on the tensor of Chebyshev points, so that values known to be useless can be given no say.
"""

import itertools
from functools import lru_cache
from typing import Any

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


def derivatives(
    x: Float[Array, " points"], terms: Float[Array, "terms columns points"], order: int
) -> list[Float[Array, "columns points"]]:
    """Series at each of the points, with terms of their own there: value, slope and so on up to the order's."""
    found: Any = _derivatives(x, terms, order)
    return found


def _recurrence(x: Array, terms: Array, order: int) -> list[Array]:
    # Clenshaw's recurrence, differentiated: nothing is stored between the terms, so that they run as one loop.
    none = jnp.zeros_like(terms[0])
    ahead, behind = [none] * (order + 1), [none] * (order + 1)
    for k in range(len(terms) - 1, 0, -1):
        following = [2.0 * x * a - b for a, b in zip(ahead, behind, strict=True)]
        following = [f + 2.0 * m * ahead[m - 1] if m else terms[k] + f for m, f in enumerate(following)]
        ahead, behind = following, ahead
    found = [x * a - b for a, b in zip(ahead, behind, strict=True)]
    return [f + m * ahead[m - 1] if m else terms[0] + f for m, f in enumerate(found)]


def _derivatives_ahead(x: Array, terms: Array, order: int) -> tuple[list[Array], tuple[Array, Array]]:
    return _recurrence(x, terms, order), (x, terms)


def _derivatives_back(order: int, kept: tuple[Array, Array], out: list[Array]) -> tuple[Array, Array]:
    x, terms = kept
    steeper = _recurrence(x, terms, order + 1)[1:]
    before, last = [jnp.zeros_like(x)] * (order + 1), [jnp.ones_like(x), *[jnp.zeros_like(x)] * order]
    by_term = [out[0]]
    for k in range(1, len(terms)):  # derivatives of the polynomials, by the recurrence's
        twice = 1.0 if k == 1 else 2.0
        following = [twice * x * a - (0.0 if k == 1 else b) for a, b in zip(last, before, strict=True)]
        following = [f + twice * m * last[m - 1] if m else f for m, f in enumerate(following)]
        before, last = last, following
        by_term.append(sum((o * value for o, value in zip(out, last, strict=True)), jnp.zeros_like(out[0])))
    return sum(((o * s).sum(0) for o, s in zip(out, steeper, strict=True)), jnp.zeros_like(x)), jnp.stack(by_term)


_derivatives = jax.custom_vjp(_recurrence, nondiff_argnums=(2,))
_derivatives.defvjp(_derivatives_ahead, _derivatives_back)


def _clenshaw(x: Array, terms: Float[Array, "terms *columns points"]) -> Array:
    """Clenshaw's recurrence: nothing is stored between the terms, so that they run as one loop."""
    ahead = behind = jnp.zeros_like(terms[0])
    for k in range(len(terms) - 1, 0, -1):
        ahead, behind = terms[k] + 2.0 * x * ahead - behind, ahead
    return terms[0] + x * ahead - behind


@jax.custom_vjp
def evaluate(x: Float[Array, "axes points"], tensor: Float[Array, "..."]) -> Float[Array, "*columns points"]:
    """Several series at points of the box [-1, 1]^axes; `tensor` has an axis of terms each, then the columns.

    Points lie along the last axis all the way: every step runs along memory. Reverse mode only: the recurrences are not
    differentiated step by step, which would store them and takes minutes to compile.
    """
    axes, columns = x.shape[0], tensor.shape[x.shape[0] :]
    if not axes:
        return jnp.broadcast_to(tensor[..., None], (*columns, x.shape[1]))
    degrees = tuple(size - 1 for size in tensor.shape[:axes])
    flat = tensor.reshape(*tensor.shape[:axes], -1, 1)
    kept, total = terms(degrees), jnp.zeros((flat.shape[-2], x.shape[1]))
    for rest, power in _others(x, degrees):
        most = int(kept[(kept[:, 1:] == rest).all(1), 0].max())
        total = total + power * _clenshaw(x[0], flat[(slice(most + 1), *rest)])
    return total.reshape(*columns, x.shape[1])


def _others(x: Array, degrees: tuple[int, ...]) -> list[tuple[np.ndarray, Array]]:
    """Terms of the axes but the first, with their values."""
    values = [powers(x[axis], degree) for axis, degree in enumerate(degrees) if axis]
    found: list[tuple[np.ndarray, Array]] = []
    for rest in terms(degrees[1:]):
        power = jnp.ones(x.shape[1])
        for value, k in zip(values, rest, strict=True):
            power = power * value[k] if k else power
        found.append((rest, power))
    return found


def along(others: Float[Array, "axes points"], tensor: Float[Array, "..."]) -> Float[Array, "terms columns points"]:
    """Series in their first axis, with the other axes put in: terms of their own at each of the points."""
    places = _others(jnp.concatenate([others[:1], others]), tuple(size - 1 for size in tensor.shape[:-1]))
    picked = tensor[(slice(None), *np.array([rest for rest, _ in places], int).reshape(len(places), -1).T)]
    picked = picked.reshape(len(tensor), len(places), -1)
    return jnp.einsum("tpc,pn->tcn", picked, jnp.stack([power for _, power in places]))  # one matrix for all points


def _evaluate_back(at: tuple[Array, Array], out: Array) -> tuple[Array, Array]:
    x, tensor = at
    axes, degrees = x.shape[0], tuple(size - 1 for size in tensor.shape[: x.shape[0]])
    if not axes:
        return jnp.zeros_like(x), out.sum(-1)
    slopes = [jnp.moveaxis(jnp.tensordot(derivative(d), tensor, (1, i)), 0, i) for i, d in enumerate(degrees)]
    steep = evaluate(x, jnp.stack(slopes, axes)).reshape(axes, -1, x.shape[1])
    flat = out.reshape(-1, x.shape[1])
    others = _others(x, degrees)
    products = jnp.stack([power for _, power in others])[:, None] * flat
    found = jnp.einsum("tn,rcn->trc", powers(x[0], degrees[0]), products)
    by_term = jnp.zeros((*tensor.shape[:axes], flat.shape[0]))
    place = (slice(None), *np.array([rest for rest, _ in others], int).reshape(len(others), axes - 1).T)
    by_term = by_term.at[place].set(found) if axes > 1 else found[:, 0]
    kept = np.zeros([d + 1 for d in degrees])
    kept[tuple(terms(degrees).T)] = 1.0  # terms above the total degree are never read
    by_term = by_term * kept[..., None]
    return (steep * flat).sum(1), by_term.reshape(tensor.shape)


evaluate.defvjp(lambda x, tensor: (evaluate(x, tensor), (x, tensor)), _evaluate_back)


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
    solved = jax.vmap(lambda n, r: jax.scipy.linalg.solve(n, r, assume_a="pos"))(normal, right)
    found = jnp.moveaxis(solved, 0, 1)
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
