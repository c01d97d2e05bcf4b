"""Chips on a carrier: both stackings against hand calculation, normal tails and balances counted element by element."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from numpyro.handlers import seed
from numpyro.infer import Predictive
from scipy.stats import norm
from yieldopt_pillars.assemblies import capped_pillar, pillar_into_solder, pillar_joint
from yieldopt_pillars.assemblies.module import MODEL
from yieldopt_pillars.parts import joint, warpage
from yieldopt_pillars.parts.clearance import NORMALS

from yieldopt import exact
from yieldopt.card import BumpMap, Inputs
from yieldopt.problem import at
from yieldopt.testing import check_model

CARD = MODEL.card()
X, Y = np.meshgrid((np.arange(5) - 2.0) * 160.0, (np.arange(5) - 2.0) * 160.0)
BUMPS = BumpMap(X.ravel(), Y.ravel(), 160.0)
SMALL = {"chip1_width": 1900.0, "chip1_length": 1700.0, "chip2_width": 1000.0, "chip2_length": 900.0}
SMALL |= {"wire_pitch": 240.0, "bump_inset": 190.0, "bump_pitch": 320.0, "substrate_thickness": 60.0}
SMALL |= {"opening_width": 1060.0, "opening_length": 960.0, "filler_size": 3.0}
UP = {"stacking": "face_up"}
DOWN = {"stacking": "face_down"}
OPEN = DOWN | {"opening": "through"}
FILLED = {"encapsulant": "underfill"}
COUNT = 20_000


def asked(options: dict[str, str] | None = None, spreads: dict[str, float] | None = None, **design: float) -> Inputs:
    """A chip of 1 mm with 25 joints on one of 1.9 mm; given `spreads`, all others next to nothing."""
    own = {name: spread.sigma for name, spread in CARD.spreads.items()}
    return Inputs(
        design={name: knob.start for name, knob in CARD.knobs.items()} | SMALL | design,
        ranges={name: (knob.low, knob.high) for name, knob in CARD.knobs.items()},
        spreads=own if spreads is None else dict.fromkeys(own, 1e-9) | spreads,
        limits={},
        options={name: choice.default for name, choice in CARD.options.items()} | (options or {}),
        materials={name: choice.default for name, choice in CARD.materials.items()},
        bump_map=BUMPS,
    )


def designed(inputs: Inputs, model: Any = MODEL) -> Any:
    return model.Design(**{name: jnp.asarray(value, float) for name, value in inputs.design.items()})


class Unit:
    """One drawn unit at rest."""

    def __init__(self, inputs: Inputs, model: Any = MODEL, key: int = 3):
        self.model, self.design = model.build(inputs), designed(inputs, model)
        self.shared = seed(self.model.variation, key)(self.design)
        self.own = {name: self.draw(p, key + i) for i, (name, p) in enumerate(self.model.populations().items())}
        self.pose, found = exact.settle(self.model, self.design, self.shared, self.own)
        assert bool(found)
        self.whole = self.model.response(self.design, self.shared, self.pose)

    def draw(self, p: Any, key: int) -> Any:
        keys = jax.random.split(jax.random.key(key), len(p.sites.x))
        return jax.vmap(lambda k: seed(p.variation, k)(self.design))(keys)

    def states(self, name: str) -> Any:
        p = self.model.populations()[name]
        return jax.vmap(lambda site: p.state(self.design, self.shared, self.pose, site))(p.sites)

    def measured(self, name: str) -> dict[str, np.ndarray]:
        p = self.model.populations()[name]
        found = jax.vmap(lambda s, e: p.response(self.design, s, e))(self.states(name), self.own[name])
        return {key: np.asarray(value) for key, value in found.items()}


def counted(model: Any, design: Any, measure: Any) -> np.ndarray:
    """What `measure` says of many units' shared draws."""

    def program() -> None:
        numpyro.deterministic("told", measure(model.variation(design)))

    draw = jax.jit(Predictive(program, num_samples=COUNT, parallel=True, return_sites=["told"]))
    return np.asarray(draw(jax.random.key(11))["told"])


def agrees(share: float, true: float) -> None:
    """Within four standard errors of a count, which must be able to tell."""
    assert 0.02 < true < 0.98
    assert share == pytest.approx(true, abs=4 * np.sqrt(true * (1 - true) / COUNT))


@pytest.mark.slow
@pytest.mark.parametrize("options", [UP | FILLED, DOWN, OPEN | FILLED])
def test_the_model_is_whole(options: dict[str, str]):
    inputs = asked(options, ageing_time=1e6)
    assert MODEL.check(inputs) == []
    check_model(MODEL, inputs)


KINDS = {
    "capped": (capped_pillar.MODEL, {}),
    "into_solder": (pillar_into_solder.MODEL, {"chip2_solder": "ball"}),
    "plain": (pillar_joint.MODEL, {}),
    "found": (pillar_joint.MODEL, {"joint": "plain", "standoff": "found"}),
}


QUICK = (("into_solder", UP),)


@pytest.mark.parametrize(
    ("kind", "stacking"),
    [
        pytest.param(kind, stacking, marks=() if (kind, stacking) in QUICK else pytest.mark.slow)
        for kind in KINDS
        for stacking in (UP, DOWN)
    ],
)
def test_its_joints_are_those_of_the_assembly_that_they_are_made_as(kind: str, stacking: dict[str, str]):
    """The same draws, joint by joint: what stands around them does not reach them."""
    model, options = KINDS[kind]
    inputs = asked({"joint": kind} | stacking | options, pillar_diameter=78.0)
    unit = Unit(inputs)
    card = model.card()
    lone = dataclasses.replace(
        inputs,
        design={name: inputs.design[name] for name in card.knobs},
        ranges={name: inputs.ranges[name] for name in card.knobs},
        spreads={name: inputs.spreads[name] for name in card.spreads},
        options={name: inputs.options[name] for name in card.options},
        materials=dict.fromkeys(card.materials, "Si") | {"pillar": "Cu", "solder": "SnAg3.5"},
    )
    other = Unit(lone, model)
    for name, values in other.measured("joint").items():
        np.testing.assert_allclose(unit.measured("joint")[name], values, atol=1e-6, err_msg=name)


def test_a_wire_pad_stays_uncovered_as_often_as_the_normal_law_says():
    """Placement, rotation, dicing and what chipping each pad has: one sum of normals, at a pad far from the middle."""
    spreads = {"placement_x": 30.0, "rotation": 0.12, "residual": 4.0, "cut2": 5.0, "edge2": 3.0}
    inputs = asked(UP, spreads, wire_inset=300.0, wire_pitch=120.0, residual_fraction=0.2, chip2_width=1200.0)
    model, design = MODEL.build(inputs), designed(inputs)
    pads = model.connections
    site = at(pads.sites, 0)
    assert np.asarray(site.axis) == pytest.approx([1.0, 0.0])
    place = float(site.y)
    assert place < -300.0
    pose = model.rest(design, seed(model.variation, 0)(design))

    def uncovered(shared: Any) -> Any:
        own = pads.variation(design)
        return pads.response(design, pads.state(design, shared, pose, site), own)["uncovered"]

    room = 950.0 - 300.0 - 35.0 - 600.0
    sigma = np.sqrt((0.2 * 30.0) ** 2 + 4.0**2 + 5.0**2 + 3.0**2 + (0.2 * 0.12 * place) ** 2)
    agrees(float(np.mean(counted(model, design, uncovered) < 0.0)), norm.cdf(-room / sigma))


def test_a_capillary_clears_chip_2_and_a_loop_chip_1_as_drawn():
    inputs = asked(UP, {}, wire_inset=150.0)
    unit = Unit(inputs)
    seen = unit.measured("wire_pad")
    room = 950.0 - 150.0 - 500.0
    top = float(unit.pose[3]) + 60.0
    np.testing.assert_allclose(seen["tool_clear"][0], room - 55.0 - top * np.tan(0.2618), atol=1e-5)
    np.testing.assert_allclose(seen["loop_clear"], 130.0 - (130.0 + 325.0) * 0.15 - 12.5, atol=1e-5)
    assert "bleed_clear" not in seen
    filled = Unit(asked(UP | FILLED, {}, wire_inset=150.0)).measured("wire_pad")
    np.testing.assert_allclose(filled["bleed_clear"], filled["uncovered"] - 150.0, atol=1e-5)


def test_a_carrier_bends_the_chip_that_is_mounted_on_it_first():
    """Timoshenko's two layers, biaxial moduli, from the cure to the melting point and to the same solidus."""
    before, after = (asked(UP | {"order": order}, {}) for order in ("pillars_first", "carrier_first"))
    moduli = 24e3 / (1 - 0.2), 160e3 / (1 - 0.22)
    bent = warpage.bilayer_curvature((300.0, 300.0), moduli, (16e-6, 2.6e-6), 221.0 - 175.0)
    corner = np.hypot(320.0, 320.0)
    flat, bowed = (Unit(inputs).shared.warpage for inputs in (before, after))
    np.testing.assert_allclose(bowed - flat, -bent * corner**2 / 2, rtol=1e-9)
    assert float(bent) > 0.0, "the carrier grows more: the edges rise, and the gap is narrower there"


@pytest.mark.parametrize("options", [pytest.param(DOWN, marks=pytest.mark.slow), OPEN | {"order": "carrier_first"}])
def test_bumps_carry_the_chips_that_hang_on_them(options: dict[str, str]):
    """Their pulls add up to the weight, and turn nothing; the pillars' balance is as it is without them."""
    unit = Unit(asked(options))
    bumps, state, own = unit.model.connections, unit.states("peripheral_bump"), unit.own["peripheral_bump"]
    volume = np.pi / 6 * 280.0**3 * (1 + np.asarray(state["bump_lot"] + own.solder))
    each = np.asarray(jax.vmap(joint.force, (None, None, 0, 0))(130.0, 130.0, volume, state["bump_gap"] - own.pad))
    weight = 1900.0 * 1700.0 * 300.0 * 2.33 * 9.80665e-9
    if options["stacking"] == "face_down" and "order" not in options:
        weight += 1000.0 * 900.0 * 60.0 * 2.33 * 9.80665e-9
    assert each.sum() * 0.4 == pytest.approx(-weight, abs=1e-4)  # SnBi58: .4 N/m
    places = np.stack([bumps.sites.x, bumps.sites.y])
    np.testing.assert_allclose(places @ each / np.abs(places).max(), 0.0, atol=1e-4)
    alone = Unit(asked(UP))
    np.testing.assert_allclose(unit.pose[:6], alone.pose, atol=1e-6)


def test_chip_2_clears_what_is_beneath_it_by_what_is_left_of_the_bumps():
    inputs = asked(DOWN, {})
    unit = Unit(inputs)
    lone, hung = float(unit.pose[3]), float(unit.pose[6])
    bow = unit.model.connections.flatness
    rises = [float(bow.bow(x, y)) for x, y in ((0.0, 0.0), (500.0, 450.0))]
    low = min(hung + 10.0 * rise - lone - warped - 60.0 for rise, warped in zip(rises, faces(unit), strict=True))
    assert float(unit.whole["rear_clearance"]) == pytest.approx(low, abs=1e-5)
    through = Unit(asked(OPEN, {})).whole
    assert float(through["rear_clearance"]) == pytest.approx(low + 300.0, abs=1e-5)


def faces(unit: Unit) -> list[float]:
    """The chips' own warpage at the solidus, under the centre and a corner of chip 2: a paraboloid of zero mean."""
    mean = float(np.mean((BUMPS.x**2 + BUMPS.y**2) / np.hypot(320.0, 320.0) ** 2))
    return [0.8 * (r2 / np.hypot(320.0, 320.0) ** 2 - mean) for r2 in (0.0, 500.0**2 + 450.0**2)]


@pytest.mark.parametrize("order", ["pillars_first", "carrier_first"])
def test_chip_2_goes_into_its_opening_as_often_as_the_normal_law_says(order: str):
    """Only what is put in place second counts in full: a sum of normals within +-30 um along x, none along y."""
    own = {"placement_x": 25.0} if order == "carrier_first" else {"placement_x": 1e-9}
    spreads = own | {"carrier_place": 1e-9 if order == "carrier_first" else 20.0}
    inputs = asked(OPEN | {"order": order}, spreads, opening_length=1100.0)
    model, design = MODEL.build(inputs), designed(inputs)

    def walls(shared: Any) -> Any:
        return model.connections.measures(design, shared, jnp.zeros(9), jnp.zeros(5))["opening_clearance"]

    told = counted(model, design, walls)
    if order == "carrier_first":
        true = norm.cdf(30.0 / 25.0) - norm.cdf(-30.0 / 25.0)
    else:  # 100 um are left along y
        true = (2 * norm.cdf(30.0 / 20.0) - 1) * (2 * norm.cdf(100.0 / 20.0) - 1)
    agrees(float(np.mean(told >= 0.0)), true)


def test_a_turned_chip_2_goes_into_its_opening_as_often_as_the_normal_law_says():
    """It passes while 500 cos a + 450 |sin a| < 530 and 450 cos a + 500 |sin a| < 480."""
    inputs = asked(OPEN, {"carrier_turn": 0.05})
    model, design = MODEL.build(inputs), designed(inputs)

    def walls(shared: Any) -> Any:
        return model.connections.measures(design, shared, jnp.zeros(9), jnp.zeros(5))["opening_clearance"]

    angles = np.linspace(0.0, 0.3, 300_001)
    stuck = (500 * np.cos(angles) + 450 * np.sin(angles) > 530) | (450 * np.cos(angles) + 500 * np.sin(angles) > 480)
    most = angles[np.argmax(stuck)]
    agrees(float(np.mean(counted(model, design, walls) >= 0.0)), 2 * norm.cdf(most / 0.05) - 1)


def test_an_encapsulant_takes_the_time_of_its_slowest_gap():
    """3 x .05 Pa s x (.9 mm)^2 / (h x .03 N/m x cos 20 deg), over the narrower of the two gaps of a chip that hangs."""
    for options in (UP | FILLED, DOWN | FILLED):
        unit = Unit(asked(options, {}))
        gap = float(unit.pose[3])
        if options["stacking"] == "face_down":
            gap = min(gap, float(unit.whole["rear_clearance"]))
        seconds = 3 * 0.05 * (900e-6) ** 2 / (gap * 1e-6 * 0.03 * np.cos(0.349))
        assert float(unit.whole["fill_left"]) == pytest.approx(120.0 - seconds, rel=1e-9)
        narrow = min(float(unit.pose[3]) + min(faces(unit)), gap)
        assert float(unit.whole["filler_room"]) == pytest.approx(narrow - 3 * 3.0, abs=1e-4)


@pytest.mark.slow
def test_bumps_run_off_their_pads_as_the_carrier_grows():
    """At 138 degC, from 20: 118 K of laminate against silicon, at a corner; nothing where masks allow for it."""
    units = [Unit(asked(DOWN | {"growth": growth}, {})) for growth in ("free", "compensated")]
    bumps = units[0].model.connections
    reach = np.hypot(bumps.sites.x, bumps.sites.y)
    free, drawn = (np.asarray(unit.states("peripheral_bump")["bump_away"]) for unit in units)
    np.testing.assert_allclose(free, reach * (16e-6 - 2.6e-6) * 118.0, rtol=1e-5)
    assert drawn.max() < 2e-3


def test_rows_follow_the_edges_of_chip_1():
    for options, inset in ((UP, 120.0), (DOWN, 190.0)):
        model = MODEL.build(asked(options))
        sites = model.connections.sites
        out = np.stack([sites.x, sites.y], 1)
        edge = np.where(np.abs(sites.axis[:, 0]) > 0, 950.0, 850.0) - inset
        np.testing.assert_allclose((out * np.asarray(sites.axis)).sum(1), edge)
        assert {tuple(axis) for axis in np.asarray(sites.axis).tolist()} == {tuple(n) for n in NORMALS.tolist()}
        design = designed(asked(options))
        same = jax.vmap(lambda site, c=model.connections, d=design: c.place(d, site)[0])(sites)
        np.testing.assert_allclose(same, out, atol=1e-9)
