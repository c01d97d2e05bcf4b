"""How much of a sputtered seed reaches the foot of a hole's wall, and how a plating current gathers at a die's edge."""

import jax
import jax.numpy as jnp
import numpy as np
from look import BLUE, GREEN, INK, MUTED, ORANGE, note, sheet
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from yieldopt_pillars.parts import trace

HALF, PLATED, CROWDING = 2400.0, 5.0, 0.08
"""Half a die's side and what is plated amid its lines (um), and how much thicker a lone line plates."""
REACHES = ((100.0, GREEN), (300.0, BLUE), (1000.0, ORANGE))
VIA, OPENING = (5.0, 35.0), (1.0, 15.0)
"""Depth and width of a via through polymer, and of a passivation's opening, um."""


def draw() -> Figure:
    """Seed at the foot against depth over width; plated thickness from a die's middle to its edge."""
    figure, (left, right) = sheet(2.7, (1.0, 1.0))
    walls(left)
    edges(right)
    return figure


def walls(axes: Axes) -> None:
    """Of a round hole with a straight wall."""
    aspect = jnp.geomspace(0.01, 3.0, 200)
    axes.loglog(aspect, 100 * trace.wall_coverage(aspect, 0.5), color=INK, linewidth=1.8)
    for (depth, width), name, colour, y in (
        (OPENING, "opening, 1 um in 15", ORANGE, 20),
        (VIA, "via, 5 um in 35", BLUE, 13),
    ):
        share = 100 * float(trace.wall_coverage(depth, 0.5 * width))
        axes.plot(depth / width, share, "o", color=colour)
        note(axes, 0.012, y, f"{name}: {share:.0f} %", colour)
    note(axes, 1.7, 0.55, "narrow and deep:\nby the third power", MUTED, ha="right")
    axes.set(xlabel="depth over width of the hole", ylabel="seed at the foot of its wall, %", ylim=(0.3, 70.0))
    axes.set_xticks([0.01, 0.1, 1.0], labels=["0.01", "0.1", "1"])
    axes.set_yticks([0.5, 1, 5, 10, 50], labels=["0.5", "1", "5", "10", "50"])
    axes.minorticks_off()


def edges(axes: Axes) -> None:
    """Along the middle row; the corner has half as much again."""
    place = jnp.linspace(0.0, HALF, 200)
    for reach, colour in REACHES:
        open_area = jax.vmap(lambda x, reach=reach: trace.loading(x, 0.0, HALF, HALF, reach))(place)
        thick = np.asarray(PLATED * (1.0 + CROWDING * (1.0 - open_area)))
        axes.plot(np.asarray(place) / 1000, thick, color=colour, linewidth=1.8)
        corner = PLATED * (1.0 + CROWDING * (1.0 - float(trace.loading(HALF, HALF, HALF, HALF, reach))))
        axes.plot(HALF / 1000, corner, "s", color=colour, markersize=4, clip_on=False)
    for reach, colour, x, y in ((100, GREEN, 1.7, 4.98), (300, BLUE, 1.1, 5.01), (1000, ORANGE, 0.45, 5.06)):
        note(axes, x, y, f"reach {reach} um" if reach < 1000 else "reach 1 mm", colour)
    note(axes, 2.32, 5.302, "at the corner", MUTED, ha="right", va="center")
    axes.set(xlabel="distance from the middle of the die, mm", ylabel="plated thickness, um")
    axes.set(xlim=(0.0, 2.45), ylim=(4.97, 5.32))
