"""The assemblies on the common joint: what each says of its own solder and sections, against closed forms and draws."""

import dataclasses
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from numpyro.handlers import seed
from numpyro.infer import Predictive
from scipy.optimize import brentq
from scipy.stats import multivariate_normal
from yieldopt_pillars.assemblies import capped_pillar, pillar_into_solder, pillar_joint, pillar_to_pillar
from yieldopt_pillars.parts import bridge, sections

from yieldopt import exact
from yieldopt.card import Bound, BumpMap, Inputs
from yieldopt.problem import at
from yieldopt.testing import check_model

A, B, C, E = capped_pillar.MODEL, pillar_into_solder.MODEL, pillar_joint.MODEL, pillar_to_pillar.MODEL
X, Y = np.meshgrid((np.arange(5) - 2.0) * 160.0, (np.arange(4) - 1.5) * 160.0)
BUMPS = BumpMap(X.ravel(), Y.ravel(), 160.0)


def asked(model, options=None, **design) -> Inputs:
    card = model.card()
    return Inputs(
        design={name: knob.start for name, knob in card.knobs.items()} | design,
        ranges={name: (knob.low, knob.high) for name, knob in card.knobs.items()},
        spreads={name: spread.sigma for name, spread in card.spreads.items()},
        limits={},
        options={name: choice.default for name, choice in card.options.items()} | (options or {}),
        materials={name: choice.default for name, choice in card.materials.items()},
        bump_map=BUMPS,
    )


def designed(model, inputs):
    return model.Design(**{name: jnp.asarray(value, float) for name, value in inputs.design.items()})


def measured(model, options=None, **design) -> dict[str, np.ndarray]:
    """Every response of the joints of one drawn unit at rest."""
    inputs = asked(model, options, **design)
    made, drawn = model.build(inputs), designed(model, inputs)
    shared = seed(made.variation, 3)(drawn)
    keys = jax.random.split(jax.random.key(4), len(BUMPS.x))
    own = jax.vmap(lambda key: seed(made.joints.variation, key)(drawn))(keys)
    pose, found = exact.settle(made, drawn, shared, {"joint": own})
    assert bool(found)

    def look(site, element):
        return made.joints.response(drawn, made.joints.state(drawn, shared, pose, site), element)

    return {name: np.asarray(value) for name, value in jax.vmap(look)(made.joints.sites, own).items()}


OPTIONS = [
    (C, {}),
    (C, {"standoff": "found"}),
    (C, {"solder_on": "chip2", "join": "thermocompression"}),
    *((B, {"chip2_solder": form}) for form in ("paste", "bump", "ball")),
    (E, {}),
    (E, {"section": "rectangle", "join": "thermocompression"}),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "options"), OPTIONS, ids=lambda x: "-".join(x.values()) if isinstance(x, dict) else x.__name__
)
def test_the_model_is_whole(model, options):
    inputs = asked(model, options, ageing_time=1e6)
    assert model.check(inputs) == []
    check_model(model, inputs)


def segment_height(radius, volume):
    """Height of the spherical segment of a volume on a disc, by its volume pi h (3 a^2 + h^2) / 6."""
    return brentq(lambda h: np.pi * h * (3 * radius**2 + h**2) / 6 - volume, 0.0, 1e4, xtol=1e-12)


@pytest.mark.parametrize(
    ("form", "design", "volume"),
    [
        ("bump", {"bump_plating": 20.0}, np.pi / 4 * 90.0**2 * 20.0),
        ("ball", {"ball_diameter": 100.0}, np.pi / 6 * 100.0**3),
    ],
)
def test_bumps_and_balls_are_truncated_spheres_on_their_pad(form, design, volume):
    inputs = asked(B, {"chip2_solder": form}, **design)
    drawn = B.drawn(designed(B, inputs), inputs)
    assert float(drawn[f"{form}_height"]) == pytest.approx(segment_height(45.0, volume), rel=1e-9)
    seen = measured(B, {"chip2_solder": form}, **design)[f"{form}_height"]
    assert abs(seen.mean() / segment_height(45.0, volume) - 1) < 0.1
    assert seen.std() > 0.1, "each pad has its own"


def test_what_a_pillar_pushes_aside_is_its_face_times_its_depth():
    inputs = asked(B, {"chip2_solder": "ball"}, ball_diameter=100.0, pillar_diameter=80.0)
    made, design = B.build(inputs), designed(B, inputs)
    average = jax.tree.map(lambda leaf: leaf * 0.0, seed(made.joints.variation, 0)(design))
    volume = np.pi / 6 * 100.0**3
    state = {
        "gap_melt": 70.0,
        "gap": 70.0,
        "height": 43.0,
        "solder": 0.0,
        "diameter": 80.0,
        "offset": 1.0,
        "capture": 1.0,
        "top": 0.0,
    }
    seen = made.joints.response(design, {name: jnp.asarray(value) for name, value in state.items()}, average)
    deep = segment_height(45.0, volume) - 70.0
    assert float(seen["sink"]) == pytest.approx(deep)
    assert float(seen["displaced"]) == pytest.approx(deep * np.pi * 40.0**2 / volume)


def test_a_found_standoff_is_the_one_that_was_found():
    """Level and unwarped, every joint's standoff is its unit's, less what the pad under it stands up."""
    options = {"standoff": "found"}
    inputs = asked(C, options, warpage=0.0)
    quiet = dict.fromkeys(inputs.spreads, 1e-09) | {"found_unit": 1.5, "pad_pad": 2.0}
    inputs = dataclasses.replace(inputs, spreads=quiet)
    made, design = C.build(inputs), designed(C, inputs)
    assert made.rest(design, None).shape == (0,)
    assert {limit.name for limit in made.limits()} & {"capture", "headroom"} == set()
    shared = seed(made.variation, 1)(design)
    own = seed(made.joints.variation, 2)(design)
    state = made.joints.state(design, shared, jnp.zeros(0), at(made.joints.sites, 3))
    seen = made.joints.response(design, state, own)
    assert float(seen["standoff"] + own.pad) == pytest.approx(float(shared.found[0]), abs=1e-6)
    assert float(shared.found[0]) != pytest.approx(60.0, abs=1e-3)
    assert made.joints.force(design, state, own) == {}


@pytest.mark.parametrize("step", [-12.0, 0.0, 8.0])
def test_two_pillars_of_unequal_sections_pull_as_the_exact_bridge(step):
    """Circles: within .006 of tension times radius, what the fast joint is held to."""
    inputs = asked(E, {}, side_step=step)
    made, design = E.build(inputs), designed(E, inputs)
    average = jax.tree.map(lambda leaf: leaf * 0.0, seed(made.joints.variation, 0)(design))
    for gap in (16.0, 17.0, 19.0):
        state = {
            "gap_melt": gap,
            "gap": gap,
            "height": 43.0,
            "solder": 0.0,
            "diameter": 60.0,
            "second": 18.0,
            "second_side": 0.0,
        }
        state |= {"offset": 1.0, "capture": 1.0, "top": 0.0}
        found = made.joints.force(design, {name: jnp.asarray(value) for name, value in state.items()}, average)
        joint = made.joints.making.made(design, {name: jnp.asarray(v) for name, v in state.items()}, average)
        second = 60.0 + step
        assert float(joint.total) == pytest.approx(np.pi / 4 * second**2 * 18.0)
        true = bridge.solve(second / 2, 30.0, joint.volume, gap)
        assert float(found["gap"]) == pytest.approx(float(true.force), abs=0.006 * max(30.0, second / 2))


def test_likeness_per_side_is_that_of_the_bivariate_normal():
    """Length and width of a rectangle differ by two normals that share the openings' own width: 2e5 draws."""
    count, steps = 200_000, (9.0, -9.5)
    inputs = asked(E, {"section": "rectangle"}, side_step=steps[0], width_step=steps[1])
    made, design, s = E.build(inputs), designed(E, inputs), inputs.spreads
    still = {name: jnp.zeros(()) for name in ("gap_melt", "gap", "height", "solder", "second", "second_side")}
    still |= {"diameter": design.pillar_diameter, "offset": jnp.ones(()), "capture": jnp.ones(()), "top": jnp.zeros(())}

    def program():
        own = made.joints.variation(design)
        sides = made.joints.making.sides(design, still, own)
        numpyro.deterministic("apart", sides[1] - sides[0])

    apart = np.asarray(jax.jit(Predictive(program, num_samples=count, parallel=True))(jax.random.key(9))["apart"])
    both = s["diameter_bump"] ** 2 + s["second_own"] ** 2
    cov = np.array([[both, both], [both, both + s["astigmatism"] ** 2]])
    law = multivariate_normal(np.array(steps), cov)
    low, high = np.full(2, -10.0), np.full(2, 10.0)
    true = law.cdf(high, lower_limit=low)
    assert 0.3 < true < 0.9
    seen = np.mean(np.all(np.abs(apart) <= 10.0, 1))
    assert seen == pytest.approx(true, abs=4 * np.sqrt(true * (1 - true) / count))
    limits = made.claimed(Bound("P33", "side_difference", high=10.0))
    assert [(limit.response, float(limit.low), float(limit.high)) for limit in limits] == [
        ("length_difference", -10.0, 10.0),
        ("width_difference", -10.0, 10.0),
    ]


def test_an_order_is_a_limit_on_the_difference():
    made = E.build(asked(E))
    (order,) = made.claimed(Bound("P34", "first_height", low=0.0, strict=True, than="second_height"))
    assert (order.response, float(order.low)) == ("taller_by", 0.0)
    (most,) = made.claimed(Bound("P34", "second_height", high=25.0, strict=True))
    assert (most.response, float(most.high)) == ("second_height", 25.0)
    assert made.claimed(Bound("P31", "section_difference", 0.0, 0.0)) == ()
    seen = measured(E)
    assert seen["taller_by"] == pytest.approx(seen["first_height"] - seen["second_height"])


@pytest.mark.parametrize(
    ("shape", "side", "width", "area"),
    [
        ("circle", 60.0, 1.0, np.pi * 900),
        ("square", 60.0, 1.0, 3600.0),
        ("octagon", 60.0, 1.0, 3600.0 - 4 * (60.0 / (2 + np.sqrt(2))) ** 2 / 2),
        ("rectangle", 60.0, 40.0, 2400.0),
    ],
)
def test_sections_have_their_areas(shape, side, width, area):
    """An octagon is its square less four corners of side / (2 + root 2)."""
    assert float(sections.area(shape, side, width)) == pytest.approx(area)
    assert float(sections.equal_disc(sections.area(shape, side, width))) == pytest.approx(np.sqrt(4 * area / np.pi))


PAIRS = {
    "P1": ((A, {}), (B, {"chip2_solder": "bump"})),
    "P2": ((A, {"chip2_solder": "paste"}), (A, {})),
    "P3": ((A, {"chip2_solder": "paste"}), (A, {})),
    "P4": ((A, {"chip2_solder": "paste"}), (A, {"chip2_solder": "paste", "join": "thermocompression"})),
    "P7": ((B, {"chip2_solder": "bump"}), (A, {})),
    "P8": ((B, {"chip2_solder": "paste"}), (B, {"chip2_solder": "bump"})),
    "P9": ((B, {"chip2_solder": "bump"}), (B, {"chip2_solder": "bump", "join": "thermocompression"})),
    "P13": ((B, {"chip2_solder": "bump"}), (B, {"chip2_solder": "paste"})),
    "P15": ((B, {"chip2_solder": "ball"}), (B, {"chip2_solder": "bump"})),
    "P17": ((C, {}), (E, {})),
    "P29": ((E, {}), (C, {})),
    "P37": ((E, {}), (C, {"solder_on": "chip2"})),
}
"""A model with what a structure or process claim asks for, and the nearest one without."""

common = cache(lambda model, options: measured(model, dict(options)))


@pytest.mark.parametrize("claim", PAIRS)
def test_the_model_with_a_claimed_part_or_step_differs_from_that_without(claim):
    """What a unit's joints then measure is another: by over a tenth of a micrometre somewhere in gap or standoff."""
    (model, options), (other, without) = PAIRS[claim]
    with_it, bare = (common(m, tuple(sorted(o.items()))) for m, o in ((model, options), (other, without)))
    apart = max(float(np.max(np.abs(with_it[name] - bare[name]))) for name in ("wetting", "standoff"))
    assert apart > 0.1
