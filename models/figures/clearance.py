"""What room a row of pads has to a chip set beside it askew, and a bonding tool beside that chip's edge."""

import jax
import jax.numpy as jnp
import numpy as np
from look import BLUE, GREEN, INK, MUTED, ORANGE, note, sheet
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from yieldopt_pillars.parts import clearance
from yieldopt_pillars.parts.clearance import Placed

HALF, ROW = 2500.0, 2700.0
"""Half a side of the chip, and how far out the row of pads stands, um."""
ASKEW = ((0.0, 0.0, INK), (0.0, 0.2, BLUE), (15.0, 0.2, ORANGE))
"""Shift towards the row (um) and turn (degrees)."""
TIP, CONES = 80.0, ((10.0, GREEN), (15.0, BLUE), (25.0, ORANGE))
"""Face of a bonding capillary (um), half angles of its cone (degrees)."""


def draw() -> Figure:
    """Room against the place along the row; the tool's radius against the height above its tip."""
    figure, (left, right) = sheet(2.7, (1.0, 1.0))
    rows(left)
    tools(right)
    return figure


def rows(axes: Axes) -> None:
    """Of a chip that is shifted, and turned."""
    along = jnp.linspace(-HALF, HALF, 101)
    normal = jnp.array([1.0, 0.0])
    for shift, turn, colour in ASKEW:
        lies = Placed(jnp.array([shift, 0.0]), jnp.radians(turn))
        room = ROW - np.asarray(jax.vmap(lambda t, lies=lies: clearance.edge(HALF, lies, normal, t))(along))
        axes.plot(np.asarray(along) / 1000, room, color=colour, linewidth=1.8)
    note(axes, 2.4, 202.0, "as drawn", INK, ha="right")
    note(axes, 0.3, 206.5, "turned by 0.2 deg", BLUE, ha="right")
    note(axes, -0.4, 178.0, "turned, and shifted by 15 um", ORANGE)
    axes.set(xlabel="place along the row, mm", ylabel="from the row to the chip, um", ylim=(170.0, 215.0))


def tools(axes: Axes) -> None:
    """Of a cone over a flat tip: at the height of a chip's top it asks for this much."""
    height = jnp.linspace(0.0, 400.0, 50)
    for cone, colour in CONES:
        radius = np.asarray(clearance.tool_radius(TIP, jnp.radians(cone), height))
        axes.plot(height, radius, color=colour, linewidth=1.8)
        note(axes, 405.0, radius[-1], f"{cone:.0f} deg", colour, va="center")
    note(axes, 10.0, 180.0, "half angle of the cone,\ntip of 80 um", MUTED)
    axes.set(xlabel="height above the pad, um", ylabel="radius of the tool there, um", xlim=(0.0, 450.0))
