"""A sweep's folder: a task is done if and only if its file is there, whole; one driver at a time.

sweeps/<name>/
    sweep.yaml   the sweep as given       plan.json       what it does, as data
    study.yaml   the base study           resolved.yaml   every default filled in
    files/       the bump maps named      model/          a user's own one-file model, under its name
    tasks/3f/3f09....json                 one file a task, the same bytes on one installation and device
    faults/      what failed in a way that it should not: tried again on resuming
    events.jsonl when what was done, in how many seconds, where: all that differs between two runs of a task
    results.csv  one line a task, remade from the rest
"""

import contextlib
import errno
import json
import os
import shutil
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yieldopt.errors import UserError
from yieldopt.study import text
from yieldopt.study.comparing import different
from yieldopt.study.files import dump_yaml, dumps, load_yaml, plain, write
from yieldopt.sweep.plan import FORMAT, Plan, Task, plan
from yieldopt.sweep.read import Base, Read

OLD = 3600.0
"""Seconds after which what another process was writing is taken to be left over."""
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Errors of a disk that takes no more."""
TEMPORARY = ".writing-*"
OWN = "lock", ".writing-", "files", "study.yaml", "resolved.yaml", "sweep.yaml", "model"
"""What is there before a folder is a sweep's: a process may have been killed while it made one."""


@dataclass(frozen=True)
class Folder:
    """The folder of one sweep."""

    path: Path

    def file(self, task: Task) -> Path:
        """Where a task's result is, once it is done."""
        return self.path / "tasks" / task.hash[:2] / f"{task.hash}.json"

    def fault(self, task: Task) -> Path:
        """Where it is told that a task failed as none should."""
        return self.path / "faults" / f"{task.hash}.json"

    def why(self, task: Task) -> str:
        """Why a task would run; empty where it is done."""
        if self.file(task).exists():
            return ""
        return "failed before" if self.fault(task).exists() else "not done yet"

    def counts(self) -> tuple[int, int]:
        """How many tasks are done, and how many failed as none should, by their files."""
        done = sum(1 for _ in self.path.glob("tasks/*/*.json"))
        faults = (path.name for path in self.path.glob("faults/*.json"))
        return done, sum(not (self.path / "tasks" / name[:2] / name).exists() for name in faults)

    def keep(self, task: Task, data: Mapping[str, Any]) -> None:
        """Write a task's result, and let go of what was told of its failing."""
        path = self.file(task)
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, dumps(data))
        self.fault(task).unlink(missing_ok=True)

    def fail(self, task: Task, data: Mapping[str, Any]) -> None:
        """Tell that a task failed as none should."""
        self.fault(task).parent.mkdir(exist_ok=True)
        write(self.fault(task), dumps(data))

    def result(self, task: Task) -> dict[str, Any] | None:
        """What came of a task; none where it is not done."""
        try:
            return json.loads(self.file(task).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def results(self) -> Iterator[dict[str, Any]]:
        """What came of all tasks that are done, in no order."""
        for path in self.path.glob("tasks/*/*.json"):
            yield json.loads(path.read_text(encoding="utf-8"))

    def note(self, event: Mapping[str, Any]) -> None:
        """Add a line to the events."""
        line = json.dumps(plain(event), sort_keys=True) + "\n"
        with (self.path / "events.jsonl").open("a", encoding="utf-8") as file:
            file.write(line)

    def events(self) -> Iterator[dict[str, Any]]:
        """What was noted, but for lines cut off half way."""
        path = self.path / "events.jsonl"
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            with contextlib.suppress(ValueError):
                yield json.loads(line)

    def plan(self) -> Plan:
        """What the sweep does."""
        try:
            data = json.loads((self.path / "plan.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            do = "Name the folder of a sweep, as `yieldopt sweep` printed it."
            raise UserError.of("a folder of a sweep, with its plan.json", f"{self.path} ({error})", do) from None
        if data.get("format") != FORMAT:
            got = f"format {data.get('format')} in {self.path}"
            raise UserError.of(f"a sweep of format {FORMAT}", got, "Use the yieldopt that wrote it.")
        return plan(data)

    def base(self) -> Base:
        """The study that tasks are made of."""
        kept, own = self.path / "files", sorted((self.path / "model").glob("*.py"))
        names = load_yaml(self.path / "files.yaml")
        files = {name: kept / stored for name, stored in names.items()}
        return Base(text.read(self.path / "study.yaml"), own[0] if own else None, files)

    def begin(self, sweep: Read) -> None:
        """Make the folder, or find it as it was left; raise `UserError` where it is another's."""
        if (self.path / "plan.json").exists():
            _same(self.path, self.plan(), sweep)
            return
        if self.path.exists() and any(not p.name.startswith(OWN) for p in self.path.iterdir()):
            got = f"{self.path}, which holds other files"
            raise UserError.of("a folder that is new, or that of this sweep", got, "Name another with --out.")
        (self.path / "files").mkdir(parents=True, exist_ok=True)
        names: dict[str, str] = {}
        for number, (name, file) in enumerate(sweep.base.files.items(), start=1):
            names[name] = f"{number}_{file.name}"
            shutil.copyfile(file, self.path / "files" / names[name])
        write(self.path / "files.yaml", dump_yaml(names))
        write(self.path / "study.yaml", sweep.resolved.text or sweep.base.document.text)
        write(self.path / "resolved.yaml", dump_yaml(plain(sweep.resolved.resolved)))
        write(self.path / "sweep.yaml", sweep.text)
        if sweep.base.model:
            (self.path / "model").mkdir(exist_ok=True)
            shutil.copyfile(sweep.base.model, self.path / "model" / sweep.base.model.name)
        write(self.path / "plan.json", dumps(sweep.plan.data()))  # the last: with it the folder is a sweep's

    def clean(self, alone: bool) -> None:
        """Remove what killed processes had half written; where others may be at work, only what is old."""
        for path in self.path.rglob(TEMPORARY):
            with contextlib.suppress(FileNotFoundError):
                if alone or time.time() - path.stat().st_mtime > OLD:
                    path.unlink()


def _same(path: Path, there: Plan, sweep: Read) -> None:
    """Refuse to mix a sweep with one that was another: say what differs."""
    old, new = there.data(), sweep.plan.data()
    if old == new:
        return
    differing = [key for key in new if old.get(key) != new[key]]
    said = [_changed(key, old.get(key), new[key]) for key in differing if key not in ("base", "axes")]
    if "base" in differing:
        both = load_yaml(path / "resolved.yaml"), plain(sweep.resolved.resolved)
        said += [_changed(*one) for one in different(*both)] or ["the study"]
    if "axes" in differing:
        sizes = [{a["name"]: len(a["choices"]) for a in d["axes"]} for d in (old, new)]
        said.append(f"axes were {sizes[0]}, are {sizes[1]}" if sizes[0] != sizes[1] else "values of the axes")
    shown = "; ".join(said[:6]) + (f"; and {len(said) - 6} more" if len(said) > 6 else "")
    do = f"Name another folder with --out, or go on with the old one: `yieldopt resume {path}`."
    raise UserError.of(f"in {path} the sweep that was begun there", f"a changed one ({shown})", do)


def _changed(key: str, before: Any, now: Any) -> str:
    return f"{key} was {_none(before)}, is {_none(now)}"


def _none(value: Any) -> Any:
    return "not set" if value is None else value


@contextlib.contextmanager
def locked(folder: Path, shard: tuple[int, int]) -> Generator[None]:
    """Hold a sweep's folder: alone, or beside the other shards (POSIX; elsewhere there is no lock).

    The lock goes with the process that holds it, however that ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if os.name != "posix":
        yield
        return
    import fcntl

    with contextlib.ExitStack() as held:
        wanted = [("lock", fcntl.LOCK_EX if shard[1] == 1 else fcntl.LOCK_SH)]
        if shard[1] > 1:
            wanted.append((f"lock-{shard[0]}-of-{shard[1]}", fcntl.LOCK_EX))
        for name, kind in wanted:
            file = held.enter_context((folder / name).open("a+"))  # NFS shares a lock on what can be read alone
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    do = "Name a folder on another file system with --out."
                    raise UserError.of("a file system with locks", f"{folder} ({error.strerror})", do) from None
                do = "Wait for the other to end, or stop it; for several at once use `--shard i/n`."
                got = f"another driver at work in {folder}"
                raise UserError.of("a sweep's folder for one driver alone", got, do) from None
        yield


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Generator[None]:
    """Wait for one's turn at what shards that began together may not do at once."""
    if os.name != "posix":
        yield
        return
    import fcntl

    with (folder / "lock-turn").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
