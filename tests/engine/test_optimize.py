"""Descent on functions whose minimum is known, inside a box."""

import jax.numpy as jnp
import numpy as np

from yieldopt.box import Box
from yieldopt.optimize import optimize


def bowl(point: np.ndarray) -> tuple[float, np.ndarray]:
    off = point - np.array([1.0, -0.5])
    return float(off @ off + 0.5 * off[0] * off[1]), 2 * off + 0.5 * off[::-1]


def test_the_minimum_inside_a_box_is_found() -> None:
    box = Box(("a", "b"), jnp.array([-3.0, -3.0]), jnp.array([3.0, 3.0]))
    found = optimize(bowl, box, np.array([-2.0, 2.0]), steps=80)
    np.testing.assert_allclose(found.point, [1.0, -0.5], atol=0.02)
    assert found.loss < 1e-3


def test_a_minimum_outside_is_met_at_the_face() -> None:
    box = Box(("a", "b"), jnp.array([-3.0, -3.0]), jnp.array([0.5, 3.0]))
    found = optimize(bowl, box, np.array([-2.0, 2.0]), steps=120)
    assert 0.45 < found.point[0] <= 0.5
    assert found.losses[-1] < found.losses[0]


def test_the_loss_is_aimed_anew_on_the_way() -> None:
    calls = []
    box = Box(("a", "b"), jnp.array([-3.0, -3.0]), jnp.array([3.0, 3.0]))
    optimize(bowl, box, np.array([2.5, 2.5]), steps=30, refit=lambda _point: calls.append(1))
    assert len(calls) == 3
