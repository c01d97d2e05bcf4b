"""The four parts against arithmetic done another way: atoms and charges, quadrature, sums over sites, moments."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from scipy.integrate import quad
from yieldopt_pillars.parts import alignment_offset, equilibrium, intermetallic, pillar_height, solder_volume
from yieldopt_pillars.parts.coplanarity import FIELD_MODES, Flatness

from yieldopt.conditional import local


def test_copper_grows_2_20_um_a_minute_at_10_A_dm2():
    rate = 60 * pillar_height.plating_rate(pillar_height.COPPER, 10e6 / 1e10)  # 1 dm2 = 1e10 um2
    assert rate == pytest.approx(2.20, abs=0.01)


def test_tin_by_counting_atoms():
    atoms = 6.02214076e23 * 7.29e-12 / 118.71  # in 1 um3
    charge = 2 * atoms * 1.602176634e-13  # uC
    assert pillar_height.plating_time(pillar_height.TIN, 18.0, 4e-4, 0.9) == pytest.approx(18 * charge / 4e-4 / 0.9)


def test_plated_height_undoes_plating_time():
    time = pillar_height.plating_time(pillar_height.COPPER, 45.0, 1e-3, 0.97)
    assert pillar_height.plated_height(pillar_height.COPPER, time, 1e-3, 0.97) == pytest.approx(45.0)


def test_tin_eaten_by_counting_moles():
    compound = (6 * 63.546 + 5 * 118.71) / 8.28
    assert pytest.approx(5 * 118.71 / 7.29 / compound, abs=1e-3) == intermetallic.CU6SN5.tin


def test_each_face_eats_for_itself():
    expected = 0.692 * np.pi * (40**2 * 0.15 + 45**2 * 1.5)
    assert solder_volume.eaten_volume(0.692 * 0.15, 0.692 * 1.5, 80.0, 90.0) == pytest.approx(expected, rel=1e-9)


def test_eaten_fraction_is_the_plain_quotient_where_there_is_solder_and_finite_where_there_is_none():
    assert solder_volume.eaten_fraction(8e3, 9e4, 60.0) == pytest.approx(8 / 90, rel=1e-6)
    assert jnp.isfinite(solder_volume.eaten_fraction(8e3, -1e4, 60.0))


def test_paste_release_meets_the_area_ratio_rule():
    at = [float(solder_volume.transfer_efficiency(25.0, 100.0 * ratio)) for ratio in (0.4, 0.5, 0.66, 0.9, 1.5)]
    assert at == sorted(at)
    assert 0.4 < at[1] < 0.7
    assert 0.8 < at[2] < 1.0
    assert solder_volume.paste_volume(25.0, 150.0) == pytest.approx(0.5 * 0.95 * 25 * np.pi * 75**2, rel=1e-3)


@pytest.mark.parametrize(
    ("a", "b", "d"), [(45.0, 40.0, 20.0), (22.0, 20.0, 38.0), (13.0, 13.0, 4.0), (10.0, 30.0, 25.0)]
)
def test_lens_area_by_quadrature(a: float, b: float, d: float):
    def width(x: float) -> float:
        return 2 * min(np.sqrt(max(a**2 - x**2, 0.0)), np.sqrt(max(b**2 - (x - d) ** 2, 0.0)))

    crossing = (d**2 + a**2 - b**2) / (2 * d)
    area = quad(width, d - b, crossing, limit=200)[0] + quad(width, crossing, a, limit=200)[0]
    assert alignment_offset.lens_area(a, b, d) == pytest.approx(area, rel=1e-6)
    assert alignment_offset.overlap(a, b, d) == pytest.approx(area / (np.pi * min(a, b) ** 2), rel=1e-6)
    assert alignment_offset.likeness(a, b, d) == pytest.approx(2 * area / (np.pi * (a**2 + b**2)), rel=1e-6)


def test_the_likeness_of_equal_sections_is_right_to_second_order():
    """Counted on four million pairs of sections; by `overlap`, with its edge, half as many again would be told."""

    def margin(s: jax.Array, z: jax.Array) -> jax.Array:
        apart = alignment_offset.distance(s[0] + 0.5 * z[2], 0.5 * z[3])
        return alignment_offset.likeness(30.0 + 0.3 * z[0], 30.0 + 0.3 * z[1], apart) - 0.75

    state, count = jnp.array([10.5]), 4_000_000
    point = jax.jit(lambda s: local.design_point(margin, s, 4))(state)
    told = float(jnp.exp(jax.scipy.stats.norm.logcdf(-point.beta) + point.correction))
    keys = jax.random.split(jax.random.key(3), 20)
    fails = jax.jit(
        lambda key: (jax.vmap(margin, (None, 0))(state, jax.random.normal(key, (count // 20, 4))) < 0).sum()
    )
    counted = sum(int(fails(key)) for key in keys) / count
    # Second order by itself is right to half a per cent.
    assert abs(told - counted) < 4.0 * np.sqrt(counted / count) + 0.01 * counted


@pytest.mark.parametrize(("a", "b"), [(45.0, 40.0), (13.0, 13.0), (10.0, 30.0)])
def test_overlap_falls_everywhere_and_reads_one_inside_and_nothing_outside(a: float, b: float):
    d = np.linspace(1e-3, 1.5 * (a + b), 2000)
    value, slope = jax.vmap(jax.value_and_grad(lambda d: alignment_offset.overlap(a, b, d)))(jnp.asarray(d))
    assert np.all(slope < -1e-6)
    assert np.max(np.abs(np.diff(value) / np.diff(d) - 0.5 * (slope[1:] + slope[:-1]))) < 2e-3  # one smooth curve
    assert np.all(value[d < abs(a - b)] >= 0.97)
    assert np.all(value[d > a + b] < 0.03)
    assert np.max(value) < 1 + 2 * (abs(a - b) + 0.1 * min(a, b)) / (np.pi * min(a, b))


def test_distance_is_smooth_at_nothing():
    assert jax.grad(alignment_offset.distance)(0.0) == 0.0
    assert alignment_offset.distance(3.0, 4.0) == pytest.approx(5.0)


def test_the_liquid_undoes_a_rigid_error_but_not_the_patterns():
    zero = jnp.zeros(2)
    rigid = alignment_offset.Alignment(jnp.array([4.0, -3.0]), jnp.asarray(1e-3), zero, zero, jnp.asarray(0.0))
    site, aim = jnp.array([1000.0, 500.0]), jnp.array([1.0, 0.0])
    np.testing.assert_allclose(rigid.placed(site, aim), [4.5, -2.0])  # 1 + 4 - .5, -3 + 1
    np.testing.assert_allclose(rigid.aligned(site, aim, 0.0), 0.0)
    np.testing.assert_allclose(rigid.aligned(site, aim, 0.1), [0.45, -0.2])
    pattern = alignment_offset.Alignment(zero, jnp.asarray(0.0), jnp.array([2.0, 1.0]), zero, jnp.asarray(1e-4))
    np.testing.assert_allclose(pattern.aligned(site, zero, 0.0), [2.1, 1.05])


@pytest.fixture
def lopsided() -> tuple[np.ndarray, np.ndarray]:
    """A 12 x 9 map with a corner missing."""
    x, y = (part.ravel() for part in np.meshgrid(np.arange(12) * 50.0 - 275, np.arange(9) * 50.0 - 200))
    keep = ~((x > 100) & (y > 40))
    return x[keep], y[keep]


def test_shapes_are_normalised_on_the_map(lopsided):
    x, y = lopsided
    flat = Flatness.of(x, y)
    shapes = np.stack([flat.shapes(*place) for place in zip(x, y, strict=True)])
    np.testing.assert_allclose(shapes.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(shapes[:, 2:].std(axis=0), 1.0)
    assert flat.bow(-275.0, -200.0) - flat.bow(0.0, 0.0) == pytest.approx(1.0)
    assert flat.twist(275.0, 275.0) - flat.twist(275.0, -275.0) == pytest.approx(2.0)


def test_off_plane_is_the_residual_of_a_least_squares_plane(lopsided):
    x, y = lopsided
    flat = Flatness.of(x, y)
    shapes = np.stack([flat.shapes(*place) for place in zip(x, y, strict=True)])
    plane = np.stack([np.ones_like(x), x, y], axis=1)
    residual = shapes - plane @ np.linalg.lstsq(plane, shapes, rcond=None)[0]
    found = np.stack([flat.off_plane(*map(jnp.asarray, place)) for place in zip(x, y, strict=True)])
    np.testing.assert_allclose(found, residual, atol=1e-9)


def test_flatness_of_a_row_of_joints_is_finite():
    flat = Flatness.of(np.array([-50.0, 0.0, 50.0]), np.zeros(3))
    assert np.all(np.isfinite(flat.off_plane(jnp.asarray(50.0), jnp.asarray(0.0))))


def test_chip_heights_have_the_asked_spreads():
    def draw(key):
        chip = numpyro.handlers.seed(pillar_height.chip, key)(0.4, 0.5, 0.77, 0.8, FIELD_MODES)
        return chip.offset, chip.modes

    offset, modes = jax.jit(jax.vmap(draw))(jax.random.split(jax.random.key(3), 20_000))
    variance = 0.4**2 + 0.5**2 + 0.77**2
    assert np.var(offset) == pytest.approx(variance, rel=4 * np.sqrt(2 / 20_000))
    assert abs(np.mean(offset)) < 4 * np.sqrt(variance / 20_000)
    total = np.sum(np.var(modes, axis=0))  # unit rms modes: the sum of their variances is the field's mean square
    assert total == pytest.approx(0.8**2, rel=4 * np.sqrt(2 / 60_000))


def test_a_follower_keeps_its_variance_and_has_the_correlation():
    leader, own = np.random.default_rng(1).standard_normal((2, 100_000))
    follower = np.asarray(solder_volume.follow(0.6, leader, own))
    assert np.var(follower) == pytest.approx(1.0, rel=4 * np.sqrt(2 / 100_000))
    assert np.corrcoef(leader, follower)[0, 1] == pytest.approx(0.6, abs=4 * 0.64 / np.sqrt(100_000))


def test_a_pose_tilts_about_the_centre_and_bends():
    pose, flat = jnp.arange(1.0, 7.0), jnp.zeros(3)
    assert equilibrium.at_melting(pose, 0.0, 0.0, flat) == 1.0
    assert equilibrium.at_melting(pose, 1.0, -1.0, flat) == 0.0
    assert equilibrium.at_solidus(pose, 1.0, 1.0, flat) == 15.0
    bent, modes = jnp.arange(1.0, 13.0), jnp.array([1.0, 0.5, -1.0])
    assert equilibrium.at_melting(bent, 1.0, -1.0, modes) == 0.5
    assert equilibrium.at_solidus(bent, 0.0, 0.0, modes) == 10.5
    np.testing.assert_allclose(equilibrium.level(bent), [7.0, 8.0, 9.0])


@pytest.mark.parametrize("mode", range(3))
def test_the_stiffness_of_a_plate_is_its_curvatures_energy(mode: int):
    """By quadrature over the plate of curvatures from differences of the shape, with D and nu of the textbook."""
    modulus, thickness, half, corner = 160e3, 200.0, 4000.0, 5200.0
    rigidity = modulus * thickness**3 / (12 * (1 - 0.25**2))
    shape = (
        lambda x, y: (x**2 + y**2) / corner**2,
        lambda x, y: x * y / half**2,
        lambda x, y: (x**2 - y**2) / half**2,
    )[mode]
    nodes, weights = np.polynomial.legendre.leggauss(4)
    x, y = np.meshgrid(half * nodes, half * nodes)
    d = 100.0
    xx = (shape(x + d, y) - 2 * shape(x, y) + shape(x - d, y)) / d**2
    yy = (shape(x, y + d) - 2 * shape(x, y) + shape(x, y - d)) / d**2
    xy = (shape(x + d, y + d) - shape(x + d, y - d) - shape(x - d, y + d) + shape(x - d, y - d)) / (4 * d**2)
    dense = (xx + yy) ** 2 - 2 * (1 - 0.25) * (xx * yy - xy**2)
    twice_energy = rigidity * half**2 * weights @ dense @ weights
    assert equilibrium.plate(modulus, thickness, 4 * half**2, half, corner)[mode] == pytest.approx(
        twice_energy, rel=1e-9
    )


def test_a_plate_bent_by_edge_moments_takes_the_textbooks_curvature():
    """M = D (1 + nu) kappa on all four edges (Timoshenko and Woinowsky-Krieger, article 11): work against stiffness."""
    half, corner, moment = 4000.0, 5200.0, 3.0
    rigidity = 160e3 * 200.0**3 / (12 * (1 - 0.25**2))
    rise = 0.5 * moment / (rigidity * 1.25) * corner**2
    slope = 2 * half / corner**2  # of the shape at the edge, for a unit rise
    work = 4 * (2 * half) * moment * slope
    assert equilibrium.plate(160e3, 200.0, 4 * half**2, half, corner)[0] * rise == pytest.approx(work, rel=1e-12)


def test_a_chips_weight():
    """3 x 3 mm of silicon, 300 um: 2.7 mm3 of 2.33 mg/mm3."""
    assert equilibrium.weight(2.33, 3000.0**2, 300.0) == pytest.approx(2.7 * 2.33e-6 * 9.80665 * 1e6, rel=1e-12)
