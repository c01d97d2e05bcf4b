"""Self-alignment and bridging in closed form, against the balance of every joint's own pull and against true reaches.

The laws compared with are those of experiments/007_sideways, which says what the differences do to a yield.
"""

import importlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from yieldopt_pillars.parts import joint
from yieldopt_pillars.parts.alignment_offset import Alignment

balance = importlib.import_module("007_sideways.balance")

PAD, PILLAR, VOLUME = 45.0, 40.0, 83_000.0
"""The joint of 276 at 160 um: 14 um high where nothing pulls, past the overhang below 12 um."""
OFF = 5.0
rest = jax.jit(balance.rest)


@jax.jit
@jax.vmap
def solved(height: Array) -> tuple[Any, Array, Array, Array]:
    """A joint's springs; of itself whether the law answers at 5 um, its force there, and the upright stiffness."""
    ends = jnp.asarray(PAD), jnp.asarray(PILLAR), jnp.asarray(VOLUME)
    leaning = joint.lateral(*ends, height, OFF)
    upright = joint.solve(*ends, height)
    return balance.springs(*ends, height), leaning.answers, leaning.force_lateral, upright.stiffness_lateral


def unit(seed: int) -> tuple[Array, Any, Array]:
    """Places (um), springs and larger radii of 36 joints between 11 and 19 um high."""
    x, y = np.meshgrid(160.0 * (np.arange(6) - 2.5), 160.0 * (np.arange(6) - 2.5))
    heights = np.random.default_rng(seed).uniform(11.0, 19.0, 36)
    return jnp.asarray(np.stack([x.ravel(), y.ravel()], 1)), solved(heights)[0], jnp.full(36, PAD)


@pytest.mark.slow
def test_pure_placement_error_returns_to_zero() -> None:
    sites, spring, larger = unit(0)
    declined = np.isnan(spring.third)
    assert 10 < declined.sum() < 30
    assert 0 < int((spring.stiffness == 0.0).sum()) < declined.sum()
    nothing = jnp.zeros(2)
    error = Alignment(jnp.array([6.0, -4.0]), jnp.array(2e-3), nothing, nothing, jnp.zeros(()))
    placed = jax.vmap(lambda site: error.placed(site, nothing))(sites)
    found = rest(spring, larger, sites, placed)
    assert bool(found.held)
    assert np.abs(placed).max() > 6.5
    assert np.abs(placed + found.moved).max() < 1e-9
    closed = jax.vmap(lambda site: error.aligned(site, nothing, 0.0))(sites)
    assert np.abs(closed).max() == 0.0


@pytest.mark.slow
def test_what_is_no_placement_error_moves_the_chip_by_what_the_closed_form_leaves_out() -> None:
    sites, spring, larger = unit(1)
    own = 0.3 * jax.random.normal(jax.random.key(1), (36, 2))
    found = rest(spring, larger, sites, own)
    assert float(found.step) < 1e-9
    each = jax.vmap(balance.pull)(spring, larger, own + found.moved)
    assert np.abs(each).max() > 0.5  # um, tension 1: single joints do pull
    assert np.abs(each.sum(0)).max() < 1e-9
    moved = np.linalg.norm(found.moved, axis=1).max()
    assert 1e-3 < moved < 3 * 0.3 * 3 / 6  # three sigmas of a mean of 36, three times as much where few pull


def test_where_the_law_declines_the_pull_is_the_upright_joints_or_none() -> None:
    heights = np.array([11.0, 13.0, *34 * [15.0]])  # past the overhang; too flat for the law; within it
    spring, answers, force, stiffness = solved(heights)
    offset = OFF * jnp.array([0.6, -0.8])
    assert answers[:3].tolist() == [False, False, True]
    pulls = np.asarray(jax.vmap(lambda s: balance.pull(s, jnp.asarray(PAD), offset))(spring))
    assert np.isfinite(pulls).all()
    np.testing.assert_array_equal(pulls[0], 0.0)
    np.testing.assert_allclose(pulls[1], float(stiffness[1]) * np.asarray(offset), rtol=1e-12)
    np.testing.assert_allclose(pulls[2], float(force[2]) * np.array([0.6, -0.8]), rtol=1e-9)


def test_a_chip_that_no_joint_pulls_stays_where_it_was_set() -> None:
    sites, _, larger = unit(0)
    found = rest(solved(np.full(36, 11.0))[0], larger, sites, jnp.ones((36, 2)))
    assert not bool(found.held)
    np.testing.assert_array_equal(found.moved, 0.0)


@pytest.fixture(scope="module")
def gaps() -> Callable[[float], np.ndarray]:
    """How much narrower (< 0) the true gap is than the closed form's, um, by what both neighbours stand off their pads.

    200 pairs of 31 um pads and 27 um pillars under caps of 23.4 um, .88 to 1.12 natural heights high, places of their
    own of .15 um (1 sigma).
    """
    pad, pillar, volume = 15.5, 13.5, 12_000.0
    draw = np.random.default_rng(3)
    height = float(joint.natural_height(pad, pillar, volume)) * draw.uniform(0.88, 1.12, (2, 200))
    own = 0.15 * draw.normal(size=(2, 200))
    reach = jax.jit(jax.vmap(lambda h, c: balance.reach(*map(jnp.asarray, (pad, pillar, volume)), h, c)))
    bulge = jax.vmap(lambda h: joint.bulge_radius(pad, pillar, volume, h))

    def change(common: float) -> np.ndarray:
        true = -reach(height[0], common + own[0]) - reach(height[1], -common - own[1])
        return np.asarray(true - ((own[1] - own[0]) / 2 - bulge(height[0]) - bulge(height[1])))

    return change


def test_after_self_alignment_the_closed_gap_is_within_half_a_micrometre(gaps: Callable[[float], np.ndarray]) -> None:
    """With 1 um left, two sigmas of pitch_45um: measured -.46 (it was too wide, unsafe) to +.14, on average -.06."""
    change = gaps(1.0)
    assert np.isfinite(change).all()
    assert np.abs(change).max() < 0.5
    assert -0.1 < change.mean() < 0.0


def test_the_closed_gap_of_a_chip_that_stays_off_its_place_is_too_wide(gaps: Callable[[float], np.ndarray]) -> None:
    """With 4 um: measured -1.81 to -.25 um, on average -.92."""
    change = gaps(4.0)
    assert change.max() < 0.0
    assert change.min() > -2.0
    assert -1.1 < change.mean() < -0.7
