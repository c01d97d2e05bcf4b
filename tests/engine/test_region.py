"""The part of a search that claims leave, against regions with closed forms; optimum and window stay inside it."""

import equinox as eqx
import numpy as np
import pytest
from jax import Array

from yieldopt.box import Box
from yieldopt.card import Bound
from yieldopt.errors import UserError
from yieldopt.knob import knob
from yieldopt.kriging import Seen
from yieldopt.modelled import modelled
from yieldopt.optimize import optimize
from yieldopt.region import INSIDE, Augmented, Region
from yieldopt.window import SLACK, Search


class Plate(eqx.Module):
    """Two sides of a plate."""

    x: Array = knob(1, 0, 2, "um", "recipe", "one side")
    y: Array = knob(1, 0, 2, "um", "recipe", "the other side")


BOX = Box.of({"x": (0.0, 2.0), "y": (0.0, 2.0)})


def drawn(design):
    return {"area": design.x * design.y, "x": design.x, "y": design.y, "even": design.x - design.y}


def region(*bounds: Bound, box: Box = BOX) -> Region:
    return Region.of(bounds, drawn, Plate(), box)


DISC = Bound("D", "disc", high=1.0)


def round_region() -> Region:
    return Region.of([DISC], lambda d: {"disc": d.x**2 + d.y**2}, Plate(), BOX)


def test_margins_are_those_of_the_bounds_and_vanish_on_them():
    found = region(Bound("A", "area", low=0.5, strict=True), Bound("B", "x", low=0.2, high=1.5))
    assert found.claims == ("A", "B", "B")
    margins, slopes = found(np.array([0.5, 1.2]))
    assert margins * found.scale == pytest.approx([0.1, 0.3, 1.0])
    assert slopes * found.scale[:, None] == pytest.approx(np.array([[1.2, 0.5], [1.0, 0.0], [-1.0, 0.0]]))
    assert abs(found(np.array([0.5, 1.0]))[0][0]) < 1e-8
    assert found(np.array([0.5, 1.0]))[0][0] < 0.0, "a strict bound is not met at the bound itself"


def test_an_order_is_a_difference_and_what_no_knob_moves_is_no_row():
    found = region(Bound("O", "x", low=0.0, strict=True, than="y"), Bound("N", "elsewhere", low=1.0))
    assert found.claims == ("O",)
    assert found(np.array([1.5, 0.5]))[0] * found.scale == pytest.approx([1.0])
    assert not region(Bound("N", "elsewhere", low=1.0))


def test_knobs_that_would_part_what_a_claim_ties_are_refused():
    with pytest.raises(UserError, match="claim E ties") as error:
        region(Bound("E", "even", low=0.0, high=0.0))
    assert {m.path for m in error.value.mistakes} == {"optimize.knobs"}
    assert len(error.value.mistakes) == 2


def test_least_margins_in_a_box_are_found_inside_it_too():
    """x y over [.5, 1.5]^2 is least at a corner; 1 - (x - 1)^2 - y^2 is largest, and so its negative least, inside."""
    found = region(Bound("A", "area", low=0.1))
    low, high = np.array([0.5, 0.5]), np.array([1.5, 1.5])
    assert found.least(low, high) * found.scale == pytest.approx([0.15], abs=1e-9)
    dip = Region.of([Bound("D", "dip", low=0.0)], lambda d: {"dip": (d.x - 1.13) ** 2 + d.y}, Plate(), BOX)
    assert dip.least(np.array([0.5, 0.2]), high) * dip.scale == pytest.approx([0.2], abs=1e-6)


def test_the_nearest_point_is_the_projection():
    found = round_region()
    inside = np.array([0.3, 0.4])
    assert found.nearest(inside) is inside
    assert found.nearest(np.array([1.2, 1.6])) == pytest.approx([0.6, 0.8], abs=1e-4)
    with pytest.raises(UserError, match="none found for"):
        region(Bound("A", "area", low=5.0)).nearest(np.ones(2))


@pytest.mark.parametrize("goal", [(1.2, 1.6), (0.3, 0.4), (1.9, 0.1)])
def test_the_optimum_lies_in_the_region_at_the_closed_form(goal):
    """The nearest point of a quarter disc to a goal, by Lagrange: the goal over its length where that is over one."""
    goal = np.array(goal)
    found = optimize(
        lambda p: (float(4.0 * np.sum((p - goal) ** 2)), 8.0 * (p - goal)), BOX, np.array([0.4, 0.4]), 60,
        tolerance=1e-7, region=round_region(),
    )  # fmt: skip
    assert found.point == pytest.approx(goal / max(np.linalg.norm(goal), 1.0), abs=2e-2)
    assert np.sum(found.point**2) <= 1.0


def test_what_is_added_to_a_loss_has_its_slope():
    added = Augmented(round_region())
    added.multipliers[:] = 3.0
    point, step = np.array([0.9, 0.8]), 1e-6 * np.eye(2)
    slope = [(added(point + h)[0] - added(point - h)[0]) / 2e-6 for h in step]
    assert added(point)[1] == pytest.approx(slope, rel=1e-6)
    assert added(np.array([0.1, 0.1]))[1] == pytest.approx([0.0, 0.0])


def test_a_window_stays_in_its_region_and_is_as_wide_as_that_lets_it():
    """A slope so gentle that only the disc ends the window: a square at the origin, its far corner on the disc."""
    search = Search(
        lambda p, _s: (np.zeros(1), np.zeros((1, 2))), np.zeros(2), np.full(2, 2.0), np.full(2, 0.05), "capability"
    )

    def flat(point, _slot):
        return Seen(point, -3.0 + 0.01 * float(point.sum()), np.full(2, 0.01), 0.01)

    start = np.full(2, 0.3)
    window, _ = modelled(search, flat, [flat(start, 0), flat(0.5 * start, 0)], start, np.full(2, 0.02), round_region())
    assert float(np.sum(window.high**2)) <= 1.0
    # It is taken once it grows by less than three per cent from turn to turn.
    assert window.high == pytest.approx([np.sqrt(0.5)] * 2, rel=0.06)
    assert window.low == pytest.approx([0.0, 0.0], abs=2e-3)
    assert INSIDE < SLACK
