"""Warpage by the stacks and patterns that grow with heat: what an assembly's joints see of them, by closed forms."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.handlers import seed
from yieldopt_pillars.assemblies.capped_pillar import MODEL
from yieldopt_pillars.parts import warpage

from yieldopt.card import BumpMap, Inputs

CARD = MODEL.card()
LINE = np.linspace(-4000.0, 4000.0, 11)
X, Y = (part.ravel() for part in np.meshgrid(LINE, LINE))
CORNER = 4000.0 * np.sqrt(2.0)
MELTING = 221.0 + 273.15
OVEN = {"chip_film": 12.0, "chip_thickness": 150.0, "substrate_film": 18.0, "substrate_thickness": 400.0}


def asked(options: dict[str, str], solder: str = "SnAg3.5", **design: float) -> Inputs:
    """Bumps over 8 x 8 mm, nothing scattered."""
    materials = {name: choice.default for name, choice in CARD.materials.items()} | {"solder": solder}
    return Inputs(
        design={name: knob.start for name, knob in CARD.knobs.items()} | design,
        ranges={name: (knob.low, knob.high) for name, knob in CARD.knobs.items()},
        spreads=dict.fromkeys(CARD.spreads, 1e-9),
        limits={},
        options={name: choice.default for name, choice in CARD.options.items()} | options,
        materials=materials,
        bump_map=BumpMap(X, Y, LINE[1] - LINE[0]),
    )


def states(inputs: Inputs) -> dict[str, np.ndarray]:
    """What every joint sees of an assembly without scatter, its chip level."""
    model = MODEL.build(inputs)
    design = MODEL.Design(**{name: jnp.asarray(value, float) for name, value in inputs.design.items()})
    shared = jax.tree.map(jnp.zeros_like, seed(model.variation, 0)(design))
    still = eqx.tree_at(lambda s: s.warpage, shared, model.joints.heat.warpage(design))
    pose = model.rest(design, still)
    found = jax.vmap(lambda site: model.joints.state(design, still, pose, site))(model.joints.sites)
    return {name: np.asarray(value) for name, value in found.items()}


def rise(values: np.ndarray) -> float:
    """Corner above centre."""
    return float(values[0] - values[len(X) // 2])


def bilayers(temperature: float) -> float:
    """Gap at the corner over that at the centre by Timoshenko's bimetal, body by body; biaxial moduli."""
    film, chip = (3e3 / 0.66, 160e3 / 0.78)
    curved = warpage.bilayer_curvature((12.0, 150.0), (film, chip), (40e-6, 2.6e-6), temperature - 623.15)
    core, copper = 24e3 / 0.8, 120e3 / 0.66
    below = warpage.bilayer_curvature((400.0, 18.0), (core, copper), (16e-6, 16.5e-6), temperature - 453.15)
    return float((curved - below) * CORNER**2 / 2)


def test_the_gap_bows_as_the_two_stacks_do() -> None:
    found = states(asked({"warpage": "stack"}, **OVEN))
    assert rise(found["gap_melt"]) == pytest.approx(bilayers(MELTING), rel=1e-9)
    assert abs(bilayers(MELTING)) > 1.0
    assert rise(found["gap"]) == pytest.approx(bilayers(MELTING), rel=1e-9)  # a eutectic: no range of melting


def test_a_solder_that_freezes_later_than_it_melts_freezes_another_warpage() -> None:
    found = states(asked({"warpage": "stack"}, "SAC305", peak_temperature=520.0, **OVEN))
    solidus, liquidus = 217.0 + 273.15, 220.0 + 273.15
    assert rise(found["gap_melt"]) == pytest.approx(bilayers(liquidus), rel=1e-9)
    assert rise(found["gap"]) == pytest.approx(bilayers(solidus), rel=1e-9)


def test_a_stack_given_as_its_warpage_is_the_same_assembly() -> None:
    stack = states(asked({"warpage": "stack"}, **OVEN))
    given = states(asked({}, warpage=bilayers(MELTING), solidus_ratio=1.0))
    for name in stack:
        np.testing.assert_allclose(stack[name], given[name], atol=1e-9, err_msg=name)


def test_patterns_drawn_alike_grow_apart_in_the_oven() -> None:
    found = states(asked({"growth": "free"}, chip_film=0.0))
    grown = (16e-6 - 2.6e-6) * (MELTING - 293.15)
    np.testing.assert_allclose(found["capture"], grown * np.hypot(X, Y), rtol=1e-3, atol=2e-3)
    np.testing.assert_allclose(found["offset"], found["capture"], atol=1e-9)  # no self-alignment takes it back
    assert found["capture"].max() == pytest.approx(15.2, abs=0.05)
    assert states(asked({}))["capture"].max() < 2e-3


def test_a_hot_head_over_a_cool_stage_runs_out_though_both_are_silicon() -> None:
    """Two micrometres at five millimetres, 300 over 150 degrees: the figure of the founding notes for such a press."""
    options = {"growth": "free", "join": "thermocompression"}
    inputs = asked(options, "PbSn5", stage_temperature=423.15, chip_film=0.0, peak_temperature=620.0)
    inputs = dataclasses.replace(inputs, materials=inputs.materials | {"substrate": "Si"})
    found = states(inputs)
    liquid = MODEL.build(inputs).joints.heat.moments[0]
    at_edge = found["capture"][np.argmax(X)]
    place = np.hypot(X, Y)[np.argmax(X)]
    assert at_edge == pytest.approx(2.6e-6 * (float(liquid) - 423.15) * place, rel=1e-3)
    assert at_edge / place * 5000.0 == pytest.approx(2.0, abs=0.2)


def test_a_film_is_a_knob_with_a_slope() -> None:
    inputs = asked({"warpage": "stack"}, **OVEN)
    model = MODEL.build(inputs)

    def melting(film: float) -> jax.Array:
        values = inputs.design | {"chip_film": film}
        design = MODEL.Design(**{name: jnp.asarray(value, float) for name, value in values.items()})
        return model.joints.heat.warpage(design)[0]

    difference = (melting(12.001) - melting(11.999)) / 0.002
    assert jax.grad(melting)(12.0) == pytest.approx(float(difference), rel=1e-6)
    assert difference < 0.0  # more polymer under the chip, cooled from its cure, pulls its corners down


def test_a_head_that_presses_leaves_no_free_stack() -> None:
    (mistake,) = MODEL.check(asked({"warpage": "stack", "join": "thermocompression"}))
    assert mistake.path == "options.warpage"
