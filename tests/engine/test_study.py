"""A study resolved: units, spreads, defaults, overrides, a canonical form that reads to itself, schema and template."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from yieldopt import catalogue
from yieldopt.card import Card, Choice, Inputs, Response
from yieldopt.errors import Mistake
from yieldopt.knob import Knob, Spread
from yieldopt.study import config, spread

CARD = Card(
    name="posts.post",
    text="A post of two layers",
    knobs={
        "height": Knob("height", 45.0, 20.0, 60.0, "um", "recipe", "plated height"),
        "cap": Knob("cap", 18.0, 8.0, 25.0, "um", "recipe", "cap height"),
        "opening": Knob("opening", 90.0, 80.0, 110.0, "um", "mask", "mask opening"),
        "peak": Knob("peak", 518.15, 480.0, 540.0, "degC", "recipe", "peak temperature"),
        "share": Knob("share", 0.5, 0.0, 1.0, "", "tolerance", "a fraction"),
    },
    spreads={
        "height_wafer": Spread("height_wafer", 1.0, "um", "chip.height", "wafer", "wafer"),
        "height_bump": Spread("height_bump", 0.6, "um", "chip.height", "bump", "bump"),
        "cap_bump": Spread("cap_bump", 0.05, "%", "chip.cap", "bump", "relative"),
        "peak_lot": Spread("peak_lot", 2.0, "degC", "oven.peak", "lot", "oven"),
        "idle": Spread("idle", 0.0, "um", "oven.gap", "lot", "off by default"),
    },
    responses={"standoff": Response("joint", "um", "height"), "overlap": Response("joint", "", "shared area")},
    options={"join": Choice(("mass_reflow", "thermocompression"), "mass_reflow", "how")},
    materials={"pillar": Choice(("Cu", "Ni", "SnAg3.5"), "Cu", "pillar metal")},
    defects=("joint",),
)

STUDY = """\
schema: 1
model: posts.post
claims: [P1, P5]
bump_map:
  grid: {rows: 17, columns: 17, pitch: 0.16 mm, missing: [{column: 8, rows: [5, 11]}, {row: 8, columns: [5, 11]}]}
design:
  height: {value: 0.05 mm, range: [20 um, 60 um]}
  peak: 245 degC
variation:
  chip.height: {wafer: 0.8 um, bump: {plus_minus: 1.5 um, at: 3 sigma}}
  chip.cap: {bump: {uniformity: 5 %, points: 9}}
  oven.peak: {lot: 3 degC}
defects: {joint: {rate: 20 ppb, cluster: 2}}
limits: {standoff: {low: 20 um}, overlap: {low: 0.75}}
materials: {pillar: Ni}
estimate: {method: sobol, accuracy: {of_loss: 5 %}, confidence: 99 %}
optimize:
  goal: window
  target: 99.9 %
  knobs: [opening, height]
  window: [height, cap]
  covers: [wafer]
  drift: {height: 1.2 um}
seed: 7
"""


def card_of(name: str) -> Card:
    assert name == "posts.post"
    return CARD


def content(name: str, claims: object, inputs: Inputs) -> list[Mistake]:
    del name, claims, inputs
    return []


def read(tmp_path: Path, text: str = STUDY, *overrides: str, file: str = "study.yaml") -> config.ResolvedStudy:
    path = tmp_path / file
    path.write_text(text)
    return config.read(path, overrides, card_of, content)


def test_numbers_are_in_base_units(tmp_path: Path):
    found = read(tmp_path)
    inputs = found.inputs
    assert inputs.design == {"height": 50.0, "cap": 18.0, "opening": 90.0, "peak": 518.15, "share": 0.5}
    assert inputs.ranges["height"] == (20.0, 60.0)
    assert inputs.ranges["cap"] == (8.0, 25.0)
    assert inputs.limits == {"standoff": (20.0, math.inf), "overlap": (0.75, math.inf)}
    assert inputs.defects == {"joint": (2e-8, 2.0)}
    assert inputs.materials == {"pillar": "Ni"}
    assert inputs.options == {"join": "mass_reflow"}
    assert inputs.bump_map is not None
    assert len(inputs.bump_map.x) == 276
    assert inputs.bump_map.pitch == pytest.approx(160.0, rel=1e-14)
    assert found.units["height"] == "mm"
    assert found.units["cap"] == "um"
    assert (found.seed, found.name, found.claims.named) == (7, "study", ["P1", "P5"])
    assert found.estimate == config.EstimateSettings("sobol", 0.05, None, 0.99)


def test_spreads_are_resolved_to_one_sigma(tmp_path: Path):
    spreads = read(tmp_path).inputs.spreads
    assert spreads["height_wafer"] == 0.8
    assert spreads["height_bump"] == pytest.approx(0.5, rel=1e-14)
    assert spreads["cap_bump"] == pytest.approx(2 * 0.05 / 2.970, rel=2e-4)  # d2(9) = 2.970 in the tables
    assert spreads["peak_lot"] == 3.0  # an interval: no 273.15
    assert spreads["idle"] == 0.0


@pytest.mark.parametrize(
    ("spec", "sigma"),
    [
        ("{range: 3 um, points: 2}", 3 / (2 / math.sqrt(math.pi))),  # the mean of |x - y| is 2 / sqrt(pi)
        ("{range: 3 um, points: 3}", 3 / (3 / math.sqrt(math.pi))),
        ("{uniformity: 5 %, points: 2}", 2 * 0.05 * 50.0 / (2 / math.sqrt(math.pi))),  # of the height, 50 um
        ("{sigma: 700 nm}", 0.7),
        ("{plus_minus: 3 um, at: 4.5 sigma}", 3 / 4.5),
    ],
)
def test_ways_to_give_a_spread(tmp_path: Path, spec: str, sigma: float):
    head = STUDY[: STUDY.index("variation:")]
    found = read(tmp_path, f"{head}variation: {{chip.height: {{wafer: {spec}}}}}\n")
    assert found.inputs.spreads["height_wafer"] == pytest.approx(sigma, rel=1e-10)


@pytest.mark.parametrize(("points", "mean"), [(2, 1.1283792), (5, 2.3259289), (10, 3.0775055), (25, 3.9306292)])
def test_mean_range_of_normals_against_counting(points: int, mean: float):
    """Published control-chart constants d2, and a count of our own."""
    assert spread.d2(points) == pytest.approx(mean, abs=5e-6)
    draws = np.random.default_rng(1).standard_normal((40_000, points))
    ranges = np.ptp(draws, axis=1)
    assert abs(ranges.mean() - spread.d2(points)) < 4 * ranges.std() / 200.0  # four standard errors


def test_optimize_settings(tmp_path: Path):
    found = read(tmp_path).optimize
    assert (found.goal, found.target, found.measure) == ("window", 0.999, "capability")
    assert found.knobs == ("opening", "height", "cap")  # the window's knobs move too
    assert found.window == ("height", "cap")
    assert found.covers == ("wafer",)
    assert found.drift == {"height": 1.2}
    usual = read(tmp_path, STUDY[: STUDY.index("optimize:")]).optimize
    assert usual.goal == "yield"
    assert usual.knobs == ("height",)  # the one given a range


def test_accuracy_left_out_is_the_smaller_of_two(tmp_path: Path):
    found = read(tmp_path, STUDY.replace(", accuracy: {of_loss: 5 %}", ""))
    assert (found.estimate.of_loss, found.estimate.absolute) == (0.1, 2e-3)


def test_resolved_is_a_study_that_reads_to_itself(tmp_path: Path):
    first = read(tmp_path)
    assert first.resolved["variation"]["chip.height"] == {"wafer": "0.8 um", "bump": "0.5 um"}
    assert first.resolved["design"]["share"] == {"value": 0.5, "range": [0.0, 1.0]}
    with (tmp_path / "resolved.yaml").open("w") as out:
        YAML().dump(json.loads(json.dumps(first.resolved)), out)
    again = config.read(tmp_path / "resolved.yaml", (), card_of, content)
    assert again.resolved == first.resolved
    assert again.hash == first.hash
    assert again.inputs.design == first.inputs.design
    assert again.inputs.spreads == pytest.approx(first.inputs.spreads, rel=1e-11)  # 12 digits are written


def test_hash_is_of_what_is_asked_not_of_how_it_is_written(tmp_path: Path):
    first = read(tmp_path)
    same = STUDY.replace("0.05 mm", "50 um").replace("seed: 7\n", "").replace("schema: 1", "seed: 7\nschema: 1")
    assert read(tmp_path, same, file="other.yaml").hash == first.hash
    assert read(tmp_path, STUDY, "seed=8").hash != first.hash
    assert read(tmp_path, STUDY, "variation.chip.height.bump=0.6 um").hash != first.hash


def test_a_changed_bump_file_changes_the_hash(tmp_path: Path):
    grid = STUDY[STUDY.index("bump_map:") : STUDY.index("design:")]
    text = STUDY.replace(grid, "bump_map: {file: b.csv, unit: um, origin: centre}\n")
    (tmp_path / "b.csv").write_text("x,y\n0,0\n160,0\n")
    first = read(tmp_path, text)
    assert len(first.resolved["bump_map"]["sha256"]) == 64
    (tmp_path / "b.csv").write_text("x,y\n0,0\n161,0\n")
    assert read(tmp_path, text).hash != first.hash


def test_a_range_may_be_limited_beside_the_sides(tmp_path: Path):
    text = STUDY.replace("{low: 20 um}, overlap: {low: 0.75}", "{low: 20 um, range: 0.008 mm}, overlap: {range: 0.1}")
    found = read(tmp_path, text)
    assert found.inputs.limits == {"standoff": (20.0, math.inf)}
    assert found.ranges == {"standoff": 8.0, "overlap": 0.1}
    again = tmp_path / "again.yaml"
    YAML().dump(found.resolved, again)
    assert config.read(again, (), card_of, content).hash == found.hash
    assert config.default_study(replace(CARD, needs_bump_map=False), ["limits.standoff.range=8 um"]).ranges == {
        "standoff": 8.0
    }


def test_nets_are_groups_of_bumps(tmp_path: Path):
    (tmp_path / "b.csv").write_text("x,y,net,byte\n0,0,VDD,\n9,0,lane,b\n18,0,lane,a\n27,0,lane,b\n36,0,VDD\n")
    text = "schema: 1\nmodel: posts.post\nbump_map: {file: b.csv, unit: um, origin: centre}\n"
    nets = "nets: {opens: [standoff], tolerate: {VDD: 1 open, lane: {spare: 2, group: byte}}}\n"
    found = read(tmp_path, text + nets)
    assert found.nets is not None
    assert (found.nets.population, found.nets.opens) == ("joint", ("standoff",))
    groups = {name: ([list(g) for g in net], spare) for name, (net, spare) in found.nets.groups.items()}
    assert groups == {"VDD": ([[0, 4]], 1), "lane": ([[2], [1, 3]], 2)}
    again = tmp_path / "again.yaml"
    YAML().dump(found.resolved, again)
    assert config.read(again, (), card_of, content).hash == found.hash
    assert read(tmp_path, text + nets.replace("1 open", "1")).hash == found.hash
    assert read(tmp_path, text + nets.replace("1 open", "2")).hash != found.hash


def test_overrides(tmp_path: Path):
    found = read(
        tmp_path,
        STUDY,
        "design.height=55 um",
        "design.cap.range=[10 um, 20 um]",
        "variation.chip.height.wafer=1.5 um",
        "variation.oven.gap.lot=2 um",
        "estimate.method=monte_carlo",
        "bump_map.grid.rows=20",
        "name=second",
    )
    assert found.inputs.design["height"] == 55.0
    assert found.inputs.ranges["height"] == (20.0, 60.0)  # a new value keeps its range
    assert found.inputs.ranges["cap"] == (10.0, 20.0)
    assert found.inputs.spreads["height_wafer"] == 1.5
    assert found.inputs.spreads["height_bump"] == pytest.approx(0.5)
    assert found.inputs.spreads["idle"] == 2.0
    assert found.estimate.method == "monte_carlo"
    assert found.inputs.bump_map is not None
    assert len(found.inputs.bump_map.x) == 20 * 17 - 13
    assert found.name == "second"


def test_a_model_file_takes_the_place_of_the_model(tmp_path: Path):
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.replace("model: posts.post\n", "").replace("claims: [P1, P5]\n", ""))
    found = config.read(path, (), lambda name: CARD, content, model="mine")
    assert found.resolved["model"] == "mine"


def test_default_study_is_the_card():
    card = Card("mine", "", CARD.knobs, CARD.spreads, CARD.responses, needs_bump_map=False)
    found = config.default_study(card, ["design.height=30 um"])
    assert found.inputs.design["height"] == 30.0
    assert found.inputs.design["cap"] == 18.0
    assert found.inputs.limits == {}
    assert found.inputs.spreads["height_bump"] == 0.6
    assert found.name == "mine"


def test_template_reads_as_it_stands(tmp_path: Path):
    text = config.template(CARD)
    found = read(tmp_path, text)
    assert found.inputs.design == {name: knob.start for name, knob in CARD.knobs.items()}
    assert found.inputs.spreads == {name: declared.sigma for name, declared in CARD.spreads.items()}
    assert found.inputs.bump_map is not None
    assert found.inputs.bump_map.pitch >= 90.0  # wider than the widest mask opening
    for knob in CARD.knobs.values():
        assert knob.text in text


def test_schema_is_json_and_knows_the_keys():
    found = json.loads(json.dumps(config.schema()))
    assert set(found["properties"]) >= {"schema", "model", "bump_map", "design", "variation", "optimize", "estimate"}
    assert found["additionalProperties"] is False
    assert set(found["required"]) == {"schema", "model"}


def test_reading_a_study_imports_no_jax():
    code = "import sys, yieldopt.study.config, yieldopt.catalogue; print(sorted({'jax', 'numpyro'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


ONE_FILE = '''\
"""A hole and a bolt."""

import equinox as eqx
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array

from yieldopt.card import Response
from yieldopt.knob import knob, spread
from yieldopt.problem import Limit, Model


class Drawn(eqx.Module):
    hole: Array = knob(10.2e3, 10.0e3, 11.0e3, "mm", "mask", "diameter of the hole")


class Spreads(eqx.Module):
    hole: Array = spread(20.0, "um", "plate.hole.drill", "drilling")


class Bolted(Model[Drawn]):
    """A bolt in a hole"""

    Design = Drawn
    Spreads = Spreads
    responses = {"clearance": Response("", "um", "room about the bolt")}
    spreads: Spreads

    def variation(self, design):
        return numpyro.sample("hole", dist.Normal(0.0, self.spreads.hole))

    def response(self, design, shared, pose):
        return {"clearance": design.hole + shared - 10.0e3}

    def limits(self):
        return (Limit.of("clearance", "", "clearance", low=0.0),)
'''


def test_a_one_file_model_is_found_and_studied(tmp_path: Path):
    path = tmp_path / "bolted.py"
    path.write_text(ONE_FILE)
    model = catalogue.from_file(path)
    found = config.default_study(model.card(path.stem))
    assert found.inputs.design == {"hole": 10200.0}
    assert found.inputs.spreads == {"hole": 20.0}
    assert found.resolved["design"]["hole"]["value"] == "10.2 mm"
    assert found.card.text == "A bolt in a hole"
    assert catalogue.check("bolted", [], found.inputs, model) == []
    (refused,) = catalogue.check("bolted", ["P1"], found.inputs, model)
    assert refused.path == "claims"
