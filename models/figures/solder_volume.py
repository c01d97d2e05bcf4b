"""What becomes solder and what is lost of it: paste that the stencil releases, tin that intermetallics eat."""

import jax
import numpy as np
from cases import study
from look import BLUE, GREEN, INK, MUTED, ORANGE, note, sheet
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from yieldopt_pillars.parts import solder_volume

RATIOS, SECONDS = (0.4, 1.5), (20.0, 200.0)
"""Where the two laws are meant to hold."""
THICKNESS = 25.0
"""Of the stencil, um; only the ratio matters."""
FACES = (
    ("copper on both", False, False, ORANGE),
    ("nickel on the pillar", True, False, INK),
    ("nickel on both", True, True, BLUE),
)
"""What the solder meets on the pillar and on the pad; the second is the study's."""


def draw() -> Figure:
    """Paste released against area ratio, tin eaten against time."""
    figure, (left, right) = sheet(2.7, (1.0, 1.0))
    released(left)
    eaten(right)
    return figure


def released(axes: Axes) -> None:
    """Transfer efficiency, with the rule of IPC-7525."""
    ratio = np.linspace(*RATIOS, 221)
    law = jax.vmap(lambda r: solder_volume.transfer_efficiency(THICKNESS, 4.0 * THICKNESS * r))
    axes.plot(ratio, 100 * np.asarray(law(ratio)), color=INK, linewidth=1.8)
    for place, text, colour in ((0.66, ": the least of IPC-7525", GREEN), (0.5, "", ORANGE)):
        share = 100 * float(law(np.array([place]))[0])
        axes.plot(place, share, "o", color=colour, markersize=6)
        note(axes, place + 0.03, share - 2.0, f"{share:.0f} % at {place:g}{text}", colour, va="top")
    axes.set(xlabel="aperture's area over that of its wall", ylabel="paste released, %", xlim=(0.35, 1.55))
    axes.set_ylim(0.0, 100.0)


def eaten(axes: Axes) -> None:
    """Share of the study's cap that is intermetallic after a time above the liquidus."""
    design = study()[1]
    pillar, pad = float(design.pillar_diameter), float(design.pad_opening)
    time = np.linspace(*SECONDS, 181)
    volume = float(solder_volume.cap_volume(design.cap_height, pillar))
    for name, on_pillar, on_pad, colour in FACES:
        law = jax.vmap(lambda t, a=on_pillar, b=on_pad: solder_volume.eaten_volume(t, pillar, pad, a, b))
        share = 100 * np.asarray(law(time)) / volume
        axes.plot(time, share, color=colour, linewidth=1.8)
        note(axes, time[-1], share[-1] + 0.5, name, colour, ha="right", va="bottom")
    own = float(design.time_above_liquidus)
    axes.axvline(own, color=MUTED, linewidth=0.8)
    note(axes, own + 2.0, 20.5, f"{own:.0f} s", MUTED)
    cap = f"{float(design.cap_height):.0f} um cap"
    axes.set(xlabel="time above the liquidus, s", ylabel=f"solder eaten, % of the {cap}", xlim=(0.0, 205.0))
    axes.set(ylim=(0.0, 22.0), yticks=range(0, 21, 5))
