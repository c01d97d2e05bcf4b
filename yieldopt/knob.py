"""A design quantity and a spread, each declared where it is used: its start, its range, its unit and what it means."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

Kind = Literal["mask", "recipe", "tolerance"]
T = TypeVar("T")


@dataclass(frozen=True)
class Knob:
    """What an engineer sets: `mask` (fixed at tape-out), `recipe` (set per run) or `tolerance` (bought).

    Numbers are in the base units of `yieldopt.units`; `unit` is the one shown to people.
    """

    name: str
    start: float
    low: float
    high: float
    unit: str
    kind: Kind
    text: str


@dataclass(frozen=True)
class Spread:
    """A standard deviation by parent, quantity and level: `chip.pillar_height` at `wafer`."""

    name: str
    sigma: float
    unit: str
    quantity: str
    level: str
    text: str


def knob(start: float, low: float, high: float, unit: str, kind: Kind, text: str) -> Any:
    """Declare a design field; a design built without arguments sits at its starts (numbers in base units)."""
    return _field(start, Knob("", start, low, high, unit, kind, text))


def spread(sigma: float, unit: str, at: str, text: str) -> Any:
    """Declare a spread field; `at` is `parent.quantity.level`, the key a study uses (sigma in base units)."""
    quantity, _, level = at.rpartition(".")
    return _field(sigma, Spread("", sigma, unit, quantity, level, text))


def _field(start: float, declared: Knob | Spread) -> Any:
    return dataclasses.field(default_factory=lambda: _array(start), metadata={"declared": declared})


def _array(start: float) -> Any:
    import jax.numpy as jnp  # here, so that a study is read without JAX

    return jnp.asarray(start, float)


def knobs(design: type) -> dict[str, Knob]:
    """List the knobs of a design class by name."""
    return _declared(design, Knob)


def spreads(cls: type) -> dict[str, Spread]:
    """List the spreads of a class by field name."""
    return _declared(cls, Spread)


def _declared(cls: type, kind: type[T]) -> dict[str, T]:
    found: dict[str, T] = {}
    for field in dataclasses.fields(cls):
        declared = field.metadata.get("declared")
        if isinstance(declared, kind):
            found[field.name] = dataclasses.replace(declared, name=field.name)  # type: ignore[type-var]
    return found
