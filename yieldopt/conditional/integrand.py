"""The conditional integrand as compiled programs: many shared draws at once, with or without derivatives.

Every number (design, spreads, limits, sites, points) is an argument, so that changing one never recompiles.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.conditional.chunked import chunked
from yieldopt.conditional.log_pass import LogPass, log_pass
from yieldopt.conditional.prepare import Frame, Prepared, prepare
from yieldopt.problem import Problem

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
        """Prepare a design."""
        return _prepare(problem, design, self.frame.structure, self.frame.nodes)

    def sample(self, problem: Problem[Any], design: Any, points: Array, weights: Array) -> Sampled:
        """Losses at `points`, and the design-gradient of their weighted sum."""
        return _sample(problem, design, self.frame.structure, self.frame.nodes, points, weights)


def _chunk(prepared: Prepared) -> int:
    nodes = sum(table.weight.shape[0] for table in prepared.tables)
    return int(2 ** np.clip(np.round(np.log2(CHUNK_NODES / max(nodes, 1))), 0, 6))


@eqx.filter_jit
def _prepare(problem: Any, design: Any, structure: Any, nodes: Any) -> Prepared:
    return prepare(problem, design, structure, nodes)


@eqx.filter_jit
def evaluate(prepared: Prepared, points: Float[Array, "draws normals"]) -> LogPass:
    """`log_pass` at many shared draws, a chunk at a time."""
    return chunked(lambda z: log_pass(prepared, z), points, _chunk(prepared))


@eqx.filter_jit
def _sample(problem: Any, design: Any, structure: Any, nodes: Any, points: Array, weights: Array) -> Sampled:
    def total(design: Any) -> tuple[Array, Array]:
        prepared = prepare(problem, design, structure, nodes)
        value = jax.checkpoint(lambda z: -jnp.expm1(jnp.minimum(log_pass(prepared, z).total, 0.0)))
        loss = chunked(value, points, _chunk(prepared))
        return weights @ loss, loss

    by_design, loss = jax.grad(total, has_aux=True)(design)
    return Sampled(loss, by_design)
