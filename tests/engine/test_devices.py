"""On four virtual devices of a CPU: counts bit for bit those of one, whatever is split; the fast route as on one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import json, sys
import jax
jax.config.update("jax_enable_x64", True)
import numpy as np
from yieldopt import catalogue
from yieldopt.estimators.base import Precision
from yieldopt.estimators.counting import count
from yieldopt.estimators.monte_carlo import MonteCarlo
from yieldopt.estimators.sobol import Sobol
from yieldopt.study import config, plan

model = catalogue.from_file("configs/bolt_in_hole/bolt_in_hole.py")
asked = plan.build(config.default_study(model.card("bolt_in_hole")), model)
problem, design = asked.problem, asked.design
key = jax.random.key(3)
found = {"devices": jax.local_device_count(), "counts": []}
for start, stop in ((0, 64), (64, 640), (0, 1728)):
    counts = count(problem, design, key, start, stop)
    found["counts"].append([np.asarray(part).tolist() for part in counts])
whole = MonteCarlo(Precision(0.02, None, 0.95))(problem, design, 5)
found["counted"] = [whole.value, whole.evaluations]
fast = Sobol(Precision(0.01, None, 0.95))(problem, design, 5)
found["fast"] = [fast.value, fast.stderr, fast.evaluations]
print(json.dumps(found))
"""


def on(devices: int) -> dict[str, Any]:
    """What the script tells, in a process of so many devices."""
    flags = f"--xla_force_host_platform_device_count={devices} --xla_backend_optimization_level=0"
    paths = os.pathsep.join([str(ROOT), str(ROOT / "models")])
    env = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.slow
def test_four_devices_count_what_one_counts() -> None:
    one, four = on(1), on(4)
    assert (one["devices"], four["devices"]) == (1, 4)
    assert one["counts"] == four["counts"]
    assert one["counted"] == four["counted"]
    assert four["fast"] == pytest.approx(one["fast"], rel=1e-9)
