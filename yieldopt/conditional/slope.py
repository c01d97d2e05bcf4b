"""The slope of a weighted loss in the design: through the integrand first, then through the series that it reads."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt import batches
from yieldopt.conditional import stages
from yieldopt.conditional.integrand import chunk_of
from yieldopt.conditional.log_pass import log_pass
from yieldopt.conditional.margins import Forces
from yieldopt.conditional.prepare import Prepared
from yieldopt.programs import beside, program


class Sampled(NamedTuple):
    """Losses of a batch of shared draws, 1 - pass probability, and the design-gradient of their weighted sum."""

    loss: Float[Array, " draws"]
    design: Any


def sample(prepared: Prepared, points: Array, weights: Array) -> Sampled:
    """Losses at `points`, and the design-gradient of their weighted sum.

    What was searched for is not searched for again: beside the slope in the series, the price is that of fitting them.
    """
    loss, slope = slopes(prepared, points, weights)
    return Sampled(loss, followed(prepared, slope))


def level(prepared: Prepared) -> Any:
    """A slope of zero, as `followed` takes it: to have its programs made before there is one."""
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), _moves(prepared))


def followed(prepared: Prepared, slope: Any) -> Any:
    """The slope in the design, from that in all of `prepared` that moves with it."""
    problem, design, families = prepared.problem, prepared.design, prepared.structure.families
    both = list(zip(families, prepared.tables, strict=True))
    boxes = {f.name: (t.centre, t.half) for f, t in both}
    whole, moved = slope
    by_series = beside(
        [
            partial(stages.fit_back, problem, design, f, boxes[f.name], Forces(t.forces, t.scale), found, groups)
            for (f, t), found, (groups, _) in zip(both, prepared.found, moved, strict=True)
        ]
    )
    pushed: dict[str, list[Any]] = {}
    for family, (_, read), (_, fitted) in zip(families, moved, by_series, strict=True):
        pushed.setdefault(family.of, []).extend((read, fitted))
    crowds = [f for f in families if f.crowd]
    by_force = beside([partial(stages.crowd_back, problem, design, f, boxes[f.name], pushed[f.name]) for f in crowds])
    return _summed([whole, *(by_design for by_design, _ in by_series), *by_force])


@program
def _summed(trees: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *leaves: sum(leaves), *trees)


def _moves(prepared: Prepared) -> Any:
    """What of `prepared` moves with the design; all else is frozen under differentiation."""
    return prepared.design, tuple((table.groups, table.forces) for table in prepared.tables)


def _moved(prepared: Prepared, moves: Any) -> Prepared:
    design, series = moves
    both = zip(prepared.tables, series, strict=True)
    tables = tuple(replace(table, groups=groups, forces=forces) for table, (groups, forces) in both)
    return replace(prepared, design=design, tables=tables)


def slopes(prepared: Prepared, points: Array, weights: Array) -> tuple[Array, Any]:
    """Losses at points, and the slope of their weighted sum in what a design moves of `prepared`.

    The slope is summed up chunk by chunk: nothing of a chunk is kept for a way back through the others.
    """
    given = prepared, points, weights
    run, memory = partial(_slopes, *given), partial(_slopes.memory, *given)
    like, usual = jax.tree.structure(prepared), chunk_of(prepared)
    return batches.fitted("shared draws with slopes", like, run, usual, len(points), memory)


@program
def _slopes(prepared: Prepared, points: Array, weights: Array, size: int) -> tuple[Array, Any]:
    moves, count = _moves(prepared), -(-len(points) // size)
    index = jnp.arange(count * size)
    share = jnp.where(index < len(points), weights[jnp.minimum(index, len(points) - 1)], 0.0)
    index = jnp.minimum(index, len(points) - 1).reshape(count, size)

    def step(total: Any, one: tuple[Array, Array]) -> tuple[Any, Array]:
        def losses(moves: Any) -> Array:
            whole = _moved(prepared, moves)
            return jax.vmap(lambda z: -jnp.expm1(jnp.minimum(log_pass(whole, z).total, 0.0)))(points[one[0]])

        found, back = jax.vjp(losses, moves)
        return jax.tree.map(jnp.add, total, back(one[1])[0]), found

    slope, loss = jax.lax.scan(step, jax.tree.map(jnp.zeros_like, moves), (index, share.reshape(count, size)))
    return loss.ravel()[: len(points)], slope
