"""What a task of a sweep costs over its bare computation, as JSON: in this process, and in one of Dask's.

Run: python tests/benchmarks/measure_sweep.py
"""

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from yieldopt.study import run, session
from yieldopt.sweep import ask, drive, pools
from yieldopt.sweep.folder import Folder

MODEL = Path(__file__).parents[2] / "configs" / "bolt_in_hole" / "bolt_in_hole.py"
STUDY = "schema: 1\nmodel: bolt_in_hole\nestimate: {method: monte_carlo, accuracy: {absolute: 5e-2}}\n"
POINTS, TASKS = 60, 120
SWEEP = """schema: 1
study: study.yaml
axes: {{design.bolt_hole: {{from: 6.25 mm, to: 6.4 mm, points: {points}}}, design.drilling: [40 um, 45 um]}}
"""


def sweep(place: Path) -> Any:
    """The sweep as read."""
    (place / "study.yaml").write_text(STUDY)
    (place / "sweep.yaml").write_text(SWEEP.format(points=POINTS))
    return ask.place(place / "sweep.yaml", MODEL, place / "warm")[1]


def driven(folder: Path, read: Any, pool: pools.Pool) -> tuple[float, float]:
    """Seconds a task of a sweep that was done before, so that all is compiled; of them those inside of the tasks."""
    place = Folder(folder)
    place.begin(read)
    drive.drive(place, read.plan, pool)
    shutil.rmtree(folder / "tasks")
    (folder / "events.jsonl").unlink()
    began = time.perf_counter()
    tally = drive.drive(place, read.plan, pool)
    whole = time.perf_counter() - began
    assert tally.ended["done"] == TASKS
    inside = sum(event["seconds"] for event in place.events() if "seconds" in event)
    return whole / TASKS, inside / TASKS


def main() -> None:
    """The bare computation is timed where a task calls it, in the same run: what else runs here takes from both."""
    session.start()
    bare: list[float] = []
    question = run.estimate

    def timed(*given: Any, **more: Any) -> Any:
        began = time.perf_counter()
        found = question(*given, **more)
        bare.append(time.perf_counter() - began)
        return found

    run.estimate = timed
    with tempfile.TemporaryDirectory() as where:
        place = Path(where)
        read = sweep(place)
        with pools.inline() as pool:
            whole, inside = driven(place / "inline", read, pool)
        each = sum(bare[-TASKS:]) / TASKS
        with pools.local(1) as pool:
            away, within = driven(place / "dask", read, pool)
    told = {"bare": each, "inline": whole - each, "dask": away - within + inside - each}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
