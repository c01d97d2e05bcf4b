"""The conditional integrand as compiled programs: many shared draws at once (`slope` has its derivatives).

Every number (design, spreads, limits, sites, points) is an argument, so that changing one never recompiles.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt import batches, devices
from yieldopt.conditional.chunked import chunked
from yieldopt.conditional.log_pass import LogPass, log_pass
from yieldopt.conditional.points import places
from yieldopt.conditional.prepare import Frame, Prepared, prepare
from yieldopt.conditional.ranges import LEVELS
from yieldopt.conditional.structure import Family, degrees_of
from yieldopt.errors import UserError
from yieldopt.problem import Problem
from yieldopt.programs import program

STILL = 1e-9
"""Slope of a margin in the normals of an element, base units, below which it is rounding."""
CHUNK_NODES = 32768
"""Nodes worked on at once: enough to fill the vector units, little enough for flat memory."""


class Route(NamedTuple):
    """The fast route through a problem, fixed on the host."""

    frame: Frame

    def prepare(self, problem: Problem[Any], design: Any) -> Prepared:
        """Prepare a design; raise `UserError` for a limit on elements that no noise of an element's own moves.

        So it does where numbers have 32 bits: series fitted in them are NaN.
        """
        if not jax.config.read("jax_enable_x64"):
            do = 'Call jax.config.update("jax_enable_x64", True) first, or use `--method monte_carlo`.'
            raise UserError.of("64-bit floats for the fast route", "32-bit ones", do)
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


def chunk_of(prepared: Prepared) -> int:
    """How many draws a CPU works on at once: a power of two, 64 at most."""
    both = zip(prepared.structure.families, prepared.tables, strict=True)
    nodes = sum(table.weight.shape[0] * (2 * LEVELS if family.ranged else 1) for family, table in both)
    return int(2 ** np.clip(np.round(np.log2(CHUNK_NODES / max(nodes, 1))), 0, 6))


def evaluate(prepared: Prepared, points: Float[Array, "draws normals"]) -> LogPass:
    """`log_pass` at many shared draws, a chunk at a time; on several devices a part of the draws on each."""
    run, memory = partial(_evaluate, prepared, points), partial(_evaluate.memory, prepared, points)
    own = -(-len(points) // devices.count())
    return batches.fitted("shared draws", jax.tree.structure(prepared), run, chunk_of(prepared), own, memory)


@program
def _evaluate(prepared: Prepared, points: Array, size: int) -> LogPass:
    draws, many = points.shape[0], devices.count()
    filled = jnp.concatenate([points, jnp.repeat(points[-1:], -draws % many, 0)]) if draws % many else points
    found = devices.over_devices(
        lambda prepared, own: chunked(lambda z: log_pass(prepared, z), own, size), prepared, filled
    )
    return jax.tree.map(lambda leaf: leaf[:draws], found) if draws % many else found
