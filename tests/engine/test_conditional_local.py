"""Design points, rings and opposite modes against closed forms and sampling; correlated half-spaces against SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from yieldopt.conditional import local, ring
from yieldopt.conditional.together import excess


def log_ps(margin, size, states):
    """Log probabilities of one margin in several states, the way `margins.fit` finds them."""
    states = jnp.asarray(states, float)
    found = jax.jit(jax.vmap(lambda s: local.design_point(margin, s, size)))(states)
    return np.asarray(jax.jit(lambda s, f: ring.log_probability(margin, s, f))(states, found)), found


def log_p(margin, size):
    """The same in one state."""
    value, found = log_ps(margin, size, [[0.0]])
    return float(value[0]), jax.tree.map(lambda leaf: leaf[0], found)


def test_half_space_is_exact():
    beta, direction = np.array([-1.5, 0.5, 2.0, 4.0, 7.5]), jnp.array([0.6, 0.0, -0.8])
    value, point = log_ps(lambda s, z: 3.0 * (s[0] - direction @ z), 3, beta[:, None])
    np.testing.assert_allclose(value, stats.norm.logsf(beta), rtol=1e-9)
    np.testing.assert_allclose(point.beta, beta, atol=1e-9)
    np.testing.assert_allclose(point.direction, np.tile(direction, (5, 1)), atol=1e-9)
    np.testing.assert_allclose(point.pull, np.ones((5, 1)), atol=1e-9)


def test_offset_beyond_a_radius_is_the_noncentral_chi_squared():
    # A bolt in a hole: two of three normals, from a design point alone (large offset) to a full ring (none).
    states = np.array([[1.0, 5.0], [2.0, 6.0], [3.0, 8.0], [0.3, 4.0], [0.0, 3.5]])

    def margin(s, z):
        return s[1] - jnp.sqrt((z[0] + s[0]) ** 2 + z[1] ** 2 + 1e-18) + 0.0 * z[2]

    value, _ = log_ps(margin, 3, states)
    ncx2 = stats.ncx2.logsf(states[:4, 1] ** 2, 2, states[:4, 0] ** 2)
    np.testing.assert_allclose(value, np.append(ncx2, stats.chi2.logsf(3.5**2, 2)), atol=0.015)


def test_log_normal_product_is_exact():
    # log of a product of log-normals is linear in its normals; the margin itself is not.
    def margin(s, z):
        return 2.5 + s[0] - jnp.exp(0.1 * z[0] + 0.2 * z[1])

    value, _ = log_p(margin, 2)
    assert value == pytest.approx(stats.norm.logsf(np.log(2.5) / np.hypot(0.1, 0.2)), rel=2e-3)


def test_two_opposite_elements_are_two_modes():
    # A pair that fails when either element does, by a smooth maximum: the symmetric point is a saddle.
    def margin(s, z):
        return 4.0 + s[0] - jax.nn.logsumexp(4.0 * z) / 4.0

    value, point = log_p(margin, 2)
    one = np.random.default_rng(0)
    shift = 4.0
    z = one.standard_normal((400_000, 2)) + np.where(np.arange(400_000)[:, None] % 2 == np.arange(2), shift, 0.0)
    weight = 2.0 / np.exp(shift * z - 0.5 * shift**2).sum(1)
    exact = np.mean(weight * (np.logaddexp(4 * z[:, 0], 4 * z[:, 1]) / 4.0 > 4.0))
    assert float(point.roundness) < 0.0
    assert value == pytest.approx(np.log(exact), abs=0.03)


def test_curved_limit_agrees_with_importance_sampling():
    # Three normals, volume-like nonlinearity: within a per cent at 1e-5.
    def margin(s, z):
        return 5.2 + s[0] - z[0] - 0.05 * z[1] ** 2 - 0.3 * z[2] - 0.02 * z[0] * z[1]

    value, point = log_p(margin, 3)
    z = np.random.default_rng(1).standard_normal((400_000, 3)) + np.asarray(point.normal)
    weight = np.exp(-z @ np.asarray(point.normal) + 0.5 * float(point.normal @ point.normal))
    fails = np.asarray(jax.vmap(lambda q: margin(jnp.zeros(1), q))(jnp.asarray(z))) < 0.0
    assert value == pytest.approx(np.log(np.mean(weight * fails)), abs=0.015)


def test_failure_out_of_sight_is_found_along_another_normal():
    # Flat at the origin in the normal that matters, nearly flat in one that does not.
    def margin(s, z):
        return 6.0 + s[0] - 3.0 * jnp.maximum(z[0] - 3.0, 0.0) - 0.01 * z[1]

    value, point = log_p(margin, 2)
    assert float(point.beta) == pytest.approx(5.0, abs=0.01)
    assert value == pytest.approx(stats.norm.logsf(5.0), rel=0.01)


@pytest.mark.parametrize("rho", [-0.9, -0.3, 0.2, 0.5, 0.9])
@pytest.mark.parametrize(("a", "b"), [(0.5, 1.0), (2.0, 2.5), (3.5, 3.0)])
def test_excess_is_the_bivariate_normal(a, b, rho):
    both = stats.multivariate_normal.cdf([-a, -b], cov=[[1.0, rho], [rho, 1.0]], abseps=1e-13, releps=1e-11)
    found = float(excess(jnp.array(a), jnp.array(b), jnp.array(rho)))
    assert found == pytest.approx(both - stats.norm.sf(a) * stats.norm.sf(b), rel=1e-4, abs=1e-9)
