"""The stand-in for a dear function, and the window found on it, against closed forms."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from yieldopt.kriging import QUADRATIC, Kriging, Seen, covariance
from yieldopt.modelled import modelled
from yieldopt.window import Search


def test_covariances_are_the_derivatives_of_one_function() -> None:
    draw = np.random.default_rng(0)
    one, other, length, height = draw.normal(size=(3, 2)), draw.normal(size=(4, 2)), 1.1, 0.7

    def kernel(x: jax.Array, y: jax.Array) -> jax.Array:
        near = height**2 * jnp.exp(-0.5 * jnp.sum((x - y) ** 2) / length**2)
        return near + QUADRATIC**2 * (1.0 + x @ y) ** 2

    found = covariance(one, other, length, height).reshape(3, 3, 4, 3)
    for i, x in enumerate(one):
        for j, y in enumerate(other):
            assert found[i, 0, j, 0] == pytest.approx(float(kernel(x, y)))
            assert found[i, 1:, j, 0] == pytest.approx(np.asarray(jax.grad(kernel)(x, y)))
            assert found[i, 0, j, 1:] == pytest.approx(np.asarray(jax.grad(kernel, 1)(x, y)))
            assert found[i, 1:, j, 1:] == pytest.approx(np.asarray(jax.jacfwd(jax.grad(kernel), 1)(x, y)))


def curved(x: np.ndarray) -> tuple[float, np.ndarray]:
    return float(x @ x + np.sin(x[0])), 2 * x + np.array([np.cos(x[0]), 0.0])


def test_a_stand_in_predicts_what_it_did_not_see_and_says_how_well() -> None:
    draw = np.random.default_rng(1)
    model = Kriging.of([Seen(x, *curved(x), 1e-3) for x in draw.normal(size=(8, 2))], np.full(2, 5.0))
    off = []
    for x in draw.normal(size=(50, 2)) * 0.7:
        (value, slope), (error, steeper) = model(x), model.error(x)
        off.append((value - curved(x)[0]) / max(error, 1e-3))
        step = 1e-5 * np.eye(2)
        assert slope == pytest.approx([(model(x + h)[0] - model(x - h)[0]) / 2e-5 for h in step], abs=1e-4)
        assert steeper == pytest.approx(
            [(model.error(x + h)[0] - model.error(x - h)[0]) / 2e-5 for h in step], abs=1e-4, rel=1e-3
        )
    assert np.sqrt(np.mean(np.square(off))) < 2.0


def test_a_point_seen_twice_with_other_values_is_their_mean() -> None:
    at = np.array([0.3, -0.2])
    draw = np.random.default_rng(2)
    seen = [Seen(x, *curved(x), 0.01) for x in draw.normal(size=(4, 2))]
    value, slope = curved(at)
    model = Kriging.of(
        [*seen, Seen(at, value - 0.05, slope, 0.05), Seen(at, value + 0.05, slope, 0.05)], np.full(2, 5.0)
    )
    assert model(at)[0] == pytest.approx(value, abs=0.05)


@pytest.mark.parametrize("noise", [0.0, pytest.param(0.05, marks=pytest.mark.slow)])
def test_the_window_of_a_dear_function_takes_few_looks(noise: float) -> None:
    """A quartic bowl in four knobs, one of them inert, one beside the window: |x|^4 < 1 in the three that are felt.

    The widest common half-width is 1 / sqrt 2 with the knob beside at 0; sixteen corners and more are not looked at.
    """
    draw, looks = np.random.default_rng(3), list[Any]()

    def bowl(p: np.ndarray, slot: Any = 0) -> Seen:
        x = p[[0, 1, 3]]
        looks.append(slot)
        value, slope = float((x @ x) ** 2 - 1.0), np.zeros(4)
        slope[[0, 1, 3]] = 4.0 * (x @ x) * x
        return Seen(
            p, value + noise * draw.normal(), slope + noise * draw.normal(size=4) * [1, 1, 0, 1], max(noise, 1e-3)
        )

    search = Search(
        lambda p, s: (np.array([bowl(p, s).value]), bowl(p, s).slope[None]),
        np.full(4, -2.0), np.full(4, 2.0), np.ones(3), inert={2: 1.0},
    )  # fmt: skip
    start = np.array([0.4, -0.3, 0.0, 0.5])
    looks.clear()
    window, guess = modelled(search, bowl, [bowl(start), bowl(0.5 * start)], start, np.full(3, 0.05))
    assert len(looks) <= 26
    assert window.capability == pytest.approx(1 / (3 * np.sqrt(2)), rel=0.02 if noise == 0.0 else 0.06)
    assert abs(window.beside[0]) < 0.15
    assert window.low[2] == pytest.approx(-window.high[2])
    worst = max(bowl(p)[1] for p in search.points(window.box))
    assert worst < 0.1 + 3.0 * noise
    assert guess(window.worst) == pytest.approx(0.0, abs=0.1)


def test_a_point_that_an_audit_found_is_looked_at_on_the_stand_in_too() -> None:
    """|y| < .2 + .6 x^2: the corners, at the ends of the range of x, know nothing of the waist between them."""

    def waist(p: np.ndarray, _slot: Any = 0) -> Seen:
        x, y = p
        edge = 0.2 + 0.6 * x**2
        return Seen(p, 10.0 * float(y**2 - edge**2), 10.0 * np.array([-2.4 * x * edge, 2.0 * y]), 1e-3)

    search = Search(
        lambda p, s: (np.array([waist(p, s).value]), waist(p, s).slope[None]),
        np.array([-0.6, -1.0]), np.array([0.6, 1.0]), np.array([0.3, 0.1]),
    )  # fmt: skip
    seen = [waist(p) for p in (np.zeros(2), np.array([0.3, 0.2]), np.array([-0.3, 0.3]))]
    wide, _ = modelled(search, waist, seen, np.zeros(2), np.full(2, 0.05))
    assert wide.high[1] == pytest.approx(0.2 + 0.6 * 0.36, rel=0.1)
    search.add(wide, np.array([0.0, wide.high[1]]))
    narrow, _ = modelled(search, waist, seen, np.zeros(2), np.full(2, 0.05))
    assert narrow.high[1] == pytest.approx(0.2, rel=0.1)
    assert len(search.places) == 5


def test_a_window_in_which_no_knob_is_felt() -> None:
    flat = Seen(np.zeros(2), -3.0, np.zeros(2), 0.01)
    search = Search(
        lambda _p, _s: (np.array([-3.0]), np.zeros((1, 2))), np.full(2, -1.0), np.full(2, 1.0), np.ones(2),
        inert={0: 1.0, 1: 1.0},
    )  # fmt: skip
    window, _ = modelled(search, lambda p, _s: flat._replace(point=p), [flat], np.zeros(2), np.full(2, 0.1))
    assert window.low == pytest.approx(-1.0)
    assert window.high == pytest.approx(1.0)
