"""Windows with closed forms: an ellipse, a polytope, the dose-focus window, all by volume; a disc by capability."""

from typing import Any

import numpy as np
import pytest

from yieldopt.resize import sought
from yieldopt.window import Search, Window, audit

A = np.array(
    [
        (1, 2, -1, 0.5),
        (-1, 1, 2, 0),
        (0, -1, 1, 2),
        (2, -1, 0, 1),
        (-1, -1, -1, -1),
        (-0.5, 0, -2, 1),
        (1, -2, 0.5, -1.5),
        (-2, 0.5, 1, -0.5),
    ]
)
B = np.array([4, 3, 4, 3, 2, 3, 3.5, 3])


def ellipse(p: np.ndarray, _slot: Any) -> tuple[np.ndarray, np.ndarray]:
    return np.array([p[0] ** 2 / 4 + p[1] ** 2 - 1]), np.array([[p[0] / 2, 2 * p[1]]])


def dose_focus(p: np.ndarray, _slot: Any) -> tuple[np.ndarray, np.ndarray]:
    """CD = 100 - 120 ln E + 18 F^2 E within 90 and 110, and 12 F^2 + 25 |E - 1| <= 9."""
    e, f = p
    size, slope = 100 - 120 * np.log(e) + 18 * f**2 * e, np.array([-120 / e + 18 * f**2, 36 * f * e])
    values = np.array([size - 110, 90 - size, 12 * f**2 + 25 * abs(e - 1) - 9])
    return values, np.array([slope, -slope, [25 * np.sign(e - 1), 24 * f]])


def test_the_largest_rectangle_in_an_ellipse() -> None:
    search = Search(ellipse, np.full(2, -3.0), np.full(2, 3.0), np.ones(2), "volume")
    window = search(np.array([0.3, 0.2]), np.array([0.1, 0.1]))
    half = 0.5 * (window.high - window.low)
    np.testing.assert_allclose(half, [2 / np.sqrt(2), 1 / np.sqrt(2)], rtol=2e-3)


def test_the_largest_box_in_a_polytope() -> None:
    search = Search(lambda p, _s: (A @ p - B, A), np.full(4, -5.0), np.full(4, 5.0), np.ones(4), "volume")
    window = search(np.zeros(4), np.full(4, 0.1))
    assert window.volume == pytest.approx(4.112978, rel=2e-3)


def test_the_dose_focus_window_needs_its_audit() -> None:
    """Its worst point is in the middle of a side: the corners alone give a box that fails there."""
    low, high = np.array([0.8, -1.2]), np.array([1.2, 1.2])
    start, half = np.array([1.0, 0.0]), np.array([0.01, 0.05])
    blind = Search(dose_focus, low, high, np.ones(2), "volume")(start, half)
    assert blind.volume > 0.1410668 * 1.02
    assert audit(dose_focus, blind, 64, 1)[1] > 0.1
    window = Search(dose_focus, low, high, np.ones(2), "volume").audited(start, half, 64, 1)
    assert window.volume == pytest.approx(0.1410668, rel=2e-3)
    assert audit(dose_focus, window, 256, 9)[1] < 1e-6


def test_capability_is_the_largest_common_share_of_drift() -> None:
    """Half-widths 3 sigma_k t in the ellipse x^2/4 + y^2 = 1 with drifts (2, 1): 18 t^2 = 1, within the slack."""
    search = Search(ellipse, np.full(2, -3.0), np.full(2, 3.0), np.array([2.0, 1.0]))
    window = search(np.array([0.3, 0.2]), np.array([0.1, 0.1]))
    exact = 1 / (3 * np.sqrt(2))
    assert exact * 0.998 < window.capability <= exact * np.sqrt(1.02)  # the slack allows a value of .02


def test_the_range_bounds_a_side_and_is_named() -> None:
    search = Search(ellipse, np.array([-3.0, -0.1]), np.array([3.0, 0.1]), np.ones(2))
    window = search(np.array([0.0, 0.0]), np.array([0.05, 0.05]))
    assert {(1, "low"), (1, "high")} <= set(window.bounded)
    assert window.high[1] == pytest.approx(0.1)
    assert window.high[0] > 1.5


def test_a_window_at_the_edge_of_the_range_is_not_half_a_window() -> None:
    """A pass region that goes on beyond the range: the box stays whole inside, and its capability is its half-width."""
    search = Search(
        lambda p, _s: (np.array([p @ p - 1.0]), 2 * p[None]), np.array([0.0, -3.0]), np.full(2, 3.0), np.ones(2)
    )
    window = search(np.array([0.3, 0.2]), np.full(2, 0.05))
    half = 1 / np.sqrt(5)  # (2h)^2 + h^2 = 1: the near side lies on the range's edge
    assert window.capability == pytest.approx(half / 3, rel=0.02)
    assert window.high - window.low == pytest.approx(np.full(2, 2 * half), rel=0.02)
    assert (0, "low") in window.bounded


def test_an_inert_knob_costs_no_corners() -> None:
    seen = set()

    def disc(p: np.ndarray, slot: Any) -> tuple[np.ndarray, np.ndarray]:
        seen.add(slot)
        return np.array([p[0] ** 2 + p[1] ** 2 - 1.0]), np.array([[2 * p[0], 2 * p[1], 0.0]])

    search = Search(disc, np.full(3, -2.0), np.full(3, 2.0), np.ones(3), inert={2: 1.0})
    window = search(np.zeros(3), np.full(3, 0.1))
    assert len(seen) == 4
    assert window.capability == pytest.approx(1 / (3 * np.sqrt(2)), rel=0.02)
    assert window.high[2] == pytest.approx(-window.low[2])


def test_a_knob_that_was_taken_as_inert_is_felt_once_a_point_across_it_fails() -> None:
    def lifted(p: np.ndarray, _slot: Any) -> tuple[np.ndarray, np.ndarray]:
        lift = max(-p[1] - 0.5, 0.0)
        return np.array([p[0] ** 2 + 10.0 * lift**2 - 1.0]), np.array([[2.0 * p[0], -20.0 * lift]])

    search = Search(lifted, np.full(2, -2.0), np.full(2, 2.0), np.ones(2), inert={1: 1.0})
    blind = search(np.zeros(2), np.full(2, 0.1))
    assert audit(lifted, blind, 16, 1)[1] > 1.0
    search.add(blind, np.array([blind.high[0], blind.low[1]]))
    assert not search.inert
    np.testing.assert_array_equal(search.places[search.found], [1.0, -1.0])
    # A corner that was found is across from itself, and a place is looked at once.
    assert len(search.places) == len(np.unique(search.places, axis=0)) == 4
    window = search(np.zeros(2), np.full(2, 0.1))
    assert audit(lifted, window, 64, 2)[1] <= 0.02 + 1e-9
    assert window.capability > 0.2


def test_a_point_that_was_found_and_the_one_across_join_the_corners_once() -> None:
    search = Search(ellipse, np.full(2, -3.0), np.full(2, 3.0), np.ones(2))
    window = search(np.zeros(2), np.full(2, 0.1))
    wide = window.high - window.low
    for _ in range(2):
        search.add(window, window.low + np.array([0.75, 1.0]) * wide)
        np.testing.assert_allclose(search.places[4:], [[-0.5, 1.0], [0.5, 1.0]], atol=1e-9)
        assert search.found == 5
    search.add(window, window.low)
    assert (len(search.places), search.found) == (6, 0)


def test_a_place_in_the_middle_of_a_knob_stays_one_place_once_the_knob_is_felt() -> None:
    search = Search(ellipse, np.full(2, -3.0), np.full(2, 3.0), np.ones(2), inert={1: 1.0})
    window = Window(-np.ones(2), np.ones(2), np.zeros(0), 1.0, np.ones(2), 0.0, (), np.zeros(3))
    search.add(window, np.array([0.5, 0.0]))
    assert len(search.places) == 4
    search.add(window, np.array([0.5, -0.5]))
    assert not search.inert
    assert len(search.places) == len(np.unique(search.places, axis=0)) == 8
    np.testing.assert_array_equal(search.places[search.found], [0.5, -0.5])


def test_a_face_is_a_face_whatever_is_lost_in_rounding() -> None:
    search = Search(ellipse, np.full(2, -3.0), np.full(2, 3.0), np.ones(2))
    window = search(np.zeros(2), np.full(2, 0.1))
    wide = window.high - window.low
    search.add(window, window.low + np.array([0.75, 1.0 - 1e-8]) * wide)
    np.testing.assert_array_equal(search.places[4:, 1], [1.0, 1.0])


def test_a_look_that_is_no_number_is_never_a_climb_s_best() -> None:
    def broken(p: np.ndarray, _slot: Any) -> tuple[np.ndarray, np.ndarray]:
        return np.array([np.nan if p.max() > 0.9 else p.sum()]), np.ones((1, 2))

    window = Window(-np.ones(2), np.ones(2), np.zeros(0), 1.0, np.zeros(2), 0.0, (), np.zeros(3))
    where, most = audit(broken, window, 16, 1, climbs=4, value=lambda p: float(p.sum()))
    assert most == pytest.approx(where.sum())
    assert most > 1.5


def test_a_climb_ends_after_so_many_looks_with_the_best_of_them() -> None:
    draw, looks = np.random.default_rng(2), list[float]()

    def noisy(p: np.ndarray, slot: Any) -> tuple[np.ndarray, np.ndarray]:
        value = p @ p + 0.3 * draw.normal()
        if slot == ("audit", 0) and len(scattered) == 16:
            looks.append(value)
        return np.array([value]), 2 * p[None]

    scattered = list[float]()

    def value(p: np.ndarray) -> float:
        scattered.append(p @ p)
        return scattered[-1]

    window = Window(-np.ones(2), np.ones(2), np.zeros(0), 1.0, np.zeros(2), 0.0, (), np.zeros(3))
    _, most = audit(noisy, window, 16, 1, climbs=4, value=value)
    assert 1 <= len(looks) <= 8
    assert most == max(looks)


def test_a_size_is_sought_between_one_too_small_and_one_too_large():
    # Two sizes below the goal lie nearer to it than the one above: the line through them would lead past that one.
    assert sought({1.0: -0.87, 1.2: -0.58, 1.4: 1.06}, -0.08) == pytest.approx(1.2 + 0.2 * 0.5 / 1.64)
    assert sought({1.0: -0.5, 1.1: -0.3}, 0.0) == pytest.approx(1.25)
    # Where units are lost altogether, the loss says no more how far off a size is: the smallest such is the nearest.
    assert sought({1.0: 4.6, 0.6: -24.8, 0.94: 4.6}, -0.1) == pytest.approx(0.94 - 0.34 * 4.7 / 29.4)
    assert sought({1.0: -0.5}, 0.0) == pytest.approx(1.125)
