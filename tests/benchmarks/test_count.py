"""Counting: samples a second beside NumPy and OpenTURNS, in flat memory; joint yields of many pillars."""

from importlib.util import find_spec
from typing import Any

import pytest

RATE, SECONDS, GROWN = 45e6, 1.0, 1.1
"""Allowed: samples a second at least, in float32; seconds of a joint yield; growth of memory."""


@pytest.mark.slow
def test_plain_samples_are_counted_by_the_million(benchmark: Any, note: Any, measured: Any) -> None:
    found = benchmark.pedantic(measured, args=("float32", "", "measure_count.py"), rounds=1)
    doubles, other = (measured(name, "", "measure_count.py") for name in ("float64", "numpy"))
    benchmark.extra_info.update(found)
    note("four branches, float32: ns a sample", 1e9 / found["rate"], "ns", 1e9 / RATE)
    note("four branches, float64: ns a sample", 1e9 / doubles["rate"], "ns", 1e9 / other["rate"])
    note("four branches, NumPy: ns a sample", 1e9 / other["rate"], "ns", None)
    if find_spec("openturns"):  # pip install -e '.[compare]'
        peer = measured("openturns", "", "measure_count.py")
        note("four branches, OpenTURNS: ns a sample", 1e9 / peer["rate"], "ns", None)
    memory = measured("memory", "", "measure_count.py")
    note("four branches: peak memory of 1e6 samples", memory["few"], "GiB", None)
    note("four branches: peak memory of 1e10 samples", memory["many"], "GiB", GROWN * memory["few"])


@pytest.mark.slow
def test_joint_yields_of_many_pillars(benchmark: Any, note: Any, measured: Any) -> None:
    found = benchmark.pedantic(measured, args=("pillars", "", "measure_count.py"), rounds=1)
    benchmark.extra_info.update(found)
    note("10,000 pillars: joint yield to 1e-4", found["10000"], "s", SECONDS)
    note("1,000,000 pillars: joint yield to 1e-4", found["1000000"], "s", max(SECONDS, found["10000"]))
