"""How fast units are counted and joint yields of many pillars told, as JSON: samples a second, seconds, bytes.

Run: python tests/benchmarks/measure_count.py float32|float64|numpy|openturns|memory|pillars
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import jax
import numpy as np

from yieldopt.estimators.base import Precision
from yieldopt.estimators.monte_carlo import MonteCarlo
from yieldopt.estimators.sobol import Sobol
from yieldopt.problem import Limit
from yieldopt.testing.crowds import Height, die
from yieldopt.testing.zoo import zoo

SAMPLES, FEW, MANY = 400_000_000, 1_000_000, 10_000_000_000
K = 7.0


def counted(samples: int) -> dict[str, float]:
    """Samples of the four branches a second once compiled, and how many fail."""
    problem = zoo()["FOURBRANCH"].problem
    MonteCarlo(Precision(1e-12, None), 1 << 23)(problem, None, 1)
    found = MonteCarlo(Precision(1e-12, None), samples)(problem, None, 1)
    return {"rate": found.evaluations / found.seconds["run"], "loss": found.failure_probability}


def by_numpy() -> dict[str, float]:
    """The same written by hand, a million at a time."""
    rng, lost, began = np.random.default_rng(1), 0, time.perf_counter()
    for _ in range(40):
        x, y = rng.standard_normal((2, 1_000_000))
        bent, sum_ = 3.0 + 0.1 * (x - y) ** 2, (x + y) / np.sqrt(2.0)
        margin = np.minimum(bent - np.abs(sum_), K / np.sqrt(2.0) - np.abs(x - y))
        lost += int((margin < 0.0).sum())
    return {"rate": 4e7 / (time.perf_counter() - began), "loss": lost / 4e7}


def by_openturns() -> dict[str, float]:
    """The same by OpenTURNS' own Monte Carlo, 100,000 at a time."""
    ot: Any = import_module("openturns")
    bent, other = "3 + 0.1 * (x - y)^2", f"{K} / sqrt(2)"
    least = f"min(min({bent} - (x + y) / sqrt(2), {bent} + (x + y) / sqrt(2)), min(x - y + {other}, y - x + {other}))"
    margin = ot.CompositeRandomVector(ot.SymbolicFunction(["x", "y"], [least]), ot.RandomVector(ot.Normal(2)))
    run = ot.ProbabilitySimulationAlgorithm(ot.ThresholdEvent(margin, ot.Less(), 0.0), ot.MonteCarloExperiment())
    run.setBlockSize(100_000)
    run.setMaximumOuterSampling(100)
    run.setMaximumCoefficientOfVariation(0.0)
    began = time.perf_counter()
    run.run()
    return {"rate": 1e7 / (time.perf_counter() - began), "loss": run.getResult().getProbabilityEstimate()}


def memory() -> dict[str, float]:
    """Peak memory after a million samples and after ten thousand million, in float32."""
    counted(FEW)
    few = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    counted(MANY)
    return {"few": few / 2**20, "many": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def pillars() -> dict[str, float]:
    """Seconds for the joint yield of 10,000 and of 1,000,000 pillars to a half-width of 1e-4, compiled."""
    found: dict[str, float] = {}
    for side in (100, 1000):
        problem = die(side, side, 0.5, 0.35, Limit.of("height", "pillar", "height", 28.0, 32.4))
        runs = [Sobol(Precision(1e-4, None))(problem, Height(), seed) for seed in (1, 2, 3)]
        found[f"{side**2}"] = min(run.seconds["run"] for run in runs[1:])
        found[f"{side**2} error"] = runs[0].stderr
    return found


RUNS: dict[str, Callable[[], dict[str, float]]] = {
    "float32": lambda: counted(SAMPLES),
    "float64": lambda: counted(SAMPLES),
    "numpy": by_numpy,
    "openturns": by_openturns,
    "memory": memory,
    "pillars": pillars,
}

if __name__ == "__main__":
    jax.config.update("jax_enable_x64", sys.argv[1] in ("float64", "pillars"))
    sys.stdout.write(json.dumps(RUNS[sys.argv[1]]()) + "\n")
