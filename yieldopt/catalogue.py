"""Finds installed models and rulebooks through entry points; listing imports none of them.

An entry of `yieldopt.models` is a package whose every public module is a model (`pillars.capped_pillar`, its class the
module's `MODEL`), or a single such module. An entry of `yieldopt.rulebooks` of the same name knows the claims.
"""

import functools
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from yieldopt.card import Card, Inputs
from yieldopt.errors import Mistake, UserError, nearest

if TYPE_CHECKING:
    from yieldopt.problem import Model


@functools.cache
def entries(group: str) -> tuple[EntryPoint, ...]:
    """What is installed under a name; looked up once a process, for it takes five milliseconds."""
    return tuple(entry_points(group=group))


def models() -> dict[str, str]:
    """List the installed models: name to module."""
    found: dict[str, str] = {}
    for entry in entries("yieldopt.models"):
        spec = importlib.util.find_spec(entry.value)
        if spec is None or spec.submodule_search_locations is None:
            found[entry.name] = entry.value
            continue
        for module in pkgutil.iter_modules(spec.submodule_search_locations):
            if not module.name.startswith("_"):
                found[f"{entry.name}.{module.name}"] = f"{entry.value}.{module.name}"
    return dict(sorted(found.items()))


def load(name: str) -> "type[Model[Any]]":
    """Import a model by name; raises `UserError` with the nearest name when there is none of that name."""
    known = models()
    if name not in known:
        raise UserError.of("an installed model", f'"{name}"', nearest(name, known), "model")
    return _model(importlib.import_module(known[name]), name)


def from_file(path: str | Path) -> "type[Model[Any]]":
    """Import a one-file model: its `MODEL`, or the only `Model` subclass that it defines."""
    path = Path(path)
    name = f"yieldopt_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path) if path.is_file() else None
    if spec is None or spec.loader is None:
        raise UserError(Mistake("a Python file with a model", "no such file", "Check the path.", file=str(path)))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their own module up while it loads
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a user's own code may raise
        del sys.modules[name]
        line = error.lineno or 0 if isinstance(error, SyntaxError) else _line(error, path)
        got = f"{type(error).__name__}: {error}"
        do = "Mend the file; `python FILE.py` shows the whole trace."
        raise UserError(Mistake("a model that imports", got, do, "", str(path), line, 1 if line else 0)) from error
    return _model(module, path.stem)


def card(name: str) -> Card:
    """What a study may name about an installed model."""
    return load(name).card(name)


def rulebook(model: str) -> ModuleType | None:
    """Import the rulebook that knows the claims of a model, or return None when there is none."""
    for entry in entries("yieldopt.rulebooks"):
        if entry.name == model.partition(".")[0]:
            return importlib.import_module(entry.value)
    return None


def check(name: str, claims: Sequence[str], inputs: Inputs, model: "type[Model[Any]] | None" = None) -> list[Mistake]:
    """Mistakes in a resolved study that only its model (`model`, or the installed one) and its rulebook can see."""
    model = model or load(name)
    found = list(model.check(inputs))
    if not claims:
        return found
    rules = rulebook(name)
    if rules is None:
        got = ", ".join(claims)
        return [*found, Mistake(f"no claims, since {name} has no rulebook", got, "Remove `claims`.", "claims")]
    return [*found, *rules.check(name, list(claims), inputs, drawn(model, inputs))]


def drawn(model: "type[Model[Any]]", inputs: Inputs) -> dict[str, float]:
    """The quantities that claims may bound, as a resolved study draws them, base units."""
    design = model.Design(**inputs.design)
    return {name: float(value) for name, value in model.drawn(design, inputs).items()}


def _model(module: ModuleType, name: str) -> "type[Model[Any]]":
    from yieldopt.problem import Model  # here, since listing and reading a study need no JAX

    found = getattr(module, "MODEL", None)
    if found is None:
        own = [
            member
            for member in vars(module).values()
            if isinstance(member, type)
            and issubclass(member, Model)
            and member.__module__ == module.__name__
            and not inspect.isabstract(member)
        ]
        if len(own) != 1:
            got = f"{len(own)} in {name}"
            raise UserError.of("one model", got, "Name the class in the module: `MODEL = MyModel`.", "model")
        found = own[0]
    if not (isinstance(found, type) and issubclass(found, Model)):
        do = "Set it to a class derived from yieldopt.problem.Model."
        raise UserError.of("a Model class in MODEL", repr(found)[:60], do, "model")
    return found


def _line(error: Exception, path: Path) -> int:
    """The last line of the user's file in the trace."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
