"""The one door between text with units ("45 um") and plain numbers: pint sits behind it, loaded when first asked.

The base is the SI with the metre and the ampere in millionths, which keeps mechanics and electricity coherent at the
scale of a bump:

    length um   mass kg   time s   temperature K   current uA   angle rad   resistance ohm (pJ/s/uA^2)
    force uN    stress MPa (uN/um^2)   energy pJ   surface tension uN/um (= N/m)   current density uA/um^2

Differences from pint: a temperature (`degC`, `K`) and a temperature difference (`delta_degC`) are declared apart; `mil`
is 25.4 um and not an angle; an angle is no fraction; a bare number is refused wherever a unit was declared.
"""

import functools
import re
from typing import Any

from yieldopt.errors import UserError

_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*$", re.DOTALL)
_UNIT = re.compile(r"[A-Za-zµμΩ°%_/*^().\s\d·-]*")
_LARGEST = 1e100
_OFFSETS = {"K": (1.0, 0.0), "degC": (1.0, 273.15), "degF": (5 / 9, 459.67 * 5 / 9)}
_DEGREES = {"°C": "degC", "celsius": "degC", "°F": "degF", "kelvin": "K", "degK": "K"}
_ROOTS = ("meter", "gram", "second", "kelvin", "ampere", "radian", "mole")
_BASE: dict[tuple[float, ...], tuple[str, str]] = {
    (): ("a fraction", ""),
    (1,): ("a length", "um"),
    (2,): ("an area", "um^2"),
    (3,): ("a volume", "um^3"),
    (1, 1, -2): ("a force", "uN"),
    (-1, 1, -2): ("a pressure or stress", "MPa"),
    (2, 1, -2): ("an energy", "pJ"),
    (0, 1, -2): ("a surface tension or stiffness", "uN/um"),
    (0, 0, 1): ("a time", "s"),
    (0, 0, -1): ("a rate in time", "1/s"),
    (1, 0, -1): ("a speed", "um/s"),
    (0, 0, 0, 1): ("a temperature", "K"),
    (0, 0, 0, -1): ("an expansion coefficient", "1/K"),
    (0, 0, 0, 0, 1): ("a current", "uA"),
    (-2, 0, 0, 0, 1): ("a current density", "uA/um^2"),
    (2, 1, -3, 0, -2): ("a resistance", "ohm"),
    (3, 1, -3, 0, -2): ("a resistivity", "ohm*um"),
    (0, 0, 0, 0, 0, 1): ("an angle", "rad"),
    (-3, 1): ("a density", "kg/um^3"),
}


def parse(value: object, unit: str, difference: bool = False) -> float:
    """Read `value` ("45 um") as a quantity of the kind of `unit`, in base units.

    `unit=""` declares a dimensionless number: bare, or with `%`. `difference` reads a temperature as an interval, for
    spreads and drifts. Raises `UserError` when the unit is missing, unknown or of another kind.
    """
    number, given = split(value, unit)
    declared = _spelled(unit)
    if not given:
        if unit:
            raise _mistake(
                unit, f"the bare number {_shown(value)}", f'Write its unit, as in "{_example(unit, number)}".'
            )
        return number
    absolute = not difference and declared in _OFFSETS
    if absolute and _spelled(given) in _OFFSETS:
        scale, offset = _OFFSETS[_spelled(given)]
        return number * scale + offset
    try:
        factor, kind = _unit(given)
    except ValueError:
        hint = ' Degrees Celsius are "degC".' if given in ("C", "c") else ""
        do = f'Use a unit such as "{_shown_unit(unit)}".{hint}' if unit else "Write a bare number or a percentage."
        raise _mistake(unit, f'{_shown(value)}, where "{given}" is not a unit that is known', do) from None
    if kind != _unit(unit)[1]:
        hint = ' Degrees Celsius are "degC".' if given in ("C", "c") else ""
        came = f'{_shown(value)}, where "{given}" is {_words(kind)}'
        do = f'Write it in a unit such as "{_shown_unit(unit)}".' if unit else "Write a bare number or a percentage."
        raise _mistake(unit, came, do + hint)
    return number if factor == 1 else float(f"{number * factor:.15g}")  # 99.9 % is .999 to the last digit


def split(value: object, unit: str = "") -> tuple[float, str]:
    """Split "45 um" into 45.0 and "um"; a bare number has the unit ""."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST:
        return float(value), ""
    found = _NUMBER.match(value) if isinstance(value, str) else None
    if found is None or abs(float(found[1])) > _LARGEST:
        example = _example(unit, 1.0)
        raise _mistake(
            unit, _shown(value), f'Write a number and its unit, as in "{example}".' if unit else "Write a number."
        )
    return float(found[1]), found[2]


def format(value: float, unit: str, digits: int = 6) -> str:
    """Write a number in base units as text in `unit`; `parse` reads it back to `digits` digits."""
    declared = _spelled(unit)
    if declared in _OFFSETS:
        scale, offset = _OFFSETS[declared]
        return f"{(value - offset) / scale:.{digits}g} {declared}"
    return f"{value / _unit(unit)[0]:.{digits}g} {_shown_unit(unit)}".rstrip()


def base(unit: str) -> str:
    """Name the base unit of the same kind: `base("mm") == "um"`, `base("degC") == "K"`, `base("%") == ""`."""
    kind = _unit(unit)[1]
    if kind in _BASE:
        return _BASE[kind][1]
    names = ("um", "kg", "s", "K", "uA", "rad", "mol")
    return "*".join(f"{name}^{power:g}" for name, power in zip(names, kind, strict=False) if power)


def same_kind(first: str, second: str) -> bool:
    """Say whether two units measure the same kind of thing."""
    return _unit(first)[1] == _unit(second)[1]


@functools.cache
def _registry() -> Any:
    import pint

    registry = pint.UnitRegistry(on_redefinition="ignore", cache_folder=None)
    registry.define("ppb = 1e-9")
    registry.define("@alias ohm = Ohm")
    return registry


@functools.lru_cache(maxsize=512)
def _unit(unit: str) -> tuple[float, tuple[float, ...]]:
    """Return the factor of `unit` to the base and its exponents over `_ROOTS`, trailing zeros cut."""
    if not unit.strip():
        return 1.0, ()
    if not _UNIT.fullmatch(unit):
        raise ValueError(unit)
    text = re.sub(r"(?<![a-z_])(deg[CF])\b", r"delta_\1", _spelled(unit)).replace("%", "percent").replace("·", "*")
    text = re.sub(r"\bmils?\b", "thou", text)
    text = re.sub(r"([A-Za-zµμΩ])(-?\d+)\b", r"\1**\2", text).replace("°", "degree")
    try:
        quantity = (
            1.0 * _registry().parse_units(text) if "1" not in text else _registry().parse_expression(text)
        ) * 1.0
        root = quantity.to_root_units()
    except Exception as error:  # pint has no common ancestor for what a wrong text can raise
        raise ValueError(unit) from error
    powers = {name.removeprefix("delta_"): power for name, power in root.unit_items()}  # keeps the radian
    kind = tuple(float(powers.pop(name, 0)) for name in _ROOTS)
    if powers:
        raise ValueError(unit)
    grams = 1e-3 ** kind[1]
    factor = float(f"{root.magnitude * grams * 1e6 ** (kind[0] + kind[4]):.15g}")  # snapped: 1 um is exactly 1
    while kind and kind[-1] == 0:
        kind = kind[:-1]
    return factor, kind


def _spelled(unit: str) -> str:
    text = unit.strip()
    return _DEGREES.get(text, text).replace("°C", "degC").replace("°F", "degF")


def _shown_unit(unit: str) -> str:
    return "K" if unit in ("delta_degC", "delta_K") else unit


def _words(kind: tuple[float, ...]) -> str:
    return _BASE[kind][0] if kind in _BASE else "of another kind"


def _mistake(unit: str, got: str, do: str) -> UserError:
    kind = _unit(unit)[1]
    known = kind in _BASE
    what = (
        "a temperature difference" if unit.startswith("delta_") else _words(kind) if known else f"a quantity in {unit}"
    )
    what = what if unit else "a plain number"
    return UserError.of(f"{what} with its unit" if unit else what, got, do)


def _example(unit: str, number: float) -> str:
    return f"{number:g} {_shown_unit(unit)}".strip()


def _shown(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
