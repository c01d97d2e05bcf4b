"""How wide the process window is for the yield asked at its worst point: the sweep, its table and figure.

Run: python experiments/016_window_for_target/run.py [--workers N] [--draw]   (20 minutes on 2 cores)
"""

import sys
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

import swept  # noqa: E402 - found beside this folder

KNOBS = {"pillar_height": "pillar", "cap_height": "cap", "warpage": "bow", "placement_x": "x", "placement_y": "y"}


def sides(row: dict[str, str]) -> dict[str, tuple[float, float]]:
    """The ends of the window along each knob, um."""
    return {name: (float(row[f"window.{name}.low"]), float(row[f"window.{name}.high"])) for name in KNOBS}


def table(rows: list[dict[str, str]]) -> str:
    """A row a target: the centre's loss, each knob's middle and half-width, the worst loss found."""
    head = f"| target | opening, um | {' | '.join(f'{said}, um' for said in KNOBS.values())} | worst found |"
    lines = [head, f"|---|---|{'---|' * len(KNOBS)}---|"]
    for row in rows:
        if not row["window.warpage.low"]:
            lines.append(f"| {row['optimize.target']} | {'- | ' * (len(KNOBS) + 1)}{row['status']} |")
            continue
        spans = [f"{(low + high) / 2:.1f} +- {(high - low) / 2:.2f}" for low, high in sides(row).values()]
        worst = f"{100 * float(row['window.worst_yield']):.3f} %"
        opening = f"{float(row['optimum.pad_opening']):.1f}"
        lines.append(f"| {row['optimize.target']} | {opening} | {' | '.join(spans)} | {worst} |")
    return "\n".join(lines)


def draw(rows: list[dict[str, str]]) -> None:
    """Half-widths against the loss that is allowed."""
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes: Any = swept.axes(figure, "loss allowed at the worst point of the window, %", "half-width of the window, um")
    found = [row for row in rows if row["window.warpage.low"]]
    allowed = [100.0 - swept.number(row["optimize.target"]) for row in found]
    shown = (
        ("placement_x", "placement x and y"),
        ("pillar_height", "pillar, cap and bow"),
    )  # of one drift, so of one width
    for (name, said), hue, mark in zip(shown, swept.HUES, swept.MARKS, strict=False):
        widths = [(high - low) / 2 for low, high in (sides(row)[name] for row in found)]
        axes.plot(allowed, widths, color=hue, marker=mark, label=said)
    axes.set_xscale("log")
    axes.set_xticks(allowed, [f"{value:g}" for value in allowed])
    axes.minorticks_off()
    axes.set_ylim(bottom=0.0)
    axes.legend(frameon=False)
    swept.save(figure, HERE / "figure.svg")


if __name__ == "__main__":
    swept.main(__doc__, HERE, list, table, draw)
