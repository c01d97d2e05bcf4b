"""Importance sampling against the zoo, its weights against what they must average to, and where nothing fails."""

import numpy as np
import numpyro
import pytest
from numpyro.distributions import Normal

from yieldopt.estimators import Precision, estimate
from yieldopt.estimators.base import Watch
from yieldopt.estimators.design_points import find
from yieldopt.estimators.importance import STANDARD, Importance, Led
from yieldopt.estimators.laying import REPLICATES, Laying
from yieldopt.limit_state import LimitState
from yieldopt.problem import Problem
from yieldopt.testing.zoo import zoo

KNOWN = zoo()
QUICK = ["RP22", "RP31", "RP57", "FOURBRANCH", "HAT", "GUMBELMAX20", "IRWINHALL8"]


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(n, marks=pytest.mark.slow) for n in KNOWN if n not in QUICK)])
def test_it_agrees_with_known_answers(name: str) -> None:
    known = KNOWN[name]
    found = Importance(Precision(None, 0.05), 60_000)(known.problem, None, 1)
    assert abs(found.failure_probability - known.failure_probability) <= 4.0 * found.stderr, found
    assert found.stderr < 0.03 * known.failure_probability
    assert (found.method, found.status) == ("importance", "converged.")


def test_weights_are_one_on_average_and_bounded() -> None:
    """Whatever fails: the density of the mixture is the one that points are drawn by."""
    state = LimitState(KNOWN["FOURBRANCH"].problem, None)
    led = Led(Laying(state, find(state, 1, Watch()), 1), 1)
    weights = np.concatenate([led.batch()[0].weight for _ in range(64)])
    assert weights.max() <= sum(led.each) / led.each[0] + 1e-9
    assert led.each[0] / sum(led.each) > 0.5 * STANDARD
    means = weights.reshape(-1, REPLICATES, sum(led.each)).mean((0, 2))
    assert abs(means.mean() - 1.0) < 4.0 * means.std(ddof=1) / np.sqrt(REPLICATES)
    assert means.std(ddof=1) / np.sqrt(REPLICATES) < 0.02


def test_where_nothing_fails_an_upper_bound_is_told() -> None:
    problem = Problem.of(lambda design: numpyro.sample("x", Normal(0.0, 1.0)), lambda design, x: {"far": 40.0 - x})
    found = estimate(problem, None, relative=0.1, method="importance", max_evaluations=4000)
    assert found.value == 1.0
    assert found.interval[0] < 1.0
    assert "importance: no place was found" in found.status
