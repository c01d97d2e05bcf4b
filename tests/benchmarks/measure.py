"""One estimate in a process of its own, as JSON: seconds to set up, compile and run, the yield, the peak memory.

Run: python tests/benchmarks/measure.py grid|million

`million` is no study but a fixture: the 10,000-joint study's spreads on 1000 x 1000 joints at 80 um. What its joints
share has the values at the corner that the study has at its own (rotation and expansion go with the distance from the
centre, so they shrink by as much as the array grows), and what they have for themselves is scaled so that the yield
lies between .8 and .99.
"""

import dataclasses
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from scipy.special import log_ndtr

from yieldopt import catalogue
from yieldopt.card import BumpMap
from yieldopt.conditional.prepare import frame
from yieldopt.estimators.base import Precision
from yieldopt.estimators.sobol import Sobol
from yieldopt.study import config
from yieldopt.study import plan as plans
from yieldopt.study.config import ResolvedStudy

STUDY = Path(__file__).parents[2] / "configs" / "capped_pillar" / "grid_80um.yaml"
PITCH = 80.0
SIDE, OF_STUDY = 1000, 100
CALM = 0.78
"""Scale of a joint's own spreads: the worst of a million lies at 4.9 sigma, that of ten thousand at 3.7."""
HALF_WIDTH = 2e-3


def study(name: str) -> ResolvedStudy:
    """The 10,000-joint study, or the same with a million joints."""
    found = config.read(STUDY)
    if name == "grid":
        return found
    line = (np.arange(SIDE) - (SIDE - 1) / 2) * PITCH
    x, y = (axis.ravel() for axis in np.meshgrid(line, line))
    scale = dict.fromkeys(("rotation", "expansion"), (OF_STUDY - 1) / (SIDE - 1))
    scale |= {f: CALM for f in found.inputs.spreads if f.endswith(("_bump", "_pad"))}
    spreads = {field: sigma * scale.get(field, 1.0) for field, sigma in found.inputs.spreads.items()}
    inputs = dataclasses.replace(found.inputs, spreads=spreads, bump_map=BumpMap(x, y, PITCH))
    return dataclasses.replace(found, inputs=inputs)


def measure(name: str) -> dict[str, Any]:
    """Estimate twice: the first call compiles, the second is what the estimate itself takes."""
    asked = study(name)
    model = catalogue.load(asked.card.name)
    began = time.perf_counter()
    plan = plans.build(asked, model)
    jax.block_until_ready(plan.problem)
    built = time.perf_counter()
    frame(plan.problem, plan.design)
    cold = time.perf_counter() - built
    again = time.perf_counter()
    frame(plan.problem, plan.design)
    framed = time.perf_counter() - again
    method = Sobol(Precision(HALF_WIDTH, None, 0.95))
    first = method(plan.problem, plan.design, 1)
    second = method(plan.problem, plan.design, 2)
    peer = numpy_peer()
    return {
        "set_up": built - began + framed,
        "set_up_cold": built - began + cold,
        "compile": first.seconds["compile"],
        "run": sum(second.seconds.values()) - framed,
        "peer": peer,
        "yield": second.value,
        "stderr": second.stderr,
        "doubt": second.doubt,
        "evaluations": second.evaluations,
        "status": second.status,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def numpy_peer() -> float:
    """Seconds that NumPy takes for ten million log-normal tails: how fast this machine is now."""
    normals = np.random.default_rng(0).standard_normal(1_000_000)
    began = time.perf_counter()
    for _ in range(10):
        log_ndtr(normals).sum()
    return time.perf_counter() - began


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    sys.stdout.write(json.dumps(measure(sys.argv[1])) + "\n")
