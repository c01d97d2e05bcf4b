"""The look that all figures share: colours that every eye tells apart, no frames, text that stays text."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MUTED = "#1f2933", "#5f6b7a"
BLUE, ORANGE, GREEN, PINK = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
"""From the palette of Okabe and Ito."""

SILENT, BARE = "#e4e7eb", "#8e98a3"
"""Where a law does not answer, and where a chip has no bump."""

SIGNED = "PuOr_r"
"""Colour map of what can have either sign, white at zero."""

WIDTH = 7.3
"""Inches; some 700 px where a page shows it."""

STYLE: Any = {
    "svg.hashsalt": "parts",  # without a salt the names inside would differ from run to run
    "svg.fonttype": "none",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.labelsize": 9,
    "font.size": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}


def sheet(height: float, widths: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """Panels side by side, of these relative widths."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(1, len(widths), squeeze=False, width_ratios=list(widths))
    return figure, list(axes[0])


def note(axes: Axes, x: float, y: float, text: str, colour: str = INK, **where: Any) -> None:
    """Write beside a curve what it is."""
    axes.text(x, y, text, color=colour, fontsize=8, **where)


def over_chip(axes: Axes, x: np.ndarray, y: np.ndarray, values: np.ndarray, limit: float) -> Any:
    """A tile for every bump of a grid (places in um), coloured by a signed value from -limit to limit; grey without."""
    columns, rows = np.unique(x), np.unique(y)
    tiles = np.full((len(rows), len(columns)), np.nan)
    tiles[np.searchsorted(rows, y), np.searchsorted(columns, x)] = values
    edge = 0.5 * (columns[1] - columns[0])
    ends: Any = tuple(
        (end + side) / 1000
        for end, side in zip((x.min(), x.max(), y.min(), y.max()), (-edge, edge, -edge, edge), strict=True)
    )
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_facecolor(BARE)
    # A picture of one dot a bump: a path for each makes the file several times larger.
    return axes.imshow(tiles, SIGNED, vmin=-limit, vmax=limit, origin="lower", extent=ends, interpolation="none")
