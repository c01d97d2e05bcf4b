"""OpenTURNS' methods on a limit state of ours: the same margins in the same standard normals, counted alike."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from yieldopt.limit_state import LimitState

ot: Any = import_module("openturns")  # no part of any environment but that of `pip install -e '.[compare]'`
MOST, BLOCK = 50_000, 500
"""Looks that a method may take, and those taken at once."""
ENOUGH = 4 * MOST
"""Looks at which a method that has not stopped is stopped."""
SURE = 0.01
"""Coefficient of variation at which a method may stop."""
LEVEL = 5_000
"""Looks of one level of those that go by levels."""


def event(state: LimitState) -> Any:
    """The event that a margin is negative, with its gradient."""

    end = state.evaluations + ENOUGH

    def looked(points: Any) -> Any:
        if state.evaluations > end:  # some do not end by themselves
            raise RuntimeError("too many looks")
        return state.look(np.atleast_2d(np.asarray(points))).margin[:, None]

    def sloped(point: Any) -> Any:
        return state.slopes(np.atleast_2d(np.asarray(point))).slope.T

    def one(point: Any) -> Any:
        return looked(point)[0]

    function = ot.PythonFunction(state.size, 1, func=one, func_sample=looked, gradient=sloped)
    vector = ot.CompositeRandomVector(function, ot.RandomVector(ot.Normal(state.size)))
    return ot.ThresholdEvent(vector, ot.Less(), 0.0)


def _form(asked: Any) -> Any:
    search = ot.FORM(ot.AbdoRackwitz(), asked, np.zeros(asked.getAntecedent().getDimension()))
    search.run()
    return search.getResult()


def first_order(asked: Any) -> float:
    """FORM: a plane at the design point found from the origin."""
    return _form(asked).getEventProbability()


def importance(asked: Any) -> float:
    """Importance sampling about that design point."""
    return _run(ot.PostAnalyticalImportanceSampling(_form(asked)), MOST)


def subset(asked: Any) -> float:
    """Subset sampling."""
    return _run(ot.SubsetSampling(asked), LEVEL)


def adaptive(asked: Any) -> float:
    """Nonparametric adaptive importance sampling."""
    return _run(ot.NAIS(asked, 0.1), LEVEL)


def cross_entropy(asked: Any) -> float:
    """Cross-entropy importance sampling in the standard space."""
    return _run(ot.StandardSpaceCrossEntropyImportanceSampling(asked, 0.1), LEVEL)


def _run(algorithm: Any, looks: int) -> float:
    algorithm.setBlockSize(BLOCK)
    algorithm.setMaximumOuterSampling(looks // BLOCK)
    algorithm.setMaximumCoefficientOfVariation(SURE)
    algorithm.run()
    return algorithm.getResult().getProbabilityEstimate()


METHODS: dict[str, Callable[[Any], float]] = {
    "FORM": first_order,
    "FORM-IS": importance,
    "subset": subset,
    "NAIS": adaptive,
    "cross-entropy": cross_entropy,
}


def run(name: str, state: LimitState, seed: int) -> float:
    """The failure probability that a method finds; not a number where it ends in an error."""
    ot.RandomGenerator.SetSeed(seed)
    ot.Log.Show(ot.Log.NONE)
    try:
        return METHODS[name](event(state))
    except (RuntimeError, TypeError):
        return float("nan")
