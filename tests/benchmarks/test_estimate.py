"""Estimates of ten thousand and of a million joints to a half-width of 2e-3: time once compiled, set-up, memory."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "models")])}
SECONDS, SET_UP, MEMORY = 3.0, 2.0, 2.0
"""Allowed: seconds of the 10,000-joint estimate, seconds to set up a million joints, GiB of both."""
done: dict[str, dict[str, Any]] = {}


def measured(name: str) -> dict[str, Any]:
    """Run `measure.py` once for both tests."""
    script = Path(__file__).with_name("measure.py")
    found = subprocess.run([sys.executable, str(script), name], capture_output=True, text=True, env=ENVIRONMENT)
    assert found.returncode == 0, found.stderr
    done[name] = json.loads(found.stdout)
    return done[name]


def noted(name: str, found: dict[str, Any], seconds: float | None, note: Any) -> None:
    note(f"{name}: estimate, compiled", found["run"], "s", seconds)
    note(f"{name}: the same over ten million log_ndtr of SciPy", found["run"] / found["peer"], "", None)
    note(f"{name}: compiling", found["compile"], "s", None)
    note(f"{name}: peak memory", found["peak"], "GiB", MEMORY)
    note(f"{name}: yield", found["yield"], "", None)
    note(f"{name}: standard error", found["stderr"], "", 1e-3)


@pytest.mark.slow
def test_ten_thousand_joints(benchmark: Any, note: Any) -> None:
    found = benchmark.pedantic(measured, args=("grid",), rounds=1)
    benchmark.extra_info.update(found)
    noted("10,000 joints", found, SECONDS, note)
    assert found["stderr"] <= 1e-3, found["status"]


@pytest.mark.slow
def test_a_million_joints(benchmark: Any, note: Any) -> None:
    found = benchmark.pedantic(measured, args=("million",), rounds=1)
    benchmark.extra_info.update(found)
    small = done.get("grid") or measured("grid")
    noted("1,000,000 joints", found, 2.0 * small["run"], note)
    note("1,000,000 joints: set-up", found["set_up"], "s", SET_UP)
    note("1,000,000 joints: set-up, the first in a process", found["set_up_cold"], "s", None)
    assert 0.8 < found["yield"] < 0.99
    assert found["stderr"] <= 1e-3, found["status"]
