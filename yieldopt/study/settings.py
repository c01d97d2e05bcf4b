"""What a study asks to be found out: how exactly to estimate, and what to optimize."""

import math
from dataclasses import dataclass, field
from typing import Literal

from yieldopt import units
from yieldopt.card import Card
from yieldopt.errors import UserError, nearest
from yieldopt.study.shape import Quantity, Study
from yieldopt.study.text import Document


@dataclass(frozen=True)
class EstimateSettings:
    """Method and asked half-width of the interval at `confidence`: the smaller of the two where both are given.

    `of_loss` is relative to the loss, `absolute` is in yield; None is not asked. All are fractions.
    """

    method: str = "auto"
    of_loss: float | None = 0.1
    absolute: float | None = 2e-3
    confidence: float = 0.95


@dataclass(frozen=True)
class OptimizeSettings:
    """Goal, target yield (a fraction), the knobs that may move, and those the window spans (a part of them).

    `covers` names the levels of variation that the window stands for; `drift` is one sigma of a knob, base units.
    """

    goal: str = "yield"
    target: float = 0.999
    knobs: tuple[str, ...] = ()
    window: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    drift: dict[str, float] = field(default_factory=dict[str, float])
    measure: Literal["capability", "volume"] = "capability"


def quantity(document: Document, path: str, value: Quantity, unit: str, difference: bool = False) -> float | None:
    """Read a quantity in base units, or note why it cannot be read."""
    try:
        return units.parse(value, unit, difference)
    except UserError as error:
        document.take(error, path)
        return None


def estimate_settings(document: Document, study: Study) -> EstimateSettings:
    """Read `estimate`; accuracy left out is 10 % of the loss or 2e-3 in yield, the smaller."""
    asked, path = study.estimate, "estimate.accuracy"
    confidence = _fraction(document, "estimate.confidence", asked.confidence, "%", "95 %") or 0.95
    if asked.accuracy is None:
        return EstimateSettings(asked.method, confidence=confidence)
    of_loss = absolute = None
    if asked.accuracy.of_loss is not None:
        of_loss = _fraction(document, f"{path}.of_loss", asked.accuracy.of_loss, "%", "10 %")
    if asked.accuracy.absolute is not None:
        absolute = _fraction(document, f"{path}.absolute", asked.accuracy.absolute, "", "2e-3")
    if asked.accuracy.of_loss is None and asked.accuracy.absolute is None and not document.wrong(path):
        document.add(path, "`of_loss` or `absolute`", "neither", "Write it as in `accuracy: {of_loss: 10 %}`.")
    return EstimateSettings(asked.method, of_loss, absolute, confidence)


def _fraction(document: Document, path: str, value: Quantity, unit: str, example: str) -> float | None:
    """Read a fraction strictly between 0 and 1."""
    found = quantity(document, path, value, unit)
    if found is not None and not 0 < found < 1:
        do = f"Write it as in `{example}`."
        if path.endswith("target") and found >= 1:
            do = "No number of samples can show it; ask for a little less, such as 99.99 %."
        document.add(path, "more than 0 % and less than 100 %", f"{value}", do)
        return None
    return found


def optimize_settings(document: Document, study: Study, card: Card) -> OptimizeSettings:
    """Read `optimize`: knobs default to those with a range (else all but tolerances), the window to recipe ones."""
    asked = study.optimize
    target = _fraction(document, "optimize.target", asked.target, "%", "99.9 %") or 0.999
    ranged = [name for name, setting in study.design.items() if setting.range is not None and name in card.knobs]
    usual = ranged or [name for name, knob in card.knobs.items() if knob.kind != "tolerance"]
    knobs = usual if asked.knobs is None else _named(document, "optimize.knobs", asked.knobs, card.knobs, "knob")
    if asked.window is None:
        window = [name for name in knobs if card.knobs[name].kind == "recipe"] if asked.goal == "window" else []
    else:
        window = _recipe(
            document, _named(document, "optimize.window", asked.window, card.knobs, "knob"), asked.window, card
        )
    if asked.goal == "window" and not window and not document.wrong("optimize"):
        do = "Name recipe knobs in `optimize.window`."
        document.add("optimize.goal", "at least one recipe knob for the window", "none", do)
    levels = {spread.level for spread in card.spreads.values()}
    covers = _named(document, "optimize.covers", asked.covers, levels, "level of variation")
    knobs = [*knobs, *(name for name in window if name not in knobs)]
    drift = _drift(document, study, card)
    return OptimizeSettings(asked.goal, target, tuple(knobs), tuple(window), tuple(covers), drift, asked.measure)


def _named(document: Document, path: str, names: list[str], known: object, what: str) -> list[str]:
    """Keep the known names, each once, noting the others."""
    choices = set(known) if isinstance(known, dict | set) else set[str]()
    kept: list[str] = []
    for i, name in enumerate(names):
        if name not in choices:
            document.add(f"{path}.{i}", f"a {what}", f'"{name}"', nearest(name, choices))
        elif name in kept:
            document.add(f"{path}.{i}", "each name once", f'"{name}" again', "Remove one of the two.")
        else:
            kept.append(name)
    return kept


def _recipe(document: Document, names: list[str], written: list[str], card: Card) -> list[str]:
    kinds = {"mask": "fixed at tape-out", "tolerance": "bought"}
    for name in names:
        kind = card.knobs[name].kind
        if kind != "recipe":
            got = f'"{name}", a {kind} knob ({kinds[kind]})'
            do = "Move it to `optimize.knobs`; a window is over what can be set per run."
            document.add(f"optimize.window.{written.index(name)}", "recipe knobs in a window", got, do)
    return [name for name in names if card.knobs[name].kind == "recipe"]


def _drift(document: Document, study: Study, card: Card) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in study.optimize.drift.items():
        path = f"optimize.drift.{name}"
        if name not in card.knobs:
            document.add(path, "a knob", f'"{name}"', nearest(name, card.knobs), key=True)
            continue
        drift = quantity(document, path, value, card.knobs[name].unit, difference=True)
        if drift is not None and not (drift > 0 and math.isfinite(drift)):
            document.add(path, "a positive drift", f"{value}", "Give one sigma of the knob's own drift.")
        elif drift is not None:
            found[name] = drift
    return found
