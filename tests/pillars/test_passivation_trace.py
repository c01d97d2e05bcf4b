"""System H, lines and vias over the passivation: sections, landings and levels against closed forms; refusals."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.handlers import seed
from scipy import stats
from yieldopt_pillars import claims
from yieldopt_pillars.assemblies import passivation_trace
from yieldopt_pillars.claims.table import claims as table

from yieldopt import catalogue
from yieldopt.card import Bound, BumpMap, Inputs
from yieldopt.estimators.base import Precision
from yieldopt.estimators.monte_carlo import MonteCarlo
from yieldopt.estimators.sobol import Sobol
from yieldopt.problem import Problem, at
from yieldopt.testing import check_model

MODEL = passivation_trace.MODEL
CARD = MODEL.card()
X, Y = np.meshgrid((np.arange(6) - 2.5) * 400.0, (np.arange(5) - 2.0) * 400.0)
BUMPS = BumpMap(X.ravel(), Y.ravel(), 400.0)
SETTINGS = [
    {},
    {"undercoat": "none", "overcoat": "none"},
    {"levels": "two", "overcoat": "closed"},
    {"levels": "three", "seed_process": "conformal", "plating": "electroless"},
]


def asked(options=None, spreads=None, limits=None, **design) -> Inputs:
    """A study of the model's starts; `spreads`, where given, are the only ones."""
    sigmas = {name: spread.sigma for name, spread in CARD.spreads.items()}
    return Inputs(
        design={name: knob.start for name, knob in CARD.knobs.items()} | design,
        ranges={name: (knob.low, knob.high) for name, knob in CARD.knobs.items()},
        spreads=sigmas if spreads is None else dict.fromkeys(sigmas, 1e-9) | spreads,
        limits=limits or {},
        options={name: choice.default for name, choice in CARD.options.items()} | (options or {}),
        materials={name: choice.default for name, choice in CARD.materials.items()},
        bump_map=BUMPS,
    )


def designed(inputs):
    return MODEL.Design(**{name: jnp.asarray(value, float) for name, value in inputs.design.items()})


def measured(population, key=5, **inputs):
    """Every response of a population's elements of one drawn die, and the states they are in."""
    study = asked(**inputs)
    made, design = MODEL.build(study), designed(study)
    shared, one = seed(made.variation, key)(design), made.populations()[population]

    def look(site, key):
        state = one.state(design, shared, jnp.zeros(0), site)
        return one.response(design, state, seed(one.variation, key)(design)), state

    return jax.vmap(look)(one.sites, jax.random.split(jax.random.key(key + 1), one.sites.x.shape[0]))


def only(inputs, *names):
    """The problem of some limits, without defects; and its design."""
    problem = Problem.of(MODEL.build(inputs))
    kept = tuple(limit for limit in problem.limits if limit.name in names)
    assert len(kept) == len(names)
    return Problem(problem.model, kept, {}), designed(inputs)


@pytest.mark.parametrize("options", SETTINGS, ids=str)
def test_a_population_has_the_measures_that_it_says(options):
    made = MODEL.build(asked(options))
    for name, population in made.populations().items():
        found, _ = measured(name, options=options)
        assert set(found) == set(population.measures)
        assert {CARD.responses[response].population for response in found} == {name.rstrip("23")}
        assert all(np.isfinite(value).all() for value in found.values())


@pytest.mark.slow
@pytest.mark.parametrize("options", SETTINGS, ids=str)
def test_the_model_is_whole(options):
    inputs = asked(options)
    assert MODEL.check(inputs) == []
    check_model(MODEL, inputs)


def test_section_and_resistance_scatter_as_products_of_normals():
    """Width and thickness apart: mean and variance of a product, and the resistance that goes with each."""
    scatter = {"width_level": 0.3, "width_trace": 0.15, "plated_level": 0.2, "plated_trace": 0.05, "seed_level": 0.04}
    inputs = asked(spreads=scatter, loading=0.0)
    made, design = MODEL.build(inputs), designed(inputs)
    one, count = made.populations()["trace"], 40_000

    def look(key):
        state = one.state(design, seed(made.variation, key)(design), jnp.zeros(0), at(one.sites, 7))
        return one.response(design, state, seed(one.variation, jax.random.fold_in(key, 1))(design))

    found = jax.vmap(look)(jax.random.split(jax.random.key(2), count))
    width, plated, film = 20.0, 5.0, 0.4
    spread_w, spread_t = np.hypot(0.3, 0.15), np.sqrt(0.2**2 + 0.05**2 + (0.04 * film) ** 2)
    thick = plated + film
    variance = (width * spread_t) ** 2 + (thick * spread_w) ** 2 + (spread_w * spread_t) ** 2
    section = np.asarray(found["trace_section"])
    assert abs(section.mean() - width * thick) <= 4 * np.sqrt(variance / count)
    assert abs(section.var() - variance) <= 4 * variance * np.sqrt(2 / count) * 1.1  # hardly heavier tails than normal
    metal = np.asarray(found["trace_thickness"]) - film
    rough = 0.0172 * 1500.0 / (np.asarray(found["trace_width"]) * metal)
    assert np.corrcoef(rough, found["resistance"])[0, 1] > 0.99
    assert np.median(found["resistance"]) == pytest.approx(0.0172 * 1500.0 / (width * plated), rel=2e-3)


def test_an_edge_plates_thicker_by_half_the_loading_and_electroless_metal_nowhere():
    plated, quiet = ({"options": {"plating": p}, "spreads": {}} for p in ("electroplated", "electroless"))
    thick, _ = measured("trace", **plated, loading=0.2, crowding_reach=50.0)
    thick = np.asarray(thick["trace_thickness"]).reshape(5, 6)
    assert thick[2, 3] == pytest.approx(5.4, rel=1e-6)
    assert thick[0, 0] - 5.4 < 1e-3, "a reach far below half a pitch has no edge at the sites"
    wide, _ = measured("trace", **plated, loading=0.2, crowding_reach=2000.0)
    crowded = np.asarray(wide["trace_thickness"]).reshape(5, 6)
    density = [
        stats.norm.cdf((s + h) / 2000.0) - stats.norm.cdf((s - h) / 2000.0) for s, h in ((1000, 1200), (0, 1000))
    ]
    assert crowded[2, 5] == pytest.approx(0.4 + 5.0 * (1 + 0.2 * (1 - density[0] * density[1])), rel=1e-6)
    flat, _ = measured("trace", **quiet, loading=0.2, crowding_reach=2000.0)
    np.testing.assert_allclose(flat["trace_thickness"], 5.4, rtol=1e-6)


@pytest.mark.parametrize(("shared", "own"), [pytest.param(4.0, 0.0, marks=pytest.mark.slow), (0.0, 2.2), (3.0, 1.5)])
def test_landing_is_what_the_circle_of_play_holds(shared, own):
    """A 35 um via over a 15 um opening has 10 um of play: Rayleigh, for all vias at once, or for each by itself."""
    spreads = {"overlay_level": max(shared, 1e-9), "place_via": max(own, 1e-3)}
    problem, design = only(asked(spreads=spreads), "landing")
    if not own:
        expected = stats.rayleigh.cdf(10.0, scale=shared)
    elif not shared:
        expected = stats.rayleigh.cdf(10.0, scale=own) ** 30
    else:
        offset = np.linspace(0.0, 9 * shared, 4001)
        inside = stats.ncx2.cdf((10.0 / own) ** 2, 2, (offset / own) ** 2) ** 30
        expected = np.trapezoid(inside * stats.rayleigh.pdf(offset, scale=shared), offset)
    counted = MonteCarlo(Precision(0.005, None), 60_000)(problem, design, 1)
    assert abs(counted.value - expected) <= 4 * counted.stderr
    fast = Sobol(Precision(0.002, None))(problem, design, 1)
    assert abs(fast.value - expected) <= 4 * fast.stderr + fast.doubt
    assert fast.doubt < 0.02


@pytest.mark.slow
def test_levels_that_vary_on_their_own_pass_as_their_product():
    """The foot of every line, normal tails: two levels pass as often as one does twice."""
    spreads = {"width_level": 0.3, "narrow_trace": 0.4}
    low = 20.0 - 2 * 0.4 * 1.5 * 1.2 - 1.6
    shift = np.linspace(-9, 9, 4001)
    alone = np.trapezoid(stats.norm.pdf(shift) * stats.norm.cdf((1.6 + 0.3 * shift) / 0.4) ** 30, shift)
    for levels, names in (("one", ["foot"]), ("two", ["foot 1", "foot 2"])):
        inputs = asked({"levels": levels}, spreads, {"foot": (low, np.inf)})
        found = Sobol(Precision(0.002, None))(*only(inputs, *names), 1)
        assert abs(found.value - alone ** len(names)) <= 4 * found.stderr + found.doubt
        assert found.doubt < 0.01


def test_seed_thins_down_a_wall_where_it_is_sputtered():
    """A 35 um via 5 um deep: h = 2/7; a conformal seed has its whole thickness there."""
    h = 2 / 7
    share = 0.5 * ((2 + h**2) / np.sqrt(4 + h**2) - h)
    for process, expected in (("sputtered", 0.4 * share), ("conformal", 0.4)):
        found, _ = measured("via", options={"seed_process": process}, spreads={})
        np.testing.assert_allclose(found["wall_seed"], expected, rtol=1e-6)


def test_an_upper_via_is_as_deep_as_the_film_over_the_line_below():
    _, state = measured("via2", options={"levels": "two"}, spreads={}, loading=0.0)
    np.testing.assert_allclose(state["depth"], 8.0 - 0.7 * 5.0, rtol=1e-6)


STRUCTURES = {
    "T158": ({"overcoat": "closed"}, {"overcoat": "none"}),
    "T159": ({"overcoat": "opened"}, {"overcoat": "closed"}),
    "T163": ({"levels": "two"}, {"levels": "one"}),
    "T168": ({"levels": "two", "overcoat": "closed"}, {"levels": "two", "overcoat": "none"}),
    "T169": ({"levels": "two", "overcoat": "opened"}, {"levels": "two", "overcoat": "closed"}),
    "T173": ({"levels": "three"}, {"levels": "two"}),
    "T174": ({"levels": "three", "overcoat": "closed"}, {"levels": "three", "overcoat": "none"}),
    "T175": ({"levels": "three", "overcoat": "opened"}, {"levels": "three", "overcoat": "closed"}),
    "T184": ({"undercoat": "opened"}, {"undercoat": "none"}),
    "T187": ({"seed_process": "sputtered"}, {"seed_process": "conformal"}),
    "T188": ({"plating": "electroplated"}, {"plating": "electroless"}),
}


def test_every_claim_of_a_part_or_a_step_is_among_them():
    parts = {
        name
        for name, claim in table().items()
        if "passivation_trace" in claim.systems and {"structure", "process"} & set(claim.kind)
    }
    assert parts - {"T157"} == set(STRUCTURES), "what T157 says is done by every study of the model"


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_claimed_part_or_step_is_in_the_model_or_the_study_is_refused(name):
    """With it the die has measures, or numbers, that it has not without."""
    having, lacking = STRUCTURES[name]
    kept, broken = asked(having), asked(lacking)
    drawn = [catalogue.drawn(MODEL, inputs) for inputs in (kept, broken)]
    assert claims.check("pillars.passivation_trace", [name], kept, drawn[0]) == []
    (mistake,) = claims.check("pillars.passivation_trace", [name], broken, drawn[1])
    assert name in mistake.expected

    def seen(options):
        populations = MODEL.build(asked(options)).populations()
        return {
            (key, measure): np.asarray(value)
            for key in populations
            for measure, value in measured(key, options=options)[0].items()
        }

    with_it, without = seen(having), seen(lacking)
    moved = {key for key in with_it.keys() & without.keys() if not np.allclose(with_it[key], without[key])}
    assert set(with_it) - set(without) or moved


def test_a_claimed_number_counts_on_every_level_and_of_vias_on_the_lowest():
    made = MODEL.build(asked({"levels": "two"}))
    bounds = {name: claim.bounds[0] for name, claim in table().items() if claim.bounds and name[0] == "T"}
    of = {name: [(x.name, x.population, x.response) for x in made.claimed(bound)] for name, bound in bounds.items()}
    assert of["T179"] == [("T179 1", "trace", "trace_thickness"), ("T179 2", "trace2", "trace_thickness")]
    assert of["T185"] == [("T185", "via", "via_excess")]
    assert of["T186"] == [("T186", "via", "via_section")]
    assert of["T167"] == [("T167", "", "dielectric_thickness")]
    assert of["T157"] == []
    assert made.claimed(Bound("T186", "via_section", 1.0, 1e4))[0].sides == ("low", "high")


@pytest.mark.parametrize(("via", "holds"), [(16.0, True), (15.0, False), (14.0, False)])
def test_a_via_is_wider_than_its_passivation_opening(via, holds):
    inputs = asked(via_width=via)
    drawn = catalogue.drawn(MODEL, inputs)
    verdict = claims.verdicts("pillars.passivation_trace", ["T185"], inputs, drawn)[-1]
    assert (verdict["holds"], verdict["margin"]) == (holds, pytest.approx(via - 15.0))


@pytest.mark.parametrize(
    ("change", "options", "path", "says"),
    [
        ({"trace_width": 41.0}, {}, "design.trace_width", "pitch"),
        ({"plated_thickness": 11.0, "overcoat_thickness": 20.0}, {}, "design.plated_thickness", "resist"),
        ({"via_width": 15.0}, {}, "design.passivation_opening_width", "T185"),
        ({"via_width": 61.0}, {}, "design.via_width", "land"),
        ({"land_width": 14.0}, {"undercoat": "none"}, "design.passivation_opening_width", "land"),
        ({"upper_via_width": 61.0}, {"levels": "two"}, "design.upper_via_width", "land"),
        ({"node_opening": 201.0}, {}, "design.node_opening", "land"),
        ({"node_land": 400.0}, {}, "design.node_land", "pitch"),
        ({"overcoat_thickness": 3.0}, {}, "design.overcoat_thickness", "covers its lines"),
        ({"dielectric_thickness": 3.0}, {"levels": "three"}, "design.dielectric_thickness", "covers its lines"),
    ],
)  # fmt: skip
def test_what_cannot_be_built_is_refused(change, options, path, says):
    (mistake,) = MODEL.check(asked(options, **change))
    assert mistake.path == path
    assert says in mistake.expected


def test_all_mistakes_are_told_at_once_and_none_of_what_is_not_there():
    assert len(MODEL.check(asked(trace_width=41.0, node_opening=201.0, land_width=30.0))) == 3
    assert MODEL.check(asked({"overcoat": "none"}, node_opening=201.0, overcoat_thickness=1.0)) == []


def test_a_limit_on_what_the_options_leave_out_is_refused():
    for name, options, needs in (
        ("node_landing", {"overcoat": "closed"}, "overcoat: opened"),
        ("cover", {"overcoat": "none"}, "opened or closed"),
        ("landing", {"undercoat": "none"}, "undercoat: opened"),
        ("dielectric_thickness", {}, "levels: two or three"),
    ):
        (mistake,) = MODEL.check(asked(options, limits={name: (0.0, np.inf)}))
        assert mistake.path == f"limits.{name}"
        assert needs in mistake.expected
    lone = replace(asked(limits={"space": (1.0, np.inf)}), bump_map=BumpMap(np.zeros(1), np.zeros(1), 400.0))
    assert [mistake.path for mistake in MODEL.check(lone)] == ["limits.space"]


def test_the_die_tells_how_long_a_level_plates():
    made = MODEL.build(asked())
    found = made.response(designed(asked()), seed(made.variation, 1)(designed(asked())), jnp.zeros(0))
    assert float(found["plating_time"]) / 60 == pytest.approx(5.0 / 0.44, rel=5e-3)
