"""Chooses: conditioning where its own stated error allows the precision asked for, else counting exact units."""

from dataclasses import dataclass, field, replace
from typing import Any

from yieldopt.conditional.doubts import FEW
from yieldopt.errors import UserError
from yieldopt.estimators.base import Estimate, Precision, Watch
from yieldopt.estimators.monte_carlo import MonteCarlo
from yieldopt.estimators.sobol import Sobol
from yieldopt.problem import Problem

REFEREE = 30_000_000
"""Elements that the referee may draw when it is called in: about a minute on two cores."""
UNITS = 200_000
"""Units that it may draw."""


@dataclass(frozen=True)
class Auto:
    """`sobol` where it can be trusted; otherwise `monte_carlo`, and the status says why."""

    precision: Precision = field(default_factory=Precision)
    watch: Watch = field(default_factory=Watch)

    def __call__(self, problem: Problem[Any], design: Any, seed: int = 0) -> Estimate:
        """Estimate by the fast route; where it doubts itself, by the referee, or the closer of two that agree."""
        counts = [p.sites.x.shape[0] for p in problem.model.populations().values()]
        if counts and max(counts) < FEW:
            return self._count(problem, design, seed, sum(counts), f"chosen because fewer than {FEW} elements")
        found = Sobol(self.precision, watch=self.watch)(problem, design, seed)
        if found.doubt <= max(self.precision.half_width(1.0 - found.parametric), 1e-12) or self.watch.stop.is_set():
            return found
        why = f"chosen because the conditional model doubts itself by {found.doubt:.1e}"
        counted = self._count(problem, design, seed, max(sum(counts), 1), why)
        agree = abs(counted.value - found.value) <= 4.0 * (counted.stderr**2 + found.stderr**2) ** 0.5
        if agree and _half(found) + found.doubt < _half(counted):
            low, high = counted.interval
            said = f"{found.status[:-1]}; {counted.evaluations} exact units agree, counted {low:.5f} to {high:.5f}."
            return replace(found, status=said)
        return counted

    def _count(self, problem: Problem[Any], design: Any, seed: int, elements: int, why: str) -> Estimate:
        units = int(min(max(REFEREE / elements, 512), UNITS))
        counted = MonteCarlo(self.precision, units, self.watch)(problem, design, seed)
        return replace(counted, status=f"{counted.status[:-1]}; {why}.")


def _half(found: Estimate) -> float:
    return 0.5 * (found.interval[1] - found.interval[0])


def method(name: str, precision: Precision, watch: Watch) -> Auto | Sobol | MonteCarlo:
    """The estimator of a name; raise UserError for one that is not known."""
    if name == "sobol":
        return Sobol(precision, watch=watch)
    if name == "monte_carlo":
        return MonteCarlo(precision, watch=watch)
    if name == "auto":
        return Auto(precision, watch)
    known = "a method among auto, sobol, monte_carlo"
    raise UserError.of(known, name, "Change estimate.method.", "estimate.method")
