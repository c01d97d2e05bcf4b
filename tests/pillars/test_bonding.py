"""A chip that a head presses, bodies that bend, a weight: the settled unit's balance, counted joint by joint."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.handlers import seed
from yieldopt_pillars.assemblies.capped_pillar import MODEL
from yieldopt_pillars.parts import joint

from yieldopt import exact
from yieldopt.card import BumpMap, Inputs

CARD = MODEL.card()
SIDE = 10
PITCH = 40.0
LINE = (np.arange(SIDE) - (SIDE - 1) / 2) * PITCH
X, Y = (part.ravel() for part in np.meshgrid(LINE, LINE))
FINE = {"pillar_height": 12.0, "nickel_height": 2.0, "cap_height": 9.0, "pillar_diameter": 18.0, "pad_opening": 20.0}
FINE |= {"resist_height": 30.0, "warpage": 1.0, "melt_travel": 1.5, "capture_margin": 9.0}
CALM = {name: 0.1 * spread.sigma for name, spread in CARD.spreads.items()} | {"head_height": 0.3, "head_tilt": 0.2}
PRESSED = {"join": "thermocompression"}

pull = jax.jit(jax.vmap(joint.force))


def asked(options: dict[str, str] | None = None, **design: float) -> Inputs:
    """A hundred small joints at 40 um, their line ten times calmer than the model's own."""
    return Inputs(
        design={name: knob.start for name, knob in CARD.knobs.items()} | FINE | design,
        ranges={name: (knob.low, knob.high) for name, knob in CARD.knobs.items()},
        spreads=CALM,
        limits={},
        options={name: choice.default for name, choice in CARD.options.items()} | (options or {}),
        materials={name: choice.default for name, choice in CARD.materials.items()},
        bump_map=BumpMap(X, Y, PITCH),
    )


class Unit:
    """One drawn unit at rest, with what a joint-by-joint count needs."""

    def __init__(self, key: int, options: dict[str, str] | None = None, **design: float):
        inputs = asked(options, **design)
        self.model = MODEL.build(inputs)
        self.design = MODEL.Design(**{name: jnp.asarray(value, float) for name, value in inputs.design.items()})
        self.shared = seed(self.model.variation, key)(self.design)
        keys = jax.random.split(jax.random.key(100 + key), SIDE**2)
        self.own = jax.vmap(lambda k: seed(self.model.joints.variation, k)(self.design))(keys)

    def settle(self) -> np.ndarray:
        pose, found = exact.settle(self.model, self.design, self.shared, {"joint": self.own})
        assert bool(found)
        return np.asarray(pose)

    def states(self, pose: Any) -> Any:
        sites = self.model.joints.sites
        return jax.vmap(lambda site: self.model.joints.state(self.design, self.shared, jnp.asarray(pose), site))(sites)

    def pulls(self, pose: Any) -> np.ndarray:
        """Force of every joint at the solidus, uN."""
        state = self.states(pose)
        made = jax.vmap(lambda s, o: self.model.joints.making.made(self.design, s, o))(state, self.own)
        height = state["gap"] - self.own.height - self.own.pad
        each = pull(
            jnp.broadcast_to(made.pad_radius, made.pillar_radius.shape), made.pillar_radius, made.volume, height
        )
        return np.asarray(each) * float(self.model.support.tension)

    def clearance(self) -> float:
        """Where the average cap as plated meets its pad."""
        design, shared = self.design, self.shared
        cap = float(design.cap_height * (1 + shared.solder))
        return float(design.pillar_height + design.nickel_height + shared.heights.offset) + cap


@pytest.mark.slow
def test_a_stiff_head_keeps_its_place():
    unit = Unit(1, PRESSED, head_stiffness=1e12)
    pose, stroke = unit.settle(), unit.shared.bonder
    told = [unit.clearance() - 1.5 + float(stroke.height), *map(float, stroke.tilts)]
    np.testing.assert_allclose(pose, [*told, *told], atol=1e-5)


def test_a_head_that_yields_shares_the_load():
    unit = Unit(2, PRESSED, head_stiffness=2e3)
    pose, stroke = unit.settle(), unit.shared.bonder
    told = unit.clearance() - 1.5 + float(stroke.height)
    assert abs(pose[3] - told) > 0.05
    assert unit.pulls(pose).sum() + 2e3 * (pose[3] - told) + weight(unit) == pytest.approx(0.0, abs=1e-5)
    half = LINE.max()
    moments = unit.pulls(pose) @ np.stack([X / half, Y / half], 1)
    np.testing.assert_allclose(moments + 2e3 * (pose[4:] - np.asarray(stroke.tilts)), 0.0, atol=1e-5)


def weight(unit: Unit) -> float:
    """Of 400 x 400 um of silicon, uN."""
    return 9.80665e-9 * 2.33 * 400.0**2 * float(unit.design.chip_thickness)


@pytest.mark.parametrize("force", [0.0, 500.0, 3000.0])
def test_a_head_that_keeps_its_force_is_carried_by_the_joints(force: float):
    unit = Unit(3, PRESSED | {"head": "force"}, bond_force=force)
    assert unit.pulls(unit.settle()).sum() == pytest.approx(-force - weight(unit), abs=1e-5)


def test_without_stiffness_and_force_a_pressed_chip_floats():
    unit, free = Unit(4, PRESSED, head_stiffness=0.0), Unit(4)
    free.shared = eqx.tree_at(lambda s: s.bonder, unit.shared, None)
    np.testing.assert_allclose(unit.settle(), free.settle(), atol=1e-7)


def test_a_pressed_chip_keeps_its_placement_error_and_its_run_out():
    unit, free = (Unit(5, options, placement_x=3.0, run_out=1e-3, residual_fraction=0.0) for options in (PRESSED, {}))
    free.shared = eqx.tree_at(lambda s: s.bonder, unit.shared, None, is_leaf=lambda leaf: leaf is None)
    pose = unit.settle()
    held, floated = unit.states(pose), free.states(pose)
    np.testing.assert_allclose(held["offset"], held["capture"])
    assert float(held["offset"].mean()) > 2.5 > 1.0 > float(floated["offset"].mean())
    corner = np.argmax(X + Y)
    shared = unit.shared.alignment
    expected = np.array([3.0, 0.0]) + np.asarray(shared.placement + shared.registration)
    expected = expected + float(shared.rotation) * np.array([-Y[corner], X[corner]])
    expected = expected + (1e-3 + float(shared.expansion)) * np.array([X[corner], Y[corner]])
    assert float(held["offset"][corner]) == pytest.approx(np.hypot(*expected), abs=1e-5)


@pytest.mark.parametrize("thickness", [10.0, pytest.param(40.0, marks=pytest.mark.slow)])
def test_bent_bodies_balance_mode_by_mode(thickness: float):
    """What the joints do to each mode is what straightens the plates; a thick pair is rigid."""
    thin = {"chip_thickness": thickness, "substrate_thickness": 30.0}
    unit = Unit(6, {"bodies": "bending"}, warpage=3.0, **thin)
    pose = unit.settle()
    half, corner = LINE.max(), np.hypot(X, Y).max()
    shapes = np.stack([(X**2 + Y**2) / corner**2, X * Y / half**2, (X**2 - Y**2) / half**2])
    shapes -= shapes.mean(1, keepdims=True)
    work = shapes @ unit.pulls(pose)
    side = half + 0.5 * PITCH
    curve = np.array([8 * 1.25 / corner**4, 2 * 0.75 / half**4, 8 * 0.75 / half**4]) * 4 * side**2
    chip, substrate = (m * t**3 / (12 * (1 - 0.25**2)) for m, t in ((160e3, thickness), (24e3, 30.0)))
    stiff = curve * chip * substrate / (chip + substrate)
    np.testing.assert_allclose(work + stiff * pose[9:], 0.0, atol=1e-5 * np.abs(work).max() + 1e-6)
    assert np.abs(pose[9]) > 1e-3
    rigid = Unit(6, {"bodies": "bending"}, warpage=3.0, chip_thickness=2000.0, substrate_thickness=5000.0).settle()
    assert np.abs(rigid[9:]).max() < 1e-3 * np.abs(pose[9])


def test_joints_pull_a_warped_thin_chip_flatter():
    """With 3 um of bow its own, a chip that bends is left with less, and its joints scatter less in height."""
    thin = {"chip_thickness": 15.0, "substrate_thickness": 40.0, "warpage": 3.0}
    bent, rigid = Unit(7, {"bodies": "bending"}, **thin), Unit(7, **thin)
    rigid.shared = bent.shared
    assert bent.settle()[9] < -0.01
    spread = [float(np.std(unit.states(unit.settle())["gap"])) for unit in (bent, rigid)]
    assert spread[0] < spread[1]


def test_thin_bodies_may_not_be_called_rigid():
    wide = BumpMap(40 * X, 40 * Y, PITCH)
    thin = dataclasses.replace(asked(chip_thickness=50.0), bump_map=wide)
    (mistake,) = MODEL.check(thin)
    assert mistake.path == "options.bodies"
    assert "bending" in str(mistake)
    for options in ({"bodies": "bending"}, PRESSED):
        assert MODEL.check(dataclasses.replace(thin, options=thin.options | options)) == []
    assert MODEL.check(dataclasses.replace(asked(chip_thickness=775.0), bump_map=wide)) != []  # the laminate bends
    assert MODEL.check(asked(chip_thickness=50.0)) == []


def test_the_head_lets_go_in_time_and_the_tilt_is_told():
    unit = Unit(8, PRESSED)
    pose = jnp.arange(1.0, 7.0)
    found = unit.model.response(unit.design, unit.shared, pose)
    assert found["hold"] == pytest.approx(5.0 - 3.0 * (1 + float(unit.shared.bonder.freezing)))
    assert found["tilt"] == pytest.approx(2 * np.hypot(5.0, 6.0), abs=1e-6)
    assert "hold" in {limit.name for limit in unit.model.limits()}
    assert "hold" not in {limit.name for limit in Unit(8).model.limits()}
