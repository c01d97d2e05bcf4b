"""The sound part of a study's data: everything wrong with its shape is noted at once and cut out."""

import copy
import types
import typing
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ValidationError

from yieldopt.errors import nearest
from yieldopt.study.shape import TAGS, Study
from yieldopt.study.text import Document

T = TypeVar("T", bound=BaseModel)

_EXAMPLES = {
    "claims": "claims: [P1, P5]",
    "options": "options: {join: mass_reflow}",
    "materials": "materials: {pillar: Cu}",
    "bump_map": "bump_map: {grid: {rows: 17, columns: 17, pitch: 160 um}}",
    "design": "design: {pillar_height: {value: 45 um, range: [20 um, 60 um]}}",
    "variation": "variation: {chip.pillar_height: {wafer: 0.8 um}}",
    "defects": "defects: {joint: {rate: 20 ppb}}",
    "limits": "limits: {standoff: {low: 20 um}}",
    "estimate": "estimate: {method: auto, confidence: 95 %}",
    "accuracy": "accuracy: {of_loss: 10 %}",
    "axes": "axes: {design.cap_height: [12 um, 15 um], design.pillar_height: {from: 20 um, to: 60 um, points: 5}}",
    "cases": "cases: {fine: {bump_map.grid.pitch: 45 um}, coarse: {bump_map.grid.pitch: 160 um}}",
    "optimize": "optimize: {goal: window, target: 99.9 %, knobs: [pillar_height], drift: {pillar_height: 1 um}}",
}


def shaped(document: Document) -> Study | None:
    """A study's shape; None when nothing useful is left (no model named)."""
    return shaped_as(Study, document, "model")


def shaped_as(kind: type[T], document: Document, needed: str) -> T | None:
    """Validate a shape, noting every mistake; what is wrong is cut out so that the rest can be read further.

    Returns None when nothing useful is left (the key `needed` is not there).
    """
    data = copy.deepcopy(document.data)
    for section in [key for key, value in data.items() if value is None and key in kind.model_fields]:
        del data[section]  # an empty section is no section
    for _ in range(8):  # a cut can uncover a missing key one level up, never more than the depth of a study
        try:
            return kind.model_validate(data)
        except ValidationError as error:
            for found in error.errors():
                _note(document, found, kind)
            for found in error.errors():
                _cut(data, _keys(found))
            if "version" in kind.model_fields:
                data.setdefault("schema", 1)
        if needed not in data:
            return None
    return None


def _note(document: Document, found: Any, shape: type[BaseModel]) -> None:
    loc = [part for part in _keys(found) if part != "version"]
    path, kind, value = ".".join(str(part) for part in loc), found["type"], found["input"]
    context = found.get("ctx", {})
    if document.wrong(path):
        return
    if kind == "extra_forbidden":
        key, known = str(loc[-1]), _keys_at(loc[:-1], shape)
        document.add(path, "a known key", f'"{key}"', nearest(key, known), key=True)
    elif kind == "missing":
        key = str(loc[-1])
        do = "Add `schema: 1` as the first line." if key == "schema" else f"Add `{key}:` here."
        document.add(path, f"the key `{key}`", "none", do)
    elif kind == "literal_error":
        shown = value if isinstance(value, str) else repr(value)
        choices = context["expected"].replace("'", "")
        document.add(path, choices, f'"{shown}"', nearest(shown, choices.replace(" or ", ", ").split(", ")))
    else:
        document.add(path, _expected(found), _shown(value, kind), _remedy(found, loc))


def _keys(found: Any) -> list[Any]:
    """The keys on the way to a mistake, without the tags of a union's members."""
    return [part for part in found["loc"] if part not in TAGS]


def _expected(found: Any) -> str:
    """Turn pydantic's sentence into what was expected."""
    kind, value = found["type"], found["input"]
    said = str(found["msg"]).removeprefix("Input should be ")
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return "a mapping of keys to values"
    if kind == "too_short" and found["ctx"]["min_length"] == 1:
        return "at least one item"
    if kind in ("too_short", "too_long", "string_too_short", "string_too_long"):
        return "two items, as in [low, high]" if isinstance(value, list) else "text of 1 to 80 characters"
    if kind.startswith(("greater_than", "less_than")):
        return f"a number {said}"
    return said.replace("a valid ", "a ").replace("a integer", "a whole number").replace("a string", "text")


def _remedy(found: Any, loc: list[Any]) -> str:
    """Show how the section is written, where the form itself is wrong."""
    if found["type"] in ("model_type", "dict_type", "list_type"):
        section = "accuracy" if "accuracy" in loc else str(loc[0])
        if section in _EXAMPLES:
            return f"Write it as in `{_EXAMPLES[section]}`."
    if found["type"] == "string_type" and isinstance(found["input"], int | float):
        return "Put it in quotes."
    return "Correct the value."


def _shown(value: Any, kind: str) -> str:
    if isinstance(value, list):
        return f"{len(value)} of them" if kind.startswith("too_") else "a list"
    return "a mapping" if isinstance(value, dict) else repr(value)[:60]


def _cut(data: Any, loc: list[Any]) -> None:
    """Remove the innermost mapping entry on the way to `loc`."""
    holder, key = None, None
    for part in loc:
        if isinstance(data, dict):
            if part not in data:
                break
            holder, key, data = data, part, data[part]
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            break
    if holder is not None:
        holder.pop(key, None)


def _keys_at(loc: list[Any], shape: type[BaseModel]) -> list[str]:
    """List the keys that a shape knows at a place."""
    at: Any = shape
    for part in loc:
        at = _inner(at, part)
    if not (isinstance(at, type) and issubclass(at, BaseModel)):
        return []
    return [field.alias or name for name, field in at.model_fields.items()]


def _inner(annotation: Any, part: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        known = annotation.model_fields.get(str(part))
        return _bare(known.annotation) if known else None
    arguments = typing.get_args(annotation)
    return _bare(arguments[-1]) if arguments else None


def _bare(annotation: Any) -> Any:
    """Strip `Annotated` and `| None`."""
    while typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return _bare(typing.get_args(annotation)[0])
    return annotation
