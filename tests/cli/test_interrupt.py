"""A real Ctrl-C: a process in the middle of counting is signalled, finishes its batch, keeps it and leaves with 130."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from yieldopt.study import session

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "configs" / "bolt_in_hole" / "bolt_in_hole.py"
UNREACHABLE = ("estimate.accuracy.absolute=1e-9", "estimate.accuracy.of_loss=0.0001 %")
PATIENCE = 60
"""Seconds after which a process that says nothing, or does not end, is a failure."""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_keeps_what_was_counted(tmp_path: Path) -> None:
    sets = [word for value in UNREACHABLE for word in ("--set", value)]
    command = [sys.executable, "-m", "yieldopt", "estimate", "--model", str(MODEL), "--method", "monte_carlo", *sets]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "models")])
    process = subprocess.Popen(
        [*command, "--json", "--out", str(tmp_path)],
        env={**os.environ, session.VARIABLE: "off", "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    last = threading.Timer(PATIENCE, process.kill)
    last.start()
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate()
    finally:
        last.cancel()
        process.kill()
    assert "drawing units" in said, said + rest
    assert "stopping after this batch" in rest
    assert process.returncode == 130, rest
    run = json.loads((Path(json.loads(out)["folder"]) / "run.json").read_text())
    assert run["status"] == "interrupted"
    assert run["results"]["evaluations"] >= 512
    assert 0 < run["results"]["yield"] < 1
