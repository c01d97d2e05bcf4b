"""What pulls a joint back whose pillar stands off its pad, against a linear spring, and where the law declines."""

import jax
import numpy as np
from cases import Joint, average, study
from look import BLUE, INK, ORANGE, SILENT, note, sheet
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from yieldopt_pillars.parts import joint
from yieldopt_pillars.parts.lateral import FARTHEST, HEIGHTS, LEAN

OFFSETS = 34.0
"""Largest offset drawn, um."""
SHOWN = 11.0, 21.0
"""Heights of the map, um."""
STATES = (0.95, BLUE, "squat", "top"), (1.0, INK, "natural", "bottom"), (1.2, ORANGE, "tall", "center")
"""Heights over the natural one, and on which side of its curve's end each is named."""


def draw() -> Figure:
    """Force against offset on the left, force over offset and height on the right."""
    one, tension = average(), study()[2]
    figure, (left, right) = sheet(2.9, (1.0, 1.0))
    curves(left, one, tension)
    answered(right, one, tension)
    return figure


def curves(axes: Axes, one: Joint, tension: float) -> None:
    """Three heights; dashed the linear spring of each."""
    natural = float(joint.natural_height(*one))
    offsets = np.linspace(0.0, OFFSETS, 241)
    law = jax.jit(jax.vmap(lambda h, x: joint.lateral(*one, h, x), (None, 0)))
    for share, colour, name, side in STATES:
        height = share * natural
        force = tension * np.asarray(law(height, offsets).force_lateral)
        stiff = tension * float(joint.solve(*one, height).stiffness_lateral)
        near = offsets[offsets <= FARTHEST * one.pad]
        axes.plot(near, stiff * near, color=colour, linewidth=0.9, linestyle="--")
        axes.plot(offsets, force, color=colour, linewidth=1.8)
        last = np.flatnonzero(np.isfinite(force))[-1]
        note(axes, float(offsets[last]) + 0.4, float(force[last]), f"{name}, {height:.1f} um", colour, va=side)
    axes.axvspan(FARTHEST * one.pad, OFFSETS, color=SILENT, linewidth=0, zorder=0)
    note(axes, 28.3, 3.0, f"no answer\nbeyond {FARTHEST:g} radii", ha="center")
    note(axes, 1.0, 84.0, "dashed: a linear spring")
    axes.set(xlabel="offset, um", ylabel="lateral force, uN", xlim=(0.0, OFFSETS))
    axes.set_ylim(bottom=0.0)


def answered(axes: Axes, one: Joint, tension: float) -> None:
    """Lines of equal force where the law answers, grey where it declines, with the reason."""
    offsets, heights = np.linspace(0.0, FARTHEST * one.pad, 46), np.linspace(*SHOWN, 81)
    law = jax.jit(jax.vmap(jax.vmap(lambda h, x: joint.lateral(*one, h, x), (None, 0)), (0, None)))
    force = tension * np.asarray(law(heights, offsets).force_lateral)
    axes.set_facecolor(SILENT)
    axes.contourf(offsets, heights, np.where(np.isfinite(force), 1.0, np.nan), levels=[0.5, 1.5], colors=["white"])
    lines = axes.contour(offsets, heights, force, levels=np.arange(10.0, 51.0, 10.0), colors=BLUE, linewidths=1.0)
    axes.clabel(lines, fontsize=8, fmt="%g")
    natural = float(joint.natural_height(*one))
    axes.plot([0.0, FARTHEST * one.pad], [natural, natural], color=INK, linewidth=0.8)
    note(axes, FARTHEST * one.pad + 0.4, natural, "natural", va="center")
    note(axes, 1.0, 18.2, "lines of equal lateral force, uN", BLUE)
    axes.set(xlabel="offset, um", ylabel="height of the joint, um", xlim=(0.0, OFFSETS))
    note(axes, 1.0, HEIGHTS[0] * one.pad - 0.4, f"no answer: squatter than {HEIGHTS[0]:g} radii", va="top")
    note(axes, 1.0, 19.5, f"no answer: contact angle under {np.degrees(LEAN):.0f} deg")
    note(axes, OFFSETS - 2.0, 15.8, f"no answer: beyond {FARTHEST:g} radii", rotation=90.0, ha="center", va="center")
