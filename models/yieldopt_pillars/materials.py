"""What pillars, solders, bodies and films are made of: sourced constants by name, and which of them can be joined.

The numbers stand in materials.toml, each with its source and confidence; here they are converted to the base units of
the engine (K, N/m = uN/um, MPa, 1/K; density in g/cm3 as every handbook has it). Alloys are known by name and by
composition, whichever way it is spelled.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from yieldopt.card import Inputs
from yieldopt.errors import Mistake, UserError, nearest
from yieldopt_pillars import compositions

Kind = Literal["element", "solder", "body", "film"]
ZERO_CELSIUS = 273.15

NUMBERS = ("melting", "tension", "slope", "density", "modulus", "poisson", "expansion")
"""What a material may have, each with a source and a confidence."""

OVERHEAT = 40.0
"""How far above its liquidus a solder's tension was measured, K: 30 to 50; an element's, at its melting point."""


@dataclass(frozen=True)
class Material:
    """One material. `solidus`, `liquidus` in K and `tension` of the liquid in N/m; None for one that never melts here.

    `slope` is that of the tension against temperature, in N/m/K, None where unknown. `composition` has the mass
    fraction of each element, nothing for bodies and films; `classes` are the kinds of material that it counts as.
    `modulus` is Young's, in MPa, `poisson` that ratio, None where no body or film is made of it; `expansion` is linear,
    in 1/K. `source` and `confidence` (high, medium, low) are by number.
    """

    name: str
    kind: Kind
    composition: Mapping[str, float] = field(hash=False)
    classes: tuple[str, ...]
    solidus: float | None
    liquidus: float | None
    tension: float | None
    slope: float | None
    density: float
    modulus: float
    poisson: float | None
    expansion: float
    source: Mapping[str, str] = field(hash=False)
    confidence: Mapping[str, str] = field(hash=False)

    @property
    def constituents(self) -> tuple[str, ...]:
        """Element symbols."""
        return tuple(self.composition)

    def tension_at(self, temperature: float) -> float:
        """Surface tension of the liquid at a temperature in K, N/m: linear about where the tension was measured.

        Where no slope is known, the constant tension at any temperature; tin's slope takes 9 mN/m, some 2 %, over
        100 K. Between solidus and liquidus it is that of the liquid undercooled so far, not of the mixture. Meant
        for some 200 K above the liquidus.
        """
        if self.tension is None or self.solidus is None or self.liquidus is None:
            do = f"Choose a metal: {', '.join(names('solder'))} or an element."
            raise UserError.of("a material whose surface tension is known", self.name, do)
        if temperature < self.solidus:
            do = f"Ask for {_celsius(self.solidus)} or more."
            raise UserError.of(f"a temperature at which {self.name} is liquid", _celsius(temperature), do)
        measured = self.liquidus + (OVERHEAT if self.kind == "solder" else 0.0)
        return self.tension + (self.slope or 0.0) * (temperature - measured)


def material(name: str, path: str = "materials") -> Material:
    """Return the material of this name or composition; `path` is the key of the study that named it, for the error.

    "SnAg3.5", "Sn3.5Ag", "Sn-3.5Ag" and "96.5Sn3.5Ag" are one alloy. One that is not in the table is refused: its
    melting range does not follow from its composition.
    """
    if found := _table().get(name):
        return found
    read = compositions.readings(name)
    for found in _table().values():
        if any(compositions.same(found.composition, one) for one in read):
            return found
    raise UserError.of("a known material", f'"{name}"', _instead(name, read), path)


def _instead(name: str, read: list[dict[str, float]]) -> str:
    """What to write for a name that is not known: alloys of its elements, or the nearest name."""
    elements = {frozenset(one) for one in read}
    alloys = [known for known, found in _table().items() if frozenset(found.composition) in elements]
    return f"Known alloys of these elements: {', '.join(alloys)}." if alloys else nearest(name, _table())


def names(kind: Kind | None = None) -> tuple[str, ...]:
    """List the materials of a kind, or all."""
    return tuple(name for name, found in _table().items() if kind in (None, found.kind))


def films() -> tuple[str, ...]:
    """List what a layer over a body may be made of."""
    return (*names("body"), *names("film"), "Cu")


def melts_above(pillar: Material, solder: Material) -> bool:
    """Whether a pillar melts above the fusion of a solder (claims P18, P30, P38), and can be solid in its liquid.

    The lowest temperature at which any of the pillar is liquid, its solidus, against that at which all of the solder
    is, its liquidus; strict, and false where either never melts. Pure phases: the solder dissolves the pillar's face
    as well, at any temperature.
    """
    return pillar.solidus is not None and solder.liquidus is not None and pillar.solidus > solder.liquidus


def solders(inputs: Inputs) -> list[Material]:
    """List what a joint's liquid is made of: its one solder, or solder 1 and solder 2 of chips that carry one each.

    Paste beside a solder counts as that solder.
    """
    roles = [role for role in ("solder1", "solder2") if role in inputs.materials] or ["solder"]
    return [material(inputs.materials.get(role, "SnAg3.5"), f"materials.{role}") for role in roles]


def fusion(inputs: Inputs) -> tuple[float, float]:
    """Say at which temperature all of a joint's solder is liquid, and below which all of it is solid, K.

    Of two solders the higher liquidus and the lower solidus: both must melt to become one, and what they mix to is
    taken to freeze no later than the first of them to melt. Zero for what never melts.
    """
    found = solders(inputs)
    return max(one.liquidus or 0.0 for one in found), min(one.solidus or 0.0 for one in found)


def melting(inputs: Inputs) -> list[Mistake]:
    """Tell what keeps these materials from being joined: a pillar that melts at the peak, a solder that does not.

    And a solder that melts in service, or in a later reflow that must not reach it. Reads every role that ends with
    `pillar`, `solder` (or `solder1` and `solder2`) and, where paste is printed beside it, `paste`, and the knobs
    `peak_temperature` and, where there are such, `later_peak`, `ageing_time` and `ageing_temperature` (s, K).
    """
    mistakes: list[Mistake] = []
    peak = inputs.design["peak_temperature"]
    joined = [(role, material(inputs.materials[role], f"materials.{role}")) for role in _solders(inputs)]
    alloys = [solder for _, solder in joined]
    for role in [role for role in inputs.materials if role.endswith("pillar")]:
        mistakes += _pillar_melts(material(inputs.materials[role], f"materials.{role}"), role, alloys, peak)
    for role, solder in joined:
        mistakes += [*_solder_melts(solder, peak), *_melts_in_service(solder, inputs.design)]
        mistakes += _melts_again(solder, role, inputs.design)
    return mistakes


def _solders(inputs: Inputs) -> list[str]:
    beside = "paste" in inputs.materials and inputs.options.get("chip2_solder") == "paste"
    both = [role for role in ("solder1", "solder2") if role in inputs.materials]
    return both or (["solder", "paste"] if beside else ["solder"])


def _pillar_melts(pillar: Material, role: str, solders: list[Material], peak: float) -> list[Mistake]:
    if pillar.solidus is not None and pillar.solidus > peak:
        return []
    starts = "is no metal" if pillar.solidus is None else f"starts to melt at {_celsius(pillar.solidus)}"
    cooler = ", or lower design.peak_temperature" if all(melts_above(pillar, s) for s in solders) else ""
    return [
        Mistake(
            f"a pillar that stays solid at the peak temperature of {_celsius(peak)}",
            f"{pillar.name}, which {starts}",
            f"Choose a pillar that melts higher, such as Cu or Ni{cooler}.",
            f"materials.{role}",
        )
    ]


def _solder_melts(solder: Material, peak: float) -> list[Mistake]:
    if solder.liquidus is not None and solder.liquidus < peak:
        return []
    melts = "never melts" if solder.liquidus is None else f"is liquid from {_celsius(solder.liquidus)}"
    do = f"Raise design.peak_temperature above the liquidus of {solder.name}, by 20 to 40 K, or choose another solder."
    got = f"{_celsius(peak)}, and {solder.name} {melts}"
    return [Mistake("a peak temperature at which the solder is liquid", got, do, "design.peak_temperature")]


def _melts_in_service(solder: Material, design: Mapping[str, float]) -> list[Mistake]:
    """Where a life in service is asked for, at a temperature that the solder does not bear."""
    hot = design.get("ageing_temperature", 0.0)
    if not design.get("ageing_time") or solder.solidus is None or hot < solder.solidus:
        return []
    got = f"{_celsius(hot)}, and {solder.name} starts to melt at {_celsius(solder.solidus)}"
    do = "Lower design.ageing_temperature or choose another solder."
    return [Mistake("a life in service in which the solder stays solid", got, do, "design.ageing_temperature")]


def _melts_again(solder: Material, role: str, design: Mapping[str, float]) -> list[Mistake]:
    """Where a later reflow is asked for that the finished joint must bear without melting."""
    later = design.get("later_peak", 0.0)
    if solder.solidus is None or later < solder.solidus:
        return []
    got = f"{solder.name}, which starts to melt at {_celsius(solder.solidus)}"
    do = f"Choose a {role} that melts higher, or lower design.later_peak below {_celsius(solder.solidus)}."
    return [Mistake(f"a joint that stays solid in a later reflow of {_celsius(later)}", got, do, f"materials.{role}")]


def _celsius(kelvin: float) -> str:
    return f"{kelvin - ZERO_CELSIUS:.4g} degC"


@cache
def _table() -> dict[str, Material]:
    text = Path(__file__).with_suffix(".toml").read_text("utf-8")
    return {name: _read(name, row) for name, row in tomllib.loads(text).items()}


def _read(name: str, row: dict[str, Any]) -> Material:
    solidus, liquidus = (t + ZERO_CELSIUS for t in row["melting"]) if "melting" in row else (None, None)
    own = {name: 100.0} if row["kind"] == "element" else {}
    return Material(
        name=name,
        kind=row["kind"],
        composition={element: share / 100 for element, share in row.get("composition", own).items()},
        classes=tuple(row.get("classes", ())),
        solidus=solidus,
        liquidus=liquidus,
        tension=row["tension"] / 1000 if "tension" in row else None,
        slope=row["slope"] / 1000 if "slope" in row else None,
        density=row["density"],
        modulus=row["modulus"] * 1000,
        poisson=row.get("poisson"),
        expansion=row["expansion"] * 1e-6,
        source=_each(row, "source"),
        confidence=_each(row, "confidence"),
    )


def _each(row: dict[str, Any], what: str) -> dict[str, str]:
    """Source or confidence of every number that a row has."""
    return {number: row[what].get(number, row[what]["default"]) for number in NUMBERS if number in row}
