"""Subset sampling: populations led step by step to where the margin is smaller, until it is negative.

Each step keeps what lies below a level, copies it and moves the copies under the law of what lies there (Au & Beck
2001; moves by conditional sampling, Papaioannou et al. 2015). A population of its own has set the levels, a quarter of
it below each, and the lengths of the moves: with these fixed the others have no bias, however they move (Del Moral
2004). Sixteen of them give the error. It needs no slope and no design point, and goes nowhere on what only tells pass
from fail.
"""

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
LEAST = 128
"""Points of a population at least."""
PILOT = 512
"""Points of the population that sets the levels, at least."""
KEPT = 0.25
"""Share of that population that a level keeps."""
MOVES = 5
"""Moves of every point at each level."""
ACCEPTED = 0.44
"""Share of moves that their length is adapted to."""
LEVELS = 60
"""Levels at most: a quarter each, down to 1e-36."""


@dataclass(frozen=True)
class Subset:
    """Populations as large as `evaluations` allow for about the levels that a pilot of them needs."""

    precision: Precision = field(default_factory=Precision)
    evaluations: int = 200_000
    watch: Watch = field(default_factory=Watch)

    def __call__(self, problem: Problem[Any], design: Any, seed: int = 0) -> Estimate:
        """Estimate, twice as large until the precision is met or the looks are spent."""
        with Stopwatch() as watch:
            state, size = LimitState(problem, design), LEAST
            while True:
                before, whole = state.evaluations, size * REPLICATES
                found, fails, alone, stuck = self._led(state, size, np.random.default_rng([seed, 8, size]))
                loss, spent = float(found.mean()), state.evaluations - before
                stderr = float(found.std(ddof=1) / np.sqrt(REPLICATES))
                interval = student_interval(1.0 - loss, stderr, REPLICATES, self.precision.confidence)
                half, asked = 0.5 * (interval[1] - interval[0]), self.precision.half_width(loss)
                self.watch.tell("subset sampling", min(1.0, asked / max(half, 1e-300)) ** 2)
                short = (half / max(asked, 1e-300)) ** 2
                ahead = int(2 ** np.clip(np.ceil(np.log2(max(short, 1.0))), 1, 3))
                left = self.evaluations - state.evaluations
                if (half <= asked and loss > 0.0) or left < 2 * spent or stuck or self.watch.stop.is_set():
                    break
                size *= min(ahead, 2 ** int(np.log2(left / spent)))
        return self._answer(state, loss, stderr, interval, whole, fails, alone, stuck, watch)

    def _answer(
        self, state: LimitState, loss: float, stderr: float, interval: tuple[float, float], whole: int,
        fails: np.ndarray, alone: np.ndarray, stuck: bool, watch: Stopwatch,
    ) -> Estimate:  # fmt: skip
        defects, said = float(jnp.exp(state.problem.log_defects())), list[str]()
        if loss == 0.0:
            interval = binomial_interval(whole, whole, self.precision.confidence)
            stderr = 0.5 / whole
            what = "the margin has no levels to go down by" if stuck else "no population came to fail"
            said.append(
                f"{what}: the loss is below {1.0 - interval[0]:.1e}, by {whole} points that all passed; use line"
            )
        elif 0.5 * (interval[1] - interval[0]) > self.precision.half_width(loss):
            said.append("the precision asked for was not reached: allow more evaluations, or use method line")
        said += trouble(state)
        low, high = interval
        shares = zip(state.owners(), fails * loss, alone * loss, strict=True)
        return Estimate(
            (1.0 - loss) * defects, stderr * defects, (low * defects, high * defects), self.precision.confidence,
            1.0 - loss, defects, {name: (float(f), float(a)) for name, f, a in shares}, state.evaluations, "subset",
            "; ".join(said) + "." if said else "converged.", 0.0, watch.seconds,
        )  # fmt: skip

    def _led(self, state: LimitState, size: int, random: np.random.Generator) -> Any:
        """What each replicate finds; each limit's share of the failures; whether there were no levels."""
        steps = self._levels(state, max(size, PILOT), random)
        points = _normals(state, REPLICATES, size, random)
        margin, fails = _look(state, points)
        chance = np.ones(REPLICATES)
        for level, length in steps:
            below = margin < level
            chance = chance * below.mean(1)
            if not chance.any() or level == 0.0 or self.watch.stop.is_set():
                break
            for r in np.flatnonzero(below.any(1)):
                taken = np.resize(random.permutation(np.flatnonzero(below[r])), size)
                points[r], margin[r], fails[r] = points[r, taken], margin[r, taken], fails[r, taken]
            points, margin, fails, _ = _moved(state, points, margin, fails, level, length, random, False)
        ended = bool(steps) and steps[-1][0] == 0.0
        chance = chance if ended else 0.0 * chance
        owners = list(state.owners().values())
        lost = np.stack([fails[..., own].any(-1) & (margin < 0.0) for own in owners])
        weight = chance[:, None] / np.maximum((margin < 0.0).sum(1), 1)[:, None] / max(chance.sum(), 1e-300)
        shares = (lost * weight).sum((1, 2)), (lost * (lost.sum(0) == 1) * weight).sum((1, 2))
        return chance, *shares, not ended

    def _levels(self, state: LimitState, size: int, random: np.random.Generator) -> list[tuple[float, float]]:
        """Levels down to zero with the lengths of the moves below each; short of zero where it comes no further."""
        points = _normals(state, 1, size, random)
        state.rescale(points[0, :LEAST])
        margin, fails = _look(state, points)
        steps, length = list[tuple[float, float]](), 0.8
        for _ in range(LEVELS):
            level = max(float(np.quantile(margin, KEPT)), 0.0)
            below = np.flatnonzero(margin[0] < level)
            if not len(below) or (steps and level >= steps[-1][0]) or self.watch.stop.is_set():
                break
            taken = np.resize(random.permutation(below), size)
            points, margin, fails = points[:, taken], margin[:, taken], fails[:, taken]
            points, margin, fails, length = _moved(state, points, margin, fails, level, length, random, True)
            steps.append((level, length))
            if level == 0.0:
                break
        return steps


def _normals(state: LimitState, replicates: int, size: int, random: np.random.Generator) -> np.ndarray:
    draws = [stats.qmc.Sobol(state.size, rng=random).random(size) for _ in range(replicates)]
    return ndtri(np.clip(np.array(draws), 1e-15, 1 - 1e-15))


def _moved(
    state: LimitState, points: np.ndarray, margin: np.ndarray, fails: np.ndarray, level: float, length: float,
    random: np.random.Generator, adapted: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:  # fmt: skip
    """Moves that leave the standard law below the level as it is."""
    for _ in range(MOVES):
        trial = np.sqrt(1.0 - length**2) * points + length * random.normal(size=points.shape)
        new, lost = _look(state, trial)
        taken = new < level
        points, margin = np.where(taken[..., None], trial, points), np.where(taken, new, margin)
        fails = np.where(taken[..., None], lost, fails)
        if adapted:
            length = float(np.clip(length * np.exp(taken.mean() - ACCEPTED), 0.02, 0.999))
    return points, margin, fails, length


def _look(state: LimitState, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    seen = state.look(points.reshape(-1, state.size))
    return seen.margin.reshape(points.shape[:2]), seen.fails.reshape(*points.shape[:2], -1)
