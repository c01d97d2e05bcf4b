"""Line sampling: lines laid across every design point, each worth the tail beyond where it begins to fail.

The lines of Koutsourelakis, Pradlwarter & Schueller (2004), about several design points at once and without bias from
lines that fail twice or not where their slope said (`laying`), on scrambled Sobol points with replicates. What a
polynomial through the crossings of other lines foretells is taken out of what each adds (`foretold`, `levelling`).
"""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

import jax.numpy as jnp
import numpy as np
from scipy import stats

from yieldopt.estimators.base import Estimate, Precision, Watch, student_interval, trouble
from yieldopt.estimators.design_points import Found, find
from yieldopt.estimators.foretold import Foretold
from yieldopt.estimators.laying import Laying
from yieldopt.estimators.levelling import REPLICATES, Drawn, Summed, summed
from yieldopt.estimators.monte_carlo import MonteCarlo
from yieldopt.limit_state import LimitState
from yieldopt.problem import Problem
from yieldopt.timing import Stopwatch

UNSEEN = 0.02
"""Share of where it fails that may not have been found, above which the status says so."""


class Batches(Protocol):
    """What draws batch after batch at a limit state; `foretold` tells of each part what is known of it, if it is."""

    state: LimitState
    foretold: list[Foretold | None]

    def batch(self) -> list[Drawn]:
        """The next batch."""
        ...


@dataclass(frozen=True)
class Line:
    """Line laying until the precision is met or `evaluations` looks at the model are spent."""

    name: ClassVar[str] = "line"
    precision: Precision = field(default_factory=Precision)
    evaluations: int = 50_000
    watch: Watch = field(default_factory=Watch)

    def __call__(self, problem: Problem[Any], design: Any, seed: int = 0) -> Estimate:
        """Estimate by lines; the interval is Student's over the replicates."""
        with Stopwatch() as watch:
            state = LimitState(problem, design)
            found = find(state, seed, self.watch)
            laying = Laying(state, found, seed)
            sampled = self._sampled(self.sampler(laying, seed)) if laying.parts else None
        return self._answer(state, *sampled, found, watch) if sampled else self._counted(problem, design, seed, state)

    def sampler(self, laying: Laying, seed: int) -> Batches:
        """What draws its batches."""
        del seed
        return laying

    def _sampled(self, sampler: Batches) -> tuple[list[Drawn], Summed]:
        """Batches until the precision is met, by two at least, or another one would go beyond the looks allowed."""
        before = sampler.state.evaluations
        drawn, batches = sampler.batch(), 1
        most = sampler.state.evaluations - before
        while True:
            found = summed(drawn, sampler.foretold)
            half = float(stats.t.ppf(0.5 + 0.5 * self.precision.confidence, REPLICATES - 1) * found.stderr)
            asked = self.precision.half_width(found.loss)
            self.watch.tell("sampling", min(1.0, asked / max(half, 1e-300)) ** 2)
            met = half <= asked and batches >= 2
            if met or self._over(sampler, most):
                return drawn, found
            # A quarter more at most, so that summing up what there is does not cost more than the looks.
            wanted = int(np.clip(batches * ((half / max(asked, 1e-300)) ** 2 - 1.0), 1, max(batches // 4, 1)))
            for _ in range(wanted):
                if self._over(sampler, most):
                    break
                before = sampler.state.evaluations
                more, batches = sampler.batch(), batches + 1
                most = max(most, sampler.state.evaluations - before)
                drawn = [one.and_(other) for one, other in zip(drawn, more, strict=True)]

    def _over(self, sampler: Batches, most: int) -> bool:
        """Whether a batch of so many looks is not to be begun."""
        return sampler.state.evaluations + most > self.evaluations or self.watch.stop.is_set()

    def _answer(self, state: LimitState, drawn: list[Drawn], total: Summed, found: Found, watch: Stopwatch) -> Estimate:
        loss, stderr = total
        defects = float(jnp.exp(state.problem.log_defects()))
        low, high = student_interval(1.0 - loss, stderr, REPLICATES, self.precision.confidence)
        value, doubt = min(max(1.0 - loss, 0.0), 1.0), found.unseen * loss
        said: list[str] = []
        if 0.5 * (high - low) > self.precision.half_width(loss):
            said.append("the precision asked for was not reached: allow more evaluations")
        if found.unseen > UNSEEN:
            said.append(
                f"about {found.unseen:.0%} of where it fails may not have been found: check with another method"
            )
        said += trouble(state)
        return Estimate(
            value * defects, stderr * defects, (low * defects, high * defects), self.precision.confidence, value,
            defects, _shares(state, drawn), state.evaluations, self.name,
            "; ".join(said) + "." if said else "converged.",
            doubt * defects, watch.seconds, state.gradient_evaluations,
        )  # fmt: skip

    def _counted(self, problem: Problem[Any], design: Any, seed: int, state: LimitState) -> Estimate:
        """Where nothing points to where it begins to fail: what as many looks as are left say, a bound if they pass."""
        counted = MonteCarlo(self.precision, max(self.evaluations - state.evaluations, 512), self.watch)
        found = counted(problem, design, seed)
        said = [f"{self.name}: no place was found where it begins to fail, so units were counted", *trouble(state)]
        looks = found.evaluations + state.evaluations
        return replace(found, status="; ".join([*said, found.status]), evaluations=looks)


def _shares(state: LimitState, drawn: list[Drawn]) -> dict[str, tuple[float, float]]:
    """How much each limit fails, and alone, by the points drawn on the lines."""
    owners = state.owners()
    shares = np.zeros((len(owners), 2))
    for part in drawn:
        fails = np.stack([part.fails[:, own].any(1) for own in owners.values()])
        alone = fails & (fails.sum(0) == 1)
        shares += np.stack([fails @ part.point, alone @ part.point], 1) / len(part.point)
    return {name: (min(float(a), 1.0), min(float(b), 1.0)) for name, (a, b) in zip(owners, shares, strict=True)}
