"""A NumPyro program re-read as a function of independent standard normals: the handler that all estimators share."""

import math
from collections.abc import Callable
from threading import RLock
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from numpyro.primitives import Messenger

from yieldopt.laws import push
from yieldopt.typing import Normals

T = TypeVar("T")
_alone = RLock()
"""NumPyro's stack of handlers is one for all threads: two that read programs at once would read each other's."""


class _Read(Messenger):
    """Give each unobserved sample site the next normals, in the order in which the program meets them."""

    def __init__(self, normals: Normals | None):
        self.normals, self.used = normals, 0
        super().__init__()

    def process_message(self, msg: dict[str, Any]) -> None:
        if msg["type"] != "sample" or msg["is_observed"] or msg["value"] is not None:
            return
        shape = msg["fn"].shape(msg["kwargs"].get("sample_shape", ()))
        count = math.prod(shape)
        first, self.used = self.used, self.used + count
        if self.normals is None or self.used > self.normals.shape[0]:  # only counted
            taken = jnp.zeros(count)
        else:
            taken = self.normals[first : self.used]
        msg["value"] = push(msg["fn"], taken.reshape(shape))


def standardise(program: Callable[[], T], normals: Normals) -> T:
    """Run `program` with its randomness read from `normals`; raise UserError for a law that has no quantile."""
    reader = _Read(normals)
    with _alone, reader:
        drawn = program()
    if reader.used != normals.shape[0]:
        raise ValueError(f"Expected {reader.used} normals, as the program draws; got {normals.shape[0]}.")
    return drawn


def dimension(program: Callable[[], Any]) -> int:
    """Count the independent normals that `program` consumes."""
    used: list[int] = []

    def run() -> None:
        reader = _Read(None)
        with _alone, reader:
            program()
        used.append(reader.used)

    jax.eval_shape(run)
    return used[0]
