"""`read`: from a sweep's text to its plan and base study, with all mistakes of both in one pass, each at its place."""

import copy
import functools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from yieldopt import catalogue
from yieldopt.errors import UserError
from yieldopt.study import config, text
from yieldopt.study.config import ResolvedStudy
from yieldopt.study.resolve import digest
from yieldopt.sweep.axes import axes
from yieldopt.sweep.plan import Plan, written
from yieldopt.sweep.shape import Sweep

TRIED = 60
"""Values of an axis that are looked at one by one; of more, evenly many."""


@dataclass(frozen=True)
class Base:
    """A study that tasks are made of: its document, its model (a user's own file, where there is one) and bump maps.

    `files` are the paths of the bump maps that it and the axes name.
    """

    document: text.Document
    model: Path | None
    files: Mapping[str, Path]

    def resolved(self, sets: tuple[str, ...] | list[tuple[str, text.Place]], domain: bool = True) -> ResolvedStudy:
        """The study of a task; `domain` asks the model and the claims as well."""
        own, given = own_model(self.model, self.model.stat().st_mtime_ns) if self.model else None, self.document
        # Places are never changed: to copy each of them would take longer than to read the study.
        document = replace(
            given, data=copy.deepcopy(given.data), keys={**given.keys}, values={**given.values},
            mistakes=[*given.mistakes], files=self.files,
        )  # fmt: skip
        for number, one in enumerate(sets, start=1):
            override, place = (one, text.Place(f"--set {number}")) if isinstance(one, str) else one
            text.lay(document, override, place)
        if own is None:
            return config.of(document, check=catalogue.check if domain else _unchecked)
        card = own.card(self.model.stem if self.model else "")
        document.data["model"] = card.name

        def check(name: str, claims: Any, inputs: Any) -> Any:
            return catalogue.check(name, claims, inputs, own) if domain else []

        return config.of(document, lambda name: card, check)


@functools.cache
def own_model(path: Path, stamp: int) -> Any:
    """A user's own model, read once a process and again where its file changed (`stamp`): read twice, it would be two
    models, each compiled.
    """
    del stamp
    return catalogue.from_file(path)


def _unchecked(name: str, claims: Any, inputs: Any) -> Any:
    return []


@dataclass(frozen=True)
class Read:
    """A sweep that has been read: its plan, its base study as document and resolved, its own text."""

    plan: Plan
    base: Base
    resolved: ResolvedStudy
    text: str


def read(path: Path, model: Path | None = None) -> Read:
    """Read a sweep file; raises one `UserError` with all mistakes."""
    from yieldopt.study.sound import shaped_as

    document = _document(path)
    asked = shaped_as(Sweep, document, "study")
    if asked is None:
        raise UserError(*document.mistakes)
    study = Path(os.path.normpath(path.parent / asked.study))
    try:
        base = Base(text.read(study), model, {})
    except UserError as error:
        document.take([_at(document, "study", m) if not m.line else m for m in error.mistakes])
        raise UserError(*document.mistakes) from None
    sets = [(f"{key}={written(value)}", document.place(f"set.{key}")) for key, value in asked.set.items()]
    base = Base(base.document, model, _files(base.document, asked, study))
    resolved = _tried(document, base, sets)
    if resolved is not None:
        _values(document, base, sets, asked)
    found = axes(document, asked)
    if document.mistakes or resolved is None:
        raise UserError(*sorted(dict.fromkeys(document.mistakes), key=lambda m: (m.file, m.line, m.column)))
    plan = Plan(
        asked.name or path.stem,
        asked.task,
        sha256(f"{resolved.hash} {json.dumps(base.document.data, sort_keys=True)}".encode()).hexdigest(),
        tuple(text for text, _ in sets),
        found,
        asked.seeds,
        asked.draws,
        resolved.seed,
        {name: digest(file) for name, file in base.files.items()},
        sha256(model.read_bytes()).hexdigest() if model else "",
    )
    return Read(plan, base, resolved, document.text)


def _document(path: Path) -> text.Document:
    document = text.read(path, said=("a sweep that can be read", "Check the path."))
    if "study" not in document.data:
        document.add("", "the key `study`", "none", "Add `study: FILE.yaml`, relative to the sweep.")
    return document


def _at(document: text.Document, path: str, mistake: Any) -> Any:
    place = document.place(path)
    return replace(mistake, path=path, file=place.file, line=place.line, column=place.column)


def _tried(
    document: text.Document, base: Base, sets: list[tuple[str, text.Place]], domain: bool = True
) -> ResolvedStudy | None:
    """A study resolved, or none and its mistakes noted."""
    try:
        return base.resolved(sets, domain)
    except UserError as error:
        document.take(error)
        return None


def _values(document: text.Document, base: Base, sets: list[tuple[str, text.Place]], asked: Sweep) -> None:
    """Note what is wrong with any value by itself; what is wrong with several together, tasks tell."""
    tries: list[list[tuple[str, text.Place]]] = []
    for key, values in asked.axes.items():
        if isinstance(values, list):
            picked = range(0, len(values), -(-len(values) // TRIED))
            tries += [[(f"{key}={written(values[k])}", document.place(f"axes.{key}.{k}"))] for k in picked]
        else:
            ends = (("from", values.start), ("to", values.to))
            tries += [[(f"{key}={written(v)}", document.place(f"axes.{key}.{end}"))] for end, v in ends]
    for name, case in asked.cases.items():
        tries.append([(f"{k}={written(v)}", document.place(f"cases.{name}.{k}")) for k, v in case.items()])
    for one in tries:
        _tried(document, base, [*sets, *one], domain=False)


def _files(document: text.Document, asked: Sweep, study: Path) -> dict[str, Path]:
    """The bump maps that the study and the axes name, relative to the study."""
    named: list[Any] = [document.data.get("bump_map"), asked.set.get("bump_map"), asked.set.get("bump_map.file")]
    for key, values in [*asked.axes.items(), *(pair for case in asked.cases.values() for pair in case.items())]:
        if key in ("bump_map", "bump_map.file"):
            named += values if isinstance(values, list) else [values]
    names = [one.get("file") if isinstance(one, dict) else one for one in named]
    found = {name: study.parent / name for name in names if isinstance(name, str)}
    return {name: file for name, file in found.items() if file.is_file()}
