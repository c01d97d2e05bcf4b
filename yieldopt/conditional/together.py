"""Margins that fail together: the second-order correction of a product over margins that share draws.

The product over all margins counts a joint failure twice. To second order the pass probability is
prod_a P(a) x prod_(a~b) P(ab) / (P(a) P(b)), over every couple of margins that share normals: two limits of one
element, an element and its pairs, two pairs with an element in common. For two half-spaces at reliability indices a
and b with correlation rho, P(ab) - P(a) P(b) = integral from 0 to rho of the bivariate normal density (Plackett 1954).
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import log_ndtr
from jaxtyping import Float, Int

from yieldopt.conditional.structure import Family
from yieldopt.problem import Problem

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)


class Couples(eqx.Module):
    """Couples of margin columns of one population: columns, correlation, and how many such couples an element has."""

    first: Int[Array, " couples"]
    second: Int[Array, " couples"]
    rho: Float[Array, " couples"]
    count: Float[Array, " couples"]


def excess(a: Array, b: Array, rho: Array) -> Array:
    """P(both fail) - P(a fails) P(b fails) of two half-spaces; right to 1e-8 for |rho| <= .95."""
    r = 0.5 * rho[..., None] * (1.0 + jnp.asarray(_NODES))
    a, b = a[..., None], b[..., None]
    rest = 1.0 - r * r
    density = jnp.exp(-(a * a - 2.0 * r * a * b + b * b) / (2.0 * rest)) / (2.0 * jnp.pi * jnp.sqrt(rest))
    return 0.5 * rho * (density @ jnp.asarray(_WEIGHTS))


def log_correction(a: Array, b: Array, rho: Array) -> Array:
    """log of P(ab) / (P(a) P(b)), bounded where both almost surely fail (the unit is lost there anyway)."""
    both = log_ndtr(a) + log_ndtr(b)
    return jnp.log1p(jnp.minimum(excess(a, b, rho) * jnp.exp(-jnp.maximum(both, -20.0)), 1e3))


def none() -> Couples:
    """No couples: what a paired family has of its own."""
    return Couples(jnp.zeros(0, int), jnp.zeros(0, int), jnp.zeros(0), jnp.zeros(0))


def couples(problem: Problem[Any], family: Family, pairs: list[tuple[Family, Array]], own: Array) -> Couples:
    """Every couple of margins that an element of `family` takes part in.

    `own` (rows x normals) points from the origin to each margin's failure; `pairs` are the paired families with theirs.
    """
    size, count = family.normals, len(family.rows)
    sites = problem.model.populations()[family.name].sites.x.shape[0]
    rows = family.rows
    found: list[tuple[int, int, Any, Any]] = [
        (i, j, own[i] @ own[j], 1.0)
        for i in range(count)
        for j in range(i + 1, count)
        if rows[i].limit != rows[j].limit
    ]
    for paired, direction in pairs:
        pair = problem.model.pairs()[paired.name]
        degree = jnp.zeros(sites).at[pair.first].add(1.0).at[pair.second].add(1.0)
        for k in range(len(paired.rows)):
            first, second = direction[k, :size], direction[k, size:]
            found += [(i, count + k, 0.5 * own[i] @ (first + second), degree.mean()) for i in range(len(rows))]
            found.append((count + k, count + k, first @ second, (degree * (degree - 1.0)).mean() / 2.0))
        count += len(paired.rows)
    if not found:
        return none()
    columns = list(zip(*found, strict=True))
    first, second = (jnp.array(columns[i], int) for i in (0, 1))
    rho, many = (jnp.stack([jnp.asarray(value, float) for value in columns[i]]) for i in (2, 3))
    return Couples(first, second, jnp.clip(rho, -0.95, 0.95), many)
