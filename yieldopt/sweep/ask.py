"""From what was typed to a sweep that ran: read it or find it again, say what it would do, drive it, make its table."""

import contextlib
import re
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from yieldopt.errors import UserError
from yieldopt.study import progress, session
from yieldopt.sweep import drive, pools, queues, table
from yieldopt.sweep.folder import Folder, locked, one_at_a_time
from yieldopt.sweep.plan import MANY, Plan
from yieldopt.sweep.read import Base, read

LISTED, LOOKED = 20, 200
"""Tasks that a dry run lists, of the first whose studies it reads, for what is wrong with several values together."""


@dataclass(frozen=True)
class How:
    """How a sweep runs: which shard, how many tasks at most, in how many processes, on which cluster or as which jobs,
    and whether tasks whose process died too often are tried again.
    """

    shard: tuple[int, int] = (1, 1)
    limit: int | None = None
    workers: int = 1
    address: str = ""
    jobs: Path | None = None
    retry: bool = False


@dataclass(frozen=True)
class Swept:
    """What came: the folder, the plan, the tally, the rows of the table (None: left to a shard that ends later),
    and whether it was interrupted.
    """

    folder: Folder
    plan: Plan
    tally: drive.Tally
    rows: list[dict[str, Any]] | None
    interrupted: bool


def place(sweep: Path, model: Path | None, out: Path | None) -> tuple[Folder, Any]:
    """The folder of a sweep (`out`, or sweeps/<name>) and the sweep as read; nothing is written."""
    session.start()
    found = read(sweep, model)
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", found.plan.name).strip("-.") or "sweep"
    return Folder(out or Path("sweeps") / slug), found


def sure(plan: Plan, yes: bool) -> None:
    """Refuse a number of tasks that is likely a slip."""
    if len(plan) > MANY and not yes:
        sizes = " x ".join(f"{len(axis.choices):,} {axis.name}" for axis in plan.axes)
        seeds = f" x {plan.seeds:,} seeds" if plan.seeds > 1 else ""
        do = "Say that you mean it with --yes."
        raise UserError.of(f"at most {MANY:,} tasks", f"{len(plan):,} ({sizes}{seeds})", do, "axes")


def go(folder: Folder, plan: Plan, how: How, quiet: bool, begin: Any = None) -> Swept:
    """Run a sweep to its end, or to Ctrl-C; `begin` is a sweep as read whose folder is made first."""
    with session.interruptible() as stop, locked(folder.path, how.shard):
        if begin is not None:
            with one_at_a_time(folder.path):
                folder.begin(begin)
        folder.clean(alone=how.shard[1] == 1)
        with _pool(how, folder.path) as pool, progress.progress(quiet) as shown:
            tally = drive.drive(folder, plan, pool, how.shard, how.limit, how.retry, shown, stop)
        rows: list[dict[str, Any]] | None = None
        if how.shard[1] == 1 or table.whole(folder, plan):
            with one_at_a_time(folder.path):
                rows = table.rows(folder, plan)
                with contextlib.suppress(OSError) if tally.halted else contextlib.nullcontext():
                    table.save(folder, rows)
    return Swept(folder, plan, tally, rows, stop.is_set())


@contextlib.contextmanager
def _pool(how: How, place: Path) -> Generator[pools.Pool]:
    if how.jobs:
        made = queues.queued(queues.read(how.jobs), place)
    elif how.address:
        made = pools.remote(how.address)
    else:
        made = pools.local(how.workers) if how.workers > 1 else pools.inline()
    with made as pool:
        yield pool


def dry(folder: Folder, plan: Plan, base: Base, shard: tuple[int, int]) -> dict[str, Any]:
    """What a sweep would do: how many tasks and why each runs, how long, how much memory; studies that are wrong."""
    why, listed, wrong = Counter[str](), list[dict[str, Any]](), list[dict[str, Any]]()
    many = len(plan) > MANY
    for looked, task in enumerate(islice(plan.tasks(shard), LOOKED if many else None)):
        reason = folder.why(task)
        why[reason or "done"] += 1
        if reason and len(listed) < LISTED:
            listed.append({"number": task.number, "why": reason, "sets": list(task.sets)})
        if looked < LOOKED:
            try:
                base.resolved(task.sets)
            except UserError as error:
                wrong.append({"number": task.number, "mistakes": [str(m) for m in error.mistakes]})
    why = _counted(folder, plan) if many else why
    ended = [event for event in folder.events() if "seconds" in event and event["status"] not in drive.CUT]
    each = sum(event["seconds"] for event in ended) / len(ended) if ended else None
    left = sum(count for reason, count in why.items() if reason != "done")
    return {
        "folder": str(folder.path),
        "tasks": sum(why.values()),
        "shards": "all" if many else "{}/{}".format(*shard),
        "why": dict(why),
        "first": listed,
        "refused": wrong,
        "seconds_each": each,
        "seconds": None if each is None else each * left,
        "memory": max((event.get("memory", 0.0) for event in ended), default=None),
    }


def _counted(folder: Folder, plan: Plan) -> Counter[str]:
    """How many tasks of all shards are done, or why they run, by counting files."""
    done, failed = folder.counts()
    return +Counter({"done": done, "failed before": failed, "not done yet": len(plan) - done - failed})


def told(found: dict[str, Any]) -> str:
    """A dry run for a person."""
    counts = ", ".join(f"{count:,} {reason}" for reason, count in sorted(found["why"].items()))
    whose = {"all": " of all shards", "1/1": ""}.get(found["shards"], f" of shard {found['shards']}")
    lines = [f"{found['tasks']:,} tasks{whose} in {found['folder']}: {counts}"]
    if found["seconds"] is None:
        lines.append("How long is not known before a task has run: `--limit 2` runs two.")
    else:
        lines.append(f"About {_time(found['seconds'])} one after the other ({found['seconds_each']:.3g} s a task), ")
        lines[-1] += f"{found['memory']:.2g} GiB a process"
    lines += [f"  task {one['number']} ({one['why']}): {', '.join(one['sets'])}" for one in found["first"]]
    left = sum(count for reason, count in found["why"].items() if reason != "done") - len(found["first"])
    lines += [f"  and {left:,} more"] if left > 0 else []
    for one in found["refused"][:LISTED]:
        lines.append(f"  task {one['number']} will be refused: {'; '.join(one['mistakes'])}")
    return "\n".join(lines)


def _time(seconds: float) -> str:
    for size, name in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.1f} seconds"


def summary(swept: Swept) -> str:
    """What came of a sweep for a person."""
    tally = swept.tally
    counts = ", ".join(f"{count:,} {name}" for name, count in sorted(tally.ended.items()))
    lines = [table.shown(swept.rows, swept.plan), ""] if swept.rows else []
    lines.append(
        f"{tally.total:,} tasks: {tally.before:,} were done before; now {counts or 'none'}; {tally.left:,} left"
    )
    lines += [*tally.said[:LISTED], *filter(None, [table.mixed(swept.rows or [])])]
    if tally.halted:
        lines.append(f"Stopped: {tally.halted}, then `yieldopt resume {swept.folder.path}`.")
    elif tally.left:
        lines.append(f"Go on with `yieldopt resume {swept.folder.path}`.")
    made = f"Table: {swept.folder.path / 'results.csv'}"
    later = f"No table yet: the last shard makes it, or `yieldopt resume {swept.folder.path}` once all have ended."
    return "\n".join([*lines, "", later if swept.rows is None else made])


def document(swept: Swept) -> dict[str, Any]:
    """What came of a sweep as plain data."""
    tally = swept.tally
    return {
        "folder": str(swept.folder.path),
        "tasks": tally.total,
        "before": tally.before,
        "ended": dict(tally.ended),
        "left": tally.left,
        "said": [*tally.said, *filter(None, [table.mixed(swept.rows or [])])],
        "halted": tally.halted,
        "rows": swept.rows,
    }


def shard(given: str) -> tuple[int, int]:
    """Read `i/n`, which counts from one."""
    found = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", given)
    i, n = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= i <= n:
        raise UserError.of("a shard i/n, i from 1 to n", f'"{given}"', "Write it as in `--shard 1/4`.", "--shard")
    return i, n
