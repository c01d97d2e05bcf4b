"""How much is worked on at once: on a CPU what fills its vector units, on other devices what their memory has room for.

Where a device is out of memory all the same, half as much is tried, and from then on; what a run ended with is told.
Counts do not depend on it, sums only in their rounding.
"""

from collections.abc import Callable, Hashable
from typing import TypeVar

import jax
import numpy as np
from jax.errors import JaxRuntimeError

R = TypeVar("R")

SHARE = 0.5
"""Of a device's memory, what a program may take: the rest is for what is held, and for what XLA does not tell."""
OUT = "RESOURCE_EXHAUSTED"
"""XLA's word for a lack of memory."""
_found = dict[tuple[Hashable, ...], int]()
_halved = dict[str, list[int]]()


def fitted(
    work: str,
    like: Hashable,
    run: Callable[[int], R],
    usual: int,
    most: int = 0,
    memory: Callable[[int], int] | None = None,
) -> R:
    """What `run` gives when it works on as much at once as fits: `usual` on a CPU; where a device tells how much memory
    it has, as much as that has room for by what a program's `memory` comes to, up to `most`. All are powers of two.

    What is `like` another is given as much as that was. Raise `MemoryError` where even one at once does not fit.
    """
    key = work, like, usual, most
    first = size = _found.get(key) or (_roomy(usual, most, memory) if memory else usual)
    while True:
        try:
            found = jax.block_until_ready(run(size))
        except JaxRuntimeError as error:
            if OUT not in str(error):
                raise
            if size == 1:
                raise MemoryError(f"the device has no room for one of {work} at once: take a larger one") from error
            size //= 2
            _halved[work] = [first, size]
            continue
        _found[key] = size
        return found


def told() -> dict[str, list[int]]:
    """What had to be halved in this process, the last time: how much at once was tried first, and what fitted."""
    return {work: list(sizes) for work, sizes in _halved.items()}


def room() -> int | None:
    """Bytes that the first device has for programs, where it tells: a CPU does not."""
    stats = jax.local_devices()[0].memory_stats()
    return stats.get("bytes_limit") if stats else None


def _roomy(usual: int, most: int, memory: Callable[[int], int]) -> int:
    """As much at once as memory has room for, taken as in proportion to what is usual."""
    limit = room()
    if limit is None:
        return usual
    fit = usual * SHARE * limit / max(memory(usual), 1)
    return int(2 ** np.floor(np.log2(np.clip(fit, 1, max(most, usual)))))
