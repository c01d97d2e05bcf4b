"""Plain Monte Carlo on exact units: the referee that needs no argument. Integer counts, flat memory, any batch size."""

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from yieldopt.estimators.base import Estimate, Precision, Watch, binomial_interval
from yieldopt.estimators.counting import BLOCK, Counts, count, elements_of
from yieldopt.problem import Problem
from yieldopt.timing import Stopwatch

FIRST, MOST = 512, 1 << 22
"""Units counted before the precision is first looked at, and elements: fewer units where they have more than these.
As many elements lie between two such looks, or a batch.
"""


@dataclass(frozen=True)
class MonteCarlo:
    """Draw exact units until the precision is met, or `units` are drawn; so many a `batch`, as is best by default."""

    precision: Precision = field(default_factory=Precision)
    units: int = 1_000_000
    watch: Watch = field(default_factory=Watch)
    batch: int = 0

    def __call__(self, problem: Problem[Any], design: Any, seed: int = 0) -> Estimate:
        """Estimate by counting; the interval is exact binomial. Units without equilibrium count as failed."""
        problem = problem.named(design)
        key = jax.random.key(seed)
        elements = elements_of(problem)
        total, done, more = Counts(*(np.zeros((), np.int64) for _ in range(4))), 0, self._first(elements)
        with Stopwatch() as watch:
            while True:
                total = total.plus(count(problem, design, key, done, done + more))
                done += more
                passed = int(total.passed)
                low, high = binomial_interval(passed, done, self.precision.confidence)
                asked = self.precision.half_width(max(1.0 - passed / done, 1.0 / done))
                short = (0.5 * (high - low) / max(asked, 1e-300)) ** 2
                self.watch.tell("drawing units", min(1.0, 1.0 / max(short, 1e-300)))
                if short <= 1.0 or done >= self.units or self.watch.stop.is_set():
                    break
                more = self._first(elements) if self.batch else self._more(done, short, elements)
        return self._answer(problem, total, done, watch)

    def _first(self, elements: int) -> int:
        few = min(FIRST, MOST // max(elements, 1))
        return -(-min(self.batch or max(few, 1), max(self.units, 1)) // BLOCK) * BLOCK

    def _more(self, done: int, short: float, elements: int) -> int:
        """Units that are likely to be wanted still: as many again at most, and no more than a look may wait for."""
        wanted = max(self._first(elements), min(done * min(short - 1.0, 1.0), MOST // max(elements, 1)))
        return -(-int(min(wanted, self.units - done)) // BLOCK) * BLOCK

    def _answer(self, problem: Problem[Any], total: Counts, drawn: int, watch: Stopwatch) -> Estimate:
        passed, defects = int(total.passed), float(jnp.exp(problem.log_defects()))
        share = passed / drawn
        low, high = binomial_interval(passed, drawn, self.precision.confidence)
        met = 0.5 * (high - low) <= self.precision.half_width(max(1.0 - share, 1.0 / drawn))
        said = ["counted on exact units"]
        if passed == drawn:
            said.append(f"no unit of {drawn} failed: the loss is below {1 - low:.1e}; method sobol resolves it")
        elif not met:
            said.append("the precision asked for was not reached: raise the number of units, or use method sobol")
        if int(total.unsettled):
            said.append(f"{int(total.unsettled)} units found no equilibrium and count as failed")
        names = [limit.name for limit in problem.limits]
        limits = {n: (int(f) / drawn, int(a) / drawn) for n, f, a in zip(names, total.fails, total.alone, strict=True)}
        # A share of zero or one still has an error: that of the one unit more that might have failed.
        stderr = float(np.sqrt(max(share * (1 - share), 1.0 / drawn / 4) / drawn)) * defects
        return Estimate(
            share * defects, stderr, (low * defects, high * defects), self.precision.confidence, share, defects, limits,
            drawn, "monte_carlo", "; ".join(said) + ".", 0.0, watch.seconds,
        )  # fmt: skip
