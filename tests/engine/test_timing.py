"""Compiling is told apart from running by when it happened: what happens at once counts once."""

import time

import pytest

from yieldopt import timing
from yieldopt.timing import Stopwatch

EVENT = "/jax/core/compile/backend_compile_duration"


def test_what_compiles_at_once_counts_once() -> None:
    """The listener is told, as JAX tells it, of two programs that took the same .2 s, one within the other."""
    with Stopwatch() as watch:
        time.sleep(0.3)
        timing._listen(EVENT, 0.1)
        timing._listen(EVENT, 0.2)
        timing._listen("/jax/other", 9.0)
    assert watch.seconds["compile"] == pytest.approx(0.2, abs=0.01)
    assert sum(watch.seconds.values()) >= 0.3
    assert watch.programs == 2


def test_what_compiled_before_is_no_part_of_it() -> None:
    time.sleep(0.02)
    with Stopwatch() as watch:
        timing._listen(EVENT, 10.0)
    assert watch.seconds["compile"] <= sum(watch.seconds.values()) < 1.0
    assert watch.seconds["run"] >= 0.0
