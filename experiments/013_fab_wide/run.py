"""What limits a sweep of a hundred thousand tasks on a hundred workers: each part's rate measured, the rest simulated.

Run: python experiments/013_fab_wide/run.py [--tasks N] [--write]   (minutes)
"""

import argparse
import heapq
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

import swept  # noqa: E402 - found beside this folder

from yieldopt.study import session  # noqa: E402
from yieldopt.sweep import pools, table  # noqa: E402
from yieldopt.sweep.folder import Folder  # noqa: E402
from yieldopt.sweep.plan import Axis, Plan  # noqa: E402

WHOLE, WORKERS = 100_000, 100
SECONDS = 0.06, 0.6, 6.0, 60.0
"""Of one task: a thousand 10,000-joint yields a minute on one GPU is what is asked of us; .. an optimum."""
MADE = {
    "format": 1, "kind": "estimate", "status": "done", "seed": 1, "study_hash": "0" * 64,
    "device": {"kind": "cpu"}, "float_width": 64,
    "versions": dict.fromkeys("abcdefgh", "1.2.3"),
    "results": {"yield": 0.9, "stderr": 1e-3, "interval": [0.898, 0.902], "method": "sobol", "evaluations": 4096,
                "limits": {f"limit {k}": {"fails": 0.01, "alone": 0.01} for k in range(10)}, "status": "converged."},
}  # fmt: skip
"""As large as a task of experiment 011."""


def plan(tasks: int) -> Plan:
    """So many tasks along one axis."""
    labels = tuple(f"{k / 1000:g} um" for k in range(tasks))
    return Plan("fab", "estimate", "", (), (Axis("design.x", tuple({"design.x": one} for one in labels), labels),))


def each(seconds: float, count: int) -> float:
    """Milliseconds of one."""
    return 1e3 * seconds / count


def files(tasks: int, place: Path) -> dict[str, float]:
    """Milliseconds a task of what the driver and the workers do with files."""
    folder, asked = Folder(place), plan(tasks)
    began = time.perf_counter()
    for task in asked.tasks():
        folder.keep(task, {**MADE, "task": task.hash, "number": task.number, "sets": list(task.sets)})
    kept = time.perf_counter()
    waiting = sum(bool(folder.why(task)) for task in asked.tasks())
    assert not waiting
    looked = time.perf_counter()
    for task in asked.tasks():
        folder.note({"begun": task.hash})
    noted = time.perf_counter()
    found = table.rows(folder, asked)
    table.save(folder, found)
    tabled = time.perf_counter()
    told = "write a task's file", "see that it is done", "note an event", "a line of the table"
    ends = began, kept, looked, noted, tabled
    return {name: each(b - a, tasks) for name, (a, b) in zip(told, pairwise(ends), strict=True)}


def nothing(*given: Any) -> None:
    """A task that does nothing."""
    del given


def dispatched(tasks: int) -> float:
    """Milliseconds in which Dask hands out one task and has it back, with two workers."""
    one = next(plan(tasks).tasks())
    with pools.local(2) as pool:
        list(pool.executor.map(nothing, [one] * 200))
        began = time.perf_counter()
        list(pool.executor.map(nothing, [one] * tasks))
        return each(time.perf_counter() - began, tasks)


def simulated(seconds: float, handed: float) -> tuple[float, float]:
    """Hours of the sweep where one driver hands tasks out, `handed` seconds each; how busy workers are."""
    free, clock = [0.0] * WORKERS, 0.0
    for _ in range(WHOLE):
        clock = max(clock + handed, free[0])
        heapq.heapreplace(free, clock + seconds)
    end = max(free)
    return end / 3600.0, WHOLE * seconds / (WORKERS * end)


def main() -> None:
    """Print both tables; `--write` puts them into the README."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--tasks", type=int, default=5_000, help="tasks that rates are measured on")
    asked.add_argument("--write", action="store_true")
    given = asked.parse_args()
    session.start()
    with tempfile.TemporaryDirectory() as place:
        rates = files(given.tasks, Path(place))
    rates["hand a task out by Dask"] = dispatched(given.tasks)
    lines = ["| part | a task | 100,000 tasks |", "|---|---|---|"]
    lines += [f"| {name} | {ms:.2f} ms | {ms * WHOLE / 6e4:.1f} min |" for name, ms in rates.items()]
    handed = 1e-3 * (rates["hand a task out by Dask"] + 2.0 * rates["note an event"] + rates["see that it is done"])
    lines += ["", "| a task takes | one driver, 100 workers | workers busy | 100 shards, each its own driver |"]
    lines.append("|---|---|---|---|")
    for seconds in SECONDS:
        hours, busy = simulated(seconds, handed)
        alone = (seconds + 1e-3 * sum(list(rates.values())[:3])) * WHOLE / WORKERS / 3600.0
        lines.append(f"| {seconds:g} s | {hours:.2f} h | {100 * busy:.0f} % | {alone:.2f} h |")
    text = "\n".join(lines)
    print(text)
    if given.write:
        swept.between(HERE / "README.md", "rates", text)


if __name__ == "__main__":
    main()
