"""How fast solder eats the gold of its pad where nothing is between them, and from where the joint is brittle of it."""

import jax
import jax.numpy as jnp
import numpy as np
from look import BLUE, GREEN, INK, MUTED, ORANGE, note, sheet
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from yieldopt_pillars import materials
from yieldopt_pillars.parts import gold

SOLDER = materials.material("SnAg3.5")
AREA = np.pi * 38.0**2
"""Face of a 76 um bump, um2."""
HEIGHTS = ((15.0, ORANGE), (33.0, INK), (60.0, BLUE))
"""Solder of a joint over that face, um."""


def draw() -> Figure:
    """Gold eaten against time; share of gold in the joint against the gold that it took."""
    figure, (left, right) = sheet(2.7, (1.0, 1.0))
    eaten(left)
    brittle(right)
    return figure


def eaten(axes: Axes) -> None:
    """Under 33 um of solder, until it is full."""
    time = jnp.geomspace(0.05, 100.0, 200)
    mass = SOLDER.density * 33.0 * AREA
    for celsius, colour in ((222.0, BLUE), (245.0, INK)):
        hot = celsius + 273.15
        most = gold.capacity(gold.soluble(hot, SOLDER.composition["Sn"]), mass, AREA)
        taken = np.asarray(jax.vmap(lambda t, hot=hot, most=most: gold.dissolving(gold.rate(hot), most, t))(time))
        axes.loglog(time, taken, color=colour, linewidth=1.8, label=f"{celsius:.0f} degC")
    axes.axhline(4.0, color=GREEN, linewidth=1.0)
    note(axes, 100.0, 4.3, "a pad of 4 um", GREEN, ha="right")
    axes.legend(frameon=False, fontsize=8)
    axes.set(xlabel="time that the solder is liquid, s", ylabel="gold that 33 um of solder want, um")
    axes.set_xticks([0.1, 1, 10, 100], labels=["0.1", "1", "10", "100"])
    axes.set_yticks([0.1, 1, 10], labels=["0.1", "1", "10"])
    axes.minorticks_off()


def brittle(axes: Axes) -> None:
    """For thin joints and tall ones."""
    thickness = jnp.linspace(0.0, 5.0, 100)
    for height, colour in HEIGHTS:
        share = 100 * np.asarray(gold.share(thickness, SOLDER.density * height * AREA, AREA))
        axes.plot(thickness, share, color=colour, linewidth=1.8)
        if height > 15.0:
            note(axes, 5.1, share[-1], f"{height:.0f} um", colour, va="center")
    note(axes, 1.9, 27.5, "15 um", ORANGE, ha="right")
    note(axes, 5.1, 23.5, "of solder", MUTED, va="center")
    axes.axhline(100 * gold.BRITTLE, color=MUTED, linewidth=1.0, linestyle="--")
    note(axes, 6.2, 0.8, "brittle above", MUTED, ha="right")
    axes.set(xlabel="gold that the joint took, um", ylabel="gold in the joint, % by weight")
    axes.set(xlim=(0.0, 6.3), ylim=(0.0, 30.0))
