"""From the values and spans of a sweep to the choices of its axes."""

from typing import Any

import numpy as np
from scipy.stats import qmc

from yieldopt import units
from yieldopt.errors import UserError
from yieldopt.study.text import Document
from yieldopt.sweep.plan import Axis, written
from yieldopt.sweep.shape import Span, Sweep

DIGITS = 12
"""Of the values of a span."""


def axes(document: Document, asked: Sweep) -> tuple[Axis, ...]:
    """All axes of a sweep; what is wrong with a span is noted at its place."""
    found: list[Axis] = []
    if asked.cases:
        choices = tuple({key: written(value) for key, value in case.items()} for case in asked.cases.values())
        found.append(Axis("case", choices, tuple(asked.cases)))
    filled: dict[str, Span] = {}
    for key, values in asked.axes.items():
        if isinstance(values, list):
            texts = [written(value) for value in values]
            found.append(_of(key, texts))
        elif values.points is not None:
            found.append(_of(key, spread(document, key, values, np.linspace(0.0, 1.0, values.points))))
        else:
            filled[key] = values
    sampled = _sampled(document, asked, filled)
    every = (*found, *([sampled] if sampled else []))
    _apart(document, asked, every)
    return every


def _apart(document: Document, asked: Sweep, every: tuple[Axis, ...]) -> None:
    """Note keys that two axes set, where the later would win without a word; and seeds that are given twice."""
    owners: dict[str, str] = {}
    for axis in every:
        _once(document, axis)
        for key in {key for choice in axis.choices for key in choice}:
            for other, owner in owners.items():
                if owner != axis.name and (key == other or key.startswith(other + ".") or other.startswith(key + ".")):
                    do = "Leave it to one of the two."
                    document.add(f"axes.{key}", f"{other} in one axis", f"{key} in {axis.name} too", do)
            owners[key] = axis.name
    if asked.seeds > 1 and ("seed" in owners or "seed" in asked.set):
        document.add("seeds", "seeds given one way", f"`seeds: {asked.seeds}` beside `seed`", "Remove one of them.")


def _once(document: Document, axis: Axis) -> None:
    """Note a choice that is there twice: both would be one task, and one file."""
    seen = set[Any]()
    for choice, label in zip(axis.choices, axis.labels, strict=True):
        what = tuple(choice.items())
        if what in seen:
            path = {"case": f"cases.{label}", "point": "sample"}.get(axis.name, f"axes.{axis.name}")
            document.add(path, "choices that differ", f"{label} a second time", "Remove one: both are the same task.")
            return
        seen.add(what)


def _of(key: str, texts: list[str]) -> Axis:
    return Axis(key, tuple({key: text} for text in texts), tuple(texts))


def _sampled(document: Document, asked: Sweep, filled: dict[str, Span]) -> Axis | None:
    """The spans that a sample fills, as one axis of points."""
    sample = asked.sample
    if sample is None:
        for key in (one for one in filled if not document.wrong(f"axes.{one}")):
            do = "Add `points: 5`, or `sample: {sobol: 64}` for all such spans together."
            document.add(f"axes.{key}", "how many values", "a span alone", do)
        return None
    counts = [n for n in (sample.sobol, sample.latin) if n is not None]
    if len(counts) != 1 or not filled:
        got = "no span without `points`" if not filled else "both" if counts else "neither"
        document.add("sample", "one of `sobol` and `latin`, over spans without `points`", got, "Correct it.")
        return None
    draw = np.random.default_rng(sample.seed)
    if sample.sobol:  # of another length than a power of two it is a little less even: no reason to refuse one
        places = qmc.Sobol(len(filled), rng=draw).random_base2(int(np.ceil(np.log2(counts[0]))))
    else:
        places = qmc.LatinHypercube(len(filled), rng=draw).random(counts[0])
    columns = [spread(document, key, span, places[: counts[0], k]) for k, (key, span) in enumerate(filled.items())]
    choices = tuple(dict(zip(filled, row, strict=True)) for row in zip(*columns, strict=True))
    return Axis("point", choices, tuple(str(k) for k in range(len(choices))))


def spread(document: Document, key: str, span: Span, places: np.ndarray) -> list[str]:
    """Texts of the values of a span at places between 0 and 1; none where its ends do not go together."""
    path = f"axes.{key}"
    try:
        (low, unit), (high, other) = units.split(span.start), units.split(span.to)
        if other != unit:
            high = float(units.format(units.parse(span.to, unit), unit, 17).split()[0]) if unit else _bare(span.to)
    except UserError as error:
        if not document.mistakes:  # else it has been told, of the end that is wrong
            document.take(error, path)
        return []
    if span.spacing == "log" and not low * high > 0:
        document.add(f"{path}.spacing", "ends of one sign for `log`", f"{span.start} to {span.to}", "Use `linear`.")
        return []
    values = low * (high / low) ** places if span.spacing == "log" else low + (high - low) * places
    whole = key == "seed"
    return [written(_value(v, unit, whole)) for v in values]


def _bare(value: Any) -> float:
    return units.parse(value, "")


def _value(value: float, unit: str, whole: bool) -> str | float | int:
    if whole:
        return round(value)
    return f"{value:.{DIGITS}g} {unit}" if unit else float(f"{value:.{DIGITS}g}")
