"""How cost grows with the number of joints: the fast route beside every joint drawn, to the same standard error.

Run: python experiments/015_cost/run.py [--draw]     (ten minutes on 2 cores, the machine for itself)
"""

import argparse
import functools
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

import swept  # noqa: E402 - found beside this folder

DRAWN = 10_000_000
"""Joints drawn to see how fast exact units are: in blocks, or a few units by themselves where that is more."""
STEP, MOST, FEW = 512, 8, 3
"""Units of a block, blocks at most, and how often each is timed."""


def timed(folder: Path) -> dict[str, dict[str, Any]]:
    """By number of joints: seconds of the fast route (of the seeds that compile nothing) and of compiling, GiB."""
    from yieldopt.sweep.folder import Folder

    place = Folder(folder)
    ended = {event["task"]: event for event in place.events() if event.get("status") == "done"}
    plan, found = place.plan(), dict[str, dict[str, Any]]()
    for task in plan.tasks():
        spent, made = ended[task.hash]["apart"]["total"], place.result(task)
        one = found.setdefault(task.labels[0], {"run": [], "compile": 0.0, "yield": [], "stderr": []})
        one["compile"] += spent["compile"]
        one["memory"] = ended[task.hash]["memory"]
        if spent["compile"] == 0.0:
            one["run"].append(spent["run"])
        assert made is not None
        one["yield"].append(made["results"]["yield"])
        one["stderr"].append(made["results"]["stderr"])
    return found


@functools.cache
def _alone() -> Any:
    import jax

    from yieldopt.exact import layout, margins
    from yieldopt.programs import thorough

    def one(problem: Any, design: Any, key: Any) -> Any:
        """One exact unit by itself."""
        sizes, populations = layout(problem, design), problem.model.populations()
        shared, own = jax.random.split(key)
        elements = {
            name: jax.random.normal(jax.random.fold_in(own, i), (p.sites.x.shape[0], sizes.element[name]))
            for i, (name, p) in enumerate(populations.items())
        }
        return margins(problem, design, jax.random.normal(shared, (sizes.unit,)), elements)

    return thorough(one)


def counted(folder: Path) -> dict[str, float]:
    """Seconds of one exact unit by number of joints, compiled before."""
    import jax

    from yieldopt import catalogue
    from yieldopt.estimators.counting import count
    from yieldopt.study import plan as plans
    from yieldopt.sweep.folder import Folder

    place, found = Folder(folder), dict[str, float]()
    base = place.base()
    for task in place.plan().tasks():
        joints = int(task.labels[0].replace(",", ""))
        if task.labels[0] in found:
            continue
        study = base.resolved(task.sets)
        built = plans.build(study, catalogue.load(study.card.name))
        units = min(DRAWN // joints // STEP, MOST) * STEP
        key = jax.random.key(1)
        spent = list[float]()
        for k in range(1 + FEW):  # the first compiles
            began = time.perf_counter()
            if units:
                count(built.problem, built.design, key, 0, units)
            else:
                jax.block_until_ready(_alone()(built.problem, built.design, jax.random.fold_in(key, k)))
            spent.append((time.perf_counter() - began) / max(units, 1))
        found[task.labels[0]] = float(np.median(spent[1:]))
        print(f"{task.labels[0]} joints: {1e3 * found[task.labels[0]]:.3g} ms a unit", flush=True)
    return found


def gathered(fast: dict[str, dict[str, Any]], exact: dict[str, float]) -> list[dict[str, Any]]:
    """One line a size: medians of the fast route, and how long counting takes to the same standard error."""
    lines: list[dict[str, Any]] = []
    for name, one in fast.items():
        value, error = float(np.mean(one["yield"])), float(np.mean(one["stderr"]))
        units = value * (1.0 - value) / error**2
        spent = float(np.median(one["run"]))
        line = {"joints": name, "yield": value, "stderr": error, "seconds": spent, "compiling": one["compile"]}
        line |= {"units": units, "unit": exact[name], "counted": units * exact[name], "memory": one["memory"]}
        lines.append(line)
    return lines


def table(lines: list[dict[str, Any]]) -> str:
    """A row a size."""
    head = (
        "| joints | yield | standard error | fast | compiling | exact unit | units for that error | counted | times |"
    )
    rows = [head, "|---|---|---|---|---|---|---|---|---|"]
    for one in lines:
        cells = one["joints"], f"{one['yield']:.4f}", f"{one['stderr']:.1e}", f"{one['seconds']:.1f} s"
        cells += f"{one['compiling']:.0f} s", _short(one["unit"]), f"{one['units']:,.0f}"
        cells += _time(one["counted"]), f"{one['counted'] / one['seconds']:,.0f}"
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _short(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds >= 1.0 else f"{1e3 * seconds:.3g} ms"


def _time(seconds: float) -> str:
    for size, name in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.0f} s"


def draw(lines: list[dict[str, Any]]) -> None:
    """Seconds against joints, both on logarithmic axes."""
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = swept.axes(figure, "joints of a unit", "seconds to the same standard error")
    joints = [int(one["joints"].replace(",", "")) for one in lines]
    drawn = ("counted", "every joint drawn"), ("seconds", "fast route")
    for (key, label), hue, mark in zip(drawn, swept.HUES, swept.MARKS, strict=False):
        axes.plot(joints, [one[key] for one in lines], color=hue, marker=mark, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.legend(frameon=False)
    swept.save(figure, HERE / "figure.svg")


def main() -> None:
    """Run what is not done, count, then table and figure."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--draw", action="store_true", help="table and figure again from costs.json")
    given = asked.parse_args()
    kept = HERE / "costs.json"
    if not given.draw:
        folder = Path("sweeps") / HERE.name
        swept.run(HERE, folder)
        kept.write_text(json.dumps(gathered(timed(folder), counted(folder)), indent=1) + "\n", encoding="utf-8")
    lines = json.loads(kept.read_text(encoding="utf-8"))
    swept.between(HERE / "README.md", "table", table(lines))
    draw(lines)
    print(table(lines))


if __name__ == "__main__":
    main()
