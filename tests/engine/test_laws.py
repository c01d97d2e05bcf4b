"""Every law's push against SciPy's quantiles in both tails, and a NumPyro program against `Predictive`.

SciPy inverts each law from the nearer side: ppf(Phi(z)) below the median and isf(Phi(-z)) above, so that neither side
loses digits. 7.5 sigma is where p = 3e-14; at 9 sigma the upper tail is asked through sf, p = 1e-19. Tolerances: 1e-9
relative to the point, or 1e-13 of its scale next to an end of the support, where double precision ends.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import transforms
from scipy import special, stats

from yieldopt.errors import UserError
from yieldopt.laws import push

LAWS: dict[str, tuple[Any, Any, Any]] = {
    "normal": (dist.Normal, (3.0, 2.0), stats.norm(3.0, 2.0)),
    "uniform": (dist.Uniform, (2.0, 5.0), stats.uniform(2.0, 3.0)),
    "exponential": (dist.Exponential, (0.4,), stats.expon(scale=2.5)),
    "weibull": (dist.Weibull, (3.0, 1.7), stats.weibull_min(1.7, scale=3.0)),
    "gumbel": (dist.Gumbel, (1.0, 0.5), stats.gumbel_r(1.0, 0.5)),
    "logistic": (dist.Logistic, (1.0, 0.5), stats.logistic(1.0, 0.5)),
    "laplace": (dist.Laplace, (1.0, 0.5), stats.laplace(1.0, 0.5)),
    "half normal": (dist.HalfNormal, (1.5,), stats.halfnorm(scale=1.5)),
    "lognormal": (dist.LogNormal, (0.3, 0.2), stats.lognorm(0.2, scale=np.exp(0.3))),
    "truncated": (
        lambda loc, scale: dist.TruncatedNormal(loc, scale, low=0.5, high=4.0),
        (1.0, 2.0),
        stats.truncnorm(-0.25, 1.5, loc=1.0, scale=2.0),
    ),
    "truncated below": (
        lambda loc, scale: dist.TruncatedNormal(loc, scale, low=0.5),
        (1.0, 2.0),
        stats.truncnorm(-0.25, np.inf, loc=1.0, scale=2.0),
    ),
    "truncated far above": (
        lambda loc, scale: dist.TruncatedNormal(loc, scale, low=12.0),
        (0.0, 1.0),
        stats.truncnorm(12.0, np.inf),
    ),
    "truncated above": (
        lambda loc, scale: dist.TruncatedNormal(loc, scale, high=2.0),
        (1.0, 2.0),
        stats.truncnorm(-np.inf, 0.5, loc=1.0, scale=2.0),
    ),
    "transformed": (
        lambda loc, scale: dist.TransformedDistribution(
            dist.Logistic(loc, scale), [transforms.AffineTransform(1.0, 2.0)]
        ),
        (1.0, 0.5),
        stats.logistic(3.0, 1.0),
    ),
}
NO_ISF = {name for name in LAWS if name.startswith("truncated")}
"""SciPy inverts truncated normals from below only (5e-4 off at 7 sigma above): their upper side is asked through sf."""

BOUNDED_ABOVE = {"uniform", "truncated", "truncated above"}


@pytest.mark.parametrize("name", LAWS)
def test_the_quantile_is_scipys_in_both_tails(name: str):
    law, given, oracle = LAWS[name]
    z = np.linspace(-7.5, 7.5, 61)
    found = np.asarray(push(law(*given), jnp.asarray(z)))
    np.testing.assert_allclose(found[z < 0], oracle.ppf(special.ndtr(z[z < 0])), rtol=1e-9, atol=1e-13)
    if name in NO_ISF:
        # To the point's own rounding, 1e-15 of 2 or 4, which near the bound is 3e-15 / 3e-14 of the tail.
        np.testing.assert_allclose(oracle.sf(found[z >= 0]), special.ndtr(-z[z >= 0]), rtol=1e-9, atol=1e-15)
    else:
        np.testing.assert_allclose(found[z >= 0], oracle.isf(special.ndtr(-z[z >= 0])), rtol=1e-9, atol=1e-13)
    assert np.all(np.diff(found) >= 0)


@pytest.mark.parametrize("name", sorted(set(LAWS) - BOUNDED_ABOVE))
def test_nine_sigma_keeps_its_tail(name: str):
    law, given, oracle = LAWS[name]
    point = float(push(law(*given), jnp.asarray(9.0)))
    # The tail's steepness amplifies rounding: for a normal d log sf / d log z is z^2 = 81, hence 1e-10 and not 1e-15.
    assert oracle.sf(point) == pytest.approx(special.ndtr(-9.0), rel=1e-10)


@pytest.mark.parametrize("name", LAWS)
def test_gradients_are_finite_and_those_of_the_quantile(name: str):
    law, given, _ = LAWS[name]

    def pushed(z: jax.Array, *values: jax.Array) -> jax.Array:
        return push(law(*values), z)

    slope = jax.jit(jax.vmap(jax.grad(pushed, range(len(given) + 1)), (0, *[None] * len(given))))
    values = [jnp.asarray(value) for value in given]
    z = jnp.asarray([-9.0, -7.5, -2.0, -0.5, 0.0, 0.5, 2.0, 7.5, 9.0])
    found = slope(z, *values)
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in found)
    middle, h = z[2:-2], 1e-5
    pushed = jax.jit(pushed)
    ahead, behind = pushed(middle + h, *values), pushed(middle - h, *values)
    # Central differences: h^2 of truncation and 1e-16 / h of rounding leave 1e-8 or so; the Laplace law has a corner.
    keep = np.asarray(middle) != 0.0
    np.testing.assert_allclose(
        np.asarray(found[0])[2:-2][keep], np.asarray((ahead - behind) / (2 * h))[keep], rtol=1e-6
    )


def test_correlated_normals_have_their_covariance():
    covariance = jnp.asarray([[2.0, 0.6], [0.6, 1.0]])
    slope = jax.jacobian(lambda z: push(dist.MultivariateNormal(jnp.zeros(2), covariance), z))(jnp.zeros(2))
    np.testing.assert_allclose(slope @ slope.T, covariance, rtol=1e-12)


def test_a_law_without_a_quantile_is_refused_with_the_remedy():
    with pytest.raises(UserError, match=r"got Gamma\. Write it as a transform of a known law, or register it"):
        push(dist.Gamma(2.0, 1.0), jnp.zeros(()))
    with pytest.raises(UserError, match=r"Expected a truncated Normal; got a truncated Cauchy"):
        push(dist.LeftTruncatedDistribution(dist.Cauchy(0.0, 1.0), low=0.0), jnp.zeros(()))


def test_three_lines_register_a_law():
    class Arcsine(dist.Distribution):
        support = dist.constraints.unit_interval

    @push.register(Arcsine)
    def _(law: Arcsine, normal: jax.Array) -> jax.Array:
        return jnp.sin(0.5 * jnp.pi * jax.scipy.special.ndtr(normal)) ** 2

    found = push(Arcsine(), jnp.asarray([-1.0, 0.0, 1.0]))
    np.testing.assert_allclose(found, stats.arcsine.ppf(special.ndtr([-1.0, 0.0, 1.0])), rtol=1e-12)
