"""The leaning joint against three-dimensional bridges of Surface Evolver that its law was not made from."""

import csv
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from yieldopt_pillars.parts import joint

CHECKS = Path(__file__).parents[2] / "experiments" / "003_lateral" / "check.csv"
single, upright = jax.jit(joint.lateral), jax.jit(joint.solve)
lean, solve = jax.jit(jax.vmap(joint.lateral)), jax.jit(jax.vmap(joint.solve))


def checks():
    """Ratio, height, volume, offset, lateral force, reach ahead and behind; larger radius 1."""
    with CHECKS.open() as file:
        return np.array([[float(x) for x in row] for row in list(csv.reader(file))[1:]]).T


@pytest.mark.slow
def test_force_and_reach_are_those_of_three_dimensional_bridges():
    k, height, volume, offset, force, ahead, behind = checks()
    one = np.ones_like(k)
    found = lean(one, k, volume, height, offset)
    assert len(k) == 300
    assert bool(found.answers.all())
    natural = np.asarray(jax.vmap(joint.natural_stiffness)(one, k, volume)[1])
    error = np.abs(found.force_lateral - force) / np.maximum(np.abs(force), 0.1 * natural * offset)
    assert error[offset == 0.25].max() < 0.03
    assert error[offset == 0.5].max() < 0.06
    near = np.abs(height / np.asarray(jax.vmap(joint.natural_height)(one, k, volume)) - 1) < 0.1
    assert near.sum() > 100
    assert error[near].max() < 0.015
    still = solve(one, k, volume, height)
    held = np.degrees(np.maximum(still.angle_bottom, still.angle_top)) < 150
    assert held.sum() > 200
    assert np.abs(found.extent - ahead)[held].max() < 0.05
    assert np.abs(found.behind - behind)[held].max() < 0.05


@pytest.mark.slow
def test_forces_are_the_slopes_of_the_energy_in_any_unit():
    state = jnp.array([8.0, 10.0, 1900.0, 7.5, 3.0])
    found = single(*state)
    slopes = jax.jit(jax.jacfwd(lambda s: joint.lateral(*s).energy))(state)
    assert float(found.force_vertical) == pytest.approx(float(slopes[3]), rel=1e-9)
    assert float(found.force_lateral) == pytest.approx(float(slopes[4]), rel=1e-9)
    small = single(*(state * jnp.array([0.1, 0.1, 1e-3, 0.1, 0.1])))
    assert float(small.energy) == pytest.approx(0.01 * float(found.energy), rel=1e-9)
    assert float(small.extent) == pytest.approx(0.1 * float(found.extent), rel=1e-9)


def test_upright_it_is_the_exact_bridge():
    found, exact = single(1.0, 0.85, 2.4, 0.9, 0.0), upright(1.0, 0.85, 2.4, 0.9)
    assert float(found.energy) == pytest.approx(float(exact.energy), rel=1e-12)
    assert float(found.force_vertical) == pytest.approx(float(exact.force), rel=1e-9)
    assert float(found.force_lateral) == 0.0
    assert float(found.extent) == pytest.approx(float(exact.bulge_radius), rel=1e-3)
    slightly = single(1.0, 0.85, 2.4, 0.9, 1e-4)
    assert float(slightly.force_lateral) == pytest.approx(1e-4 * float(exact.stiffness_lateral), rel=1e-6)


def test_swapped_ends_are_the_same_joint_seen_from_the_other_disc():
    one, other = single(1.0, 0.8, 2.0, 0.8, 0.3), single(0.8, 1.0, 2.0, 0.8, 0.3)
    assert float(one.force_lateral) == float(other.force_lateral)
    assert float(other.extent) == pytest.approx(0.3 + float(one.behind))
    assert float(other.behind) == pytest.approx(float(one.extent) - 0.3)


@pytest.mark.parametrize(
    "state",
    [
        (1.0, 0.85, 1.6 * np.pi, 1.0, 0.2),  # overhangs
        (1.0, 0.85, 2.4, 0.9, 0.6),  # too far
        (1.0, 0.6, 2.4, 0.9, 0.2),  # too unlike
        (1.0, 1.0, 0.8, 0.2, 0.1),  # too flat
        (1.0, 1.0, 1.6, 4.0, 0.1),  # no such bridge
    ],
)
def test_it_declines_where_it_does_not_know(state):
    found = single(*state)
    assert not bool(found.answers)
    assert np.isnan(float(found.force_lateral))
    assert np.isnan(float(found.extent))
