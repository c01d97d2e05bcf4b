"""The capped pillar as a model: its draws, its state, its failure modes at the centre and far out, its refusals."""

import dataclasses
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from numpyro.handlers import seed, substitute, trace
from numpyro.infer import Predictive
from scipy.stats import ks_2samp
from yieldopt_pillars.assemblies.capped_pillar import MODEL

from yieldopt.card import BumpMap, Inputs
from yieldopt.problem import at
from yieldopt.standard import dimension, standardise
from yieldopt.study import config

CARD = MODEL.card("pillars.capped_pillar")
STUDIES = sorted((Path(__file__).parents[2] / "configs" / "capped_pillar").glob("*.yaml"))


def grid(rows: int, columns: int, pitch: float) -> BumpMap:
    x, y = np.meshgrid((np.arange(columns) - (columns - 1) / 2) * pitch, (np.arange(rows) - (rows - 1) / 2) * pitch)
    return BumpMap(x.ravel(), y.ravel(), pitch)


def asked(bumps: BumpMap | None = None, **changes) -> Inputs:
    plain = Inputs(
        design={name: knob.start for name, knob in CARD.knobs.items()},
        ranges={name: (knob.low, knob.high) for name, knob in CARD.knobs.items()},
        spreads={name: spread.sigma for name, spread in CARD.spreads.items()},
        limits={},
        options={name: choice.default for name, choice in CARD.options.items()},
        materials={name: choice.default for name, choice in CARD.materials.items()},
        bump_map=bumps or grid(4, 5, 160.0),
    )
    return dataclasses.replace(plain, **changes)


def designed(inputs: Inputs, **changes: float):
    return MODEL.Design(**{name: jnp.asarray(value, float) for name, value in (inputs.design | changes).items()})


def drawn(program, design, sigmas: float | None = None):
    """One draw; with `sigmas`, every normal that many of its standard deviations out, uniforms near their end."""
    if sigmas is None:
        return seed(program, 0)(design)
    sites = trace(seed(program, 0)).get_trace(design)
    out = {name: _far(site["fn"], sigmas) for name, site in sites.items() if site["type"] == "sample"}
    return substitute(seed(program, 0), data=out)(design)


def _far(law, sigmas: float):
    if isinstance(law, numpyro.distributions.Uniform):
        return jnp.asarray(1e-9 if sigmas < 0 else 1 - 1e-9)
    return law.mean + sigmas * jnp.sqrt(law.variance)


@pytest.fixture(scope="module")
def model():
    return MODEL.build(asked())


@pytest.fixture(scope="module")
def design():
    return designed(asked())


@pytest.fixture(scope="module")
def still(model, design):
    """The assembly without scatter."""
    return calm(model, design)


def calm(model, design):
    """Every shared draw at its median."""
    sites = trace(seed(model.variation, 0)).get_trace(design)
    medians = {name: jnp.zeros_like(site["value"]) for name, site in sites.items()}
    return substitute(seed(model.variation, 0), data=medians | {"wafer_position": jnp.asarray(0.5)})(design)


def test_a_joints_draws_have_the_asked_moments(model, design):
    def program():
        own = model.joints.variation(design)
        for name in ("height", "solder", "diameter", "pad", "x", "y"):
            numpyro.deterministic(f"own_{name}", getattr(own, name))

    draws = Predictive(program, num_samples=20_000, parallel=True)(jax.random.key(5))
    spreads = asked().spreads
    sigma = {
        "height": spreads["height_bump"],
        "solder": spreads["cap_bump"] * 18.0,
        "diameter": spreads["diameter_bump"],
        "pad": spreads["pad_pad"],
        "x": spreads["pattern_bump"],
        "y": spreads["pattern_bump"],
    }
    for name, expected in sigma.items():
        assert np.std(draws[f"own_{name}"]) == pytest.approx(expected, rel=4 / np.sqrt(2 * 20_000)), name
    correlation = np.corrcoef(draws["own_height"], draws["own_solder"])[0, 1]
    assert correlation == pytest.approx(0.3, abs=4 * (1 - 0.3**2) / np.sqrt(20_000))


def test_shared_draws_reach_a_site_with_the_asked_moments(model, design):
    site = at(model.joints.sites, 0)  # a corner
    pose = jnp.zeros(6)

    def program():
        for name, value in model.joints.state(design, model.variation(design), pose, site).items():
            numpyro.deterministic(f"at_{name}", value)

    draws = jax.jit(Predictive(program, num_samples=20_000, parallel=True))(jax.random.key(6))
    s = asked().spreads
    fields = float(jnp.sum(model.joints.flatness.field(site.x, site.y) ** 2)) / 3
    plated = s["height_lot"] ** 2 + s["height_wafer"] ** 2 + s["height_position"] ** 2 + s["height_die"] ** 2 * fields
    cap = (18 * s["cap_die"]) ** 2 * (1 - 0.3**2 + 0.3**2 * fields)
    bow, twist = model.joints.flatness.bow(site.x, site.y), model.joints.flatness.twist(site.x, site.y)
    bent = (s["warpage"] * bow) ** 2 + (s["twist"] * twist) ** 2
    gap = bent + plated + s["pad_site"] ** 2 * fields
    shift = [s[f"placement_{axis}"] ** 2 + s["registration"] ** 2 for axis in "xy"]
    variance = {"height": plated, "solder": cap, "diameter": s["diameter_wafer"] ** 2, "gap_melt": gap}
    for name, expected in variance.items():
        assert np.var(draws[f"at_{name}"]) == pytest.approx(expected, rel=4 * np.sqrt(2 / 20_000)), name
    apart = np.mean(np.square(draws["at_capture"]))  # rotation and expansion add under a per cent at this corner
    assert apart == pytest.approx(sum(shift), rel=4 / np.sqrt(20_000) + 0.01)


def test_the_standard_normal_route_draws_the_same_distribution(model, design):
    """Two-sample Kolmogorov-Smirnov on every state at a corner: 2.2 sqrt(2 / n) is passed by chance once in 1e4."""
    site, count = at(model.joints.sites, 0), 10_000

    def program():
        return model.joints.state(design, model.variation(design), jnp.zeros(6), site)

    size = dimension(program)
    normals = jax.random.normal(jax.random.key(7), (count, size))
    one = jax.jit(jax.vmap(lambda z: standardise(program, z)))(normals)
    other = jax.jit(jax.vmap(lambda key: seed(program, key)()))(jax.random.split(jax.random.key(8), count))
    for name in one:
        assert ks_2samp(one[name], other[name]).statistic < 2.2 * np.sqrt(2 / count), name


def test_the_state_is_affine_in_the_pose(model, design):
    shared, site = drawn(model.variation, design), at(model.joints.sites, 3)
    a, b = jnp.array([60.0, 1, -2, 59, 2, 1]), jnp.array([3.0, -1, 4, 2, 0, -5])
    state = [model.joints.state(design, shared, pose, site) for pose in (a, b, a + b, jnp.zeros(6))]
    for name in state[0]:
        one, two, both, none = (float(values[name]) for values in state)
        assert both - one == pytest.approx(two - none, abs=1e-9), name


def test_height_and_gap_add_up_to_the_clearance_of_a_flat_assembly(model, still):
    flat = designed(asked(), warpage=0.0)
    pose = jnp.array([64.0, 0, 0, 63.0, 0, 0])
    still = eqx.tree_at(lambda shared: shared.warpage, still, jnp.zeros(2))
    state = model.joints.state(flat, still, pose, at(model.joints.sites, 0))
    assert state["gap_melt"] == pytest.approx(64 - 48)
    own = eqx.tree_at(lambda own: (own.height, own.pad), model.joints.average(), (jnp.asarray(0.7), jnp.asarray(1.5)))
    found = model.joints.response(flat, state, own)
    assert found["standoff"] == pytest.approx(63 - 1.5)
    assert found["headroom"] == pytest.approx(80 - 48 - 0.7 - 18)
    assert found["coplanarity"] == pytest.approx(0.7, abs=1e-9)


def test_a_flat_assembly_rests_without_force(model, still):
    flat = designed(asked(), warpage=0.0)
    still = eqx.tree_at(lambda shared: shared.warpage, still, jnp.zeros(2))
    state = model.joints.state(flat, still, model.rest(flat, still), at(model.joints.sites, 7))
    force = model.joints.force(flat, state, model.joints.average())
    squeezed = model.joints.force(flat, state | {"gap": state["gap"] - 1.0}, model.joints.average())
    assert abs(force["gap"]) < 1e-6 * abs(squeezed["gap"])
    assert squeezed["gap"] < 0.0


def test_self_alignment_takes_a_placement_error_back(model, still):
    shifted = designed(asked(), placement_x=9.0, placement_y=-12.0, residual_fraction=0.0)
    state = model.joints.state(shifted, still, jnp.zeros(6), at(model.joints.sites, 0))
    assert state["offset"] == pytest.approx(0.0, abs=2e-3)
    assert state["capture"] == pytest.approx(15.0, abs=1e-3)
    left = model.joints.state(designed(asked(), placement_x=20.0), still, jnp.zeros(6), at(model.joints.sites, 0))
    assert left["offset"] == pytest.approx(2.0, abs=1e-3)


def measured(model, moving):
    """Every number the engine asks of a joint and of a pair."""
    design, shared, own = moving
    state = model.joints.state(design, shared, model.rest(design, shared), at(model.joints.sites, 0))
    pulls = {f"pull_{name}": force for name, force in model.joints.force(design, state, own).items()}
    beside = model.neighbours.response(design, state, own, own, at(model.neighbours.sites, 0))
    return {**model.joints.response(design, state, own), **beside, **pulls}


def far_out(model):
    for sigmas in (-6.0, 0.0, 6.0):
        design = designed(asked())
        yield design, drawn(model.variation, design, sigmas), drawn(model.joints.variation, design, sigmas)


@pytest.mark.slow
def test_every_response_and_its_slope_are_finite_out_to_six_sigma(model):
    @jax.jit
    def slopes(moving):  # of the sum: not a number if any is not
        return jax.grad(lambda moving: sum(measured(model, moving).values()))(moving), measured(model, moving)

    for moving in far_out(model):
        slope, values = slopes(moving)
        assert set(MODEL.own_limits) - {"hold"} < set(values)
        assert all(np.isfinite(value) for value in values.values()), values
        assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(slope)), slope


def test_every_response_is_finite_with_paste_too():
    pasted = MODEL.build(asked(options=asked().options | {"chip2_solder": "paste"}))
    look = jax.jit(lambda moving: measured(pasted, moving))
    for moving in far_out(pasted):
        assert all(np.isfinite(value) for value in look(moving).values())


def test_paste_adds_solder_and_reach():
    inputs = asked()
    bare, pasted = (
        MODEL.build(dataclasses.replace(inputs, options=inputs.options | {"chip2_solder": paste}))
        for paste in ("none", "paste")
    )
    state = {"diameter": jnp.asarray(80.0), "solder": jnp.asarray(18.0)}
    volumes = [
        model.joints.making.made(designed(inputs), state, model.joints.average()).volume for model in (bare, pasted)
    ]
    release = 0.95 / (1 + np.exp(-(0.9 - 0.47) / 0.06))
    assert volumes[1] - volumes[0] == pytest.approx(0.5 * release * 25 * np.pi * 45**2, rel=1e-9)


def test_solder_eaten_is_by_hand_and_no_ageing_adds_none(model, design):
    """At 245 degC .692 of .383 60^(1/3) um on the pad's 90 um of copper, a tenth on the pillar's 80 um of nickel."""
    state = {"diameter": jnp.asarray(80.0), "solder": jnp.asarray(18.0)}
    made = model.joints.making.made(design, state, model.joints.average())
    by_hand = 0.692 * 0.383 * 60 ** (1 / 3) * np.pi / 4 * (90**2 + 0.1 * 80**2)
    assert made.eaten == pytest.approx(by_hand, rel=1e-12)
    assert made.aged == pytest.approx(by_hand, rel=1e-12)


def test_a_life_in_service_eats_solder_and_nickel_and_changes_nothing_else(model, design, still):
    """1000 h at 150 degC by hand: squares of tin add, 81 x 1000/1440 x .692^2 um2 on copper, .36 of it on nickel."""
    aged = designed(asked(), ageing_time=3.6e6, ageing_temperature=423.15)
    state = model.joints.state(design, still, model.rest(design, still), at(model.joints.sites, 0))
    none = model.joints.average()
    before, after = (model.joints.response(one, state, none) for one in (design, aged))
    assert {name for name in before if before[name] != after[name]} == {"intermetallic"}
    fresh, grown = 0.692 * 0.383 * 60 ** (1 / 3), 81 * 1000 / 1440 * 0.692**2
    pad, pillar = np.sqrt(fresh**2 + grown), np.sqrt((0.1 * fresh) ** 2 + 0.36 * grown)
    share = (pad * 90**2 + pillar * 80**2) / (18 * 80**2)
    assert after["intermetallic"] == pytest.approx(share, rel=2e-3)  # the volume's smooth floor, and the die's own cap
    left = model.response(aged, still, model.rest(design, still))["nickel_left"]
    assert left == pytest.approx(3.0 - pillar * 0.262 / 0.865, rel=1e-9)


def test_bare_copper_has_no_nickel_left(design, still):
    bare = MODEL.build(asked(options=asked().options | {"barrier": "none"}))
    assert bare.response(design, still, bare.rest(design, still))["nickel_left"] < 0


def test_neighbours_are_one_pitch_apart_and_no_pair_is_missed(model):
    first, second = model.neighbours.first, model.neighbours.second
    x, y = model.joints.sites.x, model.joints.sites.y
    apart = np.hypot(x[:, None] - x, y[:, None] - y)
    assert len(first) == np.sum((apart > 0) & (apart < 170)) / 2 == 4 * 4 + 3 * 5
    across = np.stack([x[second] - x[first], y[second] - y[first]], axis=1) / 160.0
    np.testing.assert_allclose(across, model.neighbours.sites.axis, atol=1e-12)
    np.testing.assert_allclose(model.neighbours.sites.x, (x[first] + x[second]) / 2)


def test_pillars_that_lean_together_close_the_gap_between_them(model, design, still):
    state = model.joints.state(design, still, model.rest(design, still), at(model.joints.sites, 0))
    pair, none = at(model.neighbours.sites, 0), model.joints.average()
    along = float(pair.axis[0]), float(pair.axis[1])
    leaning = eqx.tree_at(lambda own: (own.x, own.y), none, tuple(jnp.asarray(2.0 * part) for part in along))
    gaps = [
        model.neighbours.response(design, state, *two, pair)["neighbour_gap"] for two in ((none, none), (leaning, none))
    ]
    assert gaps[0] - gaps[1] == pytest.approx(1.0)
    more = model.neighbours.response(design, state | {"solder": state["solder"] * 1.3}, none, none, pair)[
        "neighbour_gap"
    ]
    assert more < gaps[0] - 1.0


def test_a_study_limits_replace_and_add():
    limits = {
        limit.name: limit
        for limit in MODEL.build(asked(limits={"standoff": (55, 75), "cap_time": (-np.inf, 600)})).limits()
    }
    assert limits["standoff"].sides == ("low", "high")
    assert limits["cap_time"].population == ""
    assert limits["neighbour_gap"].population == "neighbours"
    assert limits["wetting"].low == 0.0


def test_plating_times_are_responses_of_the_unit(model, design, still):
    assert model.response(design, still, jnp.zeros(6))["pillar_time"] / 60 == pytest.approx(45 / 2.20, rel=5e-3)


@pytest.mark.parametrize(
    ("design", "bumps", "path", "says"),
    [
        ({"pillar_height": 70.0}, None, "design.pillar_height", "resist"),
        ({"pad_opening": 165.0}, None, "design.pad_opening", "pitch"),
        ({"pillar_diameter": 160.0}, None, "design.pillar_diameter", "pitch"),
        ({}, grid(1, 2, 160.0), "bump_map", "three"),
        ({}, grid(1, 12, 160.0), "bump_map", "one line"),
    ],
)
def test_what_cannot_be_built_is_refused(design, bumps, path, says):
    mistakes = MODEL.check(asked(bumps, design=asked().design | design))
    assert [mistake.path for mistake in mistakes] == [path]
    assert says in str(mistakes[0])


def test_melting_is_checked():
    cold = MODEL.check(asked(design=asked().design | {"peak_temperature": 450.0}))
    assert len(cold) == 1
    assert "peak_temperature" in str(cold[0])


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_nominal_unit_of_each_study_meets_every_limit(path: Path):
    inputs = config.read(path, card_of=lambda name: MODEL.card(name), check=lambda *_: []).inputs
    assert MODEL.check(inputs) == []
    model, design = MODEL.build(inputs), designed(inputs)
    shared = calm(model, design)

    @jax.jit
    def measure(site, pair):
        pose, own = model.rest(design, shared), model.joints.average()
        between = model.joints.state(design, shared, pose, pair)
        joint = model.joints.response(design, model.joints.state(design, shared, pose, site), own)
        return {**joint, **model.neighbours.response(design, between, own, own, pair)}

    some = np.linspace(0, len(model.joints.sites.x) - 1, 200).astype(int)
    pairs = np.linspace(0, len(model.neighbours.first) - 1, 200).astype(int)
    found = jax.vmap(measure)(at(model.joints.sites, some), at(model.neighbours.sites, pairs))
    found |= model.response(design, shared, model.rest(design, shared))
    for limit in model.limits():
        for margin in limit.margins(found[limit.response]):
            assert np.min(margin) > 0.0, limit.name


def test_the_bump_map_of_blackparrot():
    inputs = config.read(STUDIES[0], card_of=lambda name: MODEL.card(name), check=lambda *_: []).inputs
    x, y = inputs.bump_map.x, inputs.bump_map.y
    assert len(x) == 276
    assert np.ptp(x) == np.ptp(y) == pytest.approx(2560)
    cross = ((x == 0) & (abs(y) <= 480)) | ((y == 0) & (abs(x) <= 480))
    assert not np.any(cross)
