"""The driver: hands out the tasks that are not done, notes what comes, and never loses a finished one."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass, field
from itertools import islice
from threading import Event
from typing import Any

from yieldopt.sweep.folder import FULL, Folder
from yieldopt.sweep.plan import Plan, Task
from yieldopt.sweep.pools import DEATHS, Pool
from yieldopt.sweep.task import work

AHEAD = 4
"""Tasks handed out beyond those that are worked on, a worker: so many wait, the rest is not even made."""
CUT = "fault", "interrupted", "refused"
"""Ends of a task that say nothing of how long one takes."""


@dataclass
class Tally:
    """How many tasks there are, were done before, ended how now; what could not be written, or why it stopped."""

    total: int
    before: int = 0
    ended: Counter[str] = field(default_factory=Counter[str])
    said: list[str] = field(default_factory=list[str])
    halted: str = ""

    @property
    def left(self) -> int:
        """How many are still to be done."""
        return self.total - self.before - sum(self.ended[name] for name in self.ended if name not in ("fault", ""))


def drive(
    folder: Folder,
    plan: Plan,
    pool: Pool,
    shard: tuple[int, int] = (1, 1),
    limit: int | None = None,
    retry: bool = False,
    report: Callable[[str, float], Any] = lambda _p, _f: None,
    stop: Event | None = None,
) -> Tally:
    """Do what is not done of a sweep (`shard` i of n; `limit` tasks at most) and count how it ended."""
    stop = stop or Event()
    tally = Tally(-(-(len(plan) - shard[0] + 1) // shard[1]))
    spent = Counter[str]() if retry else deaths(folder)
    tasks = _open(folder, plan, shard, tally, spent)
    tasks = islice(tasks, limit) if limit is not None else tasks
    running: dict[Future[Any], Task] = {}
    try:
        while not stop.is_set():
            for task in islice(tasks, 1 if pool.inline else pool.workers * (1 + AHEAD) - len(running)):
                if pool.inline:  # what others have not begun yet would count as dead with this driver
                    folder.note({"begun": task.hash})
                running[_submit(pool, folder, plan, task, stop)] = task
            if not running:
                break
            ended, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in ended:
                _take(folder, running.pop(future), future, tally)
            done = tally.before + sum(tally.ended.values())
            report("tasks", done / max(tally.total, 1))
    except OSError as error:
        if error.errno not in FULL:
            raise
        tally.halted = f"no room on the disk of {folder.path} ({error.strerror}); make some"
    for future in running:
        future.cancel()
    return tally


def deaths(folder: Folder) -> Counter[str]:
    """How often each task was begun and no end of it seen: its process died, or was killed."""
    found = Counter[str]()
    for event in folder.events():
        if "begun" in event:
            found[event["begun"]] += 1
        elif "task" in event:
            found[event["task"]] = event.get("died", 0)
    return found


def _open(folder: Folder, plan: Plan, shard: tuple[int, int], tally: Tally, spent: Counter[str]) -> Iterator[Task]:
    for task in plan.tasks(shard):
        if folder.file(task).exists():
            tally.before += 1
        elif spent[task.hash] >= DEATHS:
            tally.ended["fault"] += 1
            tally.said.append(f"task {task.number}: its process died {spent[task.hash]} times; `--retry` tries again")
        else:
            yield task


def _submit(pool: Pool, folder: Folder, plan: Plan, task: Task, stop: Event) -> Future[Any]:
    where = folder.path.absolute()
    if pool.inline:
        return pool.executor.submit(work, where, plan.kind, task, stop=stop)
    return pool.executor.submit(away, where, plan.kind, task)


def away(folder: Any, kind: str, task: Task) -> Any:
    """A task in a process of its own, which computes as the command line does."""
    from yieldopt.study import session

    session.start()
    return work(folder, kind, task)


def _take(folder: Folder, task: Task, future: Future[Any], tally: Tally) -> None:
    try:
        told = future.result()
    except CancelledError:
        return
    except Exception as error:  # whatever a backend says of a worker that is gone
        if isinstance(error, OSError) and error.errno in FULL:
            folder.note({"task": task.hash, "number": task.number, "status": "interrupted"})
            raise
        said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        folder.fail(task, {"task": task.hash, "number": task.number, "sets": list(task.sets), "trace": said})
        died = {"died": DEATHS} if type(error).__name__ == "KilledWorker" else {}
        told: Any = {"task": task.hash, "number": task.number, "status": "fault", "said": said, **died}
    folder.note(told)
    if told["status"] == "interrupted":
        return
    tally.ended[told["status"]] += 1
    if told["status"] == "fault":
        tally.said.append(f"task {task.number}: {told['said']}")
