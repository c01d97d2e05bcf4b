"""Alloys by what they are made of: a name read as mass fractions, and the density of elements mixed.

A composition maps element symbols to mass fractions that sum to one.
"""

import re
from collections.abc import Mapping

SAME = 5e-4
"""Two alloys are one where every mass fraction differs by less: half a unit in the digit that names carry."""

_NUMBER = r"\d+(?:\.\d+)?"
_AFTER, _BEFORE = rf"([A-Z][a-z]?)({_NUMBER})?", rf"({_NUMBER})?([A-Z][a-z]?)"


def readings(name: str) -> list[dict[str, float]]:
    """List every composition that a name may mean: none where it is no such name.

    Per cents stand behind their elements (SnAg3.5) or before them (Sn3.5Ag, 96.5Sn3.5Ag); one element may have none
    and is the balance. "Sn3.5Ag" reads both ways: which of the two is an alloy that is known, the reader must tell.
    """
    bare = re.sub(r"[\s%/-]|wt", "", name)
    after = [(element, number) for element, number in re.findall(_AFTER, bare)]
    before = [(element, number) for number, element in re.findall(_BEFORE, bare)]
    tried = [after] if re.fullmatch(f"(?:{_AFTER})+", bare) else []
    tried += [before] if re.fullmatch(f"(?:{_BEFORE})+", bare) else []
    return [found for parts in tried if (found := _balanced(parts))]


def same(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Whether two compositions are those of one alloy."""
    return all(abs(one.get(element, 0.0) - other.get(element, 0.0)) < SAME for element in {*one, *other})


def mixed_density(composition: Mapping[str, float], densities: Mapping[str, float]) -> float:
    """Density of elements that keep their volumes when mixed: 1 / sum(w / rho).

    Solid solders keep to it within 2 %: compounds and solutions are a few per cent denser or lighter than their parts,
    and take up a part of the alloy only.
    """
    return 1.0 / sum(fraction / densities[element] for element, fraction in composition.items())


def _balanced(parts: list[tuple[str, str]]) -> dict[str, float]:
    """Mass fractions from elements with their per cent as text, one perhaps without; nothing where the sum is wrong."""
    given = {element: float(number) / 100.0 for element, number in parts if number}
    open_ones = [element for element, number in parts if not number]
    rest = 1.0 - sum(given.values())
    if len(parts) != len({element for element, _ in parts}) or len(open_ones) > 1:
        return {}
    if open_ones:
        return {open_ones[0]: rest, **given} if rest > 0.0 else {}
    return given if abs(rest) < SAME else {}
