"""Assemblies that cannot hold together: counted as lost, named, and never a number that is none."""

from pathlib import Path

import numpy as np
import pytest

from yieldopt import catalogue
from yieldopt.study import config, run

BLACKPARROT = Path(__file__).parents[2] / "configs" / "capped_pillar" / "blackparrot.yaml"
STARVED = "design.cap_height={value: 2 um, range: [1 um, 28 um]}"
"""So little solder that every joint is far past its overhang, and some crowds of such joints find no place of rest."""
BENT = "design.warpage={value: 40 um, range: [-6 um, 50 um]}"
"""A chip so bent that the joints under its corners or its middle never touch."""
LEGS = "bump_map={grid: {rows: 2, columns: 2, pitch: 160 um}}", "design.cap_height={value: 6 um, range: [1 um, 28 um]}"
"""Four joints: too few for a mean field."""
METHODS = "monte_carlo", pytest.param("sobol", marks=pytest.mark.slow)


def estimated(method: str, *changed: str) -> dict:
    study = config.read(BLACKPARROT, (*changed, f"estimate.method={method}"))
    return run.estimate(study, catalogue.load(study.card.name))


def sound(found: dict) -> None:
    """Every number is one, the interval is an interval, shares are shares."""
    low, high = found["interval"]
    assert 0.0 <= low <= found["yield"] <= high <= 1.0
    assert low < high
    fails = np.array([limit[key] for limit in found["limits"].values() for key in ("fails", "alone")])
    assert np.isfinite([found["stderr"], found["doubt"]]).all()
    assert ((fails >= 0.0) & (fails <= 1.0)).all()


@pytest.mark.slow
def test_units_without_an_equilibrium_are_lost_and_named():
    found = estimated("monte_carlo", STARVED)
    sound(found)
    assert found["interval"][0] == 0.0
    assert "found no equilibrium and count as failed" in found["status"]


@pytest.mark.slow
def test_the_mean_of_such_a_crowd_rests_and_the_fast_route_loses_every_unit_to_a_limit():
    # An average joint is smooth where the drawn ones are abrupt, so a mean field always rests; what it may not do is
    # to find a good unit where the exact ones have none.
    found = estimated("sobol", STARVED)
    sound(found)
    assert found["interval"][0] == 0.0
    assert found["interval"][1] < 0.03
    assert found["limits"]["climb"]["fails"] > 0.97


@pytest.mark.parametrize("method", METHODS)
def test_joints_that_never_wet_are_lost_to_wetting(method):
    found = estimated(method, BENT)
    sound(found)
    assert found["interval"][0] < 0.01
    assert found["limits"]["wetting"]["fails"] > 0.98


@pytest.mark.slow
def test_four_joints_are_counted_and_the_fast_route_says_that_it_cannot_tell():
    fast, counted = estimated("sobol", *LEGS), estimated("auto", *LEGS)
    sound(fast)
    sound(counted)
    assert "uncertain" in fast["status"]
    assert "few" in fast["status"]
    assert counted["method"] == "monte_carlo"
