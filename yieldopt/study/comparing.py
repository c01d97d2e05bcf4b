"""Two runs beside each other: what was asked differently, and what came of it."""

from collections.abc import Mapping
from math import hypot
from typing import Any

from yieldopt.study import words
from yieldopt.study.record import Record
from yieldopt.study.runs import headline
from yieldopt.study.show import table

APART = 2.0
"""Standard errors of the difference beyond which two yields are said to differ."""


def flat(data: Any, path: str = "") -> dict[str, Any]:
    """Values of nested mappings by dotted key."""
    if not isinstance(data, Mapping):
        return {path: data}
    found: dict[str, Any] = {}
    for key, value in data.items():
        found |= flat(value, f"{path}.{key}" if path else str(key))
    return found


def different(one: Mapping[str, Any], two: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Keys of two resolved studies whose values differ, with both; None where a study has none."""
    before, now = flat(one), flat(two)
    keys = [*before, *(key for key in now if key not in before)]
    return [(key, before.get(key), now.get(key)) for key in keys if before.get(key) != now.get(key)]


def compare(one: Record, two: Record) -> dict[str, Any]:
    """What differs between two runs; the difference of their yields with its error, as their draws are independent.

    With one seed and one method they are not, and the error told is too large.
    """
    first, second = headline(one.run), headline(two.run)
    a, b = first.get("yield"), second.get("yield")
    change = None if a is None or b is None else b - a
    limits = [{**(found.get("limits") or {})} for found in (first, second)]
    fails = {
        name: [(side.get(name) or {}).get("fails") for side in limits]
        for name in dict.fromkeys([*limits[0], *limits[1]])
    }
    return {
        "runs": [one.run["name"], two.run["name"]],
        "inputs": [{"key": key, "values": [old, new]} for key, old, new in different(one.resolved, two.resolved)],
        "yield": [a, b],
        "difference": change,
        "stderr": None if change is None else hypot(first.get("stderr") or 0.0, second.get("stderr") or 0.0),
        "fails": fails,
    }


def told(found: Mapping[str, Any]) -> str:
    """The comparison for a person."""
    names = [f"{name} ({side})" for name, side in zip(found["runs"], ("first", "second"), strict=True)]
    asked = [
        (one["key"], *("-" if value is None else str(value) for value in one["values"])) for one in found["inputs"]
    ]
    lines = [table(("asked differently", *names), asked)] if asked else ["Nothing was asked differently."]
    rows = [("joint yield", *(words.percent(value, 4) for value in found["yield"]))]
    for name, (a, b) in found["fails"].items():
        rows.append((f"lost to {words.phrase(name)}", *("-" if v is None else words.loss_text(v) for v in (a, b))))
    lines += ["", table(("came", *names), rows)]
    if found["difference"] is not None:
        change, error = found["difference"], found["stderr"]
        said = "beyond" if abs(change) > APART * error else "within"
        lines += [
            "",
            f"Second less first: {100 * change:+.4f} %, {said} {APART:g} standard errors ({100 * error:.4f} %)",
        ]
    return "\n".join(lines)
