"""What becomes solder and what is lost of it: paste that the stencil releases, tin eaten in reflow and in service."""

from typing import Any

import jax
import numpy as np
from cases import study
from look import BLUE, GREEN, INK, MUTED, ORANGE, PINK, note, sheet
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from yieldopt_pillars.materials import ZERO_CELSIUS
from yieldopt_pillars.parts import intermetallic, solder_volume

RATIOS, SECONDS = (0.4, 1.5), (20.0, 200.0)
"""Where the two laws are meant to hold."""
THICKNESS = 25.0
"""Of the stencil, um; only the ratio matters."""
FACES = (
    ("copper on both", 0.0, 0.0, 23.6, ORANGE),
    ("nickel on the pillar", 3.0, 0.0, 6.6, INK),
    ("nickel on both", 3.0, 3.0, 2.7, BLUE),
)
"""Nickel that the solder meets on pillar and pad, um, and where its name stands; the second is the study's."""
PEAKS = ((235.0, ":"), (245.0, "-"), (265.0, "--"))
"""Of the reflow, degC, and how each is drawn; the second is the study's."""
HOURS, OVENS = 2000.0, ((100.0, GREEN), (125.0, PINK), (150.0, ORANGE))
"""In service, and its temperatures, degC."""


def draw() -> Figure:
    """Paste released against area ratio, tin eaten against time in reflow and in service."""
    figure, (left, middle, right) = sheet(2.8, (0.8, 1.0, 1.1))
    released(left)
    eaten(middle)
    aged(right)
    return figure


def released(axes: Axes) -> None:
    """Transfer efficiency, with the rule of IPC-7525."""
    ratio = np.linspace(*RATIOS, 221)
    law = jax.vmap(lambda r: solder_volume.transfer_efficiency(THICKNESS, 4.0 * THICKNESS * r))
    axes.plot(ratio, 100 * np.asarray(law(ratio)), color=INK, linewidth=1.8)
    for place, text, colour in ((0.66, "\n(IPC-7525)", GREEN), (0.5, "", ORANGE)):
        part = 100 * float(law(np.array([place]))[0])
        axes.plot(place, part, "o", color=colour, markersize=6)
        note(axes, place + 0.03, part - 2.0, f"{part:.0f} % at {place:g}{text}", colour, va="top")
    axes.set(xlabel="aperture's area over its wall's", ylabel="paste released, %", xlim=(0.35, 1.55))
    axes.set_ylim(0.0, 100.0)


def eaten(axes: Axes) -> None:
    """Share of the study's cap that is intermetallic after a time above the liquidus."""
    time = np.linspace(*SECONDS, 181)
    for name, on_pillar, on_pad, place, colour in FACES:
        for peak, line in PEAKS:
            law = jax.vmap(lambda t, a=on_pillar, b=on_pad, c=peak: share(a, b, t, c))
            axes.plot(time, np.asarray(law(time)), line, color=colour, linewidth=1.8 if line == "-" else 1.0)
        note(axes, SECONDS[1], place, name, colour, ha="right", va="bottom")
    own = float(study()[1].time_above_liquidus)
    axes.axvline(own, color=MUTED, linewidth=0.8)
    note(axes, own - 3.0, 19.0, f"{own:.0f} s", MUTED, ha="right")
    note(axes, 3.0, 28.0, "peak of 235 (dotted), 245, 265 degC", MUTED)
    axes.set(xlabel="time above the liquidus, s", ylabel=f"solder eaten, % of the {cap()}", xlim=(0.0, 205.0))
    axes.set(ylim=(0.0, 30.0), yticks=range(0, 31, 10))


def aged(axes: Axes) -> None:
    """The same after hours in service: nickel on the pillar as in the study, and on both."""
    own, hours = study()[1], np.linspace(0.0, HOURS, 201)
    for celsius, colour in OVENS:
        for (_, on_pillar, on_pad, *_), line in zip(FACES[1:], ("-", "--"), strict=True):

            def law(h: Any, a: float = on_pillar, b: float = on_pad, c: float = celsius) -> jax.Array:
                return share(a, b, float(own.time_above_liquidus), PEAKS[1][0], 3600.0 * h, c)

            part = np.asarray(jax.vmap(law)(hours))
            axes.plot(hours, part, line, color=colour, linewidth=1.8 if line == "-" else 1.0)
            if line == "-":
                note(axes, 1.02 * HOURS, part[-1], f"{celsius:.0f} degC", colour, va="center")
    axes.axhline(50.0, color=MUTED, linewidth=0.8)
    note(axes, 30.0, 51.0, "limit", MUTED)
    note(axes, 30.0, 82.0, "dashed: nickel on both", MUTED)
    axes.set(xlabel="hours in service", ylabel=f"solder eaten, % of the {cap()}", xlim=(0.0, 1.45 * HOURS))
    axes.set(ylim=(0.0, 90.0), xticks=(0, 1000, 2000))


def share(
    on_pillar: float, on_pad: float, time: Any, peak: float, service: Any = 0.0, oven: float = 150.0
) -> jax.Array:
    """Per cent of the cap eaten after a reflow and a time in service (s, degC), by nickel on both faces (um)."""
    design = study()[1]
    pillar, pad = float(design.pillar_diameter), float(design.pad_opening)
    here, there = (tin(nickel, time, peak, service, oven) for nickel in (on_pillar, on_pad))
    lost = solder_volume.eaten_volume(here, there, pillar, pad)
    return 100.0 * lost / solder_volume.cap_volume(design.cap_height, pillar)


def tin(nickel: float, time: Any, peak: float, service: Any, oven: float) -> Any:
    """What a face takes, um."""
    fresh = intermetallic.after_reflow(nickel, time, peak + ZERO_CELSIUS)
    return intermetallic.after_service(fresh, nickel, service, oven + ZERO_CELSIUS)


def cap() -> str:
    """The study's cap, in words."""
    return f"{float(study()[1].cap_height):.0f} um cap"
