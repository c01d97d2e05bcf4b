"""Series on a box against NumPy's polynomials: values, derivatives, axes put in; what forces bend, by differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from numpy.polynomial import chebyshev as reference

from yieldopt.conditional import chebyshev, forces

POINTS = 7
RNG = np.random.default_rng(3)
X = RNG.uniform(-1.0, 1.0, POINTS)


def tensor(degrees: tuple[int, ...], columns: int) -> np.ndarray:
    """Random series of the terms that are kept."""
    whole = np.zeros((*(d + 1 for d in degrees), columns))
    kept = tuple(chebyshev.terms(degrees).T)
    whole[kept] = RNG.normal(size=(len(kept[0]), columns))
    return whole


@pytest.mark.parametrize("degree", [0, 1, 2, 9])
def test_derivatives_are_those_of_the_series_at_each_point(degree):
    terms = RNG.normal(size=(degree + 1, 2, POINTS))
    found = chebyshev.derivatives(jnp.asarray(X), jnp.asarray(terms), 2)
    for m, values in enumerate(found):
        expected = [
            [reference.chebval(x, reference.chebder(terms[:, c, n], m)) for n, x in enumerate(X)] for c in (0, 1)
        ]
        np.testing.assert_allclose(values, expected, rtol=1e-11, atol=1e-11)


def test_derivatives_are_differentiable_in_place_and_terms():
    terms = jnp.asarray(RNG.normal(size=(6, 2, POINTS)))
    check_grads(lambda x, t: chebyshev.derivatives(x, t, 2), (jnp.asarray(X), terms), 1, ["rev"], rtol=1e-6)


def test_a_series_with_axes_put_in_is_the_series_there():
    series, others = tensor((8, 4, 3), 2), RNG.uniform(-1.0, 1.0, (2, POINTS))
    terms = chebyshev.along(jnp.asarray(others), jnp.asarray(series))
    (found,) = chebyshev.derivatives(jnp.asarray(X), terms, 0)
    for c in (0, 1):
        np.testing.assert_allclose(found[c], reference.chebval3d(X, *others, series[..., c]), rtol=1e-11, atol=1e-11)


def test_a_series_without_other_axes_is_the_same_at_all_points():
    series = RNG.normal(size=(5, 2))
    terms = chebyshev.along(jnp.zeros((0, POINTS)), jnp.asarray(series))
    assert terms.shape[:2] == series.shape
    np.testing.assert_array_equal(terms, jnp.broadcast_to(series[..., None], terms.shape))


@pytest.mark.parametrize("where", [-1.3, -0.99, -0.2, 0.0, 0.6, 1.2])
def test_bends_of_a_force_are_the_slopes_of_its_slope_and_of_its_variance(where):
    terms, half, scale = jnp.asarray(0.3 * RNG.normal(size=(7, 2, 1))), jnp.asarray(2.5), jnp.asarray(40.0)

    def at(state: float) -> forces.Mean:
        return forces.read(terms, jnp.asarray([state]) / half, scale, half, 2)

    state, step = where * 2.5, 1e-5
    there, ahead, behind = at(state), at(state + step), at(state - step)
    for name, of in (("slope", "value"), ("bend", "slope"), ("wider", "variance")):
        difference = (getattr(ahead, of) - getattr(behind, of)) / (2.0 * step)
        np.testing.assert_allclose(getattr(there, name), difference, rtol=1e-6, atol=1e-6 * float(scale))
    assert jax.tree.all(jax.tree.map(jnp.isfinite, there))
