"""Joints on gold pads, and how they are made: dissolution and shares by hand, tails by normals, what claims change."""

import dataclasses
import importlib
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from numpyro.handlers import seed
from numpyro.infer import Predictive
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq
from scipy.stats import norm
from yieldopt_pillars import materials
from yieldopt_pillars.assemblies import gold_pad_joint, gold_pad_process, pillar_joint
from yieldopt_pillars.parts import gold, metal_stack, pillar_height

from yieldopt import exact
from yieldopt.card import BumpMap, Inputs
from yieldopt.estimators.base import Precision
from yieldopt.estimators.monte_carlo import MonteCarlo
from yieldopt.estimators.sobol import Sobol
from yieldopt.problem import Limit, Problem, at
from yieldopt.testing import check_model

agreement = importlib.import_module("001_agreement.run")

F, G, C = gold_pad_joint.MODEL, gold_pad_process.MODEL, pillar_joint.MODEL
X, Y = np.meshgrid((np.arange(5) - 2.0) * 160.0, (np.arange(4) - 1.5) * 160.0)
BUMPS = BumpMap(X.ravel(), Y.ravel(), 160.0)


def asked(model, options=None, roles=None, **design) -> Inputs:
    card = model.card()
    return Inputs(
        design={name: knob.start for name, knob in card.knobs.items()} | design,
        ranges={name: (knob.low, knob.high) for name, knob in card.knobs.items()},
        spreads={name: spread.sigma for name, spread in card.spreads.items()},
        limits={},
        options={name: choice.default for name, choice in card.options.items()} | (options or {}),
        materials={name: choice.default for name, choice in card.materials.items()} | (roles or {}),
        bump_map=BUMPS,
    )


def designed(model, inputs):
    return model.Design(**{name: jnp.asarray(value, float) for name, value in inputs.design.items()})


def measured(model, options=None, roles=None, **design) -> dict[str, np.ndarray]:
    """Every response of the elements, and of the unit, of one drawn unit at rest."""
    inputs = asked(model, options, roles, **design)
    made, drawn = model.build(inputs), designed(model, inputs)
    shared = seed(made.variation, 3)(drawn)
    populations, own = made.populations(), {}
    for name, p in populations.items():
        keys = jax.random.split(jax.random.key(4), p.sites.x.shape[0])
        own[name] = jax.vmap(lambda key, p=p: seed(p.variation, key)(drawn))(keys)
    pose, found = exact.settle(made, drawn, shared, own)
    assert bool(found)
    seen = dict(made.response(drawn, shared, pose))
    for name, p in populations.items():
        states = jax.vmap(lambda site, p=p: p.state(drawn, shared, pose, site))(p.sites)
        seen |= jax.vmap(lambda s, e, p=p: p.response(drawn, s, e))(states, own[name])
    return {name: np.asarray(value) for name, value in seen.items()}


def test_gold_dissolves_as_the_liquid_lets_it():
    """Nernst and Brunner's equation, integrated step by step."""
    for time in (0.3, 2.0, 60.0):
        run = solve_ivp(lambda _, x: 3.0 * (1.0 - x / 2.5), (0.0, time), [0.0], rtol=1e-10, atol=1e-12)
        assert float(gold.dissolving(3.0, 2.5, time)) == pytest.approx(run.y[0, -1], rel=1e-6)


@pytest.mark.parametrize(("celsius", "measured_rate"), [(199.0, 0.90), (232.0, 2.99), (252.0, 4.25)])
def test_the_rate_is_near_what_it_was_fitted_to(celsius, measured_rate):
    assert float(gold.rate(celsius + 273.15)) == pytest.approx(measured_rate, rel=0.15)


def test_tin_takes_what_its_phase_diagram_says():
    assert float(gold.soluble(217.0 + 273.15, 1.0)) == pytest.approx(0.10, abs=0.001)
    assert float(gold.soluble(252.0 + 273.15, 1.0)) == pytest.approx(0.19, abs=0.002)
    assert 0.05 < float(gold.soluble(225.0 + 273.15, 0.63)) < 0.08


def test_the_share_of_gold_by_weighing():
    """2 um of gold under 30 um of solder: 38.6 ug over 222 + 38.6, whatever the area; saturated, the mass says so."""
    mass = 7.4 * 30.0 * 4000.0
    assert float(gold.share(2.0, mass, 4000.0)) == pytest.approx(38.6 / 260.6, rel=1e-9)
    full = gold.capacity(0.15, mass, 4000.0)
    assert float(gold.share(full, mass, 4000.0)) == pytest.approx(0.15, rel=1e-9)


@pytest.mark.parametrize("wanted", [0.5, 1.99, 2.0, 2.01, 80.0])
def test_no_more_gold_is_dissolved_than_there_is(wanted):
    assert float(gold.dissolved(2.0, wanted)) == pytest.approx(min(2.0, wanted), abs=0.011)


def test_gold_grows_as_its_charge_says():
    """By counting atoms, one electron each; .5 A/dm2 makes .32 um a minute."""
    atoms = 6.02214076e23 * 19.3e-12 / 196.967
    rate = 5e-5 / (atoms * 1.602176634e-13)  # uA/um2 over uC
    assert pillar_height.plating_rate(pillar_height.GOLD, 5e-5) == pytest.approx(rate, rel=1e-6)
    assert 60 * rate == pytest.approx(0.317, abs=0.001)
    inputs = asked(G, gold_time=600.0, gold_current=8e-5, gold_efficiency=0.9)
    drawn = G.drawn(designed(G, inputs), inputs)["gold_thickness"]
    assert float(drawn) == pytest.approx(600.0 * 0.9 * rate * 8.0 / 5.0, rel=1e-6)
    thin = asked(G, {"gold_by": "evaporated"}, gold_evaporated=1.4)
    assert float(G.drawn(designed(G, thin), thin)["gold_thickness"]) == 1.4


@pytest.mark.slow
def test_under_bump_metal_is_eaten_by_moles():
    """Ni3Sn4 first, then Cu6Sn5; what tin takes of each by atoms, to the rounding of the compounds' table."""
    tin = 7.29 / 118.71
    nickel, copper = tin * 3 / 4 * 58.693 / 8.90, tin * 6 / 5 * 63.546 / 8.96
    assert float(metal_stack.metal_left(0.5, 2.0, 2.0 / nickel)) == pytest.approx(0.5, abs=0.02)
    assert float(metal_stack.metal_left(0.5, 2.0, 2.0 / nickel + 0.4)) == pytest.approx(0.5 - 0.4 * copper, abs=0.02)
    inputs = asked(F, reflows=3.0)
    left = common(F, ())["ubm_left"]
    taken = 0.692 * 0.1 * (0.383**3 * 180.0) ** (1 / 3)  # a tenth on nickel, three reflows of a minute at 245 degC
    once = inputs.design["ubm_copper"] + (2.0 / nickel - taken) * copper
    assert float(left) == pytest.approx(once, rel=0.08)  # its own thickness scatters by 5 %


@pytest.mark.parametrize(
    ("chosen", "works"), [("Ni/Cu/Ti", "Ti/Cu/Ni"), ("Cu/TiW/Ni", "TiW/Cu/Ni"), ("Cr/Cu/Ni", "Cr/Cu/Ni")]
)
def test_the_order_of_an_under_bump_metal(chosen, works):
    assert chosen in metal_stack.STACKS
    assert metal_stack.ordered(chosen) == works


def segment_height(radius, volume):
    """Height of the spherical segment of a volume on a disc, by its volume pi h (3 a^2 + h^2) / 6."""
    return brentq(lambda h: np.pi * h * (3 * radius**2 + h**2) / 6 - volume, 0.0, 1e4, xtol=1e-12)


def still(model, options=None, roles=None, **design):
    """An average joint of a study: the model, the design, and what the joint is made of and measures at a gap."""
    inputs = asked(model, options, roles, **design)
    made, drawn = model.build(inputs), designed(model, inputs)
    making, none = made.joints.making, made.joints.average()
    gap = {"gap_melt": 30.0, "gap": 30.0, "height": float(making.stands(drawn)), "offset": 1.0, "capture": 1.0}
    state = gap | {"diameter": making.width(drawn), "gold": making.gold(drawn)}
    state |= dict.fromkeys(("solder", "solder1", "solder2", "top"), 0.0)
    state = {name: jnp.asarray(value, float) for name, value in state.items()}
    return made.joints.making.made(drawn, state, none), made.joints.response(drawn, state, none)


def test_volumes_and_heights_of_pads_and_balls():
    """A pad is its cylinder, a ball of the same name its sphere; what reaches over the gap are two segments."""
    options = {"solder1_shape": "ball", "under_bump": "none", "overcoat": "polymer"}
    joint, seen = still(F, options, solder1_ball=90.0, solder2_height=12.0, bump_diameter=70.0, pad_opening=80.0)
    ball, pad = np.pi / 6 * 90.0**3, np.pi / 4 * 80.0**2 * 12.0
    assert float(joint.on_pillar) == pytest.approx(ball)
    assert float(joint.on_pad) == pytest.approx(pad)
    assert float(seen["solder1_ball_height"]) == pytest.approx(segment_height(35.0, ball), rel=1e-9)
    assert float(seen["solder2_pad_height"]) == pytest.approx(12.0)
    reach = segment_height(35.0, ball - float(joint.eaten)) + segment_height(40.0, pad)
    assert float(seen["wetting"]) == pytest.approx(reach - 30.0, rel=1e-9)


def test_what_solder_wets_on_chip_1():
    """Under-bump metal less its undercut, or the polymer's opening, or the whole pad where solder is not held back."""
    sizes = {"bump_diameter": 76.0, "pad_diameter": 90.0, "seed_undercut": 0.6}
    wide = [
        2.0 * float(still(F, {"under_bump": metal, "overcoat": polymer}, **sizes)[0].pillar_radius)
        for metal, polymer in (("metal", "polymer"), ("none", "polymer"), ("none", "none"))
    ]
    assert wide == pytest.approx([76.0 - 1.2, 76.0, 90.0])


def test_gold_under_solder_by_hand():
    """1.5 um of gold, bare under 60 + 10 um of SAC305 and SnAg3.5, is gone within a minute; its share by weighing."""
    options, roles = {"under_bump": "none"}, {"solder1": "SAC305"}
    heights = {"solder1_height": 60.0, "solder2_height": 10.0, "gold_thickness": 1.5, "pad_opening": 76.0}
    _, seen = still(F, options, roles, reflows=1.0, **heights)
    mass, thick = 60.0 * 7.4 + 10.0 * 7.4, 1.5
    assert float(seen["gold_share"]) == pytest.approx(thick * 19.3 / (mass + thick * 19.3), rel=0.01)  # rounded by .02
    most = 0.1 * np.exp(0.0183 * 28.0) * 0.965
    wanted = most / (1 - most) * mass / 19.3  # sixty seconds are time enough to saturate it
    assert float(seen["gold_left"]) == pytest.approx(1.5 - wanted, rel=0.01)
    assert float(seen["gold_left"]) < 0.0
    _, kept = still(F, {"under_bump": "metal"}, roles, **heights)
    assert float(kept["gold_left"]) == 1.5


def test_a_lines_resistance_by_hand():
    """Gold alone: by width and thickness as made. With copper below half of it: in a row, 2.21 and 1.72 uohm cm."""
    seen = {}
    for below in ("none", "copper"):
        inputs = asked(F, {"further_metal": below}, line_width=10.0, gold_thickness=4.0, side_etch=0.2)
        lines = F.build(inputs).populations()["line"]
        state = {name: jnp.asarray(value) for name, value in (("gold", 3.6), ("width", 9.8), ("seat", 8.0))}
        own = jax.tree.map(jnp.zeros_like, seed(lines.variation, 0)(designed(F, inputs)))
        seen[below] = lines.response(designed(F, inputs), state, own)
    assert float(seen["none"]["line_resistance"]) == pytest.approx(10.0 * 4.0 / (9.4 * 3.6))
    drawn, made = (0.5 * 2.21 / (w * t) + 0.5 * 1.72 / (w * 3.0) for w, t in ((10.0, 4.0), (9.4, 3.6)))
    assert float(seen["copper"]["line_resistance"]) == pytest.approx(made / drawn)
    assert float(seen["none"]["line_space"]) == pytest.approx(40.0 - 9.4)
    assert float(seen["none"]["line_seat"]) == pytest.approx(8.0 - 0.4)


@pytest.mark.parametrize("what", ["gold", "stack"])
def test_gold_and_stack_have_normal_tails(what):
    """Lot, wafer, a field of three modes and, of the gold, the line's own: their variances add; 2e5 draws."""
    count, inputs = 200_000, asked(F, {"further_metal": "copper"})
    inputs = dataclasses.replace(inputs, spreads=inputs.spreads | {"height_position": 1e-9})
    made, design, s = F.build(inputs), designed(F, inputs), inputs.spreads
    populations, site = made.populations(), at(made.joints.sites, 7)
    field = np.asarray(made.joints.flatness.field(site.x, site.y))

    def program():
        shared = made.variation(design)
        if what == "gold":
            lines = populations["line"]
            with numpyro.handlers.scope(prefix="own"):
                own = lines.variation(design)
            state = lines.state(design, shared, jnp.zeros(6), site)
            value = lines.response(design, state, own)["gold_thickness"]
        else:
            value = made.joints.state(design, shared, jnp.zeros(6), site)["height"]
        numpyro.deterministic("value", value)

    run = Predictive(program, num_samples=count, parallel=True)
    seen = np.asarray(jax.jit(lambda key: run(key)["value"])(jax.random.key(5)))
    variance = s["height_lot"] ** 2 + s["height_wafer"] ** 2 + s["height_die"] ** 2 * np.mean(field**2)
    variance += s["height_bump"] ** 2 if what == "gold" else 2 * s["undercoat_die"] ** 2 * np.mean(field**2)
    mean = 4.0 if what == "gold" else 4.0 + 0.5 + 2.0 + 5.0 + 3.0 + 5.0
    for sigmas in (-2.5, -1.0, 1.5):
        share = norm.cdf(sigmas)
        below = np.mean(seen < mean + sigmas * np.sqrt(variance))
        assert below == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / count))


@pytest.mark.parametrize(
    ("model", "options", "roles", "design", "path", "words"),
    [
        (F, {}, {"under_bump_metal": "Cu/Ti/Ni"}, {}, "materials.under_bump_metal", ("P47", "Ti/Cu/Ni")),
        (F, {}, {}, {"later_peak": 510.0}, "materials.solder1", ("236", "later reflow", "221 degC")),
        (F, {}, {"solder1": "PbSn5"}, {}, "design.peak_temperature", ("PbSn5", "312 degC")),
        (F, {}, {}, {"solder1_height": 60.0}, "design.ubm_copper", ("resist of 40 um", "62.5 um", "solder1_height")),
        (G, {}, {}, {"gold_time": 2000.0}, "design.gold_time", ("P64", "resist of 8 um", "gold_resist")),
        (F, {}, {}, {"line_width": 45.0}, "design.line_width", ("P45", "pitch of 40 um", "line_pitch")),
        (F, {}, {}, {"pad_diameter": 165.0}, "design.pad_diameter", ("pitch of 160 um", "165 um")),
        (F, {}, {}, {"pad_opening": 160.0}, "design.pad_opening", ("pitch of 160 um",)),
        (F, {}, {}, {"bump_diameter": 95.0}, "design.bump_diameter", ("gold pad of 90 um", "pad_diameter")),
        (F, {}, {}, {"seed_undercut": 11.0}, "design.seed_undercut", ("half of a line", "10 um")),
    ],
)
def test_what_cannot_be_made_is_refused(model, options, roles, design, path, words):
    assert model.check(asked(model)) == []
    found = model.check(asked(model, options, roles, **design))
    (mistake,) = [one for one in found if one.path == path]
    for word in words:
        assert word in str(mistake)


def test_both_solders_must_melt_and_both_stay_solid():
    inputs = asked(F, roles={"solder1": "PbSn5", "solder2": "SnPb37"}, peak_temperature=600.0)
    assert F.check(inputs) == []
    liquid, solid = materials.fusion(inputs)
    assert (liquid, solid) == pytest.approx((312.0 + 273.15, 183.0 + 273.15))
    heat = F.build(inputs).joints.heat
    assert np.asarray(heat.moments) == pytest.approx([liquid, solid])
    hot = dataclasses.replace(inputs, design=inputs.design | {"later_peak": 480.0})
    assert [mistake.path for mistake in F.check(hot)] == ["materials.solder2"]


@pytest.mark.parametrize(
    ("options", "name", "choice"),
    [
        ({}, "gold_share", "under_bump: none"),
        ({"under_bump": "none"}, "ubm_left", "under_bump: metal"),
        ({"solder1_shape": "ball"}, "headroom", "solder1_shape: pad"),
        ({"gold_by": "evaporated"}, "gold_headroom", "gold_by: electroplated"),
    ],
)
def test_limits_on_what_is_not_there_are_left_out_or_refused(options, name, choice):
    inputs = asked(G, options)
    assert name not in {limit.name for limit in G.build(inputs).limits()}
    (mistake,) = G.check(dataclasses.replace(inputs, limits={name: (0.0, np.inf)}))
    assert choice in mistake.do


def test_wire_pads_stand_around_the_bumps():
    """A ring of 7 x 6 sites about 5 x 4 bumps: 2 x 7 + 2 x 4."""
    wires = F.build(asked(F)).populations()["wire_pad"].sites
    places = {(round(float(x)), round(float(y))) for x, y in zip(wires.x, wires.y, strict=True)}
    assert len(places) == wires.x.shape[0] == 22
    assert places == {
        (x, y) for x in range(-480, 481, 160) for y in range(-400, 401, 160) if abs(x) > 400 or abs(y) > 300
    }


BARE = {"under_bump": "none"}
PAIRS = {
    "P45": ((F, {}), (C, {}), "standoff"),
    "P46": ((F, {}), (F, BARE), "standoff"),
    "P52": ((F, {"further_metal": "copper"}), (F, {}), "standoff"),
    "P54": ((F, {}), (F, {"overcoat": "none"}), "clearance"),
    "P54 bare": ((F, BARE), (F, BARE | {"overcoat": "none"}), "wetting"),
    "P56": ((F, {}), (F, {"undercoat": "none"}), "coplanarity"),
    "P59": ((F, {}), (F, {"solder1_shape": "ball"}), "wetting"),
    "P61": ((F, {}), (F, {"solder2_shape": "ball"}), "wetting"),
    "P63": ((G, {}), (C, {}), "standoff"),
    "P64": ((G, {}), (G, {"gold_by": "evaporated", "under_bump": "metal"}), "line_seat"),
    "P65": ((G, {}), (G, {"solder1_shape": "ball"}), "wetting"),
    "P67": ((G, {"solder1_shape": "ball"}), (G, {}), "wetting"),
    "P69": ((G, {}), (G, {"solder2_shape": "ball"}), "wetting"),
    "P71": ((G, {"solder2_shape": "ball"}), (G, {}), "wetting"),
}
"""A model with what a structure or process claim asks for, the nearest one without, and a measure that tells them."""


@cache
def common(model, options):
    return measured(model, dict(options)) if model is not C else joints_only(model)


def joints_only(model):
    """Joints of pillars, which have no lines."""
    inputs = asked(model)
    made, drawn = model.build(inputs), designed(model, inputs)
    shared = seed(made.variation, 3)(drawn)
    own = jax.vmap(lambda key: seed(made.joints.variation, key)(drawn))(jax.random.split(jax.random.key(4), 20))
    pose, found = exact.settle(made, drawn, shared, {"joint": own})
    assert bool(found)
    states = jax.vmap(lambda site: made.joints.state(drawn, shared, pose, site))(made.joints.sites)
    seen = jax.vmap(lambda s, e: made.joints.response(drawn, s, e))(states, own)
    return {name: np.asarray(value) for name, value in seen.items()}


@pytest.mark.parametrize("claim", PAIRS)
def test_the_model_with_a_claimed_part_or_step_differs_from_that_without(claim):
    """By over a twentieth of a micrometre in what the part is there for."""
    (model, options), (other, without), name = PAIRS[claim]
    with_it, bare = (common(m, tuple(sorted(o.items()))) for m, o in ((model, options), (other, without)))
    assert float(np.max(np.abs(with_it[name] - bare[name]))) > 0.05


def test_what_keeps_solder_off_the_gold_keeps_the_gold():
    bare = common(F, tuple(BARE.items()))
    assert np.all(bare["gold_left"] < common(F, ())["gold_left"] - 1.0)
    assert np.all(bare["gold_share"] > gold.BRITTLE)


@pytest.mark.slow
def test_the_yield_in_gold_is_an_integral_of_normal_tails():
    """Twenty lines of a lot: each passes by itself given the lot, E[Phi((4 + .08 u - 3.8) / .08)^20]; both routes."""
    inputs = asked(F)
    quiet = dict.fromkeys(inputs.spreads, 1e-6) | {"height_lot": 0.08, "height_bump": 0.08}
    made = F.build(dataclasses.replace(inputs, spreads=quiet))
    problem = Problem(made, (Limit.of("gold", "line", "gold_thickness", low=3.8),), {})
    true = quad(lambda u: norm.pdf(u) * norm.cdf((0.2 + 0.08 * u) / 0.08) ** 20, -8, 8)[0]
    assert 0.7 < true < 0.95
    design = designed(F, inputs)
    fast = Sobol(Precision(1e-3, None))(problem, design, 1)
    assert fast.value == pytest.approx(true, abs=4 * fast.stderr + 1e-3)
    counted = MonteCarlo(Precision(1e-2, None))(problem, design, 1)
    assert counted.value == pytest.approx(true, abs=4 * np.sqrt(true * (1 - true) / counted.evaluations))


WHOLE = [
    (F, {}),
    (F, {"under_bump": "none", "overcoat": "none", "undercoat": "none", "solder1_shape": "ball"}),
    (G, {"further_metal": "copper", "solder2_shape": "ball"}),
    (G, {"gold_by": "evaporated", "join": "thermocompression", "warpage": "given", "growth": "free"}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("model", "options"), WHOLE, ids=["F", "F-bare", "G", "G-evaporated"])
def test_the_model_is_whole(model, options):
    check_model(model, asked(model, options, ageing_time=1e6))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "options", "design"),
    [
        (F, {}, {"line_width": 9.0, "resist_height": 31.0, "warpage": 16.0}),
        (F, BARE | {"solder1_shape": "ball"}, {"solder1_ball": 90.0, "pad_opening": 90.0, "gold_thickness": 6.0}),
        (G, {"solder1_shape": "ball"}, {"gold_resist": 4.8, "line_width": 9.0}),
    ],
    ids=["F", "F-bare", "G"],
)
def test_the_fast_route_agrees_with_the_exact_unit(model, options, design):
    """Paired on the shared draws of 8,192 units of twenty joints, twenty lines and 22 wire pads.

    Tin takes all the gold of a bare pad and two micrometres more: the limits are put where some units pass.
    """
    inputs = asked(model, options, **design)
    if options.get("under_bump") == "none":
        inputs = dataclasses.replace(inputs, limits={"gold_left": (-1.6, np.inf), "gold_share": (-np.inf, 0.16)})
    found = agreement.compared(Problem.of(model.build(inputs)), designed(model, inputs), 8_192, 3)
    assert 0.05 < found.counted < 0.999, found
    assert abs(found.difference) <= agreement.SIGMAS * found.stderr + found.doubt, found
