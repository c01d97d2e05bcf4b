"""A function mapped over many points in chunks of fixed size: flat memory, and one body to compile."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def chunked(function: Callable[..., Any], points: Any, size: int) -> Any:
    """Map `function` over the leading axis of `points`, `size` at a time; the last chunk is filled up by repetition.

    `jax.lax.map` compiles its body a second time for a remainder, which costs as long again.
    """
    count = jax.tree.leaves(points)[0].shape[0]
    chunks = -(-count // size)
    index = jnp.minimum(jnp.arange(chunks * size), count - 1).reshape(chunks, size)
    out = jax.lax.map(lambda i: jax.vmap(function)(jax.tree.map(lambda leaf: leaf[i], points)), index)
    return jax.tree.map(lambda leaf: leaf.reshape(chunks * size, *leaf.shape[2:])[:count], out)
