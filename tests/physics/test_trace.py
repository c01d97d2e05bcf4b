"""Lines over the passivation: what sputters into a hole, what a current plates, what is left, by hand and by rays."""

import jax
import numpy as np
import pytest
from yieldopt_pillars.parts import pillar_height, trace

AVOGADRO, CHARGE = 6.02214076e23, 1.602176634e-13
"""Of atoms a mole, and of an electron in uC."""


@pytest.mark.parametrize("deep", [0.1, 0.5, 1.0, 2.0, 4.0])
def test_the_foot_of_a_wall_sees_what_rays_see(deep):
    """Rays by the cosine law out of the wall's element: those that leave through the rim are the share that it gets."""
    rng, count = np.random.default_rng(7), 400_000
    out, turn = np.sqrt(rng.random(count)), 2 * np.pi * rng.random(count)
    across, up, inward = out * np.cos(turn), out * np.sin(turn), np.sqrt(1 - out**2)
    reach = deep / np.where(up > 0, up, 1e-9)
    through = (up > 0) & ((1 - reach * inward) ** 2 + (reach * across) ** 2 < 1)
    share = float(trace.wall_coverage(deep * 17.5, 17.5))
    assert abs(through.mean() - share) <= 4 * through.std() / np.sqrt(count)


def test_a_wall_gets_half_at_its_rim_and_a_cube_less_far_down():
    assert float(trace.wall_coverage(1e-9, 1.0)) == pytest.approx(0.5)
    assert float(trace.wall_coverage(100.0, 1.0)) * 100.0**3 == pytest.approx(1.0, rel=1e-3)


def test_open_area_is_that_of_a_gaussian_cloud():
    """The share of a cloud of places about a site that lies in the rectangle."""
    cloud = np.random.default_rng(3).normal(0.0, 300.0, (2, 400_000)) + np.array([[2200.0], [-900.0]])
    inside = (np.abs(cloud[0]) < 2400.0) & (np.abs(cloud[1]) < 1000.0)
    share = float(trace.loading(2200.0, -900.0, 2400.0, 1000.0, 300.0))
    assert abs(inside.mean() - share) <= 4 * inside.std() / np.sqrt(inside.size)
    assert float(trace.loading(0.0, 0.0, 2400.0, 1000.0, 50.0)) == pytest.approx(1.0)
    assert float(trace.loading(2400.0, 0.0, 2400.0, 1000.0, 50.0)) == pytest.approx(0.5)
    assert float(trace.loading(2400.0, 1000.0, 2400.0, 1000.0, 50.0)) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("metal", "grams", "density", "electrons"), [("Ni", 58.693, 8.90, 2), ("Au", 196.967, 19.30, 1)]
)
def test_plated_metals_by_counting_atoms(metal, grams, density, electrons):
    atoms = AVOGADRO * density * 1e-12 / grams  # in 1 um3
    time = 5.0 * atoms * electrons * CHARGE / 2e-4
    assert float(pillar_height.plating_time(trace.LINES[metal].metal, 5.0, 2e-4)) == pytest.approx(time, rel=1e-6)


def test_a_line_of_squares():
    """A hundred squares of 2 um copper: 8.6 mohm each."""
    assert float(trace.resistance(trace.LINES["Cu"].resistivity, 1000.0, 10.0, 2.0)) == pytest.approx(0.86)


def test_a_spun_film_over_a_line():
    """Of 8 um in the field over 5 um of line: 8 where it follows the line, 3 where it is level."""
    assert [float(trace.above(8.0, 5.0, share)) for share in (0.0, 1.0)] == [8.0, 3.0]
    assert float(trace.undercut(0.39, 1.5)) == pytest.approx(0.585)


def test_slopes_are_those_of_differences():
    def everything(x):
        return trace.wall_coverage(x, 12.0) + trace.loading(x, 3.0, 40.0, 30.0, 9.0)

    step = 1e-4
    slope = (everything(20.0 + step) - everything(20.0 - step)) / (2 * step)
    assert float(jax.grad(everything)(20.0)) == pytest.approx(float(slope), rel=1e-6)
