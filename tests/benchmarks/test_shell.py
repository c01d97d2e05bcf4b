"""Whole commands from the shell: with nothing cached, and again with the compile cache that the first one left."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs" / "capped_pillar"
COMMANDS = {
    "estimate grid_80um": (["estimate", str(CONFIGS / "grid_80um.yaml")], 60.0, 10.0),
    "optimize blackparrot": (["optimize", str(CONFIGS / "blackparrot.yaml")], 120.0, 60.0),
}
"""Arguments, and seconds allowed cold and warm."""


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_cold_and_warm(name: str, benchmark: Any, note: Any, tmp_path: Path) -> None:
    arguments, cold, warm = COMMANDS[name]
    environment = {
        **os.environ,
        "YIELDOPT_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "models")]),
    }
    command = [sys.executable, "-m", "yieldopt", *arguments, "--quiet", "--out", str(tmp_path / "runs")]

    def run() -> float:
        began = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stderr
        return time.perf_counter() - began

    note(f"{name}, nothing cached", run(), "s", cold)
    note(f"{name}, compile cache warm", benchmark.pedantic(run, rounds=1), "s", warm)
