"""Pairs that share elements: the share that one element fails alone, against quadrature and against counting."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, optimize
from scipy.stats import norm

from yieldopt.conditional import local, pairs

CASES = {"as much of both": (0.0, 3.0), "one element alone": (1.2, 25.0), "between": (0.4, 5.5)}
"""Steepness of an element's extent (exp(k z) - 1) / k + 1, and the room that two of them share."""


def extent(k: float, z):
    """An element's extent at its normal: a straight line for k = 0, explosive for a large one."""
    return z if k == 0.0 else np.exp(k * z)


def plane(k: float, room: float, degree: float):
    """What the engine makes of such a pair: share, and the log failure probability."""

    def margin(_: jax.Array, z: jax.Array) -> jax.Array:
        own = z if k == 0.0 else jnp.exp(k * z)
        return room - own.sum()

    state = jnp.zeros(1)
    point = local.design_point(margin, state, 2)
    share, log_p = pairs.on_plane(lambda a, b: margin(state, jnp.concatenate([a, b])), point, degree)
    return float(share), float(log_p)


def given(k: float, room: float, s: float) -> float:
    """Failure probability of a pair given one element's normal, in closed form."""
    left = room - extent(k, s)
    if k == 0.0:
        return float(norm.sf(left))
    return 1.0 if left <= 0.0 else float(norm.sf(np.log(left) / k))


def mean_log(k: float, room: float, degree: float) -> float:
    """log E (1 - p(s))^d by adaptive quadrature."""
    edge = 9.0 if k == 0.0 else np.log(room) / k
    found = integrate.quad(
        lambda s: norm.pdf(s) * -np.expm1(degree * np.log1p(-min(given(k, room, s), 1.0 - 1e-15))),
        -9.0, 9.0, points=[edge] if edge < 9.0 else None, limit=400,
    )  # fmt: skip
    return float(np.log1p(-found[0]))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("degree", [2.0, 3.65])
def test_share_agrees_with_quadrature(name, degree):
    k, room = CASES[name]
    one, every = mean_log(k, room, 1.0), mean_log(k, room, degree)
    exact = (1.0 - every / one / degree) / (1.0 - 1.0 / degree)
    share, log_p = plane(k, room, degree)
    assert abs(share - exact) < 2e-3
    assert abs(np.exp(log_p) / -np.expm1(one) - 1.0) < 5e-3


def test_one_element_alone_is_half_of_its_pairs_failures():
    # Where either element of a pair fails it alone, half of the failures are each one's own.
    assert abs(plane(2.5, 2000.0, 4.0)[0] - 0.5) < 0.05


@pytest.mark.parametrize("name", CASES)
def test_a_lattice_of_pairs_agrees_with_counting(name):
    """Twelve by twelve elements, each in pairs with those beside it; pass probabilities between .4 and .9."""
    k, _ = CASES[name]
    side, units = 12, 40_000
    z = np.random.default_rng(4).standard_normal((units, side, side))
    e = extent(k, z)
    most = np.maximum((e[:, 1:] + e[:, :-1]).max((1, 2)), (e[:, :, 1:] + e[:, :, :-1]).max((1, 2)))
    room = float(np.quantile(most, 0.7))
    counted = float((most < room).mean())
    degree = 2.0 * 2.0 * side * (side - 1) / side**2
    share, log_p = plane(k, room, degree)
    number = np.full((side, side), 4.0)
    number[[0, -1], :] -= 1.0
    number[:, [0, -1]] -= 1.0
    ends = [1.0 / number[1:] + 1.0 / number[:-1], 1.0 / number[:, 1:] + 1.0 / number[:, :-1]]
    log_pass = sum(float(pairs.counted(share, end).sum()) for end in ends) * np.log1p(-np.exp(log_p))
    # Four standard errors, and two per cent of the loss for the lattice's loops and the share's dependence on d.
    assert abs(np.exp(log_pass) - counted) < 4.0 * np.sqrt(counted * (1 - counted) / units) + 0.02 * (1.0 - counted)


def test_plane_of_a_lone_element_has_its_mirror_image():
    def margin(_: jax.Array, z: jax.Array) -> jax.Array:
        return 1e4 - jnp.exp(2.0 * (z[0] + 0.5 * z[1])) - jnp.exp(2.0 * (z[2] - 0.5 * z[3]))

    first, second = pairs.plane(local.design_point(margin, jnp.zeros(1), 4))
    assert np.allclose(np.asarray(first), np.array([2.0, 1.0]) / np.sqrt(5.0), atol=0.02)
    assert np.allclose(np.asarray(second), np.array([2.0, -1.0]) / np.sqrt(5.0), atol=0.02)


def test_crossing_is_far_where_nothing_fails():
    crossing = pairs._crossing
    ones = jnp.ones(len(pairs.COORDINATE))
    assert float(crossing(ones)) > 9.0
    assert float(crossing(-ones)) < -9.0
    root = optimize.brentq(lambda t: 4.0 - np.exp(0.7 * t), -5, 5)
    assert abs(float(crossing(4.0 - jnp.exp(0.7 * jnp.asarray(pairs.COORDINATE)))) - root) < 1e-3
