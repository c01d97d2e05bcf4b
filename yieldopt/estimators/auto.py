"""Chooses: conditioning where its own stated error allows the precision asked for, else counting exact units."""

from dataclasses import dataclass, field, replace
from typing import Any

from yieldopt.errors import UserError
from yieldopt.estimators.base import Estimate, Precision, Watch
from yieldopt.estimators.monte_carlo import MonteCarlo
from yieldopt.estimators.sobol import Sobol
from yieldopt.problem import Problem

REFEREE = 200_000
"""Units that the referee may draw when it is called in."""
FEW = 30
"""Below so many elements the mean field is not trusted: counting is cheap there."""


@dataclass(frozen=True)
class Auto:
    """`sobol` where it can be trusted; otherwise `monte_carlo`, and the status says why."""

    precision: Precision = field(default_factory=Precision)
    watch: Watch = field(default_factory=Watch)

    def __call__(self, problem: Problem[Any], design: Any, seed: int = 0) -> Estimate:
        """Estimate by the fast route, and by the referee where the fast route doubts itself."""
        counts = [p.sites.x.shape[0] for p in problem.model.populations().values()]
        if counts and max(counts) < FEW:
            return self._refer(problem, design, seed, f"fewer than {FEW} elements")
        found = Sobol(self.precision, watch=self.watch)(problem, design, seed)
        if found.doubt <= max(self.precision.half_width(1.0 - found.parametric), 1e-12) or self.watch.stop.is_set():
            return found
        return self._refer(problem, design, seed, f"the conditional model doubts itself by {found.doubt:.1e}")

    def _refer(self, problem: Problem[Any], design: Any, seed: int, why: str) -> Estimate:
        counted = MonteCarlo(self.precision, REFEREE, self.watch)(problem, design, seed)
        return replace(counted, status=f"{counted.status[:-1]}; chosen because {why}.")


def method(name: str, precision: Precision, watch: Watch) -> Auto | Sobol | MonteCarlo:
    """The estimator of a name; raise UserError for one that is not known."""
    known = {
        "auto": Auto(precision, watch),
        "sobol": Sobol(precision, watch=watch),
        "monte_carlo": MonteCarlo(precision, watch=watch),
    }
    if name not in known:
        raise UserError.of(f"a method among {', '.join(known)}", name, "Change estimate.method.", "estimate.method")
    return known[name]
