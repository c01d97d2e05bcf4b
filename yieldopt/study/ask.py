"""From what was typed to a run that is kept: read the study, put the question, save the record, make its report."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yieldopt.card import Inputs
from yieldopt.errors import Mistake, UserError

if TYPE_CHECKING:
    from yieldopt.study.config import ResolvedStudy

STATUSES = ("done", "target not met", "interrupted")
"""How a run can end."""


@dataclass(frozen=True)
class Asked:
    """What names a question: a study, a model's file in place of the study's model, overrides `a.b=value`."""

    study: Path | None
    model: Path | None = None
    sets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What came: the result in base units, one of `STATUSES`, the run's folder and the knobs as people see them."""

    result: dict[str, Any]
    status: str
    folder: Path
    knobs: Mapping[str, Any]


def read(asked: Asked) -> "tuple[ResolvedStudy, type[Any]]":
    """Read a study against the card of its model; with a model's file alone, its own starts and limits."""
    from yieldopt.study import session

    session.start()
    from yieldopt import catalogue
    from yieldopt.study import config

    if asked.model is None:
        if asked.study is None:
            do = "Name a study, or a model of your own with --model FILE.py."
            raise UserError.of("a study", "neither a study nor a model", do)
        loaded: dict[str, type[Any]] = {}

        def card_of(name: str) -> Any:
            loaded["model"] = catalogue.load(name)
            return loaded["model"].card(name)

        resolved = config.read(asked.study, asked.sets, card_of)
        return resolved, loaded["model"]
    model = catalogue.from_file(asked.model)
    card = model.card(asked.model.stem)
    if asked.study is None:
        resolved = config.default_study(card, asked.sets)
        if mistakes := model.check(resolved.inputs):
            raise UserError(*mistakes)
        return resolved, model

    def check(name: str, claims: Sequence[str], inputs: Inputs) -> list[Mistake]:
        return catalogue.check(name, claims, inputs, model)

    return config.read(asked.study, asked.sets, lambda name: card, check, card.name), model


def put(kind: str, asked: Asked, out: Path, quiet: bool = False) -> Answer:
    """Run one question (`estimate`, `optimize`) to its end or to Ctrl-C and keep what came under `out`."""
    resolved, model = read(asked)
    _writable(out)
    from yieldopt.study import progress, record, report, run, session

    question = {"estimate": run.estimate, "optimize": run.optimize}[kind]
    with session.interruptible() as stop:
        with progress.progress(quiet) as shown:
            result = question(resolved, model, progress=shown, stop=stop)
        status = result.get("status") if result.get("status") in STATUSES else "done"
        status = "interrupted" if stop.is_set() else str(status)
        made = record.make(resolved, kind, result, status, asked.sets, asked.model)
        folder = record.save(made, out)
        report.write(folder)
    kept = {key: value for key, value in result.items() if key != "samples"}
    return Answer(kept, status, folder, made.run["knobs"])


def claims(asked: Asked) -> list[dict[str, Any]]:
    """How a study stands to the claims that it works under."""
    resolved, model = read(asked)
    from yieldopt.study import run

    return run.claims(resolved, model)


def _writable(out: Path) -> None:
    """Refuse a place that cannot hold runs before hours are spent, and not after."""
    there = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UserError.of("a folder for runs that can be written", str(there), "Name another with --out.")
