"""Between which heights a joint keeps to its rims, against the solder that it has; and what climbs below."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from cases import Joint, average
from look import BLUE, GREEN, INK, MUTED, ORANGE, PINK, note, sheet
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from yieldopt_pillars.parts import depinned, joint, wetting_limits

CAPS = 9.0, 42.0
"""Range of solder drawn, um of cap on the pillar."""
RECEDING = 25.0
"""Angle (deg) at which a line recedes."""


def draw() -> Figure:
    """Heights against solder on the left, share climbed against height on the right."""
    one = average()
    figure, (left, right) = sheet(3.1, (1.15, 1.0))
    window(left, one)
    climbed(right, one)
    return figure


def window(axes: Axes, one: Joint) -> None:
    """The heights that bound a joint, from its own volume."""
    cap = np.linspace(*CAPS, 181)
    volume = np.pi * one.pillar**2 * cap
    ends = one.pad, one.pillar

    def over(law: Callable[..., Any], *more: float) -> np.ndarray:
        return np.asarray(jax.jit(jax.vmap(lambda v: law(*ends, v, *more)))(volume))

    natural, neck = over(joint.natural_height), over(wetting_limits.necking_height)
    recedes = over(wetting_limits.receding_height, float(np.radians(RECEDING)))
    pillar, pad = over(wetting_limits.spill_heights, float(np.radians(90.0)), float(np.radians(150.0)))
    axes.fill_between(cap, np.maximum(pillar, pad), np.minimum(recedes, neck), color=GREEN, alpha=0.12, linewidth=0)
    axes.plot(cap, natural, color=INK, linewidth=1.6)
    axes.plot(cap, neck, color=BLUE, linewidth=1.2, linestyle="--")
    axes.plot(cap, recedes, color=BLUE, linewidth=1.6)
    axes.plot(cap, pillar, color=ORANGE, linewidth=1.6)
    axes.plot(cap, pad, color=PINK, linewidth=1.2, linestyle="--")
    middle = 120
    note(axes, cap[middle] - 1, float(neck[middle]) + 2.5, "largest tension", BLUE, ha="right")
    note(axes, 9.6, 21.0, f"recedes at\n{RECEDING:g} deg", BLUE)
    note(axes, cap[-1] + 0.4, float(natural[-1]), "natural", INK, va="center")
    note(axes, cap[-1] + 0.4, float(pillar[-1]) - 1.8, "climbs the\nwall, 90 deg", ORANGE, va="center")
    note(axes, 25.0, 8.5, "rests on the mask, 150 deg", PINK, va="top")
    axes.set(xlabel="solder, um of cap on the pillar", ylabel="height of the joint, um")
    axes.set(xlim=(CAPS[0], 50.0), ylim=(0.0, 52.0))


def climbed(axes: Axes, one: Joint) -> None:
    """Closed form dashed over the exact share."""
    low = float(joint.overhang_height(*one))
    height = np.linspace(1.5, 1.1 * low, 121)
    for wall, colour in ((60.0, GREEN), (90.0, INK), (120.0, BLUE)):
        angle = float(np.radians(wall))
        share = jax.jit(jax.vmap(lambda h, w=angle: depinned.solve(*one, h, w).share_climbed))(height)
        axes.plot(height, 100 * np.asarray(share), color=colour, linewidth=1.6)
    law = jax.jit(jax.vmap(lambda h: wetting_limits.share_climbed(*one, low, h)))(height)
    axes.plot(height, 100 * np.maximum(law, 0.0), color=PINK, linewidth=1.6, linestyle="--")
    axes.axvline(low, color=MUTED, linewidth=0.8)
    note(axes, low - 0.2, 88.0, "overhang", MUTED, ha="right")
    note(axes, 7.9, 45.0, "wall of 60 deg", GREEN)
    note(axes, 1.9, 34.0, "90 deg and,\ndashed, closed\nform", INK)
    note(axes, 1.9, 21.0, "120 deg", BLUE)
    axes.set(xlabel="height of the joint, um", ylabel="solder above the pillar's face, %", xlim=(1.0, 14.5))
    axes.set_ylim(0.0, 100.0)
