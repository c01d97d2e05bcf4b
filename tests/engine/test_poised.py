"""Limits on the unit that its pose moves: their chances against closed forms and the multivariate normal law."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from scipy import stats

from yieldopt.conditional.poised import ACROSS, STEPS, _points, chances

SPREAD = jnp.asarray([[0.5, 0.1, 0.0], [0.1, 0.2, -0.05], [0.0, -0.05, 0.3]])
POSE = jnp.asarray([0.2, -0.1, 0.4])
STILL = jnp.zeros(3)
NUDGE = 1e-9
"""What keeps the root of a covariance from failing, as a share of it."""


def over_units(margins: object, count: int, spread: Array = SPREAD) -> tuple[Array, Array, float]:
    """Mean chance of each limit and of all over the points of many units, and the standard error of the latter."""
    units = jax.random.normal(jax.random.key(0), (count, 5))
    found = jax.jit(jax.vmap(lambda u: chances(margins, POSE, spread, STILL, _points(u, 3))))(units)  # type: ignore[arg-type]
    whole = jnp.exp(found.each.sum(1) + found.together)
    return jnp.exp(found.each).mean(0), whole.mean(), float(whole.std() / np.sqrt(count))


@pytest.mark.parametrize("index", [-3.0, 0.0, 1.5, 5.0, 6.0])
def test_one_straight_limit_is_exact(index: float) -> None:
    toward = jnp.asarray([1.0, -2.0, 0.5])
    sigma = jnp.sqrt(toward @ SPREAD @ toward)
    found = chances(
        lambda q: [(index * sigma + toward @ (q - POSE))[None]], POSE, SPREAD, STILL, _points(jnp.ones(5), 3)
    )
    lost = -np.expm1(float(found.each[0]))
    assert lost == pytest.approx(stats.norm.sf(index), rel=1e-6)
    assert float(found.together) == 0.0


def test_a_limit_of_two_sides_is_exact() -> None:
    low, high = -0.4, 0.9
    found = chances(lambda q: [jnp.stack([q[0] - low, high - q[0]])], POSE, SPREAD, STILL, _points(jnp.ones(5), 3))
    expected = np.diff(stats.norm.cdf([low, high], 0.2, np.sqrt(0.5)))[0]
    assert np.exp(float(found.each[0])) == pytest.approx(expected, abs=NUDGE)


def test_limits_on_one_pose_fail_together_as_the_normal_law_says() -> None:
    rows = jnp.asarray([[1.0, 0.2, 0.0], [0.3, 1.0, 0.4], [-0.5, 0.0, 1.0]])
    level = jnp.asarray([0.8, 0.5, 0.9])
    each, whole, error = over_units(lambda q: list((level - rows @ (q - POSE))[:, None]), 4096)
    cov = np.asarray(rows @ SPREAD @ rows.T)
    expected = stats.multivariate_normal(np.zeros(3), cov).cdf(np.asarray(level))
    assert float(whole) == pytest.approx(expected, abs=4.0 * error)
    assert error < 2e-3
    alone = stats.norm.cdf(np.asarray(level) / np.sqrt(np.diag(cov)))
    assert abs(expected - alone.prod()) > 40.0 * error  # they are far from independent
    np.testing.assert_allclose(each, alone, atol=2e-2)


def test_a_tilt_about_level_has_the_law_of_a_radius() -> None:
    """Two like normals: their length is Rayleigh's."""
    level = jnp.eye(3) * 0.04
    _, whole, error = over_units(lambda q: [(0.5 - jnp.hypot(q[0] - POSE[0], q[1] - POSE[1]))[None]], 4096, level)
    # Straight between steps that cross the middle, a cone's tip is cut off: far inside of what is allowed here.
    assert float(whole) == pytest.approx(stats.rayleigh.cdf(0.5, scale=0.2), abs=4.0 * error)
    assert error < 1e-3


def test_a_pose_without_scatter_meets_its_limit_or_not() -> None:
    for margin, expected in ((0.1, 1.0), (-0.1, 0.0)):
        found = chances(
            lambda q, m=margin: [(m + 0.0 * q[0] + q[1] - POSE[1])[None]], POSE, 0.0 * SPREAD, STILL,
            _points(jnp.ones(5), 3),
        )  # fmt: skip
        assert np.exp(float(found.each[0])) == pytest.approx(expected, abs=1e-12)


def test_what_moved_the_pose_moves_the_chance() -> None:
    found = chances(lambda q: [(0.8 - q[0])[None]], POSE, SPREAD, jnp.asarray([0.3, 0.0, 0.0]), _points(jnp.ones(5), 3))
    assert np.exp(float(found.each[0])) == pytest.approx(stats.norm.cdf(0.3 / np.sqrt(0.5)), abs=NUDGE)


def test_the_slope_is_that_of_differences() -> None:
    def value(x: Array) -> Array:
        def margins(q: Array) -> list[Array]:
            return [(x[0] - q[0])[None], jnp.stack([q[1] + x[1] * q[2] + 0.7, 1.1 - q[1] ** 2])]

        found = chances(margins, POSE, SPREAD * x[2], STILL, _points(jnp.ones(5), 3))
        return found.each.sum() + found.together

    at, look = jnp.asarray([0.9, 0.3, 1.2]), jax.jit(value)
    slope = jax.jit(jax.grad(value))(at)
    for i in range(3):
        step = 1e-6 * jnp.eye(3)[i]
        assert float(slope[i]) == pytest.approx(float(look(at + step) - look(at - step)) / 2e-6, rel=1e-6)


def test_without_shared_normals_there_are_more_points() -> None:
    assert _points(jnp.zeros(0), 3).shape == (ACROSS**2, 3)
    assert len(STEPS) % 2 == 1  # one of them at the mean, where a tip lies
