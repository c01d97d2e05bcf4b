"""Drawings of a report as inline SVG: text stays text, the same numbers give the same bytes, colour is never alone."""

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

INK, MUTED, RULE = "#1f2933", "#5f6b7a", "#d5dae1"
BLUE, PALE, ORANGE = "#0072b2", "#b8d4e6", "#d55e00"
"""From the palette of Okabe and Ito, told apart by all common kinds of colour vision."""

NARROW = 0.3
"""Share of a search range that the texts of both ends of a window take."""


@dataclass(frozen=True)
class Span:
    """One knob of the window: its place between the ends of its search range, 0 to 1, and its texts."""

    name: str
    low: float
    high: float
    nominal: float
    texts: tuple[str, str, str, str, str]
    """Search from, window from, nominal, window to, search to."""
    stopped: tuple[bool, bool] = (False, False)
    """Whether the low and the high side end at the search range rather than at the target."""


def window(spans: Sequence[Span]) -> str:
    """Draw one bar a knob: the search range thin, the window thick, the nominal a diamond."""
    figure, axes = _canvas(7.6, 0.1 + 0.7 * len(spans), bottom=0.05, right=0.99)
    for row, span in enumerate(spans):
        axes.plot([0, 1], [row, row], color=RULE, linewidth=3, solid_capstyle="butt", zorder=1)
        axes.barh(row, span.high - span.low, left=span.low, height=0.34, color=PALE, edgecolor=BLUE, zorder=2)
        for side, end in zip(span.stopped, (span.low, span.high), strict=True):
            if side:
                axes.plot([end, end], [row - 0.26, row + 0.2], color=ORANGE, linewidth=3.5, zorder=4)
        axes.plot(span.nominal, row, "D", color=INK, markersize=6, zorder=5)
        _name(axes, row, span.name)
        _span_texts(axes, row, span)
    axes.set(xlim=(-0.02, 1.02), ylim=(len(spans) - 0.4, -0.6))
    axes.axis("off")
    return _svg(figure, "window")


def _span_texts(axes: Any, row: int, span: Span) -> None:
    """Write the window's ends under its bar, kept apart where it is narrow, and the search range at the far ends."""
    first, low, nominal, high, last = span.texts
    axes.text(span.nominal, row - 0.24, nominal, ha="center", va="bottom", color=INK, fontsize=9, weight="bold")
    middle, start, stop = 0.5 * (span.low + span.high), span.low, span.high
    if stop - start < NARROW:
        # Two texts would run into each other: one, centred under the bar, but never past the ends of the range.
        middle = min(max(middle, 0.5 * NARROW), 1.0 - 0.5 * NARROW)
        start, stop = middle - 0.5 * NARROW, middle + 0.5 * NARROW
        axes.text(middle, row + 0.26, f"{low} to {high}", ha="center", va="top", color=BLUE, fontsize=9)
    else:
        axes.text(start, row + 0.26, low, ha="left", va="top", color=BLUE, fontsize=9)
        axes.text(stop, row + 0.26, high, ha="right", va="top", color=BLUE, fontsize=9)
    if start > 0.1:
        axes.text(0, row + 0.26, first, ha="left", va="top", color=MUTED, fontsize=8)
    if stop < 0.9:
        axes.text(1, row + 0.26, last, ha="right", va="top", color=MUTED, fontsize=8)


def losses(rows: Sequence[tuple[str, float, float, str]]) -> str:
    """Draw what fails each limit (pale, outlined) and what fails it alone (dark); rows of name, fails, alone, text."""
    figure, axes = _canvas(7.6, 0.6 + 0.4 * len(rows), bottom=0.55, right=0.9)
    shown = [value for _, fails, alone, _ in rows for value in (fails, alone) if value > 0]
    spanning = max(shown) > 30 * min(fails for _, fails, _, _ in rows if fails > 0)
    floor = 10.0 ** int(math.log10(min(shown)) - 1.5) if spanning else 0.0
    floor = max(floor, max(shown) * 1e-9)
    for row, (name, fails, alone, text) in enumerate(rows):
        axes.barh(row, fails, height=0.56, color=PALE, edgecolor=BLUE, linewidth=0.8, zorder=2)
        axes.barh(row, alone, height=0.24, color=BLUE, zorder=3)
        axes.annotate(
            text, (max(fails, floor), row), (6, 0), textcoords="offset points", va="center", fontsize=9, color=INK
        )
        _name(axes, row, name)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks([])
    if spanning:
        axes.set_xscale("log")
    axes.set_xlim(floor if spanning else 0, max(shown) * (3 if spanning else 1.12))
    _ticks(axes, spanning)
    axes.set_xlabel("share of assemblies lost" + (" (logarithmic)" if spanning else ""), fontsize=9, color=MUTED)
    return _svg(figure, "losses")


def _ticks(axes: Any, spanning: bool) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    axes.xaxis.set_major_locator(LogLocator(numticks=7) if spanning else MaxNLocator(5))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _share(value)))
    axes.tick_params(axis="x", colors=MUTED, labelsize=9, length=0)
    axes.grid(axis="x", color=RULE, linewidth=0.7, zorder=0)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.spines["left"].set_color(MUTED)


def _share(value: float) -> str:
    """Words of a share on an axis: per cent down to a thousandth, then ppm and ppb."""
    if value == 0:
        return "0"
    for least, factor, unit in ((1e-3, 1e2, " %"), (0.99e-6, 1e6, " ppm"), (0.99e-9, 1e9, " ppb")):
        if value >= least * 0.99:
            return f"{value * factor:.6g}{unit}"
    return f"{value:.0e}"


def _name(axes: Any, row: int, name: str) -> None:
    """Write a row's name at the left edge of the page."""
    axes.annotate(name, (0.0, row), xycoords=("figure fraction", "data"), va="center", fontsize=10.5, color=INK)


def _canvas(width: float, height: float, bottom: float, right: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    return figure, figure.add_axes((0.19, bottom / height, right - 0.19, 1 - (bottom + 0.03) / height))


def _svg(figure: Any, name: str) -> str:
    import matplotlib as mpl

    # Without a salt, and with a date, the bytes would differ from run to run.
    with mpl.rc_context({"svg.hashsalt": "yieldopt", "svg.fonttype": "none"}):
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawing = text.getvalue()
    # Matplotlib counts `figure_1`, `patch_2`, ... in every drawing: named apart, two of them can share a page.
    drawing = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", drawing)
    return drawing[drawing.index("<svg") :]
