"""A module under its claims: each changes the model, orders hold one way round, and what does not fit is refused."""

import dataclasses
from typing import Any

import jax
import numpy as np
import pytest
from numpyro.handlers import seed
from scipy.stats import norm
from yieldopt_pillars import claims
from yieldopt_pillars.assemblies.module import MODEL
from yieldopt_pillars.assemblies.pillar_joint import MODEL as FINISHED

from yieldopt.card import BumpMap, Inputs
from yieldopt.problem import at
from yieldopt.standard import dimension

CARD = MODEL.card()
X, Y = np.meshgrid((np.arange(5) - 2.0) * 160.0, (np.arange(5) - 2.0) * 160.0)
SMALL = {"chip1_width": 1900.0, "chip1_length": 1700.0, "chip2_width": 1000.0, "chip2_length": 900.0}
SMALL |= {"wire_pitch": 240.0, "bump_inset": 190.0, "bump_pitch": 320.0, "substrate_thickness": 60.0}
SMALL |= {"opening_width": 1060.0, "opening_length": 960.0, "filler_size": 3.0}
UP, DOWN = {"stacking": "face_up"}, {"stacking": "face_down"}
OPEN, FILLED = DOWN | {"opening": "through"}, {"encapsulant": "underfill"}
NAME = "pillars.module"


def asked(options: dict[str, str] | None = None, of: dict[str, str] | None = None, **design: float) -> Inputs:
    return Inputs(
        design={name: knob.start for name, knob in CARD.knobs.items()} | SMALL | design,
        ranges={name: (knob.low, knob.high) for name, knob in CARD.knobs.items()},
        spreads={name: spread.sigma for name, spread in CARD.spreads.items()},
        limits={},
        options={name: choice.default for name, choice in CARD.options.items()} | (options or {}),
        materials={name: choice.default for name, choice in CARD.materials.items()} | (of or {}),
        bump_map=BumpMap(X.ravel(), Y.ravel(), 160.0),
    )


def told(claim: str, inputs: Inputs) -> list[Any]:
    drawn = {name: float(value) for name, value in MODEL.drawn(MODEL.Design(**inputs.design), inputs).items()}
    return claims.check(NAME, [claim], inputs, drawn)


def shape(inputs: Inputs, model: Any = MODEL) -> tuple[set[str], set[str], int, set[str]]:
    """Populations, their responses and the unit's, length of the pose, limits: what a model is made of."""
    made = model.build(inputs)
    design = model.Design(**{name: jax.numpy.asarray(inputs.design[name], float) for name in model.card().knobs})
    shared = jax.eval_shape(lambda: seed(made.variation, 0)(design))
    shared = jax.tree.map(lambda leaf: jax.numpy.ones(leaf.shape, leaf.dtype), shared)
    pose = jax.eval_shape(lambda: made.rest(design, shared))
    found = set(jax.eval_shape(lambda p: made.response(design, shared, p), pose))
    for p in made.populations().values():

        def measure(q: Any, p: Any = p) -> Any:
            state = p.state(design, shared, q, at(p.sites, 0))
            return p.response(design, state, seed(p.variation, 0)(design))

        found |= set(jax.eval_shape(measure, pose))
    return set(made.populations()), found, pose.shape[0], {limit.name for limit in made.limits()}


WIRES = {"uncovered", "tool_clear", "loop_clear"}
BUMPS = {"bump_wetting", "bump_offset", "bump_space", "bump_uncovered", "rear_clearance"}
PARTS = {
    "P22": (UP, DOWN, "wire_pad", WIRES),
    "P23": (UP, DOWN, "wire_pad", WIRES),
    "P26": (OPEN, DOWN, "", {"opening_clearance"}),
    "P27": (DOWN, UP, "peripheral_bump", BUMPS),
    "P28": (UP | FILLED, UP, "", {"bleed_clear", "fill_left", "filler_room"}),
}
"""A claim's options, the nearest without, and what is then more: a population, responses with a limit each."""


@pytest.mark.parametrize("claim", PARTS)
def test_a_claimed_part_is_in_the_model_and_not_without(claim: str):
    options, other, population, responses = PARTS[claim]
    having, lacking = shape(asked(options)), shape(asked(other))
    assert having[1] - lacking[1] == responses
    assert having[3] - lacking[3] == responses
    assert having[0] - lacking[0] == ({population} if population else set())
    assert having[2] - lacking[2] == (3 if claim == "P27" else -3 if population else 0)
    assert told(claim, asked(options)) == []
    assert any(f"claim {claim}" in m.expected and m.path == "claims" for m in told(claim, asked(other)))


def test_a_module_is_more_than_the_joint_between_its_chips():
    """P21 against P17: the finished joint alone has neither a carrier nor what joins chip 1 to it."""
    alone = asked({"joint": "plain"})
    lone = dataclasses.replace(
        alone, options={name: alone.options[name] for name in FINISHED.options}, materials=dict.fromkeys(
            FINISHED.materials, "Si") | {"pillar": "Cu", "solder": "SnAg3.5"},
        spreads={name: alone.spreads[name] for name in FINISHED.card().spreads},
    )  # fmt: skip
    module, joint = shape(alone), shape(lone, FINISHED)
    assert joint[0] < module[0]
    assert joint[1] < module[1]
    assert told("P21", alone) == []


def test_the_opening_and_its_cut_are_drawn_only_where_there_is_one():
    sizes = []
    for options in (DOWN, OPEN):
        inputs = asked(options)
        made = MODEL.build(inputs)
        design = MODEL.Design(**{name: jax.numpy.asarray(value) for name, value in inputs.design.items()})
        sizes.append(dimension(lambda made=made, design=design: made.variation(design)))
    assert sizes[1] - sizes[0] == 4


ORDERS = {
    "P23": (UP, "chip2_width", 1900.0 - 240.0 - 70.0, "uncovered", "wire_pad"),
    "P27": (DOWN, "chip2_width", 1900.0 - 380.0 - 260.0, "bump_uncovered", "peripheral_bump"),
    "P26": (OPEN, "chip2_width", 1060.0, "opening_clearance", ""),
}
"""An order's options, the knob that turns it round and where, the response that tells it of a unit as made."""


@pytest.mark.parametrize("claim", ORDERS)
def test_an_order_holds_one_way_round_and_strictly(claim: str):
    options, name, edge, *_ = ORDERS[claim]
    for move, holds in ((-1.0, True), (0.0, False), (1.0, False)):
        inputs = asked(options, **{name: edge + move}, chip2_length=800.0)
        assert (told(claim, inputs) == []) is holds
        assert any(claim in m.expected for m in MODEL.check(inputs)) is not holds
        drawn = MODEL.drawn(MODEL.Design(**inputs.design), inputs)
        (row,) = [row for row in claims.verdicts(NAME, [claim], inputs, drawn) if row["id"] == claim]
        assert float(row["margin"]) == pytest.approx(-move if claim == "P26" else -0.5 * move)


@pytest.mark.parametrize("claim", ORDERS)
def test_an_order_is_a_limit_on_every_unit_made(claim: str):
    options, *_, response, population = ORDERS[claim]
    made = MODEL.build(asked(options))
    (bound,) = [bound for bound in claims.bounds([claim]) if bound.claim == claim]
    (limit,) = made.claimed(bound)
    assert (limit.population, limit.response, float(limit.low)) == (population, response, 0.0)
    assert limit.sides == ("low",)


def test_a_pad_is_uncovered_on_a_unit_where_its_own_chipping_leaves_it_so():
    """Given the shared draws: the share of elements is a normal tail in the room that they leave."""
    inputs = asked(UP)
    made = MODEL.build(inputs)
    design = MODEL.Design(**{name: jax.numpy.asarray(value) for name, value in inputs.design.items()})
    state = {"room": 38.0, "tool_room": 90.0, "outer_room": 120.0}
    draws = jax.vmap(lambda key: seed(made.connections.variation, key)(design))(
        jax.random.split(jax.random.key(2), 20_000)
    )
    seen = jax.vmap(lambda own: made.connections.response(design, state, own))(draws)
    true = norm.cdf(-(38.0 - 35.0) / 2.0)
    assert np.mean(seen["uncovered"] < 0) == pytest.approx(true, abs=4 * np.sqrt(true * (1 - true) / 20_000))


JOINED = {
    "P1": ("capped", "none"), "P2": ("capped", "paste"), "P3": ("capped", "paste"), "P6": ("capped", "paste"),
    "P7": ("into_solder", "bump"), "P8": ("into_solder", "paste"), "P14": ("into_solder", "bump"),
    "P16": ("into_solder", "ball"), "P18": ("plain", "none"), "P20": ("capped", "none"),
}  # fmt: skip


@pytest.mark.parametrize("claim", JOINED)
def test_claims_on_its_joints_are_kept_by_the_joints_that_they_are_of(claim: str):
    kind, form = JOINED[claim]
    inputs = asked({"joint": kind, "chip2_solder": form})
    assert told(claim, inputs) == MODEL.check(inputs) == []
    others = [("plain", "none"), ("capped", "none"), ("into_solder", "paste"), ("into_solder", "ball")]
    wrong = {other for other in others if told(claim, asked({"joint": other[0], "chip2_solder": other[1]}))}
    free = {"P18": set(), "P20": set(), "P1": {("plain", "none"), *others[2:]}}
    expected = free.get(claim, {other for other in others if other != (kind, form)})
    if claim == "P7":
        expected = {("plain", "none"), ("capped", "none")}
    assert wrong == expected


@pytest.mark.parametrize("carrier", ["laminate", "glass", "alumina", "aluminium core"])
def test_a_carrier_is_a_substrate_or_a_lead_frame(carrier: str):
    same = asked(of={"carrier": carrier, "substrate": carrier})
    assert told("P25", same) == []
    assert MODEL.check(same) == []
    frame = asked(of={"carrier": "C194", "substrate": "none"})
    assert told("P24", frame) == []
    assert MODEL.check(frame) == []
    (mistake,) = told("P25", frame)
    assert "no such part" in mistake.got
    (mistake,) = MODEL.check(asked(of={"carrier": carrier, "substrate": "none"}))
    assert mistake.do.startswith(f"Write materials.substrate: {carrier}")


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"options": UP, "chip2_width": 1700.0}, "design.chip2_width", "chip 1, 1590 um between its wire pads"),
    ({"options": DOWN, "chip2_length": 1300.0}, "design.chip2_length", "between its bumps (claim P27)"),
    ({"options": OPEN, "opening_width": 990.0}, "design.opening_width", "wider than chip 2, 1000 um (claim P26)"),
    ({"options": OPEN, "opening_width": 1400.0}, "design.opening_width", "below 1260 um"),
    ({"options": DOWN, "substrate_thickness": 150.0}, "design.bump_ball", "options.opening to through"),
    ({"options": UP | FILLED, "filler_size": 25.0}, "design.filler_size", "largest grains, 75 um"),
    ({"options": DOWN | FILLED, "filler_size": 16.0}, "design.filler_size", "(claim P28)"),
    ({"chip2_width": 700.0}, "design.chip2_width", "as large as its joints, 730 um"),
    ({"options": DOWN, "bump_peak": 510.0}, "design.bump_peak", "stays solid in the reflow of the bumps"),
    ({"options": DOWN, "bump_peak": 405.0}, "design.bump_peak", "the bumps are liquid"),
    ({"options": OPEN | {"order": "carrier_first"}}, "design.peak_temperature", "in the reflow of the pillars"),
    ({"options": UP, "mount_temperature": 499.0}, "design.mount_temperature", "in the cure of the die attach"),
    ({"options": UP | {"opening": "through"}}, "options.opening", "hangs from chip 1"),
    ({"options": DOWN | {"order": "carrier_first", "second_reflow": "held"}}, "options.order", "closes over it"),
    ({"options": {"joint": "capped", "chip2_solder": "ball"}}, "options.chip2_solder", "none or paste on chip 2"),
    ({"options": {"standoff": "found"}}, "options.standoff", "making is left open"),
    ({"wire_pitch": 60.0}, "design.wire_pad", "narrower than their pitch"),
    ({"wire_inset": 30.0}, "design.wire_inset", "inside the edge"),
    ({"wire_pitch": 1500.0}, "design.wire_pitch", "2 wire pads at least"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "path", "said"), WRONG, ids=[f"{w[1]}-{i}" for i, w in enumerate(WRONG)])
def test_what_does_not_fit_is_refused_with_what_would(changed: dict[str, Any], path: str, said: str):
    options = changed.get("options")
    inputs = asked(options, **{name: value for name, value in changed.items() if name != "options"})
    found = {m.path: str(m) for m in MODEL.check(inputs)}
    assert said in found[path]


def test_a_first_solder_may_be_held_in_the_second_reflow():
    for options in (DOWN | {"second_reflow": "held"}, OPEN | {"order": "carrier_first", "second_reflow": "held"}):
        assert MODEL.check(asked(options, bump_peak=510.0)) == []


def test_limits_and_defects_of_what_is_not_there_are_refused():
    inputs = dataclasses.replace(
        asked(UP),
        limits={"rear_clearance": (10.0, np.inf), "fill_left": (0.0, np.inf), "uncovered": (5.0, np.inf)},
        defects={"peripheral_bump": (1e-9, np.inf)},
    )
    paths = {m.path for m in MODEL.check(inputs)}
    assert paths == {"limits.rear_clearance", "limits.fill_left", "defects.peripheral_bump"}
    both = MODEL.check(asked(UP, chip2_width=1700.0, wire_inset=30.0, mount_temperature=499.0))
    assert len(both) == 2, "all in one pass"
