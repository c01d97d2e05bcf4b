"""Reliability indices of a family's rows at some nodes, read off their series."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.conditional import chebyshev, margins
from yieldopt.conditional.balance import scaled
from yieldopt.conditional.prepare import Tables
from yieldopt.conditional.structure import Family


def plain(family: Family, tables: Tables, states: Array) -> tuple[Float[Array, "rows nodes"], Array | None]:
    """Reliability index of each row at each node as the crowd has it, and of a pair's row its share (`pairs`)."""
    columns = np.array([0, -1]) if family.paired else np.array([0])
    alike: dict[tuple[int, ...], list[tuple[list[int], Array, Array]]] = {}
    for (axes, members), tensor in zip(family.groups().items(), tables.groups, strict=True):
        part = tensor[..., columns]
        where = jnp.clip(scaled(states, tables, axes), -1.0, 1.0)
        alike.setdefault(part.shape, []).append((members, where, part))
    index: list[Any] = [None] * len(family.rows)
    alone: list[Any] = [None] * len(family.rows)
    for found in alike.values():
        rows, wheres, tensors = zip(*found, strict=True)
        for members, values in zip(
            rows, jax.vmap(chebyshev.evaluate)(jnp.stack(wheres), jnp.stack(tensors)), strict=True
        ):
            for member, row in zip(members, values, strict=True):
                index[member] = tables.eased[member] * margins.release(row[0])
                alone[member] = jnp.clip(row[-1], 0.0, 1.0)
    if not index:
        return jnp.zeros((0, states.shape[1])), None
    return jnp.stack(index), jnp.stack(alone) if family.paired else None
