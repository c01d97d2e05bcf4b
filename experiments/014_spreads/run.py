"""Which spread costs most, system by system: each halved alone, all else the same draws; table and figure.

Run: python experiments/014_spreads/run.py [--system A] [--make] [--draw]   (half an hour on 2 cores, mostly compiling)
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.append(str(HERE.parent))

import swept  # noqa: E402 - found beside this folder

STUDIES = {
    "A": "capped_pillar/blackparrot",
    "B": "pillar_into_solder/balls",
    "C": "pillar_joint/as_found",
    "D": "module/face_up",
    "E": "pillar_to_pillar/ceramic",
    "F": "gold_pad_joint/gold_bumps",
    "G": "gold_pad_process/gold_balls",
    "H": "passivation_trace/wlcsp_400um",
}
DRAWN = "DEFGH"
"""Systems some of whose claims are asked of drawn geometry: that takes as long as the yield, which it leaves alone."""
WHOLE = "as it is"
NAMED = 4
"""Spreads of a system that the table names."""
HEAD = """# Every spread of {study}, halved alone. Made by `run.py --make`.
schema: 1
name: spreads_{system}
study: ../../configs/{study}.yaml
set:
  estimate.method: sobol
  estimate.accuracy: {{of_loss: 5 %}}
{claims}draws: common
cases:
  "{whole}": {{}}
"""


def sweep(system: str) -> str:
    """The sweep of a system: a case for each of its spreads."""
    from yieldopt import units
    from yieldopt.study import config

    found = config.read(ROOT / "configs" / f"{STUDIES[system]}.yaml")
    claims = "  claims: []\n" if system in DRAWN else ""
    text = HEAD.format(system=system, study=STUDIES[system], whole=WHOLE, claims=claims)
    for parent, levels in found.resolved["variation"].items():
        for level, sigma in levels.items():
            size, unit = units.split(str(sigma))
            text += f'  "{parent}, {level}": {{variation.{parent}.{level}: {f"{size / 2:.6g} {unit}".strip()}}}\n'
    return text


def shares(rows: list[dict[str, str]]) -> tuple[float, dict[str, float]]:
    """The loss as it is, and the share of it that goes with half of each spread, the most first."""
    losses = {row["case"]: 1.0 - float(row["yield"]) for row in rows}
    whole = losses.pop(WHOLE)
    gained = {name: (whole - loss) / whole for name, loss in losses.items()}
    return whole, dict(sorted(gained.items(), key=lambda one: -one[1]))


def table(found: dict[str, Any]) -> str:
    """A row a system: its loss, and the spreads whose halving takes most of it."""
    lines = ["| system | study | loss | what half of a spread takes off it |", "|---|---|---|---|"]
    for system, (whole, gained) in found.items():
        most = [f"{name} {100 * share:.0f} %" for name, share in list(gained.items())[:NAMED]]
        lines.append(f"| {system} | `{STUDIES[system]}` | {100 * whole:.2g} % | {'; '.join(most)} |")
    return "\n".join(lines)


def draw(found: dict[str, Any]) -> None:
    """Bars of the spreads that matter, a panel a system."""
    figure = Figure(figsize=(9.0, 7.6), layout="constrained")
    for place, (system, (whole, gained)) in enumerate(found.items(), start=1):
        axes = figure.add_subplot(4, 2, place)
        most = list(gained.items())[: NAMED + 2][::-1]
        axes.barh([name for name, _ in most], [100 * share for _, share in most], color=swept.HUES[0], height=0.6)
        axes.set_title(
            f"{system}: {STUDIES[system].partition('/')[2]}, loss {100 * whole:.2g} %", fontsize=9, loc="left"
        )
        axes.set_xlim(min(0.0, *(100 * share for _, share in most)), 100)
        axes.tick_params(labelsize=8)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    figure.supxlabel("share of the loss that half of the spread takes off, %", fontsize=9)
    swept.save(figure, HERE / "figure.svg")


def main() -> None:
    """Make the sweeps, or run what is not done of them, then table and figure."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--system", choices=STUDIES, action="append", help="run these alone")
    asked.add_argument("--make", action="store_true", help="write the sweeps anew from the studies")
    asked.add_argument("--draw", action="store_true", help="table and figure again from the tables kept")
    given = asked.parse_args()
    for system in given.system or STUDIES:
        if given.make:
            (HERE / f"sweep_{system}.yaml").write_text(sweep(system), encoding="utf-8")
        elif not given.draw:
            swept.run(HERE, name=f"sweep_{system}.yaml")
    kept = {system: HERE / f"results_{system}.csv" for system in STUDIES}
    found = {system: shares(swept.rows(path)) for system, path in kept.items() if path.exists()}
    if found and not given.make:
        swept.between(HERE / "README.md", "table", table(found))
        draw(found)
        print(table(found))


if __name__ == "__main__":
    main()
