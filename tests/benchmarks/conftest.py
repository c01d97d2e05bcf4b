"""Figures with what is allowed of them, printed together at the end of a run of benchmarks."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATHS = os.pathsep.join([str(ROOT), str(ROOT / "models")])

FIGURES = pytest.StashKey[list[str]]()
Note = Callable[[str, float, str, float | None], None]
"""Called with a figure's name, its value, its unit and the most that is allowed (None: none)."""


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Take down one figure."""
    kept = request.config.stash.setdefault(FIGURES, [])

    def take(name: str, value: float, unit: str, allowed: float | None = None) -> None:
        verdict = "" if allowed is None else f"at most {allowed:g}: {'met' if value <= allowed else 'NOT MET'}"
        kept.append(f"{name:<58} {value:>10.4g} {unit:<6} {verdict}".rstrip())

    return take


@pytest.fixture
def measured() -> Callable[..., dict[str, float]]:
    """Figures that a script beside this one prints, in a process of its own."""

    def run(name: str, flags: str, script: str = "measure_joint.py") -> dict[str, float]:
        environment, path = os.environ | {"PYTHONPATH": PATHS, "XLA_FLAGS": flags}, Path(__file__).with_name(script)
        found = subprocess.run([sys.executable, str(path), name], capture_output=True, text=True, env=environment)
        assert found.returncode == 0, found.stderr
        return json.loads(found.stdout)

    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash.get(FIGURES, [])
    if lines:
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(line)
