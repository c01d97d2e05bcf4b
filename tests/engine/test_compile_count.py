"""A number changed in a study compiles nothing anew within a process: knobs, spreads, limits, defects and sites.

Compilations are counted by JAX's own monitoring (`yieldopt.timing`), from the making of the problem to its answer. A
number that had become static, or a shape that follows a number, shows as a program more. The quick test has a chip of
36 pillars; the slow one the real assembly, from the study's text on.
"""

from pathlib import Path
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

from yieldopt import catalogue
from yieldopt.estimators.auto import method as method_of
from yieldopt.estimators.base import Precision, Watch
from yieldopt.knob import knob
from yieldopt.problem import Defects, Limit, Model, Population, Problem, Sites
from yieldopt.study import config, run
from yieldopt.timing import Stopwatch
from yieldopt.typing import Scalar

METHODS = ["sobol", "monte_carlo"]


class Nominal(eqx.Module):
    height: Scalar = knob(30, 20, 40, "um", "recipe", "pillar height")


class Pillars(Population[Nominal]):
    sites: Sites
    sigma: Scalar

    def variation(self, design: Nominal) -> Any:
        return numpyro.sample("own", dist.Normal(0.0, self.sigma))

    def state(self, design: Nominal, shared: Any, pose: Any, site: Sites) -> dict[str, Any]:
        return {"height": design.height + shared["die"] + shared["tilt"] * site.x}

    def response(self, design: Nominal, state: Any, element: Any) -> dict[str, Any]:
        return {"height": state["height"] + element}


class Chip(Model[Nominal]):
    """Pillars on a chip that is thick or thin, and tilted."""

    Design: ClassVar[type[eqx.Module]] = Nominal
    pillars: Pillars
    sigma: Scalar
    low: Scalar

    def variation(self, design: Nominal) -> Any:
        return {
            "die": numpyro.sample("die", dist.Normal(0.0, self.sigma)),
            "tilt": numpyro.sample("tilt", dist.Normal(0.0, 0.001)),
        }

    def populations(self) -> dict[str, Population[Nominal]]:
        return {"pillar": self.pillars}

    def limits(self) -> tuple[Limit, ...]:
        return (Limit.of("height", "pillar", "height", self.low, 33.0),)


PLAIN = {"height": 30.0, "shared": 0.5, "own": 0.35, "low": 28.0, "rate": 1e-6, "pitch": 160.0, "rows": 6, "seed": 1}
CHANGED = {"height": 30.2, "shared": 0.7, "own": 0.5, "low": 28.5, "rate": 1e-3, "pitch": 300.0, "seed": 2}


def of_chip(method: str, **changed: float) -> tuple[int, float]:
    """How many programs an estimate compiles, and its yield."""
    a = PLAIN | changed
    with Stopwatch() as watch:
        x, y = (a["pitch"] * axis.ravel() for axis in np.mgrid[: int(a["rows"]), : int(a["rows"])])
        chip = Chip(Pillars(Sites.at(x, y), jnp.asarray(a["own"])), jnp.asarray(a["shared"]), jnp.asarray(a["low"]))
        problem = Problem.of(chip, defects={"pillar": Defects(jnp.asarray(a["rate"]), jnp.asarray(2.0))})
        design = Nominal(jnp.asarray(a["height"]))
        found = method_of(method, Precision(3e-2, None), Watch())(problem, design, int(a["seed"]))
    return watch.programs, found.value


@pytest.mark.parametrize("method", METHODS)
def test_a_changed_number_compiles_nothing(method: str) -> None:
    first, before = of_chip(method)
    assert first > 0
    found = {name: of_chip(method, **{name: value}) for name, value in CHANGED.items()}
    assert {name: programs for name, (programs, _) in found.items() if programs} == {}
    assert all(value != before for _, value in found.values())  # each number did arrive


def test_a_plain_number_and_an_array_share_their_programs() -> None:
    # jnp.asarray(30.0) is weakly typed, what a box places is not: each kind once had programs of its own.
    of_chip("sobol", height=30.0)
    assert of_chip("sobol", height=np.float64(30.0))[0] < 2  # a clock's scalar may be a kind of its own
    assert jnp.asarray(30.0).weak_type
    assert not jnp.asarray(np.float64(30.0)).weak_type


def test_another_number_of_sites_is_another_program() -> None:
    of_chip("monte_carlo")
    assert of_chip("monte_carlo", rows=5)[0] > 0


STUDY = Path(__file__).parents[2] / "configs" / "capped_pillar" / "blackparrot.yaml"
SMALL = "bump_map={grid: {rows: 6, columns: 6, pitch: 160 um}}"
COARSE = "estimate.accuracy={absolute: 5e-2}"
OVERRIDES = {
    "a knob": "design.cap_height=17 um",
    "a spread": "variation.substrate.pad_height.pad=3 um",
    "a limit": "limits.standoff.low=58 um",
    "a rate of defects": "defects.joint.rate=100 ppm",
    "the sites": "bump_map={grid: {rows: 6, columns: 6, pitch: 400 um}}",
    "the seed": "seed=5",
}


def of_study(method: str, *overrides: str) -> tuple[int, float]:
    with Stopwatch() as watch:
        study = config.read(STUDY, (SMALL, COARSE, f"estimate.method={method}", *overrides))
        found = run.estimate(study, catalogue.load(study.card.name))
    return watch.programs, found["yield"]


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_a_changed_number_of_a_study_compiles_nothing(method: str) -> None:
    first, before = of_study(method)
    assert first > 0
    found = {what: of_study(method, override) for what, override in OVERRIDES.items()}
    assert {what: programs for what, (programs, _) in found.items() if programs} == {}
    assert found["a limit"][1] != before
