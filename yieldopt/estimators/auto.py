"""Chooses: lines or points for few elements, conditioning for many, and counting where they doubt themselves."""

from dataclasses import dataclass, field, replace
from typing import Any

from yieldopt.conditional.doubts import FEW
from yieldopt.errors import UserError
from yieldopt.estimators.base import Estimate, Estimator, Precision, Watch, binomial_interval
from yieldopt.estimators.counting import BLOCK
from yieldopt.estimators.first_order import FirstOrder
from yieldopt.estimators.importance import Importance
from yieldopt.estimators.line import Line
from yieldopt.estimators.monte_carlo import MonteCarlo
from yieldopt.estimators.points import Points
from yieldopt.estimators.sobol import Sobol
from yieldopt.estimators.subset import Subset
from yieldopt.problem import Problem

REFEREE = 30_000_000
"""Elements that the referee may draw when it is called in: about a minute on two cores."""
UNITS, CHECK = 200_000, 16
"""Units that it may draw; one in so many of them is a check of what all could not settle."""
LOOKS = 200_000
"""Looks at a problem of few elements, unless it is said how many."""
TRIAL = 3_000
"""Looks after which lines are given up where points would take fewer; with not twice as many they are gone on with."""


@dataclass(frozen=True)
class Auto:
    """`line` or `points` for few elements; else `sobol`, or `monte_carlo` and the status says why."""

    precision: Precision = field(default_factory=Precision)
    watch: Watch = field(default_factory=Watch)
    evaluations: int = LOOKS

    def __call__(self, problem: Problem[Any], design: Any, seed: int = 0) -> Estimate:
        """Estimate by the fast route; where it doubts itself, by the referee, or the closer of two that agree."""
        counts = [p.sites.x.shape[0] for p in problem.model.populations().values()]
        if not counts:
            return self._looked(problem, design, seed)
        if max(counts) < FEW:
            return self._few(problem, design, seed, sum(counts))
        found = Sobol(self.precision, watch=self.watch)(problem, design, seed)
        if found.doubt <= max(self.precision.half_width(1.0 - found.parametric), 1e-12) or self.watch.stop.is_set():
            return found
        why = f"chosen because the conditional model doubts itself by {found.doubt:.1e}"
        units = _units(sum(counts))
        if not self._settles(found, units):
            check = _closer(found, self._count(problem, design, seed, max(units // CHECK, BLOCK), why))
            if check.method == found.method or self.watch.stop.is_set():
                return check
        return _closer(found, self._count(problem, design, seed, units, why))

    def _few(self, problem: Problem[Any], design: Any, seed: int, elements: int) -> Estimate:
        """Of few elements every one is drawn: counted, and by lines where too few fail to count."""
        counted = self._count(problem, design, seed, _units(elements), f"chosen because fewer than {FEW} elements")
        if _half(counted) <= self.precision.half_width(1.0 - counted.parametric) or self.watch.stop.is_set():
            return counted
        return _closer(Line(self.precision, self.evaluations, self.watch)(problem, design, seed), counted)

    def _looked(self, problem: Problem[Any], design: Any, seed: int) -> Estimate:
        """By lines; by points where those are likely to take fewer looks, as where much is lost."""
        most = TRIAL if self.evaluations >= 2 * TRIAL else self.evaluations
        trial = Line(self.precision, most, self.watch)(problem, design, seed)
        asked = self.precision.half_width(1.0 - trial.parametric)
        left = self.evaluations - trial.evaluations
        if trial.method != "line" or _half(trial) <= asked or left < TRIAL or self.watch.stop.is_set():
            return trial
        lines = trial.evaluations * (_half(trial) / asked) ** 2
        points = 4.0 * trial.parametric * (1.0 - trial.parametric) / asked**2
        better = Points if points < lines else Line
        found = better(self.precision, left, self.watch)(problem, design, seed)
        spent = found.evaluations + trial.evaluations, found.gradient_evaluations + trial.gradient_evaluations
        return replace(found, evaluations=spent[0], gradient_evaluations=spent[1])

    def _settles(self, found: Estimate, units: int) -> bool:
        """Whether so many exact units would tell more than what was found, with its doubt."""
        low, high = binomial_interval(round(found.parametric * units), units, self.precision.confidence)
        return 0.5 * (high - low) < _half(found) + found.doubt

    def _count(self, problem: Problem[Any], design: Any, seed: int, units: int, why: str) -> Estimate:
        counted = MonteCarlo(self.precision, units, self.watch)(problem, design, seed)
        return replace(counted, status=f"{counted.status[:-1]}; {why}.")


def _units(elements: int) -> int:
    return int(min(max(REFEREE / max(elements, 1), BLOCK), UNITS))


def _closer(found: Estimate, counted: Estimate) -> Estimate:
    """What was found where exact units agree with it and say less, else what was counted."""
    agree = abs(counted.value - found.value) <= 4.0 * (counted.stderr**2 + found.stderr**2) ** 0.5
    if not agree or _half(found) + found.doubt >= _half(counted):
        return counted
    low, high = counted.interval
    said = f"{found.status[:-1]}; {counted.evaluations} exact units agree, counted {low:.5f} to {high:.5f}."
    return replace(found, status=said)


def _half(found: Estimate) -> float:
    return 0.5 * (found.interval[1] - found.interval[0])


METHODS = "auto", "first_order", "importance", "line", "monte_carlo", "points", "second_order", "sobol", "subset"


def method(name: str, precision: Precision, watch: Watch, evaluations: int | None = None) -> Estimator:
    """The estimator of a name, with the looks that it may take where that is said; raise UserError for another name."""
    if name not in METHODS:
        asked = f"a method among {', '.join(METHODS)}"
        raise UserError.of(asked, name, "Change estimate.method.", "estimate.method")
    if name == "monte_carlo":
        return MonteCarlo(precision, evaluations or MonteCarlo.units, watch)
    if name == "sobol":
        return Sobol(precision, evaluations or Sobol.points, watch)
    if name == "auto":
        return Auto(precision, watch, evaluations or LOOKS)
    if name in ("first_order", "second_order"):
        return FirstOrder(precision, name == "second_order", watch)
    return {"importance": Importance, "line": Line, "points": Points, "subset": Subset}[name](
        precision, evaluations or LOOKS, watch
    )
