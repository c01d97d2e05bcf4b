"""The smooth shapes over an array, and the bump tops of one drawn chip off their least-squares plane."""

from typing import Any

import jax
import numpy as np
from cases import chip, sites, study
from look import WIDTH, note, over_chip
from matplotlib.axes import Axes
from matplotlib.figure import Figure

NAMES = "bow", "twist", "field: wave along x", "field: wave along y", "field: saddle"
LIMIT = 2.0
"""Range of the shapes' own scale, either way."""


def draw() -> Figure:
    """Five shapes and one chip, small multiples."""
    figure = Figure(figsize=(WIDTH, 4.7), layout="constrained")
    axes = figure.subplots(2, 3, sharex=True, sharey=True)
    x, y = sites()
    shapes = np.asarray(jax.vmap(study()[0].model.joints.flatness.shapes)(x, y))
    panels = list(axes.flat)
    drawn = None
    for name, shape, panel in zip(NAMES, shapes.T, panels, strict=False):
        drawn = over_chip(panel, x, y, shape, LIMIT)
        named(panel, f"{name}: {shape.min():+.2f} to {shape.max():+.2f}")
    scale(figure, drawn, panels[2], "times its amplitude")
    tops = measured()
    reach = float(np.ceil(np.abs(tops).max()))
    drawn = over_chip(panels[5], x, y, tops, reach)
    named(panels[5], f"one drawn chip: {tops.min():+.1f} to {tops.max():+.1f} um")
    scale(figure, drawn, panels[5], "bump top off its plane, um")
    for panel in panels[3:]:
        panel.set_xlabel("x, mm")
    for panel in (panels[0], panels[3]):
        panel.set(ylabel="y, mm", yticks=[-1, 0, 1])
    return figure


def measured() -> np.ndarray:
    """Coplanarity of every bump of the drawn chip, um."""
    found = chip()
    return np.asarray(found.states["top"] + found.own.height + found.own.solder)


def scale(figure: Figure, drawn: Any, axes: Axes, label: str) -> None:
    """What the colours mean, beside one map."""
    bar = figure.colorbar(drawn, ax=axes, label=label, shrink=0.7)
    bar.outline.set_visible(False)


def named(axes: Axes, text: str) -> None:
    """Say above a map what it is."""
    note(axes, 0.0, 1.02, text, transform=axes.transAxes, va="bottom")
