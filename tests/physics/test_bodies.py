"""Chip against substrate by hand: Timoshenko's strips, symmetric stacks, and the geometry of two shallow arcs.

Error budget: closed forms 1e-9; a shallow arc for a circle is off by (corner / radius)^2 / 4 of itself.
"""

from math import sqrt

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from yieldopt_pillars.parts import bodies, warpage

SILICON, COPPER = (100.0, 160e3, 0.22, 2.6e-6), (3.0, 120e3, 0.34, 16.5e-6)
CORE, POLYMER = (300.0, 24e3, 0.15, 14e-6), (30.0, 3.5e3, 0.4, 60e-6)
MELTING, SOLIDUS, CORNER = 494.15, 411.15, 5000.0
CHIP = bodies.body([COPPER, SILICON], 423.15)  # face down
SUBSTRATE = bodies.body([POLYMER, CORE, POLYMER], 453.15)


def gap(chip=CHIP, substrate=SUBSTRATE, temperature=MELTING, corner=CORNER):
    return float(bodies.relative_warpage(chip, substrate, temperature, corner))


def test_a_bilayer_chip_over_a_symmetric_substrate_bows_as_timoshenkos():
    """71 K above flat, the copper below has grown more and the chip's corners rise; the substrate stays flat."""
    closed = warpage.bilayer_curvature((3.0, 100.0), (120e3 / 0.66, 160e3 / 0.78), (16.5e-6, 2.6e-6), MELTING - 423.15)
    assert gap() == pytest.approx(float(closed) * CORNER**2 / 2, rel=1e-9)
    assert gap() > 0
    assert gap(temperature=423.15) == pytest.approx(0.0, abs=1e-9)
    assert gap(temperature=SOLIDUS) / gap() == pytest.approx((411.15 - 423.15) / 71.0, rel=1e-9)


def test_equal_strips_by_hand():
    """Timoshenko 1925: kappa = 3/2 da dT / t = 1.5 x 12e-6 x 100 / 100 = 1.8e-5 /um, the lower growing more.

    Its corner 1 mm out rises by 1.8e-5 x 1e6 / 2 = 9 um; a substrate that is the same body leaves no gap.
    """
    below, above = (50.0, 1e5, 0.3, 20e-6), (50.0, 1e5, 0.3, 8e-6)
    strips = bodies.body([below, above], 300.0)
    assert gap(strips, temperature=400.0, corner=1000.0) == pytest.approx(9.0, rel=1e-9)
    assert gap(strips, strips, temperature=400.0) == pytest.approx(0.0, abs=1e-9)
    assert gap(strips, bodies.turned(strips), 400.0, 1000.0) == pytest.approx(18.0, rel=1e-9)


def test_the_corner_is_that_of_a_circle():
    """Rise over the centre of a sphere of the chip's radius, by Pythagoras."""
    radius = 1.0 / float(bodies.curvature(CHIP, MELTING))
    assert gap() == pytest.approx(radius - sqrt(radius**2 - CORNER**2), rel=0.5 * (CORNER / radius) ** 2)


def test_a_face_expands_by_its_mid_plane_and_its_bow():
    """One layer has its own. Two equal strips: mid-plane 14 ppm/K, kappa 1.8e-7 /um/K over half of 100 um, 9 ppm/K.

    The lower face, of the strip that grows more, gets 14 + 9 = 23, the upper 5 ppm/K.
    """
    assert bodies.face_expansion(bodies.body([SILICON], 300.0), top=True) == pytest.approx(2.6e-6, rel=1e-9)
    strips = bodies.body([(50.0, 1e5, 0.3, 20e-6), (50.0, 1e5, 0.3, 8e-6)], 300.0)
    assert bodies.face_expansion(strips, top=False) == pytest.approx(23e-6, rel=1e-9)
    assert bodies.face_expansion(strips, top=True) == pytest.approx(5e-6, rel=1e-9)


def test_run_out_of_a_hot_head_over_a_cooler_stage_and_of_silicon_on_laminate():
    """Both silicon, 300 over 150 degC, 5 mm out: 2.6e-6 x 150 x 5000 = 1.95 um. On 16 ppm/K, 200 K up: -13.4 um."""
    silicon, board = bodies.body([SILICON], 300.0), bodies.body([(400.0, 24e3, 0.2, 16e-6)], 300.0)
    hot = bodies.relative_expansion(silicon, silicon, (573.15, 423.15))
    assert 5000.0 * hot == pytest.approx(1.95, rel=1e-9)
    assert 5000.0 * bodies.relative_expansion(silicon, board, (493.15, 493.15)) == pytest.approx(-13.4, rel=1e-9)
    assert bodies.relative_expansion(silicon, board, (293.15, 293.15)) == pytest.approx(0.0, abs=1e-15)


def test_thinner_chips_bow_more_and_knobs_have_gradients():
    def at(thickness, temperature):
        return bodies.relative_warpage(
            bodies.body([COPPER, (thickness, *SILICON[1:])], 423.15), SUBSTRATE, temperature, CORNER
        )

    bows = [float(at(jnp.asarray(t), MELTING)) for t in (50.0, 100.0, 300.0, 775.0)]
    assert bows == sorted(bows, reverse=True)
    assert bows[0] > 100 * bows[-1]
    slopes = jax.grad(at, (0, 1))(100.0, MELTING)
    assert np.isfinite(slopes).all()
    assert slopes[0] == pytest.approx((float(at(100.01, MELTING)) - float(at(99.99, MELTING))) / 0.02, rel=1e-5)
