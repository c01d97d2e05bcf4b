"""The one canonical form of a study: every default filled in, numbers as text in the declared units, spreads as sigmas.

It is itself a study: reading it gives the same numbers and the same hash.
"""

import math
from typing import Any

from yieldopt import units
from yieldopt.card import Card, Inputs
from yieldopt.study import resolve
from yieldopt.study.settings import EstimateSettings, OptimizeSettings
from yieldopt.study.shape import Nets, Study
from yieldopt.study.text import Document

_DIGITS = 12  # of numbers: finer than any entry, coarser than the rounding of a conversion


def canonical(
    document: Document,
    study: Study,
    card: Card,
    inputs: Inputs,
    estimate: EstimateSettings,
    optimize: OptimizeSettings,
) -> dict[str, Any]:
    """Write a resolved study as plain data, without its name."""
    return {
        "schema": 1,
        "model": study.model,
        "claims": study.claims.model_dump(),
        "options": inputs.options,
        "materials": inputs.materials | {role: list(names) for role, names in inputs.open.items()},
        **_bump_map(document, study),
        **_numbers(study, card, inputs),
        **({"nets": _nets(study.nets)} if study.nets else {}),
        "estimate": _estimate(estimate),
        "optimize": _optimize(card, optimize),
        "seed": study.seed,
    }


def _write(value: float, unit: str) -> str | float:
    """A number as canonical text, or as a bare number where it has no dimension."""
    return units.format(value, unit, _DIGITS) if unit else float(f"{value:.{_DIGITS}g}")


def _step(unit: str) -> str:
    """The unit of a difference: a spread of a temperature in degC is an interval."""
    return "delta_degC" if unit == "degC" else unit


def _numbers(study: Study, card: Card, inputs: Inputs) -> dict[str, Any]:
    design = {
        name: {
            "value": _write(inputs.design[name], knob.unit),
            "range": [_write(end, knob.unit) for end in inputs.ranges[name]],
        }
        for name, knob in card.knobs.items()
    }
    variation: dict[str, dict[str, Any]] = {}
    for name, spread in card.spreads.items():
        if inputs.spreads[name] > 0:
            variation.setdefault(spread.quantity, {})[spread.level] = _write(inputs.spreads[name], _step(spread.unit))
    limits = {
        name: {
            side: _write(bound, card.responses[name].unit)
            for side, bound in zip(("low", "high"), bounds, strict=True)
            if math.isfinite(bound)
        }
        for name, bounds in inputs.limits.items()
    }
    for name, bound in study.limits.items():
        if bound.range is not None:
            unit = card.responses[name].unit
            limits.setdefault(name, {})["range"] = _write(units.parse(bound.range, unit, True), _step(unit))
    defects = {
        name: {"rate": _write(rate, "ppb")} | ({"cluster": cluster} if math.isfinite(cluster) else {})
        for name, (rate, cluster) in inputs.defects.items()
    }
    return {"design": design, "variation": variation, "limits": limits, "defects": defects}


def _bump_map(document: Document, study: Study) -> dict[str, Any]:
    asked = study.bump_map
    if asked is None:
        return {}
    if asked.grid is None:
        file = {
            **asked.model_dump(exclude_none=True),
            "sha256": resolve.digest(resolve.beside(document, asked.file or "")),
        }
        if asked.cell is not None:
            file["cell"] = [_write(units.parse(side, "um"), "um") for side in asked.cell]
        return {"bump_map": file}
    grid = asked.grid.model_dump(exclude_none=True)
    return {"bump_map": {"grid": {**grid, "pitch": _write(units.parse(asked.grid.pitch, "um"), "um")}}}


def _nets(asked: Nets) -> dict[str, Any]:
    found = asked.model_dump(exclude_none=True)
    for name, spare in asked.tolerate.items():
        found["tolerate"][name]["spare"] = int(str(spare.spare).split()[0])
    return found


def _estimate(asked: EstimateSettings) -> dict[str, Any]:
    accuracy: dict[str, Any] = {}
    if asked.of_loss is not None:
        accuracy["of_loss"] = _write(asked.of_loss, "%")
    if asked.absolute is not None:
        accuracy["absolute"] = asked.absolute
    return {"method": asked.method, "accuracy": accuracy, "confidence": _write(asked.confidence, "%")}


def _optimize(card: Card, asked: OptimizeSettings) -> dict[str, Any]:
    drift = {name: _write(value, _step(card.knobs[name].unit)) for name, value in asked.drift.items()}
    return {
        "goal": asked.goal,
        "target": _write(asked.target, "%"),
        "knobs": list(asked.knobs),
        "window": list(asked.window),
        "covers": list(asked.covers),
        "drift": drift,
        "measure": asked.measure,
    }
