"""What limits a worked study of each of the eight systems, what the optimizer makes of it, and how long that takes.

Run: python experiments/008_systems/run.py [--study NAME] [--out DIR] [--write]     (2 to 15 minutes a study)
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "README.md"
MARKERS = "<!-- systems -->\n", "<!-- /systems -->"
STUDIES = {
    "A": "capped_pillar/blackparrot",
    "B": "pillar_into_solder/balls",
    "C": "pillar_joint/as_found",
    "D": "module/face_up",
    "D, face down": "module/face_down",
    "E": "pillar_to_pillar/ceramic",
    "F": "gold_pad_joint/gold_bumps",
    "G": "gold_pad_process/gold_balls",
    "H": "passivation_trace/wlcsp_400um",
}
FIGURE = "capped_pillar/blackparrot", ROOT / "configs" / "capped_pillar" / "window.svg"
"""The study whose window the README shows, and the picture."""
HEAD = """| system | study | claims | elements | what costs it | before | after | window | time |
|---|---|---|---|---|---|---|---|---|"""
POINTS = 10_000
LEAST = 0.05
"""Share of the loss from which a limit is named."""


def optimized(study: str, out: Path) -> tuple[dict[str, Any], float]:
    """What `yieldopt optimize` keeps of a study, and the seconds from the shell; an unmet target is an answer too."""
    began = time.perf_counter()
    path = ROOT / "configs" / f"{study}.yaml"
    command = [sys.executable, "-m", "yieldopt", "optimize", str(path), "--out", str(out), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{study}: exit {done.returncode}")
    return json.loads(done.stdout), time.perf_counter() - began


def counts(study: str) -> dict[str, int]:
    """How many elements of each population a unit has; pairs too."""
    from yieldopt import catalogue
    from yieldopt.study import config

    found = config.read(ROOT / "configs" / f"{study}.yaml")
    model = catalogue.load(found.card.name).build(found.inputs)
    return {name: part.sites.x.shape[0] for name, part in (model.populations() | model.pairs()).items()}


def costs(estimate: dict[str, Any]) -> str:
    """The limits that take a share of the loss worth naming, the dearest first."""
    lost = sorted(((row["fails"], name) for name, row in estimate["limits"].items()), reverse=True)
    whole = max(1.0 - estimate["yield"], 1e-300)
    named = [f"{name} {100 * share:.2g} %" for share, name in lost if share > LEAST * whole]
    return ", ".join(named[:3]) or "nothing that was met"


def windowed(result: dict[str, Any]) -> str:
    """How the window stands: each knob as people set it, and the worst yield found in it."""
    from yieldopt import units

    if "window" not in result:
        return "-"
    found, shown = result["window"], result["units"]
    sides = [
        f"{name} {units.format(low, shown[name], 3)} to {units.format(found['high'][name], shown[name], 3)}"
        for name, low in found["low"].items()
    ]
    worst = found["worst"]["estimate"]
    return f"{'; '.join(sides)}: {100 * worst[result['counted']]:.2f} % at worst"


def leaving(study: str, result: dict[str, Any]) -> int:
    """How many of `POINTS` random points of the window, corners among them, break a number of the claims in force."""
    import jax
    import numpy as np

    from yieldopt import catalogue
    from yieldopt.study import claims, config, plan

    jax.config.update("jax_enable_x64", True)
    found = config.read(ROOT / "configs" / f"{study}.yaml")
    model = catalogue.load(found.card.name)
    built, bounds = plan.build(found, model), claims.bounds(found)
    names, best, window = built.search.names, result["optimum"]["design"], result.get("window")
    low, high = (
        np.array([window[end].get(name, best[name]) if window else best[name] for name in names])
        for end in ("low", "high")
    )
    share = np.random.default_rng(1).random((POINTS, len(names)))
    share[: POINTS // 10] = np.round(share[: POINTS // 10])
    drawn = jax.vmap(lambda at: model.drawn(built.search.place(built.design, at), found.inputs))(
        low + share * (high - low)
    )
    broken = np.zeros(POINTS, bool)
    for bound in bounds:
        if bound.quantity in drawn and not (bound.than and bound.than not in drawn):
            values = drawn[bound.quantity] - (drawn[bound.than] if bound.than else 0.0)
            broken |= ~np.array([bound.holds(float(value)) for value in np.broadcast_to(values, POINTS)])
    return int(broken.sum())


def row(system: str, study: str, out: Path, draw: bool) -> str:
    """One row of the table; with `draw`, the picture of the window of one of them."""
    from yieldopt.study import words

    result, seconds = optimized(study, out)
    print(f"    {study}: of {POINTS:,} points of the window {leaving(study, result)} leave what is claimed", flush=True)
    if draw and study == FIGURE[0]:
        page = (Path(result["folder"]) / "report.html").read_text()
        FIGURE[1].write_text(page[page.index("<svg") : page.index("</svg>")] + "</svg>\n")
    claims = [claim["id"] for claim in result["claims"]]
    first, last = result["start"]["estimate"], result["optimum"]["estimate"]
    elements = ", ".join(f"{count:,} {name}" for name, count in counts(study).items())
    before, after = (words.yield_text(estimate) for estimate in (first, last))
    cells = system, f"`{study}`", _runs(claims), elements, costs(first), before, after, windowed(result)
    return f"| {' | '.join(cells)} | {seconds / 60:.0f} min |"


def _runs(claims: list[str]) -> str:
    """Claims in order, those that follow each other as a range."""

    def grouped() -> Iterator[str]:
        ids = sorted({(claim[0], int(claim[1:])) for claim in claims})
        first = 0
        for k in range(1, len(ids) + 1):
            if k == len(ids) or ids[k] != (ids[k - 1][0], ids[k - 1][1] + 1):
                ends = [f"{letter}{number}" for letter, number in (ids[first], ids[k - 1])]
                yield ends[0] if first == k - 1 else "-".join(ends)
                first = k

    return ", ".join(grouped()) or "none"


def write(lines: dict[str, str]) -> None:
    """Put rows between the markers of the README; those of other systems stay."""
    before, _, rest = TABLE.read_text().partition(MARKERS[0])
    old, _, after = rest.partition(MARKERS[1])
    kept = {cells[1].strip(): line for line in old.splitlines() if len(cells := line.split("|")) == 11}
    table = [(kept | lines)[system] for system in STUDIES if system in kept | lines]
    TABLE.write_text("\n".join([before + MARKERS[0] + HEAD, *table, MARKERS[1] + after]))


def main() -> None:
    """Run the studies asked for, a row each."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--study", choices=STUDIES.values(), action="append", help="a study, all by default")
    asked.add_argument("--out", type=Path, default=ROOT / "runs", help="where runs are kept")
    asked.add_argument("--write", action="store_true", help="write table and picture of the README")
    given = asked.parse_args()
    print(HEAD, flush=True)
    for system, study in STUDIES.items():
        if given.study and study not in given.study:
            continue
        line = row(system, study, given.out, given.write)
        print(line, flush=True)
        if given.write:
            write({system: line})


if __name__ == "__main__":
    main()
