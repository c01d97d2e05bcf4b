"""A command as a person types it, on a study as it ships: answered, kept, and reported with its claims."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_an_estimate_of_a_study_with_claims_is_kept_and_reported(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "yieldopt", "estimate", "configs/capped_pillar/blackparrot.yaml", "--quiet"]
    command += ["--method", "monte_carlo", "--set", "estimate.accuracy={absolute: 5 %}", "--out", str(tmp_path)]
    environment = {**os.environ, "YIELDOPT_CACHE": "off"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "Joint yield" in done.stdout
    (report,) = tmp_path.glob("*/report.html")
    assert "P5" in report.read_text()
