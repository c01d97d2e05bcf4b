"""The command line: each command reads, calls one function and prints.

Results go to stdout (`--json`: one document and nothing else), all else to stderr. Exit codes: 0 done, 1 the target was
not met, 2 the user's input, 3 done in part, 4 a fault of ours, 130 interrupted. JAX and all that brings it are imported
inside the commands, so that `--help` answers at once.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yieldopt import cli_sweep
from yieldopt.errors import UserError

if TYPE_CHECKING:
    from yieldopt.study.ask import Answer

EXIT = {"done": 0, "target not met": 1, "interrupted": 130}
USER, FAULT = 2, 4

app = typer.Typer(
    name="yieldopt",
    help="Yield of assembled chips, and the design and process window that keep it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
runs_app = typer.Typer(
    help="List, show and index the runs that were kept.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(runs_app, name="runs")
app.command()(cli_sweep.sweep)
app.command()(cli_sweep.resume)

Study = Annotated[Path | None, typer.Argument(help="The study, a YAML file.", show_default=False)]
GivenStudy = Annotated[Path, typer.Argument(help="The study, a YAML file.", show_default=False)]
ModelFile = Annotated[
    Path | None, typer.Option("--model", help="A one-file model in place of the study's.", metavar="FILE.py")
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override one value, as in design.cap_height=20um.", metavar="A.B=VALUE"),
]
Method = Annotated[str | None, typer.Option("--method", help="Short for --set estimate.method=...")]
Out = Annotated[Path, typer.Option("--out", help="Where run folders go.", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@app.command()
def estimate(
    study: Study = None,
    model: ModelFile = None,
    sets: Sets = None,
    method: Method = None,
    out: Out = Path("runs"),
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Estimate the joint yield of a study's design, with its error and what costs it."""
    from yieldopt.study import ask, show

    answer = ask.put("estimate", ask.Asked(study, model, _overrides(sets, method)), out, quiet)
    _finish(answer, as_json, show.estimate(answer.result))


@app.command()
def optimize(
    study: GivenStudy,
    model: ModelFile = None,
    sets: Sets = None,
    method: Method = None,
    out: Out = Path("runs"),
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Find the design that yields most and the process window around it."""
    from yieldopt.study import ask, show

    answer = ask.put("optimize", ask.Asked(study, model, _overrides(sets, method)), out, quiet)
    _finish(answer, as_json, show.optimum(answer.result, answer.knobs))


@app.command()
def check(
    study: GivenStudy, model: ModelFile = None, sets: Sets = None, as_json: Json = False, debug: Debug = False
) -> None:
    """Read a study and show it resolved: every default filled in, every spread as one sigma."""
    from yieldopt.study import ask
    from yieldopt.study.files import dump_yaml, dumps

    resolved, _ = ask.read(ask.Asked(study, model, tuple(sets or ())))
    _say(dumps(resolved.resolved) if as_json else f"ok: {study}\n\n{dump_yaml(dict(resolved.resolved))}")


@app.command()
def claims(study: Study = None, sets: Sets = None, as_json: Json = False, debug: Debug = False) -> None:
    """List the claims that can be named, or say how a study stands to the ones it names."""
    from yieldopt.study import ask
    from yieldopt.study import claims as known
    from yieldopt.study.files import dumps

    rows = known.known() if study is None else ask.claims(ask.Asked(study, None, tuple(sets or ())))
    _say(dumps(rows) if as_json else known.text(rows))


@app.command()
def models(as_json: Json = False, debug: Debug = False) -> None:
    """List the models that a study can name."""
    from yieldopt import catalogue
    from yieldopt.study.files import dumps

    names = list(catalogue.models())
    _say(dumps(names) if as_json else "\n".join(names) or "none installed; `--model FILE.py` gives one of your own")


@app.command()
def init(
    model: Annotated[str, typer.Argument(help="A model's name, see `yieldopt models`.")],
    file: Annotated[Path, typer.Argument(help="Where to write the study.")] = Path("study.yaml"),
    debug: Debug = False,
) -> None:
    """Write a starter study of a model, with every default and what it means."""
    from yieldopt.study import session

    if file.exists():
        raise UserError.of("a file that is not there yet", str(file), "Name another; nothing is overwritten.")
    session.start()
    from yieldopt import catalogue
    from yieldopt.study import config

    text = config.template(catalogue.load(model).card(model))
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise UserError.of("a file that can be written", f"{file} ({error.strerror})", "Name another.") from None
    _say(f"wrote {file}; next: yieldopt check {file}")


@app.command()
def schema(debug: Debug = False) -> None:
    """Print the JSON Schema of a study, for editors that complete and check YAML."""
    from yieldopt.study import config
    from yieldopt.study.files import dumps

    _say(dumps(config.schema()))


@app.command()
def doctor(out: Out = Path("runs"), as_json: Json = False, debug: Debug = False) -> None:
    """Look whether this machine is fit: versions, devices, floats, compiling and its cache, the runs folder."""
    from dataclasses import asdict

    from yieldopt.study import doctor as examiner
    from yieldopt.study.files import dumps
    from yieldopt.study.show import table

    checks = examiner.examine(out)
    rows = [("ok" if check.ok else "BAD", check.name, check.text) for check in checks]
    _say(dumps([asdict(check) for check in checks]) if as_json else table(("", "looked at", "found"), rows))
    raise typer.Exit(0 if all(check.ok for check in checks) else USER)


@runs_app.command("list")
def runs_list(out: Out = Path("runs"), as_json: Json = False, debug: Debug = False) -> None:
    """List the runs, newest first."""
    from yieldopt.study import runs, show
    from yieldopt.study.files import dumps

    rows = runs.runs(out)
    _say(dumps(rows) if as_json else show.runs(rows) if rows else f"no runs in {out}")


@runs_app.command("show")
def runs_show(
    run: Annotated[str, typer.Argument(help="A run's folder, a part of its name, or `last`.")],
    out: Out = Path("runs"),
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show one run again, as it was printed."""
    from yieldopt.study import record, runs, show
    from yieldopt.study.files import dumps

    folder = runs.find(out, run)
    made = record.load(folder).run
    _say(dumps(made) if as_json else f"{show.run(made)}\n\nRun folder: {folder}")


@runs_app.command("compare")
def runs_compare(
    first: Annotated[str, typer.Argument(help="A run's folder, a part of its name, or `last`.")],
    second: Annotated[str, typer.Argument(help="The run to set beside it.")],
    out: Out = Path("runs"),
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Set two runs beside each other: what was asked differently, and what came of it."""
    from yieldopt.study import comparing, record, runs
    from yieldopt.study.files import dumps

    found = comparing.compare(*(record.load(runs.find(out, name)) for name in (first, second)))
    _say(dumps(found) if as_json else comparing.told(found))


@runs_app.command("export")
def runs_export(
    out: Out = Path("runs"),
    sweep: Annotated[Path | None, typer.Option("--sweep", help="A sweep's folder, in place of the runs.")] = None,
    debug: Debug = False,
) -> None:
    """Print the runs, or the tasks of a sweep, as CSV: one line each."""
    from yieldopt.study import runs
    from yieldopt.study.files import csv_text

    if sweep is None:
        _say(csv_text(runs.runs(out), runs.COLUMNS))
        return
    from yieldopt.sweep import table
    from yieldopt.sweep.folder import Folder

    _say(table.text(table.rows(Folder(sweep), Folder(sweep).plan())))


@runs_app.command("rebuild")
def runs_rebuild(out: Out = Path("runs"), debug: Debug = False) -> None:
    """Remake the index of the runs from their folders."""
    from yieldopt.study import runs

    if not out.is_dir():
        raise UserError.of("a folder of runs", f"{out}, which is none", "Name it with --out.")
    _say(f"{runs.rebuild(out)} runs in {out / runs.INDEX}")


def _overrides(sets: list[str] | None, method: str | None) -> tuple[str, ...]:
    return (*(sets or ()), *((f"estimate.method={method}",) if method else ()))


def _finish(answer: "Answer", as_json: bool, text: str) -> None:
    from yieldopt.study.files import dumps

    document = {**answer.result, "folder": str(answer.folder)}
    _say(dumps(document) if as_json else f"{text}\n\nRun folder: {answer.folder}")
    raise typer.Exit(EXIT[answer.status])


def _say(text: str) -> None:
    sys.stdout.write(text.rstrip("\n") + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> None:
    """Enter from the console: run a command and leave with its exit code, errors told in words on stderr."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    try:
        app(args=given, prog_name="yieldopt")
    except UserError as error:
        if debug:
            traceback.print_exc()
        from yieldopt.study import text

        sys.stderr.write(text.render(error) + "\n")
        sys.exit(USER)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing of this run was kept\n")
        sys.exit(EXIT["interrupted"])
    except BrokenPipeError:
        # The reader of a pipe left: not a fault. Python would complain again on closing stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT["done"])
    except Exception as error:
        if debug:
            traceback.print_exc()
        from yieldopt.study import session

        sys.stderr.write(session.fault(error))
        sys.exit(FAULT)
