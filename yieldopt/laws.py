"""Each law as a map from standard normals: the quantile, written from the survival side so that both tails stay exact.

A law's `push` carries a standard normal z to the point with the same probability below it, differentiably in the law's
parameters and in z. Quantiles are the textbook inverses of the distribution functions; upper tails use 1 - Phi(z) =
Phi(-z), which stays accurate to z = 37. A law without a `push` is refused with the remedy: three lines register one.
"""

from functools import singledispatch
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import Array
from jax.core import Tracer
from jax.scipy.special import erfinv, log_ndtr, ndtr, ndtri

from yieldopt import quantiles
from yieldopt.errors import UserError


@singledispatch
def push(law: Any, normal: Array) -> Array:
    """Carry standard normals (shape of the law's draw) onto `law`; raise UserError for a law without a quantile."""
    known = ", ".join(sorted(t.__name__ for t in push.registry if t is not object))
    do = "Write it as a transform of a known law, or register it with yieldopt.laws.push.register."
    raise UserError.of(f"a law whose quantile is known ({known})", type(law).__name__, do)


def _waited(normal: Array) -> Array:
    """-log(1 - Phi(z)): how far an exponential has come; each half written so that no digit cancels."""
    late = normal > 0
    return jnp.where(late, -log_ndtr(jnp.where(late, -normal, 0.0)), -jnp.log1p(-ndtr(jnp.where(late, 0.0, normal))))


def _uniform(normal: Array, low: Any, high: Any) -> Array:
    """Phi(z) between two bounds, each half measured from its own end."""
    upper = normal > 0
    tail = ndtr(jnp.where(upper, -normal, normal))
    return jnp.where(upper, high - (high - low) * tail, low + (high - low) * tail)


@push.register(dist.Normal)
def _(law: Any, normal: Array) -> Array:
    return law.loc + law.scale * normal


@push.register(dist.MultivariateNormal)
def _(law: Any, normal: Array) -> Array:
    return law.loc + jnp.einsum("...ij,...j->...i", law.scale_tril, normal)


@push.register(dist.Uniform)
def _(law: Any, normal: Array) -> Array:
    return _uniform(normal, law.low, law.high)


@push.register(dist.Exponential)
def _(law: Any, normal: Array) -> Array:
    return _waited(normal) / law.rate


@push.register(dist.Weibull)
def _(law: Any, normal: Array) -> Array:
    return law.scale * _waited(normal) ** (1.0 / law.concentration)


@push.register(dist.Gumbel)
def _(law: Any, normal: Array) -> Array:
    return law.loc - law.scale * jnp.log(_waited(-normal))


@push.register(dist.Logistic)
def _(law: Any, normal: Array) -> Array:
    return law.loc + law.scale * (log_ndtr(normal) - log_ndtr(-normal))


@push.register(dist.Laplace)
def _(law: Any, normal: Array) -> Array:
    upper = normal > 0
    tail = jnp.log(2.0) + log_ndtr(jnp.where(upper, -normal, normal))
    return law.loc + law.scale * jnp.where(upper, -tail, tail)


@push.register(dist.HalfNormal)
def _(law: Any, normal: Array) -> Array:
    upper = normal > 0
    near = jnp.sqrt(2.0) * erfinv(ndtr(jnp.where(upper, 0.0, normal)))
    return law.scale * jnp.where(upper, -ndtri(0.5 * ndtr(jnp.where(upper, -normal, 0.0))), near)


def _truncated(law: Any, normal: Array, low: Any, high: Any) -> Array:
    """A normal between bounds (None: open); probabilities below and above are sums of positive terms, so both keep."""
    base = law.base_dist
    if not isinstance(base, dist.Normal):
        do = "Truncate a normal, or register the law with yieldopt.laws.push.register."
        raise UserError.of("a truncated Normal", f"a truncated {type(base).__name__}", do)
    loc, scale = cast(Any, base.loc), cast(Any, base.scale)
    start, stop = (None if bound is None else (bound - loc) / scale for bound in (low, high))
    first, last = ndtr(-normal), ndtr(normal)
    below = (0.0 if start is None else ndtr(start) * first) + (last if stop is None else ndtr(stop) * last)
    above = (first if start is None else ndtr(-start) * first) + (0.0 if stop is None else ndtr(-stop) * last)
    upper = below > 0.5
    inside = ndtri(jnp.where(upper, above, below))
    return loc + scale * jnp.where(upper, -inside, inside)


@push.register(dist.TwoSidedTruncatedDistribution)
def _(law: Any, normal: Array) -> Array:
    return _truncated(law, normal, law.low, law.high)


@push.register(dist.LeftTruncatedDistribution)
def _(law: Any, normal: Array) -> Array:
    return _truncated(law, normal, law.low, None)


@push.register(dist.RightTruncatedDistribution)
def _(law: Any, normal: Array) -> Array:
    return _truncated(law, normal, None, law.high)


@push.register(dist.TransformedDistribution)
def _(law: Any, normal: Array) -> Array:
    value = push(law.base_dist, normal)
    for transform in law.transforms:
        value = transform(value)
    return value


@push.register(dist.LogNormal)
def _(law: Any, normal: Array) -> Array:
    return jnp.exp(law.loc + law.scale * normal)


@push.register(dist.ExpandedDistribution)
def _(law: Any, normal: Array) -> Array:
    return push(law.base_dist, normal)


@push.register(dist.Independent)
def _(law: Any, normal: Array) -> Array:
    return push(law.base_dist, normal)


@push.register(dist.Delta)
def _(law: Any, normal: Array) -> Array:
    return jnp.broadcast_to(law.v, normal.shape)


@push.register(dist.Cauchy)
def _(law: Any, normal: Array) -> Array:
    return law.loc + law.scale * _cauchy(normal)


@push.register(dist.HalfCauchy)
def _(law: Any, normal: Array) -> Array:
    # tan(pi p / 2) from below, its inverse from above: p and 1 - p each keep their digits.
    upper = normal > 0
    near = jnp.tan(0.5 * jnp.pi * ndtr(jnp.where(upper, 0.0, normal)))
    return law.scale * jnp.where(upper, 1.0 / jnp.tan(0.5 * jnp.pi * ndtr(jnp.where(upper, -normal, 0.0))), near)


def _cauchy(normal: Array) -> Array:
    """The cotangent of the tail's angle, on the tail's own side."""
    tail = ndtr(-jnp.abs(normal))
    return jnp.sign(normal) * jnp.cos(jnp.pi * tail) / jnp.sin(jnp.pi * tail)


@push.register(dist.Gamma)
def _(law: Any, normal: Array) -> Array:
    return jnp.exp(_solved(quantiles.gamma, normal, law.concentration)) / law.rate


@push.register(dist.InverseGamma)
def _(law: Any, normal: Array) -> Array:
    return law.rate * jnp.exp(-_solved(quantiles.gamma, -normal, law.concentration))


@push.register(dist.Beta)
def _(law: Any, normal: Array) -> Array:
    return jax.nn.sigmoid(_solved(quantiles.beta, normal, law.concentration1, law.concentration0))


@push.register(dist.StudentT)
def _(law: Any, normal: Array) -> Array:
    reach = jnp.sinh(_solved(quantiles.student, normal, law.df))
    return law.loc + law.scale * jnp.sqrt(jnp.asarray(law.df, float)) * reach


def _solved(family: quantiles.Family, normal: Array, *params: Any) -> Array:
    shaped = tuple(jnp.broadcast_to(jnp.asarray(p, normal.dtype), normal.shape) for p in params)
    return quantiles.quantile(family, shaped, normal)


@singledispatch
def score(law: Any, value: Array) -> Array:
    """The standard normals that `push` carries onto some values of a law: for parts of a mixture."""
    known = ", ".join(sorted(t.__name__ for t in score.registry if t is not object))
    do = "Mix normals, or laws that are transforms of them; or draw which part it is, and take that one's draw."
    raise UserError.of(f"a mixture of laws whose normal score is known ({known})", type(law).__name__, do)


@score.register(dist.Normal)
def _(law: Any, value: Array) -> Array:
    return (value - law.loc) / law.scale


@score.register(dist.TransformedDistribution)
def _(law: Any, value: Array) -> Array:
    for transform in reversed(law.transforms):
        value = transform.inv(value)
    return score(law.base_dist, value)


@score.register(dist.ExpandedDistribution)
def _(law: Any, value: Array) -> Array:
    return score(law.base_dist, value)


@push.register(dist.MixtureSameFamily)
def _(law: Any, normal: Array) -> Array:
    part, share = law.component_distribution, law.mixing_distribution.probs
    return quantiles.mixture(
        push(part, jnp.broadcast_to(normal[..., None], (*normal.shape, share.shape[-1]))),
        lambda x: score(part, x[..., None]),
        share,
        normal,
    )


@push.register(dist.MixtureGeneral)
def _(law: Any, normal: Array) -> Array:
    parts, share = law.component_distributions, law.mixing_distribution.probs
    return quantiles.mixture(
        jnp.stack([push(part, normal) for part in parts], -1),
        lambda x: jnp.stack([score(part, x) for part in parts], -1),
        share,
        normal,
    )


@push.register(dist.GaussianCopula)
def _(law: Any, normal: Array) -> Array:
    given = law.base_dist.__dict__.get("covariance_matrix")
    if given is not None and not isinstance(given, Tracer):
        ones = np.diagonal(np.asarray(given), axis1=-2, axis2=-1)
        if not np.allclose(ones, 1.0):
            do = "Divide by the standard deviations: the laws themselves have the spread."
            raise UserError.of("a matrix of correlations, ones on its diagonal", f"{np.ravel(ones)}", do)
    return push(law.marginal_dist, push(law.base_dist, normal))
