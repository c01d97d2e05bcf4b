"""From a sound shape and a model's card to numbers in base units: each section read apart, every mistake noted.

A section that cannot be read keeps the model's own values, so that the sections after it are still checked.
"""

import hashlib
import math
from pathlib import Path

import numpy as np

from yieldopt import units
from yieldopt.card import BumpMap, Card, Choice, Inputs
from yieldopt.errors import UserError, nearest
from yieldopt.knob import Knob
from yieldopt.study import bump_map
from yieldopt.study.settings import quantity
from yieldopt.study.shape import Grid, Missing, Setting, Sites, Study
from yieldopt.study.spread import sigma
from yieldopt.study.text import Document

_OPEN = (-math.inf, math.inf)
_MOST_SITES = 20_000_000


def inputs(document: Document, study: Study, card: Card, sites: BumpMap | None) -> Inputs:
    """Read every section that a model sees; what is not named keeps the model's start or default."""
    design, ranges = _design(document, study, card)
    chosen, left = _materials(document, study, card)
    return Inputs(
        design=design,
        ranges=ranges,
        spreads=_spreads(document, study, card, design),
        limits=_limits(document, study, card),
        options=_choices(document, "options", study.options, card.options, "option"),
        materials=chosen,
        open=left,
        defects=_defects(document, study, card),
        bump_map=sites,
    )


def _design(document: Document, study: Study, card: Card) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    design = {name: knob.start for name, knob in card.knobs.items()}
    ranges = {name: (knob.low, knob.high) for name, knob in card.knobs.items()}
    for name, setting in study.design.items():
        path = f"design.{name}"
        if name not in card.knobs:
            document.add(path, f"a knob of {card.name}", f'"{name}"', nearest(name, card.knobs), key=True)
            continue
        design[name], ranges[name] = _setting(document, path, setting, card.knobs[name])
    return design, ranges


def _setting(document: Document, path: str, setting: Setting, knob: Knob) -> tuple[float, tuple[float, float]]:
    at = f"{path}.value" if f"{path}.value" in document.values else path
    value = knob.start if setting.value is None else quantity(document, at, setting.value, knob.unit)
    ends = [quantity(document, f"{path}.range.{i}", end, knob.unit) for i, end in enumerate(setting.range or ())]
    if setting.value is None and setting.range is None and not document.wrong(path):
        document.add(path, "`value` or `range`", "neither", f"Write it as in `{_show(knob.start, knob)}`.")
    low, high = ends if len(ends) == 2 else (knob.low, knob.high)
    if low is None or high is None:
        low, high = -math.inf, math.inf
    elif not low < high:
        do = f"Write [{_show(high, knob)}, {_show(low, knob)}]." if low > high else "Leave room between the two."
        document.add(f"{path}.range", "a range from low to high", f"[{_show(low, knob)}, {_show(high, knob)}]", do)
        low, high = -math.inf, math.inf
    if value is None:
        value = knob.start
    elif not low <= value <= high and not document.wrong(path):
        whose = "its range" if setting.range else "the model's range"
        got = f"{_show(value, knob)}, outside {_show(low, knob)} to {_show(high, knob)}"
        do = "Change the value, or give `range: [low, high]` around it."
        document.add(at if setting.value is not None else f"{path}.range", f"a value inside {whose}", got, do)
    return value, (low, high) if math.isfinite(low) else (knob.low, knob.high)


def _show(value: float, knob: Knob) -> str:
    return units.format(value, knob.unit)


def _spreads(document: Document, study: Study, card: Card, design: dict[str, float]) -> dict[str, float]:
    found = {name: spread.sigma for name, spread in card.spreads.items()}
    known = {(spread.quantity, spread.level): spread for spread in card.spreads.values()}
    quantities = {quantity for quantity, _ in known}
    for name, levels in study.variation.items():
        path = f"variation.{name}"
        if name not in quantities:
            document.add(
                path, f"a quantity that varies in {card.name}", f'"{name}"', nearest(name, quantities), key=True
            )
            continue
        for level, spec in levels.items():
            spread = known.get((name, level))
            if spread is None:
                hint = nearest(level, {where for what, where in known if what == name})
                document.add(f"{path}.{level}", f"a level of {name}", f'"{level}"', hint, key=True)
                continue
            mean = design.get(name.rpartition(".")[2])
            value = sigma(document, f"{path}.{level}", spec, spread.unit, mean)
            found[spread.name] = found[spread.name] if value is None else value
    return found


def _limits(document: Document, study: Study, card: Card) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for name, bound in study.limits.items():
        path, response = f"limits.{name}", card.responses.get(name)
        if response is None:
            document.add(path, f"a response of {card.name}", f'"{name}"', nearest(name, card.responses), key=True)
            continue
        low = -math.inf if bound.low is None else quantity(document, f"{path}.low", bound.low, response.unit)
        high = math.inf if bound.high is None else quantity(document, f"{path}.high", bound.high, response.unit)
        if bound.low is None and bound.high is None and bound.range is None and not document.wrong(path):
            document.add(path, "`low`, `high`, both or `range`", "none", "Write it as in `{low: ...}`.")
        elif low is not None and high is not None and not low < high:
            document.add(path, "`low` below `high`", f"low {bound.low}, high {bound.high}", "Exchange the two.")
        elif low is not None and high is not None and (low, high) != _OPEN:
            found[name] = (low, high)
    return found


def ranges(document: Document, study: Study, card: Card) -> dict[str, float]:
    """How far apart the elements of a unit may lie in each response whose range is limited."""
    found: dict[str, float] = {}
    for name, bound in study.limits.items():
        path, response = f"limits.{name}.range", card.responses.get(name)
        if bound.range is None or response is None:
            continue
        most = quantity(document, path, bound.range, response.unit, True)
        if not response.population:
            document.add(path, "a response of elements", f"{name}, of the unit", "Limit it by `low` or `high`.")
        elif most is not None and not most > 0.0:
            document.add(path, "a positive range", f"{bound.range}", "Largest less smallest is above zero.")
        elif most is not None:
            found[name] = most
    return found


def _choices(
    document: Document,
    section: str,
    given: dict[str, str],
    known: dict[str, Choice],
    what: str,
    turn: int = 0,
    several: set[str] | frozenset[str] = frozenset(),
) -> dict[str, str]:
    """Each choice allowed, or its default; those of `several` stand in lists, of which this is the item `turn`."""
    found = {name: choice.default for name, choice in known.items()}
    for name, value in given.items():
        path = f"{section}.{name}"
        if name not in known and not turn:
            document.add(
                path, f"{'an' if what[0] in 'aeio' else 'a'} {what}", f'"{name}"', nearest(name, known), key=True
            )
        elif name in known and value not in known[name].allowed:
            hint = nearest(value, known[name].allowed)
            path = f"{path}.{turn}" if name in several else path
            document.add(path, f"one of the choices for {name}", f'"{value}"', hint)
        elif name in known:
            found[name] = value
    return found


def _materials(document: Document, study: Study, card: Card) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """The first material of each role, and those roles that leave a choice."""
    every: dict[str, list[str]] = {}
    for i in range(max((len(names) for names in study.materials.values()), default=0)):
        given = {role: names[i] for role, names in study.materials.items() if i < len(names)}
        several = {role for role, names in study.materials.items() if len(names) > 1}
        found = _choices(document, "materials", given, card.materials, "material role", i, several)
        for role in given:
            if role in found and found[role] == given[role] and given[role] not in every.get(role, []):
                every.setdefault(role, []).append(given[role])
    chosen = {role: every[role][0] if role in every else choice.default for role, choice in card.materials.items()}
    return chosen, {role: tuple(names) for role, names in every.items() if len(names) > 1}


def _defects(document: Document, study: Study, card: Card) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for name, defect in study.defects.items():
        path = f"defects.{name}"
        if name not in card.defects:
            document.add(path, "a population that can have defects", f'"{name}"', nearest(name, card.defects), key=True)
            continue
        rate = quantity(document, f"{path}.rate", defect.rate, "ppb")
        if rate is not None and not 0 <= rate < 1:
            document.add(
                f"{path}.rate", "a rate of at least 0 and below 1", f"{defect.rate}", "Write it as in `20 ppb`."
            )
        cluster = math.inf if defect.cluster is None else quantity(document, f"{path}.cluster", defect.cluster, "")
        if cluster is not None and not cluster > 0:
            do = "Leave it out for defects that do not cluster."
            document.add(f"{path}.cluster", "a positive shape", f"{defect.cluster}", do)
        if rate is not None and cluster is not None:
            found[name] = (rate, cluster)
    return found


def sites(document: Document, study: Study, card: Card | None) -> BumpMap | None:
    """Read the bump map, or note why there is none."""
    asked = study.bump_map
    if asked is None:
        if card is not None and card.needs_bump_map and not document.wrong("bump_map"):
            do = "Add `bump_map: {grid: {rows: 17, columns: 17, pitch: 160 um}}` or `{file: bumps.csv, ...}`."
            document.add("bump_map", f"a bump map, which {card.name} needs", "none", do)
        return None
    if (asked.grid is None) == (asked.file is None):
        if not document.wrong("bump_map"):
            got = "neither" if asked.grid is None else "both"
            document.add("bump_map", "`grid` or `file`", got, "Keep one of the two.")
        return None
    try:
        return _grid(document, asked, asked.grid) if asked.grid else _file(document, asked, asked.file or "")
    except UserError as error:
        document.take(error, "bump_map.file" if asked.file else "bump_map.grid")
        return None


def _grid(document: Document, asked: Sites, grid: Grid) -> BumpMap | None:
    for key in ("unit", "origin", "cell", "sha256"):
        if getattr(asked, key) is not None:
            document.add(
                f"bump_map.{key}", "a grid alone", f"`{key}`, which goes with `file`", f"Remove `{key}`.", key=True
            )
    pitch = quantity(document, "bump_map.grid.pitch", grid.pitch, "um")
    if pitch is not None and not pitch > 0:
        document.add("bump_map.grid.pitch", "a positive pitch", f"{grid.pitch}", "Write it as in `160 um`.")
        pitch = None
    if grid.rows * grid.columns > _MOST_SITES:
        got = f"{grid.rows} x {grid.columns}"
        document.add("bump_map.grid", f"at most {_MOST_SITES:,} sites", got, "Correct `rows` or `columns`.")
        return None
    left_out = np.zeros((grid.rows, grid.columns), bool)
    for i, missing in enumerate(grid.missing):
        _leave_out(document, f"bump_map.grid.missing.{i}", missing, left_out)
    return None if pitch is None else bump_map.grid(grid.rows, grid.columns, pitch, left_out)


def _leave_out(document: Document, path: str, missing: Missing, left_out: np.ndarray) -> None:
    rows, columns = left_out.shape
    if missing.column is not None and missing.rows and missing.row is None and missing.columns is None:
        line, count, along, ends, size, key = missing.column, columns, "rows", missing.rows, rows, "column"
    elif missing.row is not None and missing.columns and missing.column is None and missing.rows is None:
        line, count, along, ends, size, key = missing.row, rows, "columns", missing.columns, columns, "row"
    else:
        if not document.wrong(path):
            do = "Numbers are zero-based, both ends included."
            document.add(path, "{column: 8, rows: [5, 11]} or {row: 8, columns: [5, 11]}", "other keys", do)
        return
    first, last = ends
    if line >= count:
        document.add(f"{path}.{key}", f"a {key} from 0 to {count - 1}", f"{line}", "Count from zero.")
    elif first > last:
        document.add(f"{path}.{along}", "[first, last]", f"[{first}, {last}]", f"Write [{last}, {first}].")
    elif last >= size:
        document.add(f"{path}.{along}", f"{along} from 0 to {size - 1}", f"[{first}, {last}]", "Count from zero.")
    elif key == "column":
        left_out[first : last + 1, line] = True
    else:
        left_out[line, first : last + 1] = True


def _file(document: Document, asked: Sites, name: str) -> BumpMap | None:
    cell = [quantity(document, f"bump_map.cell.{i}", side, "um") for i, side in enumerate(asked.cell or ())]
    if asked.unit is not None:
        quantity(document, "bump_map.unit", f"1 {asked.unit}", "um")
    if asked.origin is None and not document.wrong("bump_map"):
        do = "Add `origin: centre`, or `origin: cell_corner` with `cell: [w, h]`."
        document.add("bump_map", "what x and y are of each bump", "none", do)
    if asked.origin == "cell_corner" and asked.cell is None:
        document.add("bump_map", "the size of a bump cell", "none", "Add `cell: [100 um, 100 um]`.")
    if document.wrong("bump_map.unit"):
        return None
    corner_of = (cell[0], cell[1]) if asked.origin == "cell_corner" and len(cell) == 2 else None
    sides = None if corner_of is None or corner_of[0] is None or corner_of[1] is None else (corner_of[0], corner_of[1])
    found = bump_map.from_csv(beside(document, name), asked.unit or "", sides)
    if asked.sha256 not in (None, digest(beside(document, name))):
        do = "Remove `sha256`, or bring the old file back."
        document.add("bump_map.sha256", f"the file {name} with this digest", "another", do)
    return found


def beside(document: Document, name: str) -> Path:
    """The path of a file named in a study: relative to the study, or where the document knows it to be."""
    return document.files.get(name, Path(document.file).parent / name)


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
