"""The fast log of the normal distribution function against SciPy's, and its derivative against the hazard."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special
from scipy.stats import norm

from yieldopt.conditional.tails import FAR, hazard, log_ndtr

X = np.linspace(-FAR, FAR, 20_001)


def test_value_is_scipys():
    np.testing.assert_allclose(np.asarray(log_ndtr(jnp.asarray(X))), special.log_ndtr(X), rtol=3e-12)


def test_slope_is_density_over_probability():
    slope = np.asarray(jax.vmap(jax.grad(log_ndtr))(jnp.asarray(X)))
    np.testing.assert_allclose(slope, np.exp(norm.logpdf(X) - special.log_ndtr(X)), rtol=1e-9)


def test_beyond_it_stays_finite_and_falls():
    x = jnp.array([-1e3, -40.0, -FAR - 1e-9, FAR + 1e-9, 30.0, 1e3])
    value, slope = np.asarray(log_ndtr(x)), np.asarray(jax.vmap(jax.grad(log_ndtr))(x))
    assert np.all(np.isfinite([value, slope]))
    np.testing.assert_array_equal(np.asarray(hazard(x)), slope)
    assert np.all(slope >= 0.0)
    np.testing.assert_allclose(value[:3], special.log_ndtr(np.asarray(x[:3])), rtol=0.05)
    assert np.all(np.abs(value[3:]) < 1e-40)
