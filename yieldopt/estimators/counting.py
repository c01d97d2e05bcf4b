"""Exact units counted: keyed one by one, so that counts are the same whatever the batch, the device or a break."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from yieldopt import batches, devices
from yieldopt.exact import Layout, Unit, layout, margins, rows
from yieldopt.problem import Problem
from yieldopt.programs import thorough

BLOCK = 64
"""Units keyed together: unit k is drawn from block k // 64, whatever the batch or the device."""
AT_ONCE = 40_000
"""Elements worked on at once."""
NORMALS = 1 << 17
"""Normals worked on at once where a unit has no elements."""
FEW, WIDEST = 8, 4096
"""Blocks worked on at once, at most: where no more than so many times as many are wanted, and else."""


class Counts(NamedTuple):
    """How many units passed, failed each limit, failed it alone, and found no rest."""

    passed: Array | np.ndarray
    fails: Array | np.ndarray
    alone: Array | np.ndarray
    unsettled: Array | np.ndarray

    def plus(self, other: "Counts") -> "Counts":
        """The counts of both."""
        return Counts(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


def count(problem: Problem[Any], design: Any, key: Array, start: int, stop: int) -> Counts:
    """Count the units from `start` (a multiple of 64) up to `stop` of those that `key` draws, 2^31 - 64 at most."""
    sizes = layout(problem, design)
    # Few are a program of their own: the large one would draw far more than is wanted.
    most = BLOCK * (FEW if stop - start <= FEW * FEW * BLOCK else WIDEST)
    first, last, many = start // BLOCK, -(-stop // BLOCK), devices.count()
    ends = np.minimum(first + np.arange(many + 1) * -((first - last) // many), last).astype(np.int32)
    given = problem, design, sizes, key, jnp.asarray(ends[:-1]), jnp.asarray(ends[1:])
    run, memory = partial(_count, *given), partial(_count.memory, *given)
    # Where memory has room a step of the program draws so many blocks on each device, all of which are wanted.
    wide = int(2 ** int(np.log2(np.clip((last - first) // many, 1, most // BLOCK))))
    like = jax.tree.structure((problem, design)), sizes.unit, elements_of(problem)
    found = batches.fitted("units", like, run, min(_usual(problem, sizes), most), BLOCK * wide, memory)
    return Counts(*(np.asarray(part, np.int64).sum(0) for part in found))


def _usual(problem: Problem[Any], sizes: Layout) -> int:
    """Units that a CPU works on at once: a power of two."""
    if not problem.model.populations():
        return BLOCK * int(2 ** np.clip(int(np.log2(NORMALS / (BLOCK * max(sizes.unit, 1)))), 0, np.log2(WIDEST)))
    return int(np.clip(2 ** int(np.log2(max(AT_ONCE / max(elements_of(problem), 1), 1))), 1, BLOCK))


def elements_of(problem: Problem[Any]) -> int:
    """How many elements a unit has, of all populations."""
    return sum(p.sites.x.shape[0] for p in problem.model.populations().values())


@thorough
def _count(
    problem: Problem[Any], design: Any, sizes: Layout, key: Array, first: Array, last: Array, size: int
) -> Counts:
    """Blocks from each `first` up to its `last`, one pair a device, `size` units at once; a row of counts a device."""

    def own(fixed: Any, first: Array, last: Array) -> Counts:
        problem, design, key = fixed
        found = _from(problem, design, sizes, key, first[0], last[0], size)
        return jax.tree.map(lambda part: part[None], found)

    return devices.over_devices(own, (problem, design, key), first, last)


def _from(
    problem: Problem[Any], design: Any, sizes: Layout, key: Array, first: Array, last: Array, size: int
) -> Counts:
    """Blocks from `first` up to `last`, `size` units at once: how many are no shape, and never compile anew."""
    wide = max(size // BLOCK, 1)

    def block(index: Array) -> Array:
        return lost(problem, units(problem, design, sizes, key, index, together=min(size, BLOCK)))

    def step(k: Array, total: Counts) -> Counts:
        blocks = first + k * wide + jnp.arange(wide, dtype=jnp.int32)
        # Made within a branch what is drawn is kept: else each of the sums of `tally` could draw all units once more.
        draw = jax.vmap(block) if wide > 1 else lambda at: block(at[0])[None]
        drawn = jax.lax.cond(blocks[0] < last, draw, lambda at: jnp.ones((*at.shape, *one), bool), blocks)
        return total.plus(tally(drawn, (blocks < last)[:, None]))

    one = len(problem.limits) + 1, BLOCK
    none, each = jnp.zeros((wide, BLOCK), jnp.int32), jnp.zeros((wide, len(problem.limits), BLOCK), jnp.int32)
    # Unit by unit, on all cores: only at the end are the units summed.
    every = jax.lax.fori_loop(0, -((first - last) // wide), step, Counts(none, each, each, none))
    return Counts(*(part.sum((0, -1)) for part in every))


def lost(problem: Problem[Any], found: Unit) -> Array:
    """What units (leading axis) are lost to, a row for each limit; the last one tells which found no rest."""
    owner = np.zeros((len(problem.limits), len(rows(problem))), bool)
    for row, limit in zip(owner, problem.limits, strict=True):
        row[:] = [limit.name == name for name, _ in rows(problem)]
    broken = ~(found.margins >= 0.0) & found.settled[:, None]  # without a rest, lost to no limit in particular
    fails = (broken[:, None, :] & owner).any(-1)
    return jnp.concatenate([fails.T, ~found.settled[None]])


def tally(lost: Array, counts: Array) -> Counts:
    """What the units of blocks (leading axis) count for, by what they are `lost` to, of those that `counts` names."""
    fails, unsettled = lost[:, :-1], lost[:, -1]
    alone = fails & (fails.sum(1) == 1)[:, None]
    every = ~lost.any(1) & counts, fails & counts[:, None], alone & counts[:, None], unsettled & counts
    return Counts(*(part.astype(jnp.int32) for part in every))


def units(
    problem: Problem[Any],
    design: Any,
    sizes: Layout,
    key: Array,
    block: Array,
    shared: Array | None = None,
    together: int | None = None,
) -> Unit:
    """The exact units of one block, so many worked on `together`; `shared` puts given shared normals in the place of
    the drawn ones.
    """
    own, apart = jax.random.split(jax.random.fold_in(key, block))
    common = jax.random.normal(own, (BLOCK, sizes.unit)) if shared is None else shared
    populations = problem.model.populations()
    count = {name: p.sites.x.shape[0] for name, p in populations.items()}
    together = together or min(_usual(problem, sizes), BLOCK)

    def one(given: tuple[Array, Array]) -> Unit:
        z, k = given
        elements = {
            name: jax.random.normal(jax.random.fold_in(k, i), (count[name], sizes.element[name]))
            for i, name in enumerate(populations)
        }
        return margins(problem, design, z, elements)

    given = common, jax.random.split(apart, BLOCK)
    if together == BLOCK:
        return jax.vmap(one)(given)
    # In groups by hand: lax.map's batch_size cannot fold a result of no length, as the pose of a model without one is.
    grouped = jax.tree.map(lambda leaf: leaf.reshape(BLOCK // together, together, *leaf.shape[1:]), given)
    found = jax.lax.map(jax.vmap(one), grouped)
    return jax.tree.map(lambda leaf: leaf.reshape(BLOCK, *leaf.shape[2:]), found)
