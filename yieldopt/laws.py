"""Each law as a map from standard normals: the quantile, written from the survival side so that both tails stay exact.

A law's `push` carries a standard normal z to the point with the same probability below it, differentiably in the law's
parameters and in z. Quantiles are the textbook inverses of the distribution functions; upper tails use 1 - Phi(z) =
Phi(-z), which stays accurate to z = 37. A law without a `push` is refused with the remedy: three lines register one.
"""

from functools import singledispatch
from typing import Any

import jax.numpy as jnp
import numpyro.distributions as dist
from jax import Array
from jax.scipy.special import log_ndtr, ndtr, ndtri

from yieldopt.errors import UserError


@singledispatch
def push(law: Any, normal: Array) -> Array:
    """Carry standard normals (shape of the law's draw) onto `law`; raise UserError for a law without a quantile."""
    raise UserError.of(
        "a law whose quantile is known (" + ", ".join(sorted(t.__name__ for t in push.registry if t is not object)) + ")",
        type(law).__name__,
        "Write it as a transform of a known law, or register it with yieldopt.laws.push.register.",
    )


def _uniform(normal: Array, low: Any, high: Any) -> Array:
    """Phi(z) between two bounds, each half measured from its own end."""
    upper = normal > 0
    tail = ndtr(jnp.where(upper, -normal, normal))
    return jnp.where(upper, high - (high - low) * tail, low + (high - low) * tail)


@push.register
def _(law: dist.Normal, normal: Array) -> Array:
    return law.loc + law.scale * normal


@push.register
def _(law: dist.MultivariateNormal, normal: Array) -> Array:
    return law.loc + jnp.einsum("...ij,...j->...i", law.scale_tril, normal)


@push.register
def _(law: dist.Uniform, normal: Array) -> Array:
    return _uniform(normal, law.low, law.high)


@push.register
def _(law: dist.Exponential, normal: Array) -> Array:
    return -log_ndtr(-normal) / law.rate


@push.register
def _(law: dist.Weibull, normal: Array) -> Array:
    return law.scale * (-log_ndtr(-normal)) ** (1.0 / law.concentration)


@push.register
def _(law: dist.Gumbel, normal: Array) -> Array:
    return law.loc - law.scale * jnp.log(-log_ndtr(normal))


@push.register
def _(law: dist.Logistic, normal: Array) -> Array:
    return law.loc + law.scale * (log_ndtr(normal) - log_ndtr(-normal))


@push.register
def _(law: dist.Laplace, normal: Array) -> Array:
    upper = normal > 0
    tail = jnp.log(2.0) + log_ndtr(jnp.where(upper, -normal, normal))
    return law.loc + law.scale * jnp.where(upper, -tail, tail)


@push.register
def _(law: dist.HalfNormal, normal: Array) -> Array:
    return law.scale * -ndtri(0.5 * ndtr(-normal))


def _truncated(law: Any, normal: Array, low: Any, high: Any) -> Array:
    base = law.base_dist
    if not isinstance(base, dist.Normal):
        return push.dispatch(object)(law, normal)
    start, stop = (low - base.loc) / base.scale, (high - base.loc) / base.scale
    # Measured from the nearer tail, else a window far above the mean rounds to nothing.
    flip = start > 0
    first, last = jnp.where(flip, -stop, start), jnp.where(flip, -start, stop)
    inside = ndtri(_uniform(jnp.where(flip, -normal, normal), ndtr(first), ndtr(last)))
    return base.loc + base.scale * jnp.where(flip, -inside, inside)


@push.register
def _(law: dist.TwoSidedTruncatedDistribution, normal: Array) -> Array:
    return _truncated(law, normal, law.low, law.high)


@push.register
def _(law: dist.LeftTruncatedDistribution, normal: Array) -> Array:
    return _truncated(law, normal, law.low, jnp.inf)


@push.register
def _(law: dist.RightTruncatedDistribution, normal: Array) -> Array:
    return _truncated(law, normal, -jnp.inf, law.high)


@push.register
def _(law: dist.TransformedDistribution, normal: Array) -> Array:
    value = push(law.base_dist, normal)
    for transform in law.transforms:
        value = transform(value)
    return value


@push.register
def _(law: dist.LogNormal, normal: Array) -> Array:
    return jnp.exp(law.loc + law.scale * normal)


@push.register
def _(law: dist.ExpandedDistribution, normal: Array) -> Array:
    return push(law.base_dist, normal)


@push.register
def _(law: dist.Independent, normal: Array) -> Array:
    return push(law.base_dist, normal)


@push.register
def _(law: dist.Delta, normal: Array) -> Array:
    return jnp.broadcast_to(law.v, normal.shape)
