"""The command line of sweeps: `sweep` runs one, or says what it would do, and `resume` goes on with one."""

from pathlib import Path
from typing import Annotated, Any

import typer

PART = 3
"""Exit code of a sweep that is done in part."""

Shard = Annotated[str, typer.Option("--shard", help="Only task i, i+n, ...: one job of an array.", metavar="I/N")]
Limit = Annotated[int | None, typer.Option("--limit", help="Do so many tasks at most.", min=1)]
Workers = Annotated[int, typer.Option("--workers", help="Processes on this machine, by Dask.", min=1)]
Address = Annotated[str, typer.Option("--address", help="A Dask cluster's scheduler.", metavar="TCP://HOST:PORT")]
Jobs = Annotated[Path | None, typer.Option("--jobs", help="Jobs of Slurm, LSF or PBS.", metavar="JOBS.yaml")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would run, why, and for how long; run nothing.")]
Retry = Annotated[bool, typer.Option("--retry", help="Try tasks again that took their process down with them.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def sweep(
    file: Annotated[Path, typer.Argument(help="The sweep, a YAML file.", metavar="SWEEP", show_default=False)],
    model: Annotated[Path | None, typer.Option("--model", help="A one-file model of yours.", metavar="FILE.py")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Its folder, sweeps/NAME by default.")] = None,
    shard: Shard = "1/1",
    limit: Limit = None,
    workers: Workers = 1,
    address: Address = "",
    jobs: Jobs = None,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Yes, over 100,000 tasks.")] = False,
    retry: Retry = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Run every task of a sweep that is not done yet; killed at any moment, the same command goes on."""
    from yieldopt.sweep import ask

    part = ask.shard(shard)
    folder, read = ask.place(file, model, out)
    if dry_run:
        _told(ask.dry(folder, read.plan, read.base, part), as_json, jobs)
        return
    ask.sure(read.plan, yes)
    how = ask.How(part, limit, workers, address, jobs, retry)
    _finish(ask.go(folder, read.plan, how, quiet, read), as_json)


def resume(
    folder: Annotated[Path, typer.Argument(help="The folder of a sweep.", show_default=False)],
    shard: Shard = "1/1",
    limit: Limit = None,
    workers: Workers = 1,
    address: Address = "",
    jobs: Jobs = None,
    dry_run: DryRun = False,
    retry: Retry = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Go on with a sweep from its folder alone, also on another machine."""
    from yieldopt.study import session
    from yieldopt.sweep import ask
    from yieldopt.sweep.folder import Folder

    part, place = ask.shard(shard), Folder(folder)
    session.start()
    plan = place.plan()
    if dry_run:
        _told(ask.dry(place, plan, place.base(), part), as_json, jobs)
        return
    _finish(ask.go(place, plan, ask.How(part, limit, workers, address, jobs, retry), quiet), as_json)


def _told(found: dict[str, Any], as_json: bool, jobs: Path | None) -> None:
    from yieldopt.study.files import dumps
    from yieldopt.sweep import ask, queues

    script = queues.script(queues.read(jobs)) if jobs else ""
    text = f"{ask.told(found)}\n\n{script}".rstrip()
    typer.echo(dumps({**found, "script": script}).rstrip("\n") if as_json else text)


def _finish(swept: Any, as_json: bool) -> None:
    from yieldopt.study.files import dumps
    from yieldopt.sweep import ask

    typer.echo(dumps(ask.document(swept)).rstrip("\n") if as_json else ask.summary(swept))
    ended = swept.tally.ended
    part = ended["fault"] or ended["refused"] or swept.tally.halted
    raise typer.Exit(130 if swept.interrupted else PART if part else 0)
