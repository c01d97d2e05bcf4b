"""The claims a study works under: which they are, what they depend on, and whether a resolved study holds them.

The claims are data (catalogue.toml); here are the rules that read it. A claim inherits every check of the claims it
depends on. All claims here are met or broken when a study is loaded: they are choices, not numbers that scatter.
"""

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from yieldopt.card import Inputs
from yieldopt.errors import Mistake, UserError, nearest
from yieldopt_pillars.materials import material

Claim = dict[str, Any]


def catalogue() -> list[Claim]:
    """List the claims: id, document, on (None at the root), kind, text, systems, options, roles, members, closed."""
    return [dict(claim) for claim in _table().values()]


def resolve(named: Iterable[str]) -> list[str]:
    """List the claims named with all they depend on, each after its parent; raises `UserError` for unknown ones."""
    named = list(named)
    if mistakes := [_unknown(claim) for claim in named if claim not in _table()]:
        raise UserError(*mistakes)
    chains = [_chain(claim) for claim in named]
    return list(dict.fromkeys(claim for chain in chains for claim in chain))


def check(model_name: str, named: Iterable[str], inputs: Inputs) -> list[Mistake]:
    """Tell everything that keeps this study from working under these claims; empty when it does.

    `model_name` is as a study has it, `pillars.capped_pillar`; the material roles are `pillar`, `solder`, `paste`.
    """
    named = list(named)
    known = [claim for claim in named if claim in _table()]
    mistakes = [_unknown(claim) for claim in named if claim not in _table()]
    return mistakes + [
        mistake for claim in resolve(known) for mistake in _breaches(_table()[claim], model_name, inputs)
    ]


def verdicts(model_name: str, named: Iterable[str], inputs: Inputs) -> list[Claim]:
    """Say of each claim, named or depended on: id, holds, margin (None: no number), text, and why it is there."""
    named = list(named)
    return [
        {
            "id": claim,
            "holds": not _breaches(_table()[claim], model_name, inputs),
            "margin": None,
            "text": _table()[claim]["text"],
            "from_": "named" if claim in named else f"needed by {next(n for n in named if claim in _chain(n))}",
        }
        for claim in resolve(named)
    ]


def _breaches(claim: Claim, model_name: str, inputs: Inputs) -> list[Mistake]:
    system = model_name.rpartition(".")[2]
    if system not in claim["systems"]:
        suited = [known for known, row in _table().items() if system in row["systems"]]
        do = f"Name claims that do ({', '.join(suited)})." if suited else "Remove it: no claim here does."
        made = f"claim {claim['id']}, which is of {', '.join(claim['systems'])}"
        return [Mistake(f"claims that speak of {model_name}", made, do, "claims")]
    return [*_choices(claim, inputs), *_constituents(claim, inputs)]


def _choices(claim: Claim, inputs: Inputs) -> list[Mistake]:
    """Options of the assembly without which the claimed part or step is not in the model."""
    return [
        Mistake(
            f"options.{option}: {' or '.join(allowed)}, since claim {claim['id']} says: {claim['text']}",
            inputs.options.get(option, "no such option"),
            f"Set options.{option} to {allowed[0]}, or remove {claim['id']} and the claims that depend on it.",
            "claims",
        )
        for option, allowed in claim["options"].items()
        if inputs.options.get(option) not in allowed
    ]


def _constituents(claim: Claim, inputs: Inputs) -> list[Mistake]:
    """Materials against the list: every constituent when it is closed, one of them at least when it is open."""
    mistakes: list[Mistake] = []
    for role in claim["roles"]:
        path, members = f"materials.{role}", claim["members"]
        chosen = material(inputs.materials[role], path)
        strange = [part for part in chosen.constituents if part not in members]
        met = not strange if claim["closed"] else len(strange) < len(chosen.constituents)
        if not (met and chosen.constituents):
            expected = f"a {role} of {', '.join(members)} or an alloy of them, by claim {claim['id']}"
            got = f"{chosen.name}, with {', '.join(strange) or 'no listed constituent'}"
            do = f"Choose a {role} made of these alone, or remove claim {claim['id']}."
            mistakes.append(Mistake(expected, got, do, path))
    return mistakes


def _chain(claim: str) -> list[str]:
    """A claim after all it depends on."""
    parent = _table()[claim]["on"]
    return [*(_chain(parent) if parent else []), claim]


def _unknown(claim: str) -> Mistake:
    return Mistake("a claim of the catalogue", f'"{claim}"', nearest(claim, _table()), "claims")


@cache
def _table() -> dict[str, Claim]:
    rows = tomllib.loads(Path(__file__).with_name("catalogue.toml").read_text("utf-8"))
    empty: Claim = {"on": None, "options": {}, "roles": [], "members": [], "closed": True}
    return {name: {"id": name, **empty, **row} for name, row in rows.items()}
