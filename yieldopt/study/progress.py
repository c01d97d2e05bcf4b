"""Progress on stderr: a bar on a terminal, else one line a phase and one every ten seconds."""

import contextlib
import sys
import time
from collections.abc import Callable, Generator

INTERVAL = 10.0
"""Seconds between two lines where no terminal listens."""

Report = Callable[[str, float], None]
"""Called with the name of the phase and the fraction of it done, 0 to 1."""


@contextlib.contextmanager
def progress(quiet: bool = False) -> Generator[Report]:
    """Give the function that a long computation calls after each batch."""
    if quiet:
        yield lambda phase, fraction: None
    elif sys.stderr.isatty():
        with _bar() as report:
            yield report
    else:
        yield _lines()


@contextlib.contextmanager
def _bar() -> Generator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<24}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        phase = ["starting"]

        def report(name: str, fraction: float) -> None:
            if name != phase[0]:
                phase[0] = name
                bar.reset(task, total=1.0, description=name)
            bar.update(task, completed=min(max(fraction, 0.0), 1.0))

        yield report


def _lines() -> Report:
    started = time.monotonic()
    last: dict[str, float] = {}

    def report(name: str, fraction: float) -> None:
        now = time.monotonic()
        if name not in last or now - last[name] >= INTERVAL:
            last[name] = now
            sys.stderr.write(f"{now - started:7.1f} s  {name} {fraction:.0%}\n")
            sys.stderr.flush()

    return report
