"""How long underfill runs under a chip: slow through narrow gaps, four times as long for twice the way."""

import jax
import numpy as np
from look import BLUE, INK, ORANGE, note, sheet
from matplotlib.figure import Figure
from yieldopt_pillars.parts.underfill import underfill_time

VISCOSITY, TENSION, ANGLE = 0.05e-6, 0.03, np.radians(20.0)
"""Of a usual underfill at its dispensing temperature: .05 Pa s in MPa s, N/m, rad."""
SPANS = (3000.0, BLUE), (8200.0, INK), (15_000.0, ORANGE)
"""Ways under the chip, um."""


def draw() -> Figure:
    """Time against gap."""
    figure, (axes,) = sheet(2.5, (1.0,))
    gap = np.linspace(10.0, 80.0, 141)
    for span, colour in SPANS:
        time = np.asarray(jax.vmap(lambda h, way=span: underfill_time(VISCOSITY, TENSION, ANGLE, h, way))(gap))
        axes.semilogy(gap, time, color=colour, linewidth=1.8)
        note(axes, 81.0, time[-1], f"{span / 1000:g} mm", colour, va="center")
    axes.set(xlabel="gap under the chip, um", ylabel="shortest time to fill, s", xlim=(5.0, 90.0))
    axes.set_yticks([1, 10, 100], labels=["1", "10", "100"])
    return figure
