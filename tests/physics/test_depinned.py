"""The depinned joint against the Young-Laplace equation as an initial-value problem, and against thermodynamics.

The oracle shares nothing with the solver: it knows the pressure, the foot and the angle there, and marches r, z, area
and volume (by cylindrical shells and by discs) until the pillar's radius is met from outside (DOP853, rtol 1e-13).
"""

from typing import Any

import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from yieldopt_pillars.parts import bridge, depinned

DEGREE = np.pi / 180
ROWS = 64
_many = jax.jit(jax.vmap(depinned.solve)), jax.jit(jax.vmap(bridge.solve))
one_pinned = jax.jit(bridge.solve)

STATES = [
    (k, natural, natural * stretch, wall * DEGREE, mask * DEGREE)
    for k in (0.75, 1.0)
    for natural in (0.2, 0.35, 1.0)
    for stretch in (0.2, 0.72)
    for wall, mask in ((60, 150), (90, 170), (120, 130), (120, 160), (140, 120))
]


def over_rows(law, *columns):
    """Compiled once, for one number of rows: the last row fills up."""
    columns = [np.broadcast_to(x, np.broadcast_shapes(*map(np.shape, columns))) for x in columns]
    found = law(*(np.concatenate([x, np.repeat(x[-1:], ROWS - len(x))]) for x in columns))
    return jax.tree.map(lambda part: np.asarray(part)[: len(columns[0])], found)


def solve(*columns):
    return over_rows(_many[0], *columns)


def pinned(*columns):
    return over_rows(_many[1], *columns)


def volume(k, h):
    """Spherical zone, from any table of solids."""
    return np.pi * h * (3 + 3 * k**2 + h**2) / 6


def arguments(states, unit=1.0):
    k, natural, height, wall, mask = map(np.array, zip(*states, strict=True))
    return unit * np.ones_like(k), unit * k, unit**3 * volume(k, natural), unit * height, wall, mask


def march(foot, angle, pressure, pillar):
    """From the foot around the equator in to the pillar: z, angle to its face, area, volume by discs and shells."""

    def right(_: float, y: np.ndarray) -> list[float]:
        r, z, psi, *_rest = y
        sine, cosine = np.sin(psi), np.cos(psi)
        return [cosine, sine, pressure - sine / r, 2 * np.pi * r, np.pi * r**2 * sine, -2 * np.pi * r * z * cosine]

    def arrives(_: float, y: np.ndarray) -> float:
        return y[0] - pillar

    arrives.terminal, arrives.direction = True, -1  # pyright: ignore[reportFunctionMemberAccess]
    start = [foot, 0.0, np.pi - angle, 0.0, 0.0, 0.0]
    run: Any = solve_ivp(right, (0, 40), start, "DOP853", events=arrives, rtol=1e-13, atol=1e-14)
    assert run.status == 1
    return run.y[1:, -1]


def test_agrees_with_the_young_laplace_equation():
    """Volume twice: by discs less the pillar, and by shells around the pillar with the column below its face."""
    _, k, v, h, wall, mask = args = arguments(STATES)
    out = solve(*args)
    assert bool(out.exists.all())
    kinds = set()
    for i in range(len(STATES)):
        climb, foot = float(out.climb[i]), float(out.foot_radius[i])
        z, psi, area, discs, shells = march(foot, float(out.angle_pad[i]), float(out.pressure[i]), k[i])
        assert z == pytest.approx(h[i] + climb, abs=1e-8)
        assert shells + np.pi * k[i] ** 2 * h[i] == pytest.approx(v[i], rel=1e-8)
        assert discs - np.pi * k[i] ** 2 * climb == pytest.approx(v[i], rel=1e-8)
        wet = np.cos(wall[i]) * 2 * np.pi * k[i] * climb + np.cos(mask[i]) * np.pi * (foot**2 - 1)
        assert area - wet == pytest.approx(float(out.energy[i]), rel=1e-8)
        if bool(out.climbs[i]):
            assert psi == pytest.approx(np.pi / 2 + wall[i], abs=1e-8)
        else:
            assert z == pytest.approx(h[i], abs=1e-8)
            assert psi <= np.pi / 2 + wall[i] + 1e-9
        assert float(out.angle_pad[i]) <= mask[i] + 1e-9
        assert bool(out.rests[i]) == (foot > 1 + 1e-9)
        kinds.add((bool(out.climbs[i]), bool(out.rests[i])))
    assert kinds == {(True, False), (True, True), (False, True), (False, False)}


def test_force_and_pressure_are_the_slopes_of_the_energy():
    """Central differences of the energy (their error, third derivative times step squared, stays below 1e-6)."""
    a, k, v, h, wall, mask = arguments([s for s in STATES if s[1] > 0.3])
    out = solve(a, k, v, h, wall, mask)
    step = 1e-5
    up, down = (solve(a, k, v, h + s, wall, mask).energy for s in (step, -step))
    np.testing.assert_allclose((up - down) / (2 * step), out.force, rtol=2e-6, atol=1e-6)
    up, down = (solve(a, k, v + s, h, wall, mask).energy for s in (step, -step))
    np.testing.assert_allclose((up - down) / (2 * step), out.pressure, rtol=2e-6, atol=1e-6)


def test_derivatives_are_those_of_the_energy():
    x = 1.0, 0.89, volume(0.89, 0.35), 0.2, 120 * DEGREE, 160 * DEGREE
    out = solve(*(np.array([part]) for part in x))
    slopes = jax.jit(jax.grad(lambda h, v: depinned.solve(x[0], x[1], v, h, *x[4:]).energy, (0, 1)))(x[3], x[2])
    assert bool(out.climbs[0] & out.rests[0])
    np.testing.assert_allclose(slopes, [out.force[0], out.pressure[0]], rtol=1e-9)


@pytest.mark.parametrize(("wall", "mask"), [(60.0, 180.0), (90.0, 180.0), (120.0, 180.0), (150.0, 140.0)])
def test_is_the_pinned_bridge_until_a_line_lets_go(wall, mask):
    """Force, energy and shape go on where it does: at the height at which the pinned angle meets the limit."""
    k, v = 0.89, volume(0.89, 0.35)

    def spare(h: float) -> float:
        one = one_pinned(1.0, k, v, h)
        return float(min(np.pi / 2 + wall * DEGREE - one.angle_top, mask * DEGREE - one.angle_bottom))

    spill = brentq(spare, 0.22, 0.35, xtol=1e-13)
    heights = spill * np.array([1.3, 1.05, 1 + 1e-9, 1 - 1e-6, 1 - 1e-3])
    out = solve(1.0, k, v, heights, wall * DEGREE, mask * DEGREE)
    same = pinned(1.0, k, v, heights)
    np.testing.assert_allclose(out.force[:3], same.force[:3], rtol=1e-9)
    np.testing.assert_allclose(out.energy[:3], same.energy[:3], rtol=1e-10)
    np.testing.assert_allclose(out.bulge_radius[:3], same.bulge_radius[:3], rtol=1e-9)
    assert not bool((out.climbs | out.rests)[:3].any())
    assert bool((out.climbs | out.rests)[3:].all())
    assert bool(out.climbs[4]) == (mask == 180.0)
    assert float(out.force[3]) == pytest.approx(float(out.force[2]), rel=1e-4)
    assert float(out.energy[4]) < float(same.energy[4])  # letting go spares energy, or it would not


def test_shares_past_the_faces_by_another_integral():
    """Both shares of the marched profile, by trapezoids of z over r^2 instead."""
    args = arguments([(0.89, 0.35, 0.2, 120 * DEGREE, 150 * DEGREE), (1.0, 0.6, 0.3, 90 * DEGREE, 130 * DEGREE)])
    out = solve(*args)
    for i in range(2):
        pressure, foot = float(out.pressure[i]), float(out.foot_radius[i])

        def right(_: float, y: np.ndarray, p: float = pressure) -> list[float]:
            return [np.cos(y[2]), np.sin(y[2]), p - np.sin(y[2]) / y[0]]

        def arrives(_: float, y: np.ndarray, b: float = float(args[1][i])) -> float:
            return y[0] - b

        arrives.terminal, arrives.direction = True, -1  # pyright: ignore[reportFunctionMemberAccess]
        start = [foot, 0.0, np.pi - float(out.angle_pad[i])]
        run: Any = solve_ivp(right, (0, 40), start, "DOP853", events=arrives, rtol=1e-10, atol=1e-11, max_step=2e-4)
        r, z, _ = run.y
        over = np.maximum(z - args[3][i], 0.0)
        above = -np.trapezoid(over, np.pi * r**2)
        inner, outer = max(1.0, float(args[1][i])), foot
        ring = (r[1:] < outer) & (r[1:] > inner) & (np.diff(r) < 0)
        between = np.minimum(z, args[3][i])
        under = -np.sum(((between[1:] + between[:-1]) / 2 * np.diff(np.pi * r**2))[ring])
        assert float(out.share_climbed[i]) == pytest.approx(above / args[2][i], abs=1e-3)
        assert float(out.share_on_mask[i]) == pytest.approx(under / args[2][i], abs=1e-3)
        assert foot > 1.01
        assert float(out.share_climbed[i]) > 0.05


def test_lengths_scale():
    """A joint 40 times as large: lengths 40, energies 1600, pressures 1/40 times as large."""
    one, large = solve(*arguments(STATES[:15])), solve(*arguments(STATES[:15], 40.0))
    for name, power in (("force", 1), ("energy", 2), ("pressure", -1), ("climb", 1), ("foot_radius", 1)):
        np.testing.assert_allclose(getattr(large, name), getattr(one, name) * 40.0**power, rtol=1e-9, atol=1e-10)


def test_once_the_line_climbs_it_pushes_less_the_further_it_is_squeezed():
    """The solder gets out of the way: the largest push of a joint whose wall does not wet is met where it lets go."""
    heights = 0.35 * np.linspace(0.1, 0.86, 39)
    out = solve(1.0, 0.89, volume(0.89, 0.35), heights, 90 * DEGREE, 170 * DEGREE)
    assert bool(out.climbs[:37].all())
    assert bool((np.diff(np.asarray(out.force)[:36]) < 0).all())
    assert bool((np.diff(np.asarray(out.share_climbed)[:36]) < 0).all())


def test_no_joint_is_told_by_the_residual():
    assert not bool(solve(1.0, 1.0, volume(1.0, 0.5), np.array([4.0]), 2.0, 3.0).exists[0])
