"""The catalogue as data: 108 claims read from toml, each with the materials and the numbers that it binds.

Raises no error of a user's: a table that does not fit together is a fault of ours, which the tests find.
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from yieldopt import units
from yieldopt.card import Bound

FILES = "pillars", "gold", "traces"


@dataclass(frozen=True)
class Members:
    """What a material may be: members by `element`, `family`, `class` or `stack`; `closed` admits no others beside."""

    by: Literal["element", "family", "class", "stack"]
    members: tuple[str, ...]
    text: str
    closed: bool = True


@dataclass(frozen=True)
class Claim:
    """One claim: what it hangs on, the systems it speaks of, and what it asks of options, materials and numbers."""

    id: str
    on: str | None
    kind: tuple[str, ...]
    systems: tuple[str, ...]
    text: str
    options: Mapping[str, tuple[str, ...]]
    roles: tuple[str, ...]
    members: Members | None
    bounds: tuple[Bound, ...]

    def row(self) -> dict[str, Any]:
        """The claim as plain data, for people and programs."""
        listed = self.members
        return {
            "id": self.id,
            "document": self.id[0],
            "on": self.on,
            "kind": ", ".join(self.kind),
            "systems": list(self.systems),
            "text": f"{self.text}: {listed.text}" if listed else self.text,
            "options": {option: list(allowed) for option, allowed in self.options.items()},
            "roles": list(self.roles),
            "members": list(listed.members) if listed else [],
            "closed": listed.closed if listed else None,
            "bounds": [
                {"quantity": b.quantity, "than": b.than or None, "low": _side(b.low), "high": _side(b.high)}
                | {"strict": b.strict, "unit": b.unit}
                for b in self.bounds
            ],
        }


@cache
def claims() -> dict[str, Claim]:
    """Every claim by its id, each after what it depends on."""
    here, found = Path(__file__).parent, dict[str, Claim]()
    lists = {name: Members(**_tuples(row)) for name, row in _read(here / "lists.toml").items()}
    for file in FILES:
        for name, row in _read(here / f"{file}.toml").items():
            found[name] = _claim(name, row, lists, found)
    return found


@cache
def conflicts() -> tuple[tuple[str, str, str], ...]:
    """Pairs of claims that cannot hold together, with the reason."""
    rows = _read(Path(__file__).with_name("conflicts.toml"))["conflict"]
    return tuple((one, other, row["why"]) for row in rows for one in row["between"][0] for other in row["between"][1])


def _claim(name: str, row: dict[str, Any], lists: dict[str, Members], known: dict[str, Claim]) -> Claim:
    on = row.get("on")
    return Claim(
        id=name,
        on=on,
        kind=tuple(row["kind"]),
        systems=known[on].systems if on else tuple(row["systems"]),
        text=row["text"],
        options={option: tuple(allowed) for option, allowed in row.get("options", {}).items()},
        roles=tuple(row.get("roles", ())),
        members=lists[row["list"]] if "list" in row else None,
        bounds=tuple(_bound(name, bound) for bound in row.get("bounds", ())),
    )


def _bound(claim: str, row: dict[str, str]) -> Bound:
    """A bound from its row: `above` and `below` are strict, `from` and `to` closed, `equals` of drawn dimensions."""
    sides = {side: text for side, text in row.items() if side != "quantity"}
    numbers = {side: text for side, text in sides.items() if text[0].isdigit()}
    if not numbers:  # an order: the other quantity stands where the number would
        unit = "K" if row["quantity"].endswith("_solidus") else "um"
        return Bound(claim, row["quantity"], 0.0, math.inf, True, unit, sides["above"])
    unit = units.split(next(iter(numbers.values())))[1]
    read = {side: units.parse(text, unit) for side, text in numbers.items()}
    low = read.get("above", read.get("from", read.get("equals", -math.inf)))
    high = read.get("below", read.get("to", read.get("equals", math.inf)))
    return Bound(claim, row["quantity"], low, high, not {"from", "to", "equals"} & set(sides), unit)


def _side(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None


def _tuples(row: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))
