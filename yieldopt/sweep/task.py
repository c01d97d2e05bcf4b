"""One task of a sweep: what it is goes in, its file comes out; run twice it writes the same bytes.

Everything that may differ between two runs (seconds, host, memory) goes to the caller, not into the file.
"""

import platform
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from threading import Event
from typing import Any

from yieldopt import catalogue
from yieldopt.errors import UserError
from yieldopt.study.config import ResolvedStudy
from yieldopt.sweep.folder import FULL, Folder
from yieldopt.sweep.plan import FORMAT, Task
from yieldopt.sweep.read import Base, own_model

HELD = 200
"""Programs that a process holds before it lets go of all: it has room for those of some twenty different studies."""

Report = Callable[[str, float], Any]


def work(folder: Path, kind: str, task: Task, report: Report = lambda _p, _f: None, stop: Event | None = None) -> Any:
    """Do a task and keep what came, unless it was stopped; return what is told of it, as plain data.

    A study that is wrong is a result (`refused`, with its mistakes); a fault of ours is kept apart, to be tried again.
    """
    began, place = time.perf_counter(), Folder(folder)
    told: dict[str, Any] = {"task": task.hash, "number": task.number, "host": platform.node()}
    found: dict[str, Any]
    try:
        found = _asked(_base(folder, _stamp(folder)), kind, task, report, stop or Event())
    except Refused as error:
        found = {"status": "refused", "mistakes": [str(mistake) for mistake in error.mistakes]}
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise  # a full disk is no fault of the task's
        trace = "".join(traceback.format_exception(error))
        place.fail(task, {**_named(task), "trace": trace})
        said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return {**told, "status": "fault", "said": said, "seconds": time.perf_counter() - began}
    if stop is not None and stop.is_set():
        return {**told, "status": "interrupted", "seconds": time.perf_counter() - began}
    made: dict[str, Any] = found.pop("incidental", {})
    place.keep(task, {"format": FORMAT, "kind": kind, **_named(task), **found})
    _forget()
    whole = time.perf_counter() - began
    told |= {"halved": made["halved"]} if made.get("halved") else {}
    return {**told, "status": found["status"], "seconds": whole, "apart": made.get("seconds", {}), "memory": _memory()}


def _named(task: Task) -> Mapping[str, Any]:
    return {"task": task.hash, "number": task.number, "sets": list(task.sets)}


class Refused(UserError):
    """A task's own study is wrong. A model that is not installed here is a fault: elsewhere it may be."""


def _asked(base: Base, kind: str, task: Task, report: Report, stop: Event) -> dict[str, Any]:
    """The study of a task, and what came of its question."""
    from yieldopt.study import record, run

    named = str(base.document.data.get("model"))
    model = own_model(base.model, _stamp(base.model)) if base.model else catalogue.load(named)
    question = {"estimate": run.estimate, "optimize": run.optimize}[kind]
    try:
        study: ResolvedStudy = base.resolved(task.sets)
        result = question(study, model, progress=report, stop=stop)
    except UserError as error:
        raise Refused(*error.mistakes) from None
    made = record.make(study, kind, result, "done").run
    results = made["results"]
    status = str(results.get("status")) if kind == "optimize" else "done"
    kept = {key: made[key] for key in ("study_hash", "seed", "versions", "device", "float_width", "results")}
    return {"status": status, **kept, "incidental": made["incidental"]}


@lru_cache(maxsize=4)
def _base(folder: Path, stamp: int) -> Base:
    """The base study, read once a process and again where the folder was made anew (`stamp`)."""
    del stamp
    return Folder(folder).base()


def _stamp(path: Path) -> int:
    """When a model's file, or the plan of a folder, was made."""
    return (path / "plan.json" if path.is_dir() else path).stat().st_mtime_ns


def _forget() -> None:
    """Let go of programs before the process has no room for more."""
    from yieldopt import programs

    if programs.held() > HELD:
        programs.forget()


def _memory() -> float:
    """The most that this process ever held, GiB; zero where that is not told."""
    if sys.platform == "win32":
        return 0.0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**30 if sys.platform == "darwin" else 2**20)
