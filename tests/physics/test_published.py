"""Published results that the parts reproduce: standoff, thin joints, intermetallics, plating, underfill.

Each oracle is a formula or number from the literature worked out by hand or from atomic masses. Tolerances: 1e-9 for
exact geometry, half a unit of the last digit where a number is quoted, else as argued beside the test.
"""

from math import cos, pi, radians

import pytest
from scipy.integrate import quad
from yieldopt_pillars.parts import intermetallic, joint, pillar_height, underfill


def test_goldmanns_truncated_sphere():
    """L. S. Goldmann, IBM J. Res. Dev. 13, 251 (1969): joined solder is a sphere cut off at the two pads.

    By hand, 3-4-5: a sphere of 50 um cut 30 um below and 40 um above its centre leaves pads of radius 40 and 30 um,
    70 um apart. It holds the ball less two caps: pi (4/3 50^3 - 20^2 (150 - 20)/3 - 10^2 (150 - 10)/3) = 434/3 pi 10^3.
    """
    volume = 434e3 * pi / 3
    assert joint.natural_height(40.0, 30.0, volume) == pytest.approx(70.0, rel=1e-9)
    assert joint.solve(40.0, 30.0, volume, 70.0).bulge_radius == pytest.approx(50.0, rel=1e-9)


@pytest.mark.parametrize("h", [0.2, 0.1, 0.05])
def test_thin_joints_are_6_r2_over_h2_stiffer_in_height_than_sideways(h):
    """Expanded by hand for alike pads of radius 1, with T = 2c/(1 + c^2), c = (h/2)/sqrt(1 + h^2/4):

    kz = 6 pi/h^3 (1 + 21/40 h^2), kx = pi/h (1 - h^2/24), kz/kx = 6/h^2 (1 + 17/30 h^2), each up to order h^4: the
    leading terms are the flat drop's, and the column's pi gamma r/h.
    """
    vertical, lateral = (float(part) for part in joint.natural_stiffness(1.0, 1.0, pi * h * (6 + h**2) / 6))
    assert vertical * h**3 / (6 * pi) == pytest.approx(1 + 21 / 40 * h**2, abs=h**4)
    assert lateral * h / pi == pytest.approx(1 - h**2 / 24, abs=h**4)
    assert vertical / lateral * h**2 / 6 == pytest.approx(1 + 17 / 30 * h**2, abs=h**4)


MASS = {"Cu": 63.546, "Ni": 58.6934, "Sn": 118.710}  # g/mol, IUPAC
DENSITY = {"Cu": 8.96, "Ni": 8.90, "Sn": 7.29}  # g/cm3


@pytest.mark.parametrize(
    ("metal", "atoms", "tin_atoms", "density", "metal_eaten", "tin_eaten", "shrinks", "in_code"),
    [
        ("Cu", 6, 5, 8.28, 0.361, 0.692, 5.0, intermetallic.CU6SN5),
        ("Cu", 3, 1, 8.90, 0.612, 0.468, 7.5, None),
        ("Ni", 3, 4, 8.64, 0.262, 0.865, 11.0, intermetallic.NI3SN4),
    ],
    ids=["Cu6Sn5", "Cu3Sn", "Ni3Sn4"],
)
def test_intermetallics_by_counting_moles(metal, atoms, tin_atoms, density, metal_eaten, tin_eaten, shrinks, in_code):
    """What 1 um of compound takes of metal and tin, and the per cent of volume lost.

    The code takes the two that meet the solder; Cu3Sn, which grows below Cu6Sn5, takes two thirds of its tin.
    """
    compound = (atoms * MASS[metal] + tin_atoms * MASS["Sn"]) / density
    metal_layer = atoms * MASS[metal] / DENSITY[metal] / compound
    tin_layer = tin_atoms * MASS["Sn"] / DENSITY["Sn"] / compound
    assert metal_layer == pytest.approx(metal_eaten, abs=1e-3)
    assert tin_layer == pytest.approx(tin_eaten, abs=1e-3)
    assert 100 * (1 - 1 / (metal_layer + tin_layer)) == pytest.approx(shrinks, abs=0.5 if shrinks > 10 else 0.05)
    if in_code:
        assert (in_code.tin, in_code.metal) == pytest.approx((tin_layer, metal_layer), abs=1e-3)


def test_plating_by_the_measured_equivalent_of_copper():
    """Glazebrook and Shaw, Practical Physics: .00328 g a second by ten amperes, measured; within .5 % of Faraday's law.

    Ten amperes on a square decimetre: .000328 g/(s cm2 A) x .1 A/cm2 over 8.96 g/cm3 is 2.20 um a minute.
    """
    minute = 60 * 1e4 * 0.000328 * 0.1 / 8.96
    assert minute == pytest.approx(2.20, abs=0.005)
    assert 60 * pillar_height.plating_rate(pillar_height.COPPER, 1e-3) == pytest.approx(minute, rel=5e-3)
    assert pillar_height.plating_time(pillar_height.COPPER, 45.0, 1e-3) / 60 == pytest.approx(45 / minute, rel=5e-3)


QUOTED = [(15.0, 35.0), (30.0, 18.0), (60.0, 9.0)]  # gap um, seconds for 10 mm


@pytest.mark.parametrize(("gap", "seconds"), QUOTED)
def test_underfill_runs_as_fast_as_quoted(gap, seconds):
    """Washburn's law between plates (Schwiebert and Leong 1996): .05 Pa s, .03 N/m, 20 degrees, 10 mm."""
    found = underfill.underfill_time(0.05e-6, 0.03, radians(20), gap, 1e4)
    assert found == pytest.approx(seconds, abs=0.5)


def test_underfill_is_poiseuilles_flow_drawn_by_its_meniscus():
    """In SI units, time is the integral of dx over the mean speed h^2/(12 mu) (2 gamma cos(theta)/h)/x."""
    viscosity, tension, angle, gap, length = 0.2, 0.035, radians(35), 25e-6, 6e-3
    time, _ = quad(lambda x: 12 * viscosity / gap**2 * x / (2 * tension * cos(angle) / gap), 0, length)
    found = underfill.underfill_time(viscosity * 1e-6, tension, angle, gap * 1e6, length * 1e6)
    assert found == pytest.approx(time, rel=1e-9)
