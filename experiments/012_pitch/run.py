"""How joint yield falls with pitch, and what buys it back: the sweep, its table and figure.

Run: python experiments/012_pitch/run.py [--workers N] [--draw]   (ten minutes on 2 cores; five sizes of map)
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

import swept  # noqa: E402 - found beside this folder

Found = dict[str, dict[float, dict[str, str]]]


def series(rows: list[dict[str, str]]) -> Found:
    """Rows by what shrinks and by pitch."""
    found: Found = defaultdict(dict)
    for row in rows:
        pitch, name = row["case"].split(", ")
        found[name][swept.number(pitch)] = row
    return found


def costs(row: dict[str, str]) -> str:
    """What costs most, where anything does: a limit, or random defects."""
    fails = {key.removeprefix("fails."): float(value) for key, value in row.items() if key[:6] == "fails." and value}
    fails["defects"] = 1.0 - float(row["defect_yield"])
    worst = max(fails, key=lambda name: fails[name])
    return f"{worst} {float(f'{100 * fails[worst]:.2g}'):g} %" if fails[worst] > 1e-4 else "-"


def table(found: Found) -> str:
    """Yield and what costs most by pitch (down) and by what shrinks (across)."""
    pitches = sorted(next(iter(found.values())), reverse=True)
    head = f"| pitch | joints | {' | '.join(found)} |\n|---|---|{'---|' * len(found)}"
    lines: list[str] = []
    for pitch in pitches:
        cells = [f"{100 * float(row[pitch]['yield']):.2f} % ({costs(row[pitch])})" for row in found.values()]
        lines.append(f"| {pitch:g} um | {round(8000 / pitch) ** 2:,} | {' | '.join(cells)} |")
    return "\n".join([head, *lines])


def draw(found: Found) -> None:
    """Yield against pitch, a line for each of what shrinks."""
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = swept.axes(figure, "pitch, um", "joint yield")
    for (name, at), hue, mark in zip(found.items(), swept.HUES, swept.MARKS, strict=False):
        pitches = np.array(sorted(at))
        axes.plot(pitches, [float(at[p]["yield"]) for p in pitches], color=hue, marker=mark, label=name)
    axes.set_xscale("log")
    axes.set_xticks(pitches, [f"{p:g}" for p in pitches])
    axes.minorticks_off()
    axes.set_ylim(-0.02, 1.02)
    axes.legend(frameon=False, title="what shrinks with the pitch")
    swept.save(figure, HERE / "figure.svg")


if __name__ == "__main__":
    swept.main(__doc__, HERE, series, table, draw)
