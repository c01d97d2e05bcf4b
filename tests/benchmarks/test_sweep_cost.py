"""What a task of a sweep costs over its bare computation: in this process and in one of Dask's."""

from typing import Any

import pytest

INLINE, DASK = 5e-3, 50e-3
"""Allowed: seconds a task over the bare computation."""


@pytest.mark.slow
def test_a_task_costs_little_over_its_computation(benchmark: Any, note: Any, measured: Any) -> None:
    found = benchmark.pedantic(measured, args=("", "", "measure_sweep.py"), rounds=1)
    benchmark.extra_info.update(found)
    note("a sweep's task, bare", 1e3 * found["bare"], "ms", None)
    note("a sweep's task, over the bare one, inline", 1e3 * found["inline"], "ms", 1e3 * INLINE)
    note("a sweep's task, over the bare one, Dask", 1e3 * found["dask"], "ms", 1e3 * DASK)
