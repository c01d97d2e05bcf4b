"""The closed forms of where solder lets go, against the exact joint on joints between those fitted.

Bounds are the largest errors that the fit prints, rounded up; heights here are found by root finding on the exact law.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq
from yieldopt_pillars.parts import bridge, depinned, joint, wetting_limits

DEGREE = np.pi / 180
exact = jax.jit(bridge.solve)
free = jax.jit(jax.vmap(depinned.solve, (None, None, None, 0)))

JOINTS = [(0.72, 0.42), (0.81, 0.93), (0.86, 0.19), (0.89, 0.35), (0.91, 0.68), (0.957, 0.29), (0.99, 1.37)]


def volume(k, h):
    return np.pi * h * (3 + 3 * k**2 + h**2) / 6


def first(spare, heights):
    """The first height on the way at which something is spent, none if never."""
    before = heights[0]
    for height in heights[1:]:
        if spare(height) < 0:
            return brentq(spare, before, height, xtol=1e-10)
        before = height
    return None


@pytest.mark.parametrize(("k", "natural"), JOINTS)
def test_heights_at_which_a_pulled_joint_lets_go(k, natural):
    """The first of the receding angle and the largest tension, within 1 %; the tension is the largest there."""
    v, ways = volume(k, natural), natural * np.linspace(1, 2, 41)
    neck = first(lambda h: float(exact(1.0, k, v, h).stiffness_vertical), ways)
    assert neck is not None
    assert float(wetting_limits.necking_height(1.0, k, v)) == pytest.approx(neck, rel=4e-3)
    assert all(exact(1.0, k, v, neck).force > exact(1.0, k, v, neck * s).force for s in (0.98, 1.02))
    for angle in (17.0, 25.0, 34.0):

        def left(h: float, angle: float = angle) -> float:
            one = exact(1.0, k, v, h)
            return float(jnp.minimum(one.angle_bottom, one.angle_top)) - angle * DEGREE

        recedes = first(left, ways[ways < 1.02 * neck])
        found = wetting_limits.receding_height(k, 1.0, v, angle * DEGREE)
        assert float(found) == pytest.approx(min(recedes or neck, neck), rel=1e-2), angle


@pytest.mark.parametrize(("k", "natural"), JOINTS)
@pytest.mark.parametrize(
    ("wall", "mask"),
    [
        (90.0, 123.0),
        *(pytest.param(*ends, marks=pytest.mark.slow) for ends in ((60.0, 175.0), (90.0, 170.0), (115.0, 150.0))),
    ],
)
def test_height_at_which_a_squeezed_joint_spills(k, natural, wall, mask):
    """Within 1 %, either way round; which end it is, where the other one is 2 % away."""
    v = volume(k, natural)
    for pad, pillar in ((1.0, k), (k, 1.0)):

        def spare(h: float, pad: float = pad, pillar: float = pillar) -> tuple[float, float]:
            one = exact(pad, pillar, v, h)
            return float(np.pi / 2 + wall * DEGREE - one.angle_top), float(mask * DEGREE - one.angle_bottom)

        ways = natural * np.linspace(1.3, 0.6, 71)
        heights = [first(lambda h, i=i: spare(h)[i], ways) or 0.0 for i in (0, 1)]
        assert max(heights) > 0
        found = wetting_limits.spill_height(pad, pillar, v, wall * DEGREE, mask * DEGREE)
        assert float(found) == pytest.approx(max(heights), rel=1e-2)
        first_end = np.argmax(wetting_limits.spill_heights(pad, pillar, v, wall * DEGREE, mask * DEGREE))
        assert first_end == np.argmax(heights) or abs(heights[0] - heights[1]) < 0.02 * max(heights)


def test_a_wall_of_90_degrees_spills_at_the_overhang():
    for k, natural in JOINTS[:6]:
        v = volume(k, natural)
        pillar, _ = wetting_limits.spill_heights(1.0, k, v, 90 * DEGREE, 180 * DEGREE)
        assert float(pillar) == pytest.approx(float(joint.overhang_height(1.0, k, v)), rel=1e-2)


@pytest.mark.parametrize(("k", "natural"), JOINTS)
def test_force_and_share_past_the_overhang(k, natural):
    """Force within 2.5 % of itself, share within .005; the rule is that force below, the pinned one at the overhang."""
    v = volume(k, natural)
    low = float(joint.overhang_height(1.0, k, v))
    heights = np.linspace(low, 0.1 * natural, 24)
    out = free(1.0, k, v, heights)
    assert bool(out.exists.all())
    force, share, rule = (
        np.asarray(jax.vmap(law, (None, None, None, None, 0))(1.0, k, v, low, heights))
        for law in (
            wetting_limits.depinned_force,
            wetting_limits.share_climbed,
            lambda *x: over_all(lambda _: jnp.asarray(-7.0), *x),
        )
    )
    np.testing.assert_allclose(force, out.force, rtol=2.5e-2)
    np.testing.assert_allclose(share, out.share_climbed, atol=5e-3)
    past = heights < (1 - wetting_limits.ONSET) * low
    np.testing.assert_allclose(rule[past], force[past], rtol=1e-12)
    assert rule[0] == -7.0


def over_all(pinned, *x):
    """Force at any height, by a law of the height for the pinned joint."""
    return wetting_limits.past_overhang(pinned, lambda h: wetting_limits.depinned_force(*x[:4], h), x[3])(x[4])


@pytest.mark.slow
def test_the_bulge_past_the_overhang_is_the_exact_ones():
    ratios, naturals = (part.ravel() for part in np.meshgrid([0.86, 0.93, 0.99], [0.21, 0.4, 0.77, 1.3]))
    v = np.asarray(volume(ratios, naturals))
    low = np.asarray(jax.vmap(joint.overhang_height, (None, 0, 0))(1.0, ratios, v))
    for share in (0.95, 0.7, 0.4):
        exact = jax.vmap(depinned.solve, (None, 0, 0, 0))(1.0, ratios, v, share * low).bulge_radius
        fast = jax.vmap(joint.bulge_radius, (None, 0, 0, 0))(1.0, ratios, v, share * low)
        np.testing.assert_allclose(fast, exact, atol=6e-3)


def test_the_rule_has_two_continuous_derivatives():
    """Steps of both derivatives over either seam shrink with the distance: they are of the third one."""
    v = volume(0.89, 0.35)
    low = float(joint.overhang_height(1.0, 0.89, v))

    def rule(h):
        return joint.force(1.0, 0.89, v, h)

    slope, bend = jax.grad(rule), jax.grad(jax.grad(rule))
    for seam in (low, low * (1 - wetting_limits.ONSET)):
        steps = [[abs(float(d(seam * (1 + e)) - d(seam * (1 - e)))) for e in (1e-3, 1e-4, 1e-5)] for d in (slope, bend)]
        for step in steps:
            assert step[1] < 0.2 * step[0]
            assert step[2] < 0.2 * step[1]


def test_everything_is_finite_for_any_input():
    wild = np.array([-30.0, 0.0, 1e-6, 0.5, 20.0, 400.0])
    grid = np.stack(np.meshgrid(wild, wild, wild**3, wild, indexing="ij"), -1).reshape(-1, 4)

    def all_of(x):
        low = joint.overhang_height(*x[:3])
        return (
            wetting_limits.receding_height(*x)
            + wetting_limits.spill_height(*x[:3], x[3], x[3])
            + wetting_limits.share_climbed(*x[:3], low, x[3])
            + wetting_limits.depinned_force(*x[:3], low, x[3])
            + wetting_limits.depinned_bulge(*x[:3], low, x[3])
        )

    for part in jax.jit(jax.vmap(jax.value_and_grad(all_of)))(jnp.asarray(grid)):
        bad = ~np.isfinite(np.asarray(part).reshape(len(grid), -1)).all(1)
        assert not bad.any(), grid[bad][:5]
