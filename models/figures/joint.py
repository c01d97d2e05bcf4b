"""One liquid joint from squeezed to stretched: its shape, and its force by the exact bridge and by the fast law."""

from typing import Any, NamedTuple

import jax
import numpy as np
from cases import Joint, average, study
from look import BLUE, GREEN, INK, MUTED, ORANGE, PINK, note, sheet
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.integrate import solve_ivp
from yieldopt_pillars.parts import joint

HEIGHTS = 9.0, 32.0
"""Range of joint heights drawn, um."""


class Curve(NamedTuple):
    """Force against height (um, uN): the exact one, whether its liquid stays between the faces, and the fast one."""

    height: np.ndarray
    exact: np.ndarray
    between: np.ndarray
    fast: np.ndarray


def draw() -> Figure:
    """Shapes on the left, forces on the right, in the same colours."""
    one = average()
    curve = forces(one, study()[2])
    states = {
        "overhang": (float(joint.overhang_height(*one)), ORANGE),
        "natural": (float(joint.natural_height(*one)), INK),
        "largest tension": (float(curve.height[np.nanargmax(curve.exact)]), BLUE),
        "free cap": (float(joint.free_cap_height(one.pillar, one.volume)), GREEN),
    }
    figure, (left, right) = sheet(2.9, (1.2, 1.0))
    shapes(left, one, states)
    law(right, curve, states)
    return figure


def forces(one: Joint, tension: float) -> Curve:
    """Both laws over the range of heights."""
    height = np.linspace(*HEIGHTS, 231)
    found = jax.jit(jax.vmap(lambda h: joint.solve(*one, h)))(height)
    fast = jax.jit(jax.vmap(lambda h: joint.force(*one, h)))(height)
    exact = np.where(found.exists, np.asarray(found.force) * tension, np.nan)
    least = np.minimum(found.angle_bottom, found.angle_top)
    return Curve(height, exact, np.asarray(~found.overhangs & (least > 0.0)), np.asarray(fast) * tension)


def meridian(one: Joint, height: float) -> np.ndarray:
    """Radius and height along the surface, by the Young-Laplace equation from the pad's rim up to the pillar's."""
    found = joint.solve(*one, height)
    pressure = float(found.pressure)

    def slope(_: float, state: np.ndarray) -> list[float]:
        radius, _height, angle = state
        return [np.cos(angle), np.sin(angle), pressure - np.sin(angle) / radius]

    def arrives(_: float, state: np.ndarray) -> float:
        return state[1] - height

    arrives.terminal = True  # pyright: ignore[reportFunctionMemberAccess]
    start = [one.pad, 0.0, np.pi - float(found.angle_bottom)]
    path: Any = solve_ivp(slope, (0.0, 10 * height), start, events=arrives, rtol=1e-9, atol=1e-9, max_step=0.2)
    assert abs(path.y[0, -1] - one.pillar) < 0.1, "the surface drawn does not end on the pillar's rim"
    return path.y[:2]


def shapes(axes: Axes, one: Joint, states: dict[str, tuple[float, str]]) -> None:
    """Half a section through the pad below, the liquid and the pillar's end above."""
    for name, (height, colour) in states.items():
        if name == "free cap":
            radius = (one.pillar**2 + height**2) / (2 * height)
            depth = np.linspace(0.0, height, 100)
            drawn = np.sqrt(np.maximum(radius**2 - (radius - height + depth) ** 2, 0.0)), height - depth
        else:
            # Right at the overhang the surface reaches the pillar's plane flat, and would never cross it.
            drawn = meridian(one, height * (1.01 if name == "overhang" else 1.0))
        axes.plot(*drawn, color=colour, linewidth=1.6)
        axes.plot([0.0, one.pillar], [height, height], color=colour, linewidth=1.0)
        above = name != "overhang"  # else it would run into the natural one's
        note(axes, 1.0, height + (0.2 if above else -0.5), f"{name}, {height:.1f} um", colour,
             va="bottom" if above else "top")  # fmt: skip
    axes.plot([0.0, one.pad], [0.0, 0.0], color=MUTED, linewidth=4, solid_capstyle="butt")
    axes.set(xlabel="distance from the axis, um", ylabel="height above the pad, um", aspect="equal")
    axes.set(xlim=(0.0, 52.0), ylim=(-0.8, 32.0))


def law(axes: Axes, curve: Curve, states: dict[str, tuple[float, str]]) -> None:
    """The exact force, dotted where its surface would pass through a face, and the fast law."""
    axes.axhline(0.0, color=MUTED, linewidth=0.6)
    axes.plot(curve.height, curve.exact, color=INK, linewidth=1.2, linestyle=":")
    axes.plot(curve.height, np.where(curve.between, curve.exact, np.nan), color=INK, linewidth=1.6)
    axes.plot(curve.height, curve.fast, color=PINK, linewidth=1.6, linestyle="--")
    for height, colour in (place for name, place in states.items() if name != "free cap"):
        axes.plot(height, np.interp(height, curve.height, curve.exact), "o", color=colour, markersize=6, zorder=5)
    reach, colour = states["free cap"]
    axes.axvline(reach, color=colour, linewidth=1.0)
    note(axes, reach - 0.4, -180.0, "reach of\nthe free cap", colour, ha="right", va="center")
    note(axes, 20.5, 165.0, "exact", INK, ha="right", va="top")
    note(axes, 23.0, 300.0, "fast law", PINK, va="bottom")
    note(axes, 13.0, -560.0, "dotted: the pinned surface\nwould pass through a face", MUTED, va="center")
    axes.set(xlabel="height of the joint, um", ylabel="force, uN (pulling positive)")
    axes.set(xlim=HEIGHTS, ylim=(-700.0, 380.0))
