"""Plain Monte Carlo on exact units: the referee that needs no argument. Integer counts, flat memory, any batch size."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from yieldopt.estimators.base import Estimate, Precision, Watch, binomial_interval
from yieldopt.exact import Layout, Unit, layout, margins, rows
from yieldopt.problem import Problem
from yieldopt.programs import thorough
from yieldopt.timing import Stopwatch

BLOCK = 64
"""Units keyed together: unit k is drawn from block k // 64, whatever the batch or the device."""
AT_ONCE = 40_000
"""Elements worked on at once."""


class Counts(NamedTuple):
    """How many units passed, failed each limit, failed it alone, and found no rest."""

    passed: Array | np.ndarray
    fails: Array | np.ndarray
    alone: Array | np.ndarray
    unsettled: Array | np.ndarray


@dataclass(frozen=True)
class MonteCarlo:
    """Draw exact units until the precision is met, or `units` are drawn."""

    precision: Precision = field(default_factory=Precision)
    units: int = 1_000_000
    watch: Watch = field(default_factory=Watch)

    def __call__(self, problem: Problem[Any], design: Any, seed: int = 0) -> Estimate:
        """Estimate by counting; the interval is exact binomial. Units without equilibrium count as failed."""
        problem = problem.named(design)
        key, sizes = jax.random.key(seed), layout(problem, design)
        done, blocks = 0, 8
        total = Counts(*(np.zeros((), int) for _ in range(4)))
        with Stopwatch() as watch:
            while True:
                part = _count(problem, design, sizes, key, jnp.asarray(done), blocks)
                total = Counts(*(np.asarray(a) + np.asarray(b) for a, b in zip(total, part, strict=True)))
                done += blocks
                drawn, passed = done * BLOCK, int(total.passed)
                low, high = binomial_interval(passed, drawn, self.precision.confidence)
                asked = self.precision.half_width(max(1.0 - passed / drawn, 1.0 / drawn))
                self.watch.tell("drawing units", min(1.0, (asked / max(0.5 * (high - low), 1e-12)) ** 2))
                if 0.5 * (high - low) <= asked or drawn >= self.units or self.watch.stop.is_set():
                    break
        return self._answer(problem, total, done * BLOCK, watch)

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


@thorough
def _count(problem: Problem[Any], design: Any, sizes: Layout, key: Array, first: Array, blocks: int) -> Counts:
    found = jax.lax.map(lambda b: units(problem, design, sizes, key, b), first + jnp.arange(blocks))
    flat = jax.tree.map(lambda leaf: leaf.reshape(blocks * BLOCK, *leaf.shape[2:]), found)
    return tally(problem, flat)


def tally(problem: Problem[Any], found: Unit) -> Counts:
    """Count units (leading axis) by what they failed."""
    owner = np.array([[limit.name == name for name, _ in rows(problem)] for limit in problem.limits], bool)
    broken = ~(found.margins >= 0.0) & found.settled[:, None]  # without a rest, lost to no limit in particular
    fails = (broken[:, None, :] & owner).any(-1)
    passed = ~fails.any(-1) & found.settled
    alone = fails & (fails.sum(-1) == 1)[:, None]
    return Counts(passed.sum(), fails.sum(0), alone.sum(0), (~found.settled).sum())


def units(
    problem: Problem[Any], design: Any, sizes: Layout, key: Array, block: Array, shared: Array | None = None
) -> Unit:
    """The exact units of one block; `shared` puts given shared normals in the place of the drawn ones."""
    own, apart = jax.random.split(jax.random.fold_in(key, block))
    common = jax.random.normal(own, (BLOCK, sizes.unit)) if shared is None else shared
    populations = problem.model.populations()
    count = {name: p.sites.x.shape[0] for name, p in populations.items()}
    together = int(np.clip(2 ** int(np.log2(max(AT_ONCE / max(sum(count.values()), 1), 1))), 1, BLOCK))

    def one(given: tuple[Array, Array]) -> Unit:
        z, k = given
        elements = {
            name: jax.random.normal(jax.random.fold_in(k, i), (count[name], sizes.element[name]))
            for i, name in enumerate(populations)
        }
        return margins(problem, design, z, elements)

    # In groups by hand: lax.map's batch_size cannot fold a result of no length, as the pose of a model without one is.
    given = common, jax.random.split(apart, BLOCK)
    grouped = jax.tree.map(lambda leaf: leaf.reshape(BLOCK // together, together, *leaf.shape[1:]), given)
    found = jax.lax.map(jax.vmap(one), grouped)
    return jax.tree.map(lambda leaf: leaf.reshape(BLOCK, *leaf.shape[2:]), found)
