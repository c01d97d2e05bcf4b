"""Rectangles that are shifted and turned, against their corners by rotation matrices; tools and loops by hand."""

import jax.numpy as jnp
import numpy as np
import pytest
from yieldopt_pillars.parts import clearance
from yieldopt_pillars.parts.clearance import NORMALS, Placed

HALF = np.array([2500.0, 2490.0, 1500.0, 1515.0])
"""A body whose sides are cut unevenly: +x, -x, +y, -y."""
PLACES = [((0.0, 0.0), 0.0), ((12.0, -7.0), 0.02), ((-30.0, 4.0), -0.05), ((5.0, 5.0), 0.6)]


def turned(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def outline(shift, angle) -> np.ndarray:
    right, left, back, front = HALF
    own = np.array([[right, back], [-left, back], [-left, -front], [right, -front]])
    return own @ turned(angle).T + np.asarray(shift)


def placed(shift, angle) -> Placed:
    return Placed(jnp.asarray(shift), jnp.asarray(angle))


@pytest.mark.parametrize(("shift", "angle"), PLACES)
def test_a_body_reaches_as_far_as_its_farthest_corner(shift, angle):
    corners = outline(shift, angle)
    told = clearance.extent(jnp.asarray(HALF), placed(shift, angle))
    np.testing.assert_allclose(told, (corners @ NORMALS.T).max(0), rtol=1e-12)
    opening = np.array([2600.0, 2580.0, 1620.0, 1600.0])
    gaps = clearance.in_opening(jnp.asarray(opening), jnp.asarray(HALF), placed(shift, angle))
    np.testing.assert_allclose(gaps, opening - (corners @ NORMALS.T).max(0), atol=1e-9)


@pytest.mark.parametrize(("shift", "angle"), PLACES)
@pytest.mark.parametrize("along", [0.0, 900.0, -1200.0])
def test_a_side_lies_where_a_line_across_meets_it(shift, angle, along):
    """The two corners that bound each side, joined by a straight line, met at `along`."""
    corners = outline(shift, angle)
    ends = {0: (3, 0), 1: (1, 2), 2: (0, 1), 3: (2, 3)}
    for side, (first, second) in ends.items():
        out = NORMALS[side]
        aside = np.array([-out[1], out[0]])
        a, b = corners[first], corners[second]
        share = (along - a @ aside) / ((b - a) @ aside)
        told = clearance.edge(HALF[side], placed(shift, angle), jnp.asarray(out), along)
        assert float(told) == pytest.approx((a + share * (b - a)) @ out, abs=1e-9)


def test_bodies_carried_one_on_another_are_turned_by_both():
    first, second = ((3.0, -4.0), 0.3), ((10.0, 20.0), -0.1)
    both = placed(*first).on(placed(*second))
    point = np.array([100.0, -50.0])
    once = turned(first[1]) @ point + first[0]
    there = turned(second[1]) @ once + second[0]
    np.testing.assert_allclose(turned(float(both.angle)) @ point + np.asarray(both.shift), there, rtol=1e-12)


def test_corners_are_those_of_the_body():
    told = {tuple(map(float, corner)) for corner in clearance.corners(jnp.asarray(HALF))}
    assert told == {(2500.0, 1500.0), (2500.0, -1515.0), (-2490.0, 1500.0), (-2490.0, -1515.0)}


def test_a_cone_of_fifteen_degrees_widens_by_its_tangent():
    """110 um of tip, 200 um above the pad: 55 + 200 x .26795."""
    assert float(clearance.tool_radius(110.0, np.radians(15.0), 200.0)) == pytest.approx(108.59, abs=0.005)


def test_a_loop_comes_down_along_a_line():
    """From 130 um above the pad to 325 below it over 1 mm: similar triangles."""
    at = [float(clearance.loop_height(130.0, 325.0, 1000.0, place)) for place in (0.0, 1000.0, 110.0)]
    assert at == pytest.approx([130.0, -325.0, 130.0 - 0.11 * 455.0])
