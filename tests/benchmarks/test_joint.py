"""What a joint and a unit cost: the fast law of one joint, and where a chip on 10,000 joints comes to rest."""

import os
from typing import Any

import pytest

JOINT, REST, GRADIENT = 0.1, 0.020, 3.0
"""Allowed: us of a joint, seconds of a unit, times as much with gradients."""
QUICK = ", quick flags"
FLAGS = {"": "", QUICK: os.environ.get("XLA_FLAGS", "")}
"""XLA's own flags, then those that compile a short run sooner and leave it slower."""


@pytest.mark.slow
def test_a_joint_costs_a_tenth_of_a_microsecond(benchmark: Any, note: Any, measured: Any) -> None:
    found = [benchmark.pedantic(measured, args=("joint", ""), rounds=1), measured("joint", FLAGS[QUICK])]
    benchmark.extra_info.update(found[0])
    for under, figures in zip(FLAGS, found, strict=True):
        for kind in ("float32", "float64"):
            allowed = JOINT if kind == "float32" and not under else None
            note(f"a joint's energy, force, bulge, {kind}{under}", figures[kind], "us", allowed)
    note("a joint's energy, force, bulge, NumPy", found[0]["NumPy"], "us", None)
    note("a joint by the exact bridge", found[0]["exact bridge"], "us", None)


@pytest.mark.slow
def test_ten_thousand_joints_come_to_rest_in_twenty_milliseconds(benchmark: Any, note: Any, measured: Any) -> None:
    found = [benchmark.pedantic(measured, args=("unit", ""), rounds=1), measured("unit", FLAGS[QUICK])]
    benchmark.extra_info.update(found[0])
    for under, figures in zip(FLAGS, found, strict=True):
        note(f"10,000 joints: rest{under}", figures["rest"], "s", REST)
        note(f"10,000 joints: with all gradients{under}", figures["gradient"], "s", GRADIENT * REST)
        note(f"10,000 joints: gradients over rest{under}", figures["gradient"] / figures["rest"], "", None)
    note("10,000 joints: rest by SciPy", found[0]["SciPy"], "s", None)
