"""A sweep of a one-file model whose yield is known: a bolt in a hole, the hole's size and the bolt's scatter swept."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL = '''
"""A bolt in a hole."""
import equinox as eqx
import numpyro
from numpyro.distributions import Normal

from yieldopt.card import Response
from yieldopt.knob import knob, spread
from yieldopt.problem import Limit, Model


class Design(eqx.Module):
    hole: float = knob(10200.0, 10000.0, 10500.0, "um", "mask", "diameter of the hole")


class Spreads(eqx.Module):
    bolt: float = spread(30.0, "um", "bolt.diameter.piece", "between bolts")


class Bolt(Model[Design]):
    """A bolt in a hole."""

    Design = Design
    Spreads = Spreads
    responses = {"clearance": Response("", "um", "hole less bolt")}
    spreads: Spreads

    def variation(self, design):
        return {"bolt": numpyro.sample("bolt", Normal(10000.0, self.spreads.bolt))}

    def response(self, design, shared, pose):
        return {"clearance": design.hole - shared["bolt"]}

    def limits(self):
        return (Limit.of("clearance", "", "clearance", low=100.0),)
'''
STUDY = """schema: 1
model: bolt
estimate: {method: monte_carlo, accuracy: {absolute: 2e-2}}
"""
SWEEP = """schema: 1
study: study.yaml
axes:
  design.hole: {from: 10120 um, to: 10160 um, points: 3}
  variation.bolt.diameter.piece: [20 um, 30 um]
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with the sweep, its study and its model."""
    for name, text in (("sweep.yaml", SWEEP), ("study.yaml", STUDY), ("bolt.py", MODEL)):
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def asked(files: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Start the command line on them, in a process of its own."""

    def start(*words: str, before: str = "") -> "subprocess.Popen[str]":
        paths = os.pathsep.join([str(ROOT), str(ROOT / "models")])
        env = {**os.environ, "YIELDOPT_CACHE": "off", "PYTHONPATH": paths}
        return subprocess.Popen(
            [sys.executable, "-c", f"{before}\nfrom yieldopt.cli import main; main()", *words],
            cwd=files, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    return start


@pytest.fixture
def kept() -> Callable[[Path], dict[str, bytes]]:
    """The bytes of all tasks of a sweep's folder."""
    return lambda folder: {path.name: path.read_bytes() for path in (folder / "tasks").rglob("*.json")}
