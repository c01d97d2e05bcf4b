"""Margins that fail together: the second-order correction of a product over margins that share draws.

The product over all margins counts a joint failure twice. To second order the pass probability is
prod_a P(a) x prod_(a~b) P(ab) / (P(a) P(b)), over every couple of limits of one element, and of one of them with what
the element does to its pairs (`pairs`). For two half-spaces at reliability indices a and b with correlation rho,
P(ab) - P(a) P(b) is the integral of exp(-(a^2 - 2 a b sin t + b^2) / (2 cos^2 t)) / (2 pi) over t from 0 to arcsin rho
(Plackett 1954 in the form of Drezner and Wesolowsky 1990).
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from yieldopt.conditional.structure import Family
from yieldopt.problem import Problem

MOST = 0.99
"""Correlations are clipped to what the quadrature still resolves."""
KEPT = 16
"""Couples that are counted, the most alike: those with small or negative correlation fail together hardly ever."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)


class Couples(eqx.Module):
    """Couples of limits of one element by row, with their correlation.

    For a family of pairs `first` are the rows of the elements that it is made of and `second` its own, and `degree` is
    the number of pairs that an element takes part in.
    """

    first: Int[Array, " couples"]
    second: Int[Array, " couples"]
    rho: Float[Array, " couples"]
    degree: float = eqx.field(static=True, default=0.0)


def excess(a: Float[Array, "*nodes"], b: Float[Array, "*nodes"], rho: Float[Array, "*couples"]) -> Array:
    """P(both fail) - P(a fails) P(b fails) of two half-spaces; right to 1 % of the rarer one for |rho| <= .99."""
    half = 0.5 * jnp.arcsin(rho)
    found = jnp.zeros(jnp.broadcast_shapes(a.shape, b.shape, rho.shape))
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        t = half * (1.0 + node)
        shape = -0.5 / jnp.cos(t) ** 2
        found = found + weight * jnp.exp(shape * (a * a + b * b) - 2.0 * jnp.sin(t) * shape * a * b)
    return half * found / (2.0 * jnp.pi)


def log_correction(a: Array, b: Array, rho: Array, both: Array) -> Array:
    """log of P(ab) / (P(a) P(b)), bounded where both almost surely fail (the unit is lost there anyway).

    `both` is log P(a) P(b).
    """
    return jnp.log1p(jnp.clip(excess(a, b, rho) * jnp.exp(-jnp.maximum(both, -20.0)), -0.999, 1e3))


def couples(family: Family, own: Float[Array, "rows normals"]) -> Couples:
    """The couples of limits that an element takes part in; `own` points from the origin to each margin's failure."""
    rows = family.rows
    found = [(i, j) for i in range(len(rows)) for j in range(i + 1, len(rows)) if rows[i].limit != rows[j].limit]
    first, second = (np.array([couple[k] for couple in found], int) for k in (0, 1))
    return _kept(first, second, (own[first] * own[second]).sum(1), 0.0)


def ties(problem: Problem[Any], family: Family, direction: Array, own: Array) -> Couples:
    """The couples of an element's limits and what it does to its pairs; `direction` points to the pairs' failure."""
    part = 0.5 * (direction[:, : own.shape[1]] + direction[:, own.shape[1] :])
    part = part / jnp.maximum(jnp.linalg.norm(part, axis=1, keepdims=True), 1e-12)
    first, second = (k.ravel() for k in np.indices((len(own), len(direction))))
    return _kept(first, second, (part @ own.T).T.ravel(), degree(problem, family))


def _kept(first: np.ndarray, second: np.ndarray, rho: Array, degree: float) -> Couples:
    most = jnp.argsort(-rho)[:KEPT]
    return Couples(jnp.asarray(first)[most], jnp.asarray(second)[most], jnp.clip(rho[most], -MOST, MOST), degree)


def degree(problem: Problem[Any], paired: Family) -> float:
    """How many pairs an element takes part in, on average."""
    elements = problem.model.populations()[paired.of].sites.x.shape[0]
    return 2.0 * problem.model.pairs()[paired.name].sites.x.shape[0] / elements


def ends(problem: Problem[Any], family: Family, index: Array) -> Float[Array, " nodes"]:
    """Sum over a pair's elements of one over the number of their pairs; on average where nodes stand for many pairs."""
    if not family.paired:
        return jnp.ones(index.shape)
    pair = problem.model.pairs()[family.name]
    elements = problem.model.populations()[family.of].sites.x.shape[0]
    if index.shape[0] < pair.first.shape[0]:
        return jnp.full(index.shape, 2.0 / degree(problem, family))
    number = jnp.zeros(elements).at[pair.first].add(1.0).at[pair.second].add(1.0)
    return (1.0 / number[pair.first] + 1.0 / number[pair.second])[index]
