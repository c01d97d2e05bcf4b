"""Scrambled Sobol points on plain margins: counting with points that fill the space evenly, best where much is lost."""

from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy import stats
from scipy.special import ndtri

from yieldopt.estimators.base import Estimate, Precision, Watch, binomial_interval, student_interval, trouble
from yieldopt.limit_state import LimitState
from yieldopt.problem import Problem
from yieldopt.timing import Stopwatch

REPLICATES = 16
EACH = 64
"""Points of a replicate in one batch."""
SURE = 50
"""Failures from which the scatter of the replicates tells the error; below, that of counting does."""


@dataclass(frozen=True)
class Points:
    """Sobol points until the precision is met or `evaluations` are spent."""

    precision: Precision = field(default_factory=Precision)
    evaluations: int = 1 << 18
    watch: Watch = field(default_factory=Watch)

    def __call__(self, problem: Problem[Any], design: Any, seed: int = 0) -> Estimate:
        """Estimate by counting; Student's interval over the replicates, or that of counts where few fail."""
        with Stopwatch() as watch:
            state = LimitState(problem, design)
            owners = state.owners()
            engines = [stats.qmc.Sobol(state.size, rng=np.random.default_rng([seed, 7, r])) for r in range(REPLICATES)]
            lost, fails = np.zeros(REPLICATES), np.zeros((len(owners), 2))
            while True:
                uniforms = np.concatenate([engine.random(EACH) for engine in engines])
                seen = state.look(ndtri(np.clip(uniforms, 1e-16, 1 - 1e-16)))
                lost += seen.failed.reshape(REPLICATES, -1).sum(1)
                by_limit = np.stack([seen.fails[:, own].any(1) for own in owners.values()])
                fails += np.stack([by_limit.sum(1), (by_limit & (by_limit.sum(0) == 1)).sum(1)], 1)
                loss, stderr, interval = self._found(lost, state.evaluations)
                half, asked = 0.5 * (interval[1] - interval[0]), self.precision.half_width(loss)
                self.watch.tell("counting", min(1.0, asked / max(half, 1e-300)) ** 2)
                met = half <= 0.9 * asked and state.evaluations >= 2 * REPLICATES * EACH
                if met or state.evaluations >= self.evaluations or self.watch.stop.is_set():
                    break
        defects, count = float(jnp.exp(state.problem.log_defects())), state.evaluations
        said = [] if half <= asked else ["the precision asked for was not reached: allow more evaluations"]
        if not lost.any():
            said.append(f"none of {count} points failed: the loss is below {1.0 - interval[0]:.1e}")
        low, high = interval
        limits = {n: (float(f) / count, float(a) / count) for n, (f, a) in zip(owners, fails, strict=True)}
        return Estimate(
            (1.0 - loss) * defects, stderr * defects, (low * defects, high * defects), self.precision.confidence,
            1.0 - loss, defects, limits, count, "points",
            "; ".join([*said, *trouble(state)]) + "." if [*said, *trouble(state)] else "converged.", 0.0, watch.seconds,
        )  # fmt: skip

    def _found(self, lost: np.ndarray, count: int) -> tuple[float, float, tuple[float, float]]:
        """The loss, its standard error and the interval of the yield."""
        total = int(lost.sum())
        loss = total / count
        if min(total, count - total) < SURE:
            # A share of zero still has an error: that of the one more that might have failed.
            counted = float(np.sqrt(max(loss * (1.0 - loss), 0.25 / count) / count))
            return loss, counted, binomial_interval(count - total, count, self.precision.confidence)
        stderr = float((lost / (count / REPLICATES)).std(ddof=1) / np.sqrt(REPLICATES))
        return loss, stderr, student_interval(1.0 - loss, stderr, REPLICATES, self.precision.confidence)
