"""The strictest numerics: float64, rank promotion an error; compiled and dispatched as the command line does."""

from collections.abc import Iterator

import jax
import pytest

from yieldopt import compiler
from yieldopt.programs import forget, held

compiler.quickly()
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_cpu_enable_async_dispatch", False)
jax.config.update("jax_platforms", "cpu")

MOST = 300
"""Compiled programs that a process of tests holds: with very many of them XLA has ended it as it compiled one more."""


@pytest.fixture(autouse=True)
def room() -> Iterator[None]:
    """Let go of what is compiled where it has become too much."""
    yield
    if held() > MOST:
        forget()
