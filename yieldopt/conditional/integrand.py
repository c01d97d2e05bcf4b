"""The conditional integrand as compiled programs: many shared draws at once, with or without derivatives.

Every number (design, spreads, limits, sites, points) is an argument, so that changing one never recompiles.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.conditional import stages
from yieldopt.conditional.chunked import chunked
from yieldopt.conditional.log_pass import LogPass, log_pass
from yieldopt.conditional.margins import Forces
from yieldopt.conditional.points import places
from yieldopt.conditional.prepare import Frame, Prepared, prepare
from yieldopt.conditional.structure import Family, degrees_of
from yieldopt.errors import UserError
from yieldopt.problem import Problem
from yieldopt.programs import beside, program

STILL = 1e-9
"""Slope of a margin in the normals of an element, base units, below which it is rounding."""
CHUNK_NODES = 32768
"""Nodes worked on at once: enough to fill the vector units, little enough for flat memory."""


class Sampled(NamedTuple):
    """Losses of a batch of shared draws, 1 - pass probability, and the design-gradient of their weighted sum."""

    loss: Float[Array, " draws"]
    design: Any


class Route(NamedTuple):
    """The fast route through a problem, fixed on the host."""

    frame: Frame

    def prepare(self, problem: Problem[Any], design: Any) -> Prepared:
        """Prepare a design; raise `UserError` for a limit on elements that no noise of an element's own moves."""
        prepared = prepare(_strong(problem), _strong(design), self.frame.structure, self.frame.nodes)
        for family, found in zip(prepared.structure.families, prepared.found, strict=True):
            _moved_by_noise(problem, family, np.asarray(found.point.slope))
        return prepared


def _moved_by_noise(problem: Problem[Any], family: Family, slopes: np.ndarray) -> None:
    """Given the shared draws such a limit is met by all or by none: there is no probability to fit."""
    start = 0
    for states, members in family.groups().items():
        count = len(places(degrees_of(family, states)))
        for member in members:
            row, start = slopes[start : start + count], start + count
            if np.nanmax(np.abs(row), initial=0.0) < STILL:
                name = problem.limits[family.rows[member].limit].name
                do = "Use `--method monte_carlo`, or read the limit on the unit."
                raise UserError.of(f"limits on each {family.name} that noise of its own moves", name, do, "limits")


def _strong(tree: Any) -> Any:
    """Arrays made from plain numbers as all the others are: else each of the two kinds has programs of its own."""

    def strong(leaf: Any) -> Any:
        return jnp.asarray(leaf, leaf.dtype) if isinstance(leaf, Array) and leaf.weak_type else leaf

    return jax.tree.map(strong, tree)


def sample(prepared: Prepared, points: Array, weights: Array) -> Sampled:
    """Losses at `points`, and the design-gradient of their weighted sum.

    What was searched for is not searched for again: beside the slope in the series, the price is that of fitting them.
    """
    loss, slope = slopes(prepared, points, weights)
    return Sampled(loss, followed(prepared, slope))


def still(prepared: Prepared) -> Any:
    """A slope of zero, as `followed` takes it: to have its programs compiled before there is one."""
    return jax.tree.map(jnp.zeros_like, _moves(prepared))


def followed(prepared: Prepared, slope: Any) -> Any:
    """The slope in the design, from that in all of `prepared` that moves with it."""
    problem, design, families = prepared.problem, prepared.design, prepared.structure.families
    both = list(zip(families, prepared.tables, strict=True))
    boxes = {f.of: (t.centre, t.half) for f, t in both}
    whole, moved = slope
    by_series = beside(
        [
            partial(stages.fit_back, problem, design, f, boxes[f.of], Forces(t.forces, t.scale), found, groups)
            for (f, t), found, (groups, _) in zip(both, prepared.found, moved, strict=True)
        ]
    )
    pushed: dict[str, list[Any]] = {}
    for family, (_, read), (_, fitted) in zip(families, moved, by_series, strict=True):
        pushed.setdefault(family.of, []).extend((read, fitted))
    crowds = [f for f in families if not f.paired]
    by_force = beside(
        [partial(stages.crowd_back, problem, design, f, boxes[f.name], _sum(pushed[f.name])) for f in crowds]
    )
    return _sum([whole, *(by_design for by_design, _ in by_series), *by_force])


def _sum(trees: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *leaves: sum(leaves), *trees)


def _moves(prepared: Prepared) -> Any:
    """What of `prepared` moves with the design; all else is frozen under differentiation."""
    return prepared.design, tuple((table.groups, table.forces) for table in prepared.tables)


def _moved(prepared: Prepared, moves: Any) -> Prepared:
    design, series = moves
    both = zip(prepared.tables, series, strict=True)
    tables = tuple(replace(table, groups=groups, forces=forces) for table, (groups, forces) in both)
    return replace(prepared, design=design, tables=tables)


def _chunk(prepared: Prepared) -> int:
    nodes = sum(table.weight.shape[0] for table in prepared.tables)
    return int(2 ** np.clip(np.round(np.log2(CHUNK_NODES / max(nodes, 1))), 0, 6))


@program
def evaluate(prepared: Prepared, points: Float[Array, "draws normals"]) -> LogPass:
    """`log_pass` at many shared draws, a chunk at a time."""
    return chunked(lambda z: log_pass(prepared, z), points, _chunk(prepared))


@program
def slopes(prepared: Prepared, points: Array, weights: Array) -> tuple[Array, Any]:
    """Losses at points, and the slope of their weighted sum in what a design moves of `prepared`.

    The slope is summed up chunk by chunk: nothing of a chunk is kept for a way back through the others.
    """
    size, moves = _chunk(prepared), _moves(prepared)
    count = -(-len(points) // size)
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
