"""The newcomer's path of CONTRIBUTING: a one-file model is checked and runs through the command line.

Its yield is compared with that of a second text of the same assembly, in NumPy alone and with other random numbers:
300,000 assemblies against those of the referee, within four of the joint standard errors.
"""

import json
from pathlib import Path
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from numpyro.distributions import Normal

from yieldopt.card import Response
from yieldopt.cli import main
from yieldopt.knob import knob
from yieldopt.problem import Limit, Model
from yieldopt.study import session
from yieldopt.testing import check_model

FILE = Path(__file__).parents[2] / "configs" / "bolt_in_hole" / "bolt_in_hole.py"


def by_numpy(count: int = 300_000) -> tuple[float, float, float]:
    """Yield, and the shares of assemblies in which a bolt, and a dowel, does not pass."""
    random = np.random.default_rng(20)
    angle = np.arange(8) * np.pi / 4
    x, y, turn = random.normal(0, 4, count), random.normal(0, 4, count), random.normal(0, 3e-5, count)
    failed = {"bolt": np.zeros(count, bool), "dowel": np.zeros(count, bool), "play": np.zeros(count, bool)}
    holes = [(60e3 * np.cos(a), 60e3 * np.sin(a), 300.0, 45.0, "bolt") for a in angle]
    holes += [(side, 0.0, 30.0, 4.0, "dowel") for side in (-50e3, 50e3)]
    for site_x, site_y, free, position, kind in holes:
        off = np.hypot(
            x - turn * site_y + random.normal(0, position, count), y + turn * site_x + random.normal(0, position, count)
        )
        play = free + random.normal(0, 3, count) - random.normal(0, 2, count)
        failed[kind] |= off > 0.5 * play
        if kind == "dowel":
            failed["play"] |= play > 45.0
    scrap = failed["bolt"] | failed["dowel"] | failed["play"]
    return 1 - scrap.mean(), failed["bolt"].mean(), failed["dowel"].mean()


def test_it_runs_through_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv(session.VARIABLE, "off")
    arguments = ["--set", "estimate.accuracy.absolute=0.005", "--set", "estimate.accuracy.of_loss=50 %"]
    with pytest.raises(SystemExit) as left:
        main(["estimate", "--model", str(FILE), "--json", "--quiet", "--out", str(tmp_path), *arguments])
    assert not left.value.code
    found = json.loads(capsys.readouterr().out)
    expected, bolts, dowels = by_numpy()
    for ours, theirs in (
        (found["yield"], expected),
        (found["limits"]["bolt passes"]["fails"], bolts),
        (found["limits"]["dowel passes"]["fails"], dowels),
    ):
        error = np.sqrt(theirs * (1 - theirs) * (1 / found["evaluations"] + 1 / 300_000))
        assert abs(ours - theirs) < 4 * error


class Gap(eqx.Module):
    gap: object = knob(0.0, 0.0, 2.0, "um", "recipe", "gap")


class Broken(Model[Gap]):
    """A distance without a gradient at zero."""

    Design = Gap
    responses: ClassVar[dict[str, Response]] = {"distance": Response("", "um", "distance")}

    def variation(self, design):
        return {"x": numpyro.sample("x", Normal(0.0, 1.0))}

    def response(self, design, shared, pose):
        return {"distance": jnp.sqrt(design.gap**2) + shared["x"]}

    def limits(self):
        return (Limit.of("distance", "", "distance", low=-3.0),)


class Astray(Broken):
    """A limit on a population that is not there."""

    def limits(self):
        return (Limit.of("distance", "joints", "distance", low=-3.0),)


def test_what_is_wrong_with_a_model_is_named():
    with pytest.raises(AssertionError, match=r"gradient in gap is nan"):
        check_model(Broken, units_drawn=1)
    with pytest.raises(AssertionError, match=r"limit 'distance' is read on 'joints'; known: \[''\]"):
        check_model(Astray)
