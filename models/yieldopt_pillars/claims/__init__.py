"""The claims a study works under: which they are, what they depend on, and whether a resolved study holds them.

The claims are data (pillars.toml, gold.toml, traces.toml); here are the rules that read it. A claim inherits every
check of the claims it depends on. What a claim asks of options, materials and drawn dimensions is met or broken when a
study is loaded; its numbers bind the drawn design, and the units as they are made where a study asks for that.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from yieldopt import units
from yieldopt.card import Bound, Inputs
from yieldopt.errors import Mistake, UserError, nearest
from yieldopt_pillars.claims.members import melting_points, stranger
from yieldopt_pillars.claims.table import Claim, claims, conflicts

Drawn = Mapping[str, float]
"""Quantities that claims speak of, as drawn, by name in base units: what `Model.drawn` says of a design."""


def catalogue() -> list[dict[str, Any]]:
    """List the claims: id, document, on (None at the root), kind, text, systems, options, roles, members, bounds."""
    return [claim.row() for claim in claims().values()]


def resolve(named: Iterable[str]) -> list[str]:
    """List the claims named with all they depend on, each after its parent; raises `UserError` for unknown ones."""
    named = list(named)
    if mistakes := [_unknown(claim) for claim in named if claim not in claims()]:
        raise UserError(*mistakes)
    return list(dict.fromkeys(claim for name in named for claim in _chain(name)))


def bounds(named: Iterable[str]) -> list[Bound]:
    """List what claims, with those they depend on, bound among the quantities of a design; materials' are not there."""
    found = [bound for claim in resolve(named) for bound in claims()[claim].bounds]
    return [bound for bound in found if not bound.quantity.endswith(("_solidus", "_liquidus"))]


def check(model_name: str, named: Iterable[str], inputs: Inputs, drawn: Drawn) -> list[Mistake]:
    """Tell everything that keeps this study from working under these claims; empty when it does.

    `model_name` is as a study has it, `pillars.capped_pillar`; `drawn` what the model says of its design.
    """
    named = list(named)
    mistakes = [_unknown(claim) for claim in named if claim not in claims()]
    chain = resolve(claim for claim in named if claim in claims())
    for one, other, why in conflicts():
        if one in chain and other in chain:
            mistakes.append(Mistake(f"claims that can hold together: {why}", f"{one} and {other}", *_drop(one, other)))
    return mistakes + [mistake for claim in chain for mistake in _breaches(claims()[claim], model_name, inputs, drawn)]


def verdicts(model_name: str, named: Iterable[str], inputs: Inputs, drawn: Drawn) -> list[dict[str, Any]]:
    """Say of each claim, named or depended on: id, holds, margin (None: no number), unit, text, and why it is there."""
    named = list(named)
    return [
        {
            "id": claim,
            "holds": not _breaches(claims()[claim], model_name, inputs, drawn),
            "text": claims()[claim].row()["text"],
            "from_": "named" if claim in named else f"needed by {next(n for n in named if claim in _chain(n))}",
        }
        | _margin(claims()[claim], _quantities(inputs, drawn))
        for claim in resolve(named)
    ]


def _breaches(claim: Claim, model_name: str, inputs: Inputs, drawn: Drawn) -> list[Mistake]:
    system = model_name.rpartition(".")[2]
    if system not in claim.systems:
        suited = [known for known, row in claims().items() if system in row.systems]
        do = f"Name claims that do ({', '.join(suited)})." if suited else "Remove it: no claim here does."
        made = f"claim {claim.id}, which is of {', '.join(claim.systems)}"
        return [Mistake(f"claims that speak of {model_name}", made, do, "claims")]
    return [*_choices(claim, system, inputs), *_materials(claim, inputs), *_numbers(claim, inputs, drawn)]


def _choices(claim: Claim, system: str, inputs: Inputs) -> list[Mistake]:
    """Options of the assembly without which the claimed part or step is not in the model."""
    asked = {name.removeprefix(f"{system}."): allowed for name, allowed in claim.options.items()}
    asked = {option: allowed for option, allowed in asked.items() if "." not in option}  # the rest is of other systems
    others = " or ".join(f"pillars.{other}" for other in claim.systems if other != system)

    def mistake(option: str, allowed: tuple[str, ...]) -> Mistake:
        known = option in inputs.options
        got = inputs.options[option] if known else f"pillars.{system}, which does not know that option"
        do = f"Set options.{option} to {allowed[0]}" if known else f"Set model to {others}, which may have it"
        expected = f"options.{option}: {' or '.join(allowed)}, since claim {claim.id} says: {claim.text}"
        return Mistake(expected, got, f"{do}, or remove {claim.id} and the claims that depend on it.", "claims")

    return [mistake(name, allowed) for name, allowed in asked.items() if inputs.options.get(name) not in allowed]


def _materials(claim: Claim, inputs: Inputs) -> list[Mistake]:
    """Materials against the list of a claim."""
    mistakes: list[Mistake] = []
    for role in claim.roles if claim.members else ():
        assert claim.members is not None
        chosen = inputs.materials.get(role, "none")
        none = "none: there is no such part"
        strange = stranger(chosen, claim.members, f"materials.{role}") if chosen != "none" else none
        if strange:
            expected = f"a {role.replace('_', ' ')} by claim {claim.id}: {claim.members.text}"
            do = f"Choose a {role.replace('_', ' ')} made of these alone, or remove claim {claim.id}."
            mistakes.append(Mistake(expected, strange, do, f"materials.{role}"))
    return mistakes


def _numbers(claim: Claim, inputs: Inputs, drawn: Drawn) -> list[Mistake]:
    """The drawn design, and the constants of its materials, against the numbers of a claim."""
    mistakes: list[Mistake] = []
    for bound in claim.bounds:
        value = _value(bound, _quantities(inputs, drawn))
        if value is None or bound.holds(value):
            continue
        got = f"{_shown(value + (_quantities(inputs, drawn)[bound.than] if bound.than else 0.0), bound)}"
        do = f"Move {bound.quantity} there, or remove claim {claim.id} and the claims that depend on it."
        mistakes.append(Mistake(f"{_asked(bound, inputs, drawn)}, by claim {claim.id}", got, do, "claims"))
    return mistakes


def _asked(bound: Bound, inputs: Inputs, drawn: Drawn) -> str:
    """What a bound asks for, in words."""
    low, high = ("above ", "below ") if bound.strict else ("at least ", "at most ")
    if bound.than:
        other = _shown(_quantities(inputs, drawn)[bound.than], bound)
        return f"{bound.quantity} above {bound.than}, {other}"
    if bound.low == bound.high:
        return f"{bound.quantity} of {_shown(bound.low, bound)}"
    sides = [f"{low}{_shown(bound.low, bound)}"] if bound.low > -float("inf") else []
    sides += [f"{high}{_shown(bound.high, bound)}"] if bound.high < float("inf") else []
    return f"{bound.quantity} {' and '.join(sides)}"


def _shown(value: float, bound: Bound) -> str:
    return units.format(value, "degC" if bound.unit == "K" else bound.unit)


def _quantities(inputs: Inputs, drawn: Drawn) -> dict[str, float]:
    """Everything that claims bound: the drawn design and where its materials melt."""
    points = [melting_points(role, name) for role, name in inputs.materials.items()]
    return {**drawn, **{quantity: value for point in points for quantity, value in point.items()}}


def _value(bound: Bound, known: Mapping[str, float]) -> float | None:
    """A bounded quantity, or its difference to the one that it is held against; None where the design has none."""
    if bound.quantity not in known or (bound.than and bound.than not in known):
        return None
    return known[bound.quantity] - (known[bound.than] if bound.than else 0.0)


def _margin(claim: Claim, known: Mapping[str, float]) -> dict[str, Any]:
    """The least margin of a claim's numbers, with its unit."""
    found = [(bound.margin(value), bound) for bound in claim.bounds if (value := _value(bound, known)) is not None]
    margin, bound = min(found, key=lambda one: one[0], default=(None, None))
    return {"margin": margin, "unit": bound.unit if bound else ""}


def _drop(one: str, other: str) -> tuple[str, str]:
    return f"Remove {one} or {other}, and the claims that depend on it.", "claims"


def _chain(claim: str) -> list[str]:
    """A claim after all it depends on."""
    parent = claims()[claim].on
    return [*(_chain(parent) if parent else []), claim]


def _unknown(claim: str) -> Mistake:
    if claim[:1] == "T" and claim[1:].isdigit() and int(claim[1:]) <= 220:
        return Mistake(
            "a claim that is in force", f'"{claim}", which is cancelled', "T157 to T190 are in force.", "claims"
        )
    meant = claim.upper()
    do = f'Did you mean "{meant}"?' if meant in claims() else nearest(claim, claims())
    return Mistake("a claim of the catalogue", f'"{claim}"', do, "claims")
