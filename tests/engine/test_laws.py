"""Every law's push against SciPy's quantiles in both tails, and a NumPyro program against `Predictive`.

SciPy inverts each law from the nearer side: ppf(Phi(z)) below the median and isf(Phi(-z)) above, so that neither side
loses digits. 7.5 sigma is where p = 3e-14; at 9 sigma the upper tail is asked through sf, p = 1e-19. Tolerances: 1e-9
relative to the point, or 1e-13 of its scale next to an end of the support, where double precision ends.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.distributions import transforms
from scipy import special, stats

from yieldopt.errors import UserError
from yieldopt.estimators import estimate
from yieldopt.laws import push
from yieldopt.more_laws import Triangular, measured
from yieldopt.problem import Problem

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
LAWS |= {
    "cauchy": (dist.Cauchy, (1.0, 2.0), stats.cauchy(1.0, 2.0)),
    "half cauchy": (dist.HalfCauchy, (2.0,), stats.halfcauchy(scale=2.0)),
    "gamma": (dist.Gamma, (2.5, 0.4), stats.gamma(2.5, scale=2.5)),
    "gamma of a small shape": (dist.Gamma, (0.3, 1.0), stats.gamma(0.3)),
    "gamma of a large shape": (dist.Gamma, (200.0, 1.0), stats.gamma(200.0)),
    "inverse gamma": (dist.InverseGamma, (3.0, 2.0), stats.invgamma(3.0, scale=2.0)),
    "chi squared": (dist.Chi2, (5.0,), stats.chi2(5.0)),
    "beta": (dist.Beta, (2.0, 5.0), stats.beta(2.0, 5.0)),
    "beta at its ends": (dist.Beta, (0.5, 0.7), stats.beta(0.5, 0.7)),
    "student": (dist.StudentT, (3.0, 1.0, 2.0), stats.t(3.0, 1.0, 2.0)),
    "student, nearly normal": (dist.StudentT, (30.0, 1.0, 2.0), stats.t(30.0, 1.0, 2.0)),
    "triangular": (Triangular, (1.0, 2.0, 5.0), stats.triang(0.25, 1.0, 4.0)),
}
NO_ISF = {name for name in LAWS if name.startswith("truncated")}
"""SciPy inverts truncated normals from below only (5e-4 off at 7 sigma above): their upper side is asked through sf."""

BOUNDED_ABOVE = {"uniform", "truncated", "truncated above", "beta", "beta at its ends", "triangular"}


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
    with pytest.raises(UserError, match=r"got VonMises\. Write it as a transform of a known law, or register it"):
        push(dist.VonMises(0.0, 1.0), jnp.zeros(()))
    with pytest.raises(UserError, match=r"a mixture of laws whose normal score is known .*; got Gumbel"):
        push(dist.MixtureSameFamily(dist.Categorical(jnp.ones(2) / 2), dist.Gumbel(jnp.zeros(2), 1.0)), jnp.zeros(()))
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


@pytest.mark.parametrize(
    ("name", "at", "values"),
    [
        ("gamma", 1.3, (2.5, 0.4)),
        ("beta", -2.0, (2.0, 5.0)),
        ("student", -2.0, (3.0, 1.0, 2.0)),
        ("student", 0.0, (3.0, 1.0, 2.0)),
    ],
)
def test_a_solved_quantile_moves_with_its_parameters_as_scipys_does(name: str, at: float, values: Any) -> None:
    law, _, _ = LAWS[name]
    found = jax.grad(lambda p: push(law(*p), jnp.asarray(at)))(tuple(map(jnp.asarray, values)))
    kinds: dict[str, Any] = {"gamma": lambda a, r: stats.gamma(a, scale=1 / r), "beta": stats.beta, "student": stats.t}
    for k, slope in enumerate(found):
        step = 1e-5 * np.eye(len(values))[k]
        ends = [kinds[name](*(np.array(values) + s * step)).ppf(special.ndtr(at)) for s in (1, -1)]
        # The other two thirds of the digits go into both differences.
        assert float(slope) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("name", ["gamma", "beta", "student"])
def test_a_solved_quantile_bends_as_its_slope_changes(name: str) -> None:
    law, given, _ = LAWS[name]
    slope = jax.grad(lambda z: push(law(*given), z))
    z, step = jnp.array([-3.0, 0.4, 2.0]), 1e-4
    bend, ahead, behind = jax.jit(
        lambda z: [jax.vmap(f)(at) for f, at in ((jax.grad(slope), z), (slope, z + step), (slope, z - step))]
    )(z)
    np.testing.assert_allclose(bend, (ahead - behind) / (2 * step), rtol=1e-5)


def test_a_mixture_has_both_its_tails() -> None:
    """Normals and lognormals, of one kind or of several: what lies beyond each quantile, by SciPy's tails."""
    share = np.array([0.2, 0.8])
    laws = {
        dist.MixtureSameFamily(dist.Categorical(jnp.asarray(share)), dist.LogNormal(jnp.array([0.0, 1.0]), 0.4)): [
            stats.lognorm(0.4),
            stats.lognorm(0.4, scale=np.exp(1.0)),
        ],
        dist.MixtureGeneral(dist.Categorical(jnp.asarray(share)), [dist.Normal(-3.0, 0.5), dist.Normal(2.0, 1.0)]): [
            stats.norm(-3.0, 0.5),
            stats.norm(2.0, 1.0),
        ],
    }
    z = np.linspace(-7.5, 7.5, 41)
    for law, parts in laws.items():
        found = np.asarray(push(law, jnp.asarray(z)))
        beyond = sum(w * np.where(z > 0, p.sf(found), p.cdf(found)) for w, p in zip(share, parts, strict=True))
        np.testing.assert_allclose(beyond, special.ndtr(-np.abs(z)), rtol=1e-9)
    law = list(laws)[1]
    slope, ahead, behind = jax.jit(
        lambda z: (jax.vmap(jax.grad(lambda u: push(law, u)))(z), push(law, z + 1e-5), push(law, z - 1e-5))
    )(jnp.asarray(z))
    np.testing.assert_allclose(slope, (ahead - behind) / 2e-5, rtol=1e-5)


def test_measurements_make_a_law_of_their_own_mean_and_spread() -> None:
    data = np.random.default_rng(1).gamma(3.0, size=200)
    nodes = special.ndtri((np.arange(500) + 0.5) / 500)
    for law in (measured(data), measured(data, most=64)):
        found = np.asarray(push(law, jnp.asarray(nodes)))
        assert found.mean() == pytest.approx(data.mean(), rel=5e-3)
        assert found.var() == pytest.approx(data.var(), rel=0.03)
        # Between its quartiles it is the sample, to a few of its errors.
        for chance in (0.25, 0.5, 0.75):
            there = np.interp(special.ndtri(chance), nodes, found)
            assert np.mean(data < there) == pytest.approx(chance, abs=4 * np.sqrt(0.25 / len(data)))
    with pytest.raises(UserError, match="eight measurements or more that differ"):
        measured([1.0, 2.0, np.nan])


def test_a_triangular_law_draws_what_its_density_says() -> None:
    law, oracle = Triangular(1.0, 2.0, 5.0), LAWS["triangular"][2]
    x = np.linspace(0.5, 5.5, 11)
    np.testing.assert_allclose(np.exp(law.log_prob(jnp.asarray(x))), oracle.pdf(x), atol=1e-12)
    drawn = np.asarray(law.sample(jax.random.key(1), (20_000,)))
    assert drawn.mean() == pytest.approx(8.0 / 3.0, abs=4 * drawn.std() / np.sqrt(20_000))


CORRELATION = np.array([[1.0, 0.4, -0.3], [0.4, 1.0, 0.2], [-0.3, 0.2, 1.0]])


def test_a_copula_joins_any_laws_by_their_normals() -> None:
    law = dist.GaussianCopula(dist.Gamma(jnp.array([2.0, 3.0, 4.0]), 1.0), correlation_matrix=jnp.asarray(CORRELATION))
    z = np.random.default_rng(1).normal(size=(5, 3))
    found = jax.vmap(lambda u: push(law, u))(jnp.asarray(z))
    joined = z @ np.linalg.cholesky(CORRELATION).T
    for k, shape in enumerate((2.0, 3.0, 4.0)):
        np.testing.assert_allclose(found[:, k], stats.gamma(shape).ppf(special.ndtr(joined[:, k])), rtol=1e-9)


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (np.eye(3) + 0.9 * np.array([[0, 1, 1], [1, 0, -1], [1, -1, 0]]), "invalid covariance_matrix"),
        (CORRELATION * np.outer([1, 2, 1], [1, 2, 1]), "ones on its diagonal"),
    ],
)
def test_a_matrix_that_is_no_correlation_is_refused(matrix: np.ndarray, said: str) -> None:
    def program(design: Any) -> Any:
        return numpyro.sample("x", dist.GaussianCopula(dist.Normal(jnp.zeros(3), 1.0), jnp.asarray(matrix)))

    with pytest.raises(UserError, match=said):
        estimate(Problem.of(program, lambda _, x: {"m": 3.0 - x[0]}))
