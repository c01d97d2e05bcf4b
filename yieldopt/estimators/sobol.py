"""Randomised quasi-Monte Carlo on the conditional integrand: rotated to the losses, replicated for its error."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy import stats

from yieldopt.conditional.cubature import ORDER
from yieldopt.conditional.doubts import doubts
from yieldopt.conditional.integrand import Route, evaluate
from yieldopt.conditional.log_pass import LogPass
from yieldopt.conditional.prepare import Prepared, frame, resummed
from yieldopt.conditional.structure import sites_of
from yieldopt.estimators.base import Estimate, Precision, Watch, binomial_interval, student_interval
from yieldopt.estimators.proposal import PARTS, Proposal, aim
from yieldopt.problem import Problem
from yieldopt.timing import Stopwatch

REPLICATES = 16
BATCH = 512
"""Points of one compiled call: 16 replicates of 32 at least."""
LEAST = 2
"""Batches at least. With one, which ends the sampling where it states a small error, 24 estimates scattered 1.2 to 1.5
times as much as they stated; with two, .8 to 1.1 times.
"""
AGAIN = 4096
"""Points after which, where four times as many are wanted, the proposal is sought again with more draws."""
CHECK_ORDER = 16
"""Order of the second cubature rule, whose difference goes into the error."""


class Sums(NamedTuple):
    """Weighted sums over a replicate's points: loss, each limit's, each limit's alone; points and lost poses."""

    loss: np.ndarray
    fails: np.ndarray
    alone: np.ndarray
    points: int
    unsettled: int

    def plus(self, other: "Sums") -> "Sums":
        """The sums over both."""
        arrays = self.loss + other.loss, self.fails + other.fails, self.alone + other.alone
        return Sums(*arrays, self.points + other.points, self.unsettled + other.unsettled)


@dataclass(frozen=True)
class Sobol:
    """Scrambled Sobol points on the conditional loss, more until the precision is met or `points` are spent."""

    precision: Precision = field(default_factory=Precision)
    points: int = 1 << 16
    watch: Watch = field(default_factory=Watch)

    def __call__(self, problem: Problem[Any], design: Any, seed: int = 0) -> Estimate:
        """Estimate by conditioning on what the elements share; the interval is Student's over the replicates."""
        with Stopwatch() as watch:
            problem = problem.named(design)
            self.watch.tell("preparing", 0.0)
            route = Route(frame(problem, design))
            prepared = route.prepare(problem, design)
            size = prepared.structure.unit
            proposal = aim(lambda z: losses(prepared, z), size, BATCH, seed)
            sums, proposal = self._sample(prepared, proposal, size, seed)
            first = _first(proposal, size, seed)
            found = evaluate(prepared, jnp.asarray(first))
            bias = _rule_difference(prepared, found, proposal, first)
            stated = doubts(prepared, first, proposal.weights(first), found)
        return self._answer(problem, sums, bias, stated, watch)

    def _sample(self, prepared: Prepared, proposal: Proposal, size: int, seed: int) -> tuple[Sums, Proposal]:
        """Sums until the precision is met; begun anew with a better proposal, once, where that is far away."""
        count = BATCH // REPLICATES
        engines = _engines(size, seed)
        sums, anew = _batch(prepared, proposal, _next(engines, count, size)), False
        while True:
            loss = sums.loss / sums.points
            mean, stderr = loss.mean(), loss.std(ddof=1) / np.sqrt(REPLICATES)
            half = stats.t.ppf(0.5 + 0.5 * self.precision.confidence, REPLICATES - 1) * stderr
            asked, spent, batches = self.precision.half_width(mean), sums.points * REPLICATES, sums.points // count
            self.watch.tell("sampling", min(1.0, asked / max(half, 1e-300)) ** 2)
            met = half <= 0.9 * asked and batches >= LEAST
            if met or spent >= self.points or self.watch.stop.is_set():
                return sums, proposal
            if not anew and spent >= AGAIN and half > 2.0 * asked:
                proposal = aim(lambda z: losses(prepared, z), size, AGAIN // 2, seed + 1, proposal, 3)
                sums, anew = _batch(prepared, proposal, _next(engines, count, size)), True
                continue
            for _ in range(_more(batches)):
                sums = sums.plus(_batch(prepared, proposal, _next(engines, count, size)))
                if self.watch.stop.is_set():
                    break

    def _answer(
        self, problem: Problem[Any], sums: Sums, bias: float, stated: dict[str, float], watch: Stopwatch
    ) -> Estimate:
        losses = sums.loss / sums.points
        defects = float(jnp.exp(problem.log_defects()))
        loss = float(np.clip(losses.mean(), 0.0, 1.0))
        stderr = float(np.hypot(losses.std(ddof=1) / np.sqrt(REPLICATES), bias))
        value, doubt = (1.0 - loss) * defects, float(sum(stated.values())) * defects
        low, high = student_interval(1.0 - loss, stderr, REPLICATES, self.precision.confidence)
        if loss == 1.0:  # every draw is lost, so that nothing scatters: what as many more might have shown
            high = binomial_interval(0, sums.points * REPLICATES, self.precision.confidence)[1]
        names = [limit.name for limit in problem.limits]
        over = sums.points * REPLICATES
        # Weights are one on average only: a share of all units may come out above one by its error.
        fails, alone = (np.minimum(share / over, 1.0) for share in (sums.fails, sums.alone))
        limits = {n: (float(f), float(a)) for n, f, a in zip(names, fails, alone, strict=True)}
        return Estimate(
            value, stderr * defects, (low * defects, high * defects), self.precision.confidence, 1.0 - loss, defects,
            limits, over, "sobol", self._status(loss, 0.5 * (high - low), bias, stated, sums), doubt, watch.seconds,
        )  # fmt: skip

    def _status(self, loss: float, half: float, bias: float, stated: dict[str, float], sums: Sums) -> str:
        said: list[str] = []
        if half > self.precision.half_width(loss):
            cause = "two cubature rules differ" if bias > 0.5 * half else "the points ran out"
            said.append(f"the precision asked for was not reached ({cause}): use method monte_carlo, or ask for less")
        worst = max(stated, key=lambda name: stated[name], default="")
        if stated and sum(stated.values()) > max(self.precision.half_width(loss), 0.02 * loss):
            said.append(
                f"the model of the loss is uncertain by {sum(stated.values()):.1e} ({worst}): "
                "check with method monte_carlo"
            )
        if sums.unsettled:
            said.append(
                f"{sums.unsettled} of {sums.points * REPLICATES} draws found no equilibrium and count as failed"
            )
        return "; ".join(said) + "." if said else "converged."


def _more(batches: int) -> int:
    """Batches up to the next number that is a power of two, or some quarters of it more.

    In between sequences are out of balance: 564 points of each scattered several times as much as 512 had.
    """
    return max(1, (1 << (batches.bit_length() - 1)) // 4)


def losses(prepared: Prepared, z: np.ndarray) -> np.ndarray:
    """Loss and each limit's own at shared draws (some batches of them), one column each."""
    seen: list[np.ndarray] = []
    for part in np.split(z, max(len(z) // BATCH, 1)):
        found = evaluate(prepared, jnp.asarray(part))
        total = np.minimum(np.asarray(found.total), 0.0)[:, None]
        seen.append(-np.expm1(np.concatenate([total, np.minimum(np.asarray(found.by_limit), 0.0)], 1)))
    return np.concatenate(seen)


def once(prepared: Prepared, proposal: Proposal, size: int, seed: int) -> tuple[float, float, int]:
    """The loss and its standard error over the replicates, by one batch of fresh points of a law; their number."""
    sums = _batch(prepared, proposal, _begun(size, seed))
    loss = sums.loss / sums.points
    return float(loss.mean()), float(loss.std(ddof=1) / np.sqrt(REPLICATES)), BATCH


def _engines(size: int, seed: int) -> list[list[stats.qmc.Sobol]]:
    # A sequence for every part of every replicate: every eighth point of one would stay in a corner of the cube.
    return [
        [stats.qmc.Sobol(max(size, 1), rng=np.random.default_rng([seed, 1, r, k])) for k in range(PARTS)]
        for r in range(REPLICATES)
    ]


@lru_cache(2)
def _begun(size: int, seed: int) -> list[np.ndarray]:
    """The first batch: an audit asks for the same at every point, and making its sequences is a tenth of a look."""
    return _next(_engines(size, seed), BATCH // REPLICATES, size)


def _next(engines: list[list[stats.qmc.Sobol]], count: int, size: int) -> list[np.ndarray]:
    """The next `count` uniforms of every replicate, an equal number of every part."""
    return [np.concatenate([e.random(count // PARTS) for e in parts])[:, :size] for parts in engines]


def _batch(prepared: Prepared, proposal: Proposal, uniforms: list[np.ndarray]) -> Sums:
    """One batch: the points that a proposal makes of every replicate's uniforms."""
    return _sums(prepared, proposal, np.concatenate([proposal.points(u) for u in uniforms]), len(uniforms))


def _sums(prepared: Prepared, proposal: Proposal, points: np.ndarray, replicates: int) -> Sums:
    found = evaluate(prepared, jnp.asarray(points))
    weight = proposal.weights(points)
    total, by_limit = np.minimum(np.asarray(found.total), 0.0), np.asarray(found.by_limit)
    loss = weight * -np.expm1(total)
    with np.errstate(invalid="ignore"):
        without = np.where(np.isinf(by_limit), total[:, None], total[:, None] - by_limit)
        alone = np.where(np.isinf(total)[:, None], 0.0, np.exp(np.minimum(without, 0.0)) - np.exp(total)[:, None])
    return Sums(
        loss.reshape(replicates, -1).sum(1),
        weight @ -np.expm1(by_limit),
        weight @ np.maximum(alone, 0.0),
        len(points) // replicates,
        int((~np.asarray(found.settled)).sum()),
    )


def _first(proposal: Proposal, size: int, seed: int) -> np.ndarray:
    draws = stats.qmc.Sobol(max(size, 1), rng=np.random.default_rng([seed, 2])).random(BATCH)[:, :size]
    return proposal.points(draws)


def _rule_difference(prepared: Prepared, found: LogPass, proposal: Proposal, points: np.ndarray) -> float:
    """Difference in loss between the cubature rule and one of another order, on one batch; 0 where sums are exact."""
    families = prepared.structure.families
    if all(
        sites_of(prepared.problem, f).x.shape == t.weight.shape for f, t in zip(families, prepared.tables, strict=True)
    ):
        return 0.0
    second = frame(prepared.problem, prepared.design, CHECK_ORDER, room=ORDER).nodes
    other = evaluate(resummed(prepared, second), jnp.asarray(points))
    one, two = (np.expm1(np.minimum(np.asarray(f.total), 0.0)) for f in (found, other))
    return abs(float(proposal.weights(points) @ (one - two)) / len(points))
