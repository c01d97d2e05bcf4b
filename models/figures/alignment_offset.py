"""What self-alignment leaves of a placement error, and what of the pad a pillar then covers."""

import jax
import jax.numpy as jnp
import numpy as np
from cases import average, study
from look import BLUE, GREEN, INK, MUTED, ORANGE, PINK, note, sheet
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from yieldopt_pillars.parts.alignment_offset import Alignment, distance, lens_area, overlap

LEFT = (0.0, GREEN), (0.1, INK), (0.3, BLUE), (1.0, ORANGE)
"""Shares of the error that stay; the second is the study's."""
STUCK = 1.0
"""What stays for other reasons, um: one sigma of the study's residual."""


def draw() -> Figure:
    """Offset against placement error, overlap against offset."""
    figure, (left, right) = sheet(2.8, (1.0, 1.0))
    pulled(left)
    covered(right)
    return figure


def pulled(axes: Axes) -> None:
    """Offset of the pillar at the chip's centre once the liquid has pulled."""
    one, design = average(), study()[1]
    errors, centre, none = np.linspace(0.0, 50.0, 101), jnp.zeros(2), jnp.zeros(())
    align = Alignment(centre, none, centre, jnp.array([0.0, STUCK]), none)
    for share, colour in LEFT:
        law = jax.vmap(lambda e, share=share: distance(*align.aligned(centre, jnp.array([1.0, 0.0]) * e, share)))
        offsets = np.asarray(law(errors))
        axes.plot(errors, offsets, color=colour, linewidth=1.8)
        if share < 1:
            note(axes, errors[-1] + 0.8, offsets[-1], f"{100 * share:.0f} % left", colour, va="center")
    note(axes, 16.0, 18.5, "all of it left", ORANGE, ha="right")
    limit = one.pad + one.pillar - float(design.capture_margin)
    axes.axvline(limit, color=PINK, linewidth=1.2)
    note(axes, limit - 0.6, 24.0, "capture\nlimit", PINK, ha="right", va="top")
    axes.set(xlabel="placement error, um", ylabel="offset after reflow, um", xlim=(0.0, 60.0), ylim=(0.0, 25.0))


def covered(axes: Axes) -> None:
    """Area common to pillar and opening over the pillar's: true, and as the model continues it."""
    one = average()
    offsets = np.linspace(0.01, one.pad + one.pillar - 0.01, 400)
    read = np.asarray(jax.vmap(lambda d: overlap(one.pad, one.pillar, d))(offsets))
    inside = offsets <= one.pad - one.pillar
    lens = jax.vmap(lambda d: lens_area(one.pad, one.pillar, d))(offsets)
    true = np.where(inside, 1.0, np.asarray(lens) / (np.pi * one.pillar**2))
    axes.plot(offsets, true, color=MUTED, linewidth=3.0)
    axes.plot(offsets, read, color=INK, linewidth=1.4, linestyle="--")
    note(axes, 8.0, 1.06, "as the model reads it: over 1 well inside", INK)
    note(axes, 46.0, 0.45, "common area", MUTED)
    low = float(next(limit for limit in study()[0].limits if limit.name == "overlap").low)
    reached = float(np.interp(-low, -read, offsets))
    axes.plot([0.0, reached, reached], [low, low, 0.0], color=PINK, linewidth=1.0)
    note(axes, reached + 1.0, low, f"limit {low:g}, at {reached:.1f} um", PINK, va="bottom")
    axes.set(xlabel="offset, um", ylabel="overlap over the pillar's area", xlim=(0.0, 90.0), ylim=(0.0, 1.15))
