"""A chip that lands joint by joint: seated on its caps, pulled by what has touched, held open by what never does.

The law is that of experiments/006_landing, which says how often it differs from the balance of all joints.
"""

import importlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq
from yieldopt_pillars.assemblies.capped_pillar import MODEL
from yieldopt_pillars.parts import joint

from yieldopt.card import BumpMap, Inputs

landing = importlib.import_module("006_landing.run")

PAD, PILLAR, CAP = 45.0, 40.0, 18.0
"""Radii and cap of the joint of 276 at 160 um."""
SIDE = 6
AXIS = np.linspace(-1.0, 1.0, SIDE)
LEVERS = np.stack([np.ones(SIDE**2), *(axis.ravel() for axis in np.meshgrid(AXIS, AXIS))], 1)
VOLUME = float(np.pi * PILLAR**2 * CAP)
REACH = float(joint.free_cap_height(PILLAR, VOLUME))
WEIGHT = 36.0
land = jax.jit(landing.land)


def molten(lower: np.ndarray, volume: np.ndarray | float = VOLUME) -> Any:
    """36 joints whose pillars reach `lower` um further down than the pose says."""
    count = len(LEVERS)
    ends = tuple(jnp.broadcast_to(jnp.asarray(value, float), count) for value in (PAD, PILLAR, volume))
    plated = np.asarray(ends[2]) / (np.pi * PILLAR**2)
    reach = jax.vmap(joint.free_cap_height)(ends[1], ends[2])
    weight = jnp.array([WEIGHT, 0.0, 0.0])
    return landing.Molten(ends, reach, jnp.asarray(plated), jnp.asarray(-lower), jnp.asarray(LEVERS), weight)


def left(unit: Any, landed: Any) -> np.ndarray:
    """Force and moments on a chip: every wetted joint's own pull, and the weight."""
    gap = np.asarray(unit.clearance + unit.levers @ landed.pose)
    pull = np.array([float(joint.force(PAD, PILLAR, v, h)) for v, h in zip(unit.ends[2], gap, strict=True)])
    return -LEVERS.T @ np.where(landed.wetted, pull, 0.0) - np.asarray(unit.weight)


def test_a_seat_is_as_low_as_the_caps_let_it() -> None:
    unit = molten(np.random.default_rng(0).normal(0.0, 2.0, SIDE**2))
    room = np.asarray(unit.clearance + unit.levers @ landing.seat(unit) - unit.plated)
    assert room.min() > -1e-9
    assert (room < 1e-9).sum() == 3


def test_a_level_chip_comes_down_to_where_its_joints_bear_it() -> None:
    unit = molten(np.zeros(SIDE**2))
    landed = land(unit, jnp.array([REACH, 0.0, 0.0]))
    each = WEIGHT / SIDE**2
    expected = brentq(lambda h: float(joint.force(PAD, PILLAR, VOLUME, h)) + each, 10.0, REACH)
    assert bool(landed.still)
    assert bool(landed.wetted.all())
    np.testing.assert_allclose(landed.pose, [expected, 0.0, 0.0], atol=1e-8)


def test_a_joint_out_of_reach_all_the_way_stays_open_and_pulls_at_nothing() -> None:
    lower = np.zeros(SIDE**2)
    lower[7] = -REACH
    unit = molten(lower)
    landed = land(unit, jnp.asarray(landing.seat(unit)))
    assert bool(landed.still)
    assert np.flatnonzero(~np.asarray(landed.wetted)).tolist() == [7]
    np.testing.assert_allclose(left(unit, landed), 0.0, atol=1e-6)


def test_a_joint_that_touched_on_the_way_stays_wetted_where_the_rest_pull_it_out_of_reach() -> None:
    """One tall pillar with a drop of solder: it lands first, and is stretched as its neighbours hold the chip up."""
    lower, volume = np.zeros(SIDE**2), np.full(SIDE**2, VOLUME)
    rest = brentq(lambda h: float(joint.force(PAD, PILLAR, VOLUME, h)) + WEIGHT / SIDE**2, 10.0, REACH)
    volume[7] = 0.1 * VOLUME
    drop = float(joint.free_cap_height(PILLAR, volume[7]))
    lower[7] = rest - drop - 0.5
    unit = molten(lower, volume)
    from_rest, pushed = (land(unit, jnp.array([z, 0.0, 0.0])) for z in (rest, rest - 1.0))
    assert not bool(from_rest.wetted[7])
    assert bool(pushed.wetted[7])
    gap = float(pushed.pose @ LEVERS[7] - lower[7])
    assert gap > drop
    for landed in (from_rest, pushed):
        assert bool(landed.still)
        np.testing.assert_allclose(left(unit, landed), 0.0, atol=1e-6)


@pytest.mark.slow
def test_where_every_joint_is_reached_it_ends_where_all_of_them_balance() -> None:
    card = MODEL.card()
    x, y = (160.0 * (SIDE - 1) / 2 * axis.ravel() for axis in np.meshgrid(AXIS, AXIS))
    model = MODEL.build(
        Inputs(
            design={name: knob.start for name, knob in card.knobs.items()},
            ranges={name: (knob.low, knob.high) for name, knob in card.knobs.items()},
            spreads={name: spread.sigma for name, spread in card.spreads.items()},
            limits={},
            options={name: choice.default for name, choice in card.options.items()},
            materials={name: choice.default for name, choice in card.materials.items()},
            bump_map=BumpMap(x, y, 160.0),
        )
    )
    design = MODEL.Design(**{name: jnp.asarray(knob.start, float) for name, knob in card.knobs.items()})
    found = landing.group(model, design, jax.random.split(jax.random.key(2), 16))
    whole = np.asarray((found.open_balanced == 0) & (found.open_landed == 0))
    assert whole.sum() > 8
    assert bool(found.still.all())
    assert float(found.apart[whole].max()) < 1e-9


@pytest.mark.parametrize("tilt", [-6.0, 6.0])
def test_a_tilted_seat_is_pulled_level(tilt: float) -> None:
    unit = molten(np.zeros(SIDE**2))
    landed = land(unit, jnp.array([REACH + abs(tilt), tilt, 0.0]))
    assert bool(landed.still)
    np.testing.assert_allclose(landed.pose[1:], 0.0, atol=1e-8)
