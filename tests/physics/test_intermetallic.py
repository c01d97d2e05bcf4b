"""Growth of intermetallics against hand arithmetic, a rate equation integrated, and published layers.

Tolerances: 1e-9 where both sides are closed forms in float64; 1e-8 against a quadrature.
"""

from math import exp, sqrt

import jax
import numpy as np
import pytest
from scipy.integrate import quad
from yieldopt_pillars.parts import intermetallic
from yieldopt_pillars.parts.intermetallic import LIQUID, SOLID

HOUR, DAY = 3600.0, 86400.0
BOLTZMANN = 8.617333e-5  # eV/K


def reflow(nickel=0.0, time=60.0, peak=518.15):
    return float(intermetallic.after_reflow(nickel, time, peak))


def service(before, nickel=0.0, time=1000 * HOUR, temperature=423.15):
    return float(intermetallic.after_service(before, nickel, time, temperature))


def test_a_reflow_grows_one_and_a_half_um_on_copper_and_takes_a_tenth_of_the_tin_on_nickel():
    """By hand: .383 um/s^(1/3) x 60^(1/3) = 1.4994 um of Cu6Sn5, .692 of it tin; eight times the time, twice that."""
    assert reflow() / 0.692 == pytest.approx(0.383 * 60 ** (1 / 3), rel=1e-9)
    assert reflow() / 0.692 == pytest.approx(1.50, abs=0.005)
    assert reflow(nickel=3.0) == pytest.approx(0.1 * reflow(), rel=1e-9)
    assert reflow(time=480.0) == pytest.approx(2 * reflow(), rel=1e-9)


def test_thirty_degrees_more_grow_a_third_more_in_the_liquid():
    """By hand: 20000 / 8.3145 (1/518.15 - 1/548.15) = .25407, exp = 1.2893; less below the reference."""
    assert reflow(peak=548.15) / reflow() == pytest.approx(1.2893, abs=1e-4)
    assert reflow(peak=500.15) < reflow()


def test_ageing_is_nine_um_in_sixty_days_at_150_degrees_and_slower_when_cooler():
    """65.4 kJ/mol of the square: at 100 degC exp(-65400/8.3145 (1/373.15 - 1/423.15)) = exp(-2.4907) = .08285."""
    assert service(0.0, time=60 * DAY) / 0.692 == pytest.approx(9.0, rel=1e-9)
    cooler = service(0.0, time=60 * DAY, temperature=373.15) / 0.692
    assert (cooler / 9.0) ** 2 == pytest.approx(0.08285, abs=2e-5)


@pytest.mark.parametrize(("celsius", "factor"), [(100, 2.1), (125, 1.45), (150, 1.05), (170, 1.35)])
def test_ageing_is_that_of_another_alloy_within_its_factor(celsius, factor):
    """SnPb on copper, D = 1.61e-4 m2/s exp(-1.09 eV/kT) (Chan, So and Lai 1998), after 500 hours.

    Two laboratories and two solders: the layers agree to 4 % at 150 degC, the activation energies (105 against 65
    kJ/mol) do not, so that they part by a factor of two at 100 degC; the factors are those, rounded up.
    """
    time, kelvin = 500 * HOUR, celsius + 273.15
    theirs = 1e6 * sqrt(1.61e-4 * exp(-1.09 / (BOLTZMANN * kelvin)) * time)
    ours = service(0.0, time=time, temperature=kelvin) / 0.692
    assert 1 / factor < ours / theirs < factor


def test_no_ageing_adds_nothing_and_much_forgets_the_reflow():
    assert service(reflow(), time=0.0) == pytest.approx(reflow(), rel=1e-12)
    assert service(reflow(), nickel=3.0, time=0.0) == pytest.approx(reflow(), rel=1e-12)
    bare = service(0.0, time=3000 * HOUR)
    assert service(1.0, time=3000 * HOUR) == pytest.approx(sqrt(bare**2 + 1.0), rel=1e-9)


def test_nickel_is_consumed_by_its_compound():
    """1 um of Ni3Sn4 takes .865 um of tin and .262 um of nickel: 3 um of nickel take 9.905 um of tin."""
    assert intermetallic.nickel_left(3.0, 0.865) == pytest.approx(3.0 - 0.262, rel=1e-9)
    assert intermetallic.tin_of(3.0) == pytest.approx(9.905, abs=5e-4)
    assert intermetallic.nickel_left(3.0, intermetallic.tin_of(3.0)) == pytest.approx(0.0, abs=1e-12)
    assert intermetallic.nickel_left(3.0, reflow(nickel=3.0)) == pytest.approx(3.0 - 0.1038 * 0.262 / 0.865, abs=1e-4)


@pytest.mark.parametrize("law", [LIQUID, SOLID])
@pytest.mark.parametrize(("before", "nickel"), [(0.2, 0.0), (0.2, 0.3), (0.2, 5.0), (2.0, 0.3)])
def test_growth_through_the_end_of_the_nickel_is_the_rate_equation(law, before, nickel):
    """ds/dt = k^n b^n / (n s^(n-1)) until the nickel has taken its tin, with b = 1 from there: the times that it says.

    The .3 um end after a part of the time, or have ended before; 5 um outlast it.
    """
    n, k = law.exponent, 0.692 * law.layer
    time = 2.0 * (1.5 / (k * law.barrier)) ** n
    found, gone = float(intermetallic.tin_taken(law, before, nickel, time, law.reference)), nickel * 0.865 / 0.262

    def slowness(tin, barrier):
        return n * tin ** (n - 1) / (k * barrier) ** n

    middle = min(max(gone, before), found)
    needed = quad(slowness, before, middle, law.barrier)[0] + quad(slowness, middle, found, 1.0)[0]
    assert needed == pytest.approx(time, rel=1e-8)
    assert (found > gone) is (nickel < 5.0)


@pytest.mark.parametrize("nickel", [0.0, 0.1, 3.0])
def test_gradients_are_finite_and_those_of_differences(nickel):
    def after(nickel, time, temperature):
        return intermetallic.after_service(intermetallic.after_reflow(nickel, 60.0, 518.15), nickel, time, temperature)

    for time in (0.0, 100 * HOUR):
        slopes = jax.grad(after, (0, 1, 2))(nickel, time, 423.15)
        assert np.isfinite(slopes).all()
        above = float(after(nickel, time + 60.0, 423.15))
        assert slopes[1] == pytest.approx((above - float(after(nickel, time, 423.15))) / 60.0, rel=2e-2)


def test_thinner_nickel_never_takes_less():
    thin = [service(reflow(nickel=h), nickel=h, time=3000 * HOUR) for h in (0.0, 0.1, 0.3, 1.0, 3.0)]
    assert thin == sorted(thin, reverse=True)
    assert thin[0] > 1.5 * thin[-1]
