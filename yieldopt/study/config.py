"""`read`: from a study's text to a `ResolvedStudy`, with all its mistakes in one pass; JAX is not imported here.

The stages are text (YAML with places), shape (keys), resolution against the model's card (units, names, ranges), and
the model's own check. Each notes what it finds and leaves the sound part to the next.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from yieldopt import catalogue, units
from yieldopt.card import Card, Inputs
from yieldopt.errors import Mistake, UserError
from yieldopt.study import resolve, text
from yieldopt.study.canonical import canonical
from yieldopt.study.nets import NetSettings, net_settings
from yieldopt.study.settings import EstimateSettings, OptimizeSettings, estimate_settings, optimize_settings
from yieldopt.study.shape import Claims, Setting, Study
from yieldopt.study.sound import shaped
from yieldopt.study.template import template as template

CardOf = Callable[[str], Card]
"""From a model's name to its card; raises `UserError` for an unknown one."""

Check = Callable[[str, Sequence[str], Inputs], Iterable[Mistake]]
"""From a model's name, the claims named and the inputs to the mistakes that only the domain can see."""


@dataclass(frozen=True)
class ResolvedStudy:
    """A study in numbers, every default filled in.

    `study` is what was asked (overrides laid over), `resolved` the same in one canonical form, itself a study that
    reads to the same `hash` (SHA-256 of it without its name). `units` maps a knob to the unit people see: the
    study's own where it gives one. `text` is the file as it was, `bumps` that of its bump map, where it names one.
    `variants` has the inputs with every choice of materials left open, the first of which `inputs` is.
    """

    name: str
    study: dict[str, Any]
    resolved: dict[str, Any]
    inputs: Inputs
    card: Card
    units: dict[str, str]
    claims: Claims
    estimate: EstimateSettings
    optimize: OptimizeSettings
    seed: int
    hash: str
    text: str = ""
    bumps: str = ""
    variants: tuple[Inputs, ...] = ()
    nets: NetSettings | None = None
    ranges: dict[str, float] = field(default_factory=dict)


def read(
    path: str | Path,
    overrides: Iterable[str] = (),
    card_of: CardOf = catalogue.card,
    check: Check = catalogue.check,
    model: str = "",
) -> ResolvedStudy:
    """Read a study file with `a.b=value` overrides; raises one `UserError` with all mistakes, each at its place.

    `model` takes the place of the study's `model:` (a one-file model, which `card_of` and `check` then know).
    """
    document = text.read(path, overrides)
    if model:
        document.data["model"] = model
    return of(document, card_of, check)


def of(document: text.Document, card_of: CardOf = catalogue.card, check: Check = catalogue.check) -> ResolvedStudy:
    """Resolve a document that has been read, as `read` does."""
    study = shaped(document)
    if study is None:
        raise _all(document)
    card = _card(document, study.model, card_of)
    sites = resolve.sites(document, study, card)
    estimate = estimate_settings(document, study)
    if card is None:
        raise _all(document)
    inputs, ranges = resolve.inputs(document, study, card, sites), resolve.ranges(document, study, card)
    optimize, nets = optimize_settings(document, study, card), net_settings(document, study, card, sites)
    variants = _variants(document, study, inputs, check)
    if document.mistakes:
        raise _all(document)
    found = _resolved(document, study, card, variants[0], estimate, optimize)
    return replace(found, variants=tuple(variants), nets=nets, ranges=ranges)


def default_study(card: Card, overrides: Iterable[str] = ()) -> ResolvedStudy:
    """The study of a model alone: knobs at their starts, its own spreads and limits, no bump map."""
    document = text.Document("", data={"schema": 1, "model": card.name})
    text.override(document, overrides)
    study = shaped(document)
    if study is None:
        raise _all(document)
    sites = resolve.sites(document, study, card)
    inputs, ranges = resolve.inputs(document, study, card, sites), resolve.ranges(document, study, card)
    estimate, optimize = estimate_settings(document, study), optimize_settings(document, study, card)
    nets = net_settings(document, study, card, sites)
    if document.mistakes:
        raise _all(document)
    found = _resolved(document, study, card, inputs, estimate, optimize, card.name)
    return replace(found, nets=nets, ranges=ranges)


def schema() -> dict[str, Any]:
    """JSON Schema of a study, for editors and for programs that write studies."""
    found = Study.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": "yieldopt study"}


def _all(document: text.Document) -> UserError:
    """Every mistake once, in the order of the text."""
    found = sorted(dict.fromkeys(document.mistakes), key=lambda m: (m.file != document.file, m.file, m.line, m.column))
    return UserError(*found)


def _card(document: text.Document, name: str, card_of: CardOf) -> Card | None:
    try:
        return card_of(name)
    except UserError as error:
        document.take(error, "model")
        return None


def _variants(document: text.Document, study: Study, inputs: Inputs, check: Check) -> list[Inputs]:
    """The inputs with each choice of the materials left open that model and rulebook allow.

    Where none is, what they say of the first is noted.
    """
    every = [
        replace(inputs, materials=inputs.materials | dict(zip(inputs.open, chosen, strict=True)))
        for chosen in product(*inputs.open.values())
    ]
    found = [_domain(document, study, one, check) for one in every]
    allowed = [one for one, mistakes in zip(every, found, strict=True) if not mistakes]
    if not allowed:
        document.take(found[0])
    return allowed or every


def _domain(document: text.Document, study: Study, inputs: Inputs, check: Check) -> list[Mistake]:
    """Ask the model and the rulebook; what they say of places that are wrong already is dropped."""
    try:
        found = list(check(study.model, study.claims.named, inputs))
    except UserError as error:
        found = list(error.mistakes)
    except Exception:
        if document.mistakes:
            return []  # a check may stumble over what is known to be wrong; it is asked again once that is mended
        raise
    return [mistake for mistake in found if not (mistake.path and document.wrong(mistake.path))]


def _resolved(
    document: text.Document,
    study: Study,
    card: Card,
    inputs: Inputs,
    estimate: EstimateSettings,
    optimize: OptimizeSettings,
    name: str = "",
) -> ResolvedStudy:
    name = study.name or name or Path(document.file).stem
    shown = {knob: _unit_of(study.design.get(knob), declared.unit) for knob, declared in card.knobs.items()}
    asked = canonical(document, study, card, inputs, estimate, optimize)
    exact = json.dumps(asked, sort_keys=True, separators=(",", ":"), allow_nan=False)
    digest = hashlib.sha256(exact.encode()).hexdigest()
    return ResolvedStudy(
        name=name,
        study=document.data,
        resolved={"schema": 1, "name": name, **asked},
        inputs=inputs,
        card=card,
        units=shown,
        claims=study.claims,
        estimate=estimate,
        optimize=optimize,
        seed=study.seed,
        hash=digest,
        text=document.text,
        bumps=_bumps(document, study),
    )


def _bumps(document: text.Document, study: Study) -> str:
    """The text of the bump map that a study names, as it is; empty where it names none."""
    named = study.bump_map.file if study.bump_map else None
    return resolve.beside(document, named).read_text(encoding="utf-8") if named else ""


def _unit_of(setting: Setting | None, declared: str) -> str:
    """The unit that the study gives a knob's value in, or the declared one."""
    given = units.split(setting.value)[1] if setting is not None and setting.value is not None else ""
    return given or declared
