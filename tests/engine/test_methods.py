"""Every method on every problem of the zoo: within four of its own standard errors of the answer, and of the others."""

from itertools import combinations

import numpy as np
import pytest

from yieldopt.estimators import estimate
from yieldopt.testing.zoo import zoo

KNOWN = zoo()
UNBIASED = "line", "importance", "points", "monte_carlo"


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
def test_all_methods_agree(name: str) -> None:
    """By 20,000 looks each; where none fails, the error is that of one that might have."""
    known, size = KNOWN[name], 20_000
    found = {
        method: estimate(known.problem, relative=0.05, max_evaluations=size, method=method, seed=3)
        for method in (*UNBIASED, "auto")
    }
    for method, one in found.items():
        assert abs(one.failure_probability - known.failure_probability) <= 4.0 * one.stderr, (method, one)
        assert one.interval[0] < one.interval[1], (method, one)
    for a, b in combinations(UNBIASED, 2):
        apart = found[a].failure_probability - found[b].failure_probability
        assert abs(apart) <= 4.0 * np.hypot(found[a].stderr, found[b].stderr), (a, b, found)


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
def test_subset_sampling_agrees_or_tells_a_bound(name: str) -> None:
    known = KNOWN[name]
    found = estimate(known.problem, relative=0.2, max_evaluations=40_000, method="subset", seed=3)
    assert abs(found.failure_probability - known.failure_probability) <= 4.0 * found.stderr, found
