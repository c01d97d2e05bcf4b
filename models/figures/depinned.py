"""One joint squeezed past the overhang: where its solder goes, and the force of a line that holds or lets go."""

from typing import Any

import jax
import numpy as np
from cases import Joint, average, study
from look import BLUE, GREEN, INK, MUTED, ORANGE, PINK, note, sheet
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.integrate import solve_ivp
from yieldopt_pillars.parts import depinned, joint

SHARES = (1.0, INK), (0.75, BLUE), (0.45, GREEN), (0.15, ORANGE)
"""Heights over the overhang's, as drawn on the left."""
HEIGHTS = 1.5, 20.0
"""Range of joint heights drawn on the right, um."""
MASK = 130.0
"""Advancing angle (deg) of the mask whose joint is drawn dashed."""
WALL = 120.0
"""Advancing angle (deg) of the wall that wets less, on the right, and of the one beside that mask."""


def draw() -> Figure:
    """Shapes on the left, forces on the right."""
    one, tension = average(), study()[2]
    figure, (left, right) = sheet(3.1, (1.15, 1.0))
    shapes(left, one)
    forces(right, one, tension)
    return figure


def meridian(one: Joint, found: depinned.Depinned) -> np.ndarray:
    """Radius and height along the surface, by the Young-Laplace equation from the foot until it meets the pillar."""
    pressure = float(found.pressure)

    def slope(_: float, state: np.ndarray) -> list[float]:
        return [np.cos(state[2]), np.sin(state[2]), pressure - np.sin(state[2]) / state[0]]

    def arrives(_: float, state: np.ndarray) -> float:
        return state[0] - one.pillar

    arrives.terminal, arrives.direction = True, -1  # pyright: ignore[reportFunctionMemberAccess]
    start = [float(found.foot_radius), 0.0, np.pi - float(found.angle_pad)]
    path: Any = solve_ivp(slope, (0.0, 300.0), start, events=arrives, rtol=1e-9, atol=1e-9, max_step=0.2)
    assert path.status == 1, "the surface drawn does not meet the pillar"
    return path.y[:2]


def shapes(axes: Axes, one: Joint) -> None:
    """Half a section: the line climbs the wall, drawn over the end of the pillar; dashed a mask that wets more."""
    low = float(joint.overhang_height(*one))
    solve = jax.jit(depinned.solve)
    for share, colour in SHARES:
        height = share * low
        found = solve(*one, height)
        radius, depth = meridian(one, found)
        axes.plot(radius, depth, color=colour, linewidth=1.6)
        axes.plot([0.0, one.pillar, one.pillar], [height, height, depth[-1]], color=colour, linewidth=1.0)
        note(axes, 1.0, height + 0.4, f"{height:.1f} um, {float(found.share_climbed):.0%} climbed", colour)
    height = SHARES[2][0] * low
    found = solve(*one, height, np.radians(WALL), np.radians(MASK))
    axes.plot(*meridian(one, found), color=SHARES[2][1], linewidth=1.2, linestyle="--")
    axes.plot([0.0, one.pad], [0.0, 0.0], color=MUTED, linewidth=4, solid_capstyle="butt")
    axes.plot([one.pad, 62.0], [0.0, 0.0], color=MUTED, linewidth=1.0)
    note(axes, one.pad + 0.5, -1.3, "mask", MUTED, va="top")
    note(axes, 1.0, -1.3, "pad", MUTED, va="top")
    note(axes, 1.0, 34.5, f"dashed: wall of {WALL:g} and mask of {MASK:g} deg,\nsqueezed as the green one", va="top")
    axes.set(xlabel="distance from the axis, um", ylabel="height above the pad, um", aspect="equal")
    axes.set(xlim=(0.0, 62.0), ylim=(-5.0, 35.0))


def forces(axes: Axes, one: Joint, tension: float) -> None:
    """Pinned for ever, let go at 90 and at 120 degrees of the wall, and the closed form."""
    height = np.linspace(*HEIGHTS, 371)
    low = float(joint.overhang_height(*one))
    held = jax.jit(jax.vmap(lambda h: joint.solve(*one, h)))(height)
    fits = np.asarray(held.exists) & (height > 0.75 * low)
    free = jax.jit(jax.vmap(lambda h, wall: depinned.solve(*one, h, wall), (0, None)))
    rule = jax.vmap(lambda h: joint.force(*one, h))(height)
    axes.axhline(0.0, color=MUTED, linewidth=0.6)
    axes.plot(
        height, np.where(fits, tension * np.asarray(held.force), np.nan), color=MUTED, linewidth=1.2, linestyle=":"
    )
    for wall, colour in ((WALL, BLUE), (90.0, INK)):
        axes.plot(height, tension * np.asarray(free(height, np.radians(wall)).force), color=colour, linewidth=1.6)
    axes.plot(height, tension * np.asarray(rule), color=PINK, linewidth=1.6, linestyle="--")
    axes.axvline(low, color=MUTED, linewidth=0.8)
    note(axes, low - 0.2, 200.0, "overhang", MUTED, ha="right")
    note(axes, 1.5, -205.0, "wall of 90 deg", INK, va="bottom")
    note(axes, 1.5, -140.0, "dashed: closed form", PINK, va="bottom")
    note(axes, 1.5, -400.0, "120 deg", BLUE, va="top")
    note(axes, low + 0.3, -565.0, "dotted:\npinned for ever", MUTED, va="center")
    axes.set(xlabel="height of the joint, um", ylabel="force, uN (pulling positive)")
    axes.set(xlim=(0.0, HEIGHTS[1]), ylim=(-620.0, 300.0))
