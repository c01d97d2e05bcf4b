"""How much solder stands how much bow: the sweep, its table by cap and bow, and the figure.

Run: python experiments/011_solder_for_bow/run.py [--workers N] [--draw]   (minutes on 2 cores)
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

import swept  # noqa: E402 - found beside this folder

Found = dict[str, dict[float, tuple[float, float, float]]]


def points(rows: list[dict[str, str]]) -> Found:
    """By bow and cap: mean loss over the seeds, its standard error, the doubt of the fast route."""
    found: dict[str, dict[float, list[dict[str, str]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[row["design.warpage"]][swept.number(row["design.cap_height"])].append(row)
    return {bow: {cap: _mean(same) for cap, same in sorted(caps.items())} for bow, caps in found.items()}


def _mean(same: list[dict[str, str]]) -> tuple[float, float, float]:
    losses = np.array([1.0 - float(row["yield"]) for row in same])
    errors = np.array([float(row["stderr"]) for row in same])
    doubt = max(float(row["doubt"]) for row in same)  # of the model: seeds do not take it away
    return float(losses.mean()), float(np.sqrt((errors**2).sum()) / len(errors)), doubt


def table(found: Found) -> str:
    """Loss in per cent by cap (down) and bow (across)."""
    caps = sorted(next(iter(found.values())))
    head = f"| cap | {' | '.join(f'bow {bow}' for bow in found)} |\n|---|{'---|' * len(found)}"
    lines = [f"| {cap:g} um | " + " | ".join(_cell(*found[bow][cap]) for bow in found) + " |" for cap in caps]
    return "\n".join([head, *lines])


def _cell(loss: float, error: float, doubt: float) -> str:
    return f"{100 * loss:.2f} +- {100 * (2.0 * error + doubt):.2f} %"


def draw(found: Found) -> None:
    """Loss against cap, a line a bow."""
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = swept.axes(figure, "plated cap, um", "units lost")
    for (bow, caps), hue, mark in zip(found.items(), swept.HUES, swept.MARKS, strict=False):
        loss, error, doubt = np.array(list(caps.values())).T
        axes.errorbar(list(caps), loss, 2 * error + doubt, color=hue, marker=mark, capsize=3, label=f"bow {bow}")
    axes.set_yscale("log")
    axes.legend(frameon=False)
    swept.save(figure, HERE / "figure.svg")


if __name__ == "__main__":
    swept.main(__doc__, HERE, points, table, draw)
