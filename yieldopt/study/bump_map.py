"""Where the bumps are: a grid with missing sites, or a CSV file, centred about the origin, in base units.

Both are centred on their bounding box: a map's own origin (a die corner, say) does not matter. In a file whose `x, y`
are corners of bump cells, half a cell is added first.
"""

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np

from yieldopt import units
from yieldopt.card import BumpMap
from yieldopt.errors import Mistake, UserError

_SHOWN = 20  # mistakes named in one file before the rest is only counted
_SAME = 1e-3  # um: sites nearer than this are one site written twice
_FAR = 20.0  # pitches to the nearest neighbour beyond which a site is taken for a slip of the pen
_HEADERS = {"x": "", "y": "", "x_um": "um", "y_um": "um"}


def grid(rows: int, columns: int, pitch: float, missing: np.ndarray | None = None) -> BumpMap:
    """Lay out rows x columns sites, row 0 at the lowest y, column 0 at the lowest x; `missing` is a mask of them.

    The centre of the full grid is the origin, whatever sites are missing. Raises `UserError` if none is left.
    """
    present = np.ones((rows, columns), bool) if missing is None else ~missing
    if not present.any():
        raise UserError.of("at least one site", "a grid with every site missing", "Leave fewer sites out.", "bump_map")
    row, column = np.nonzero(present)
    x, y = (column - (columns - 1) / 2) * pitch, (row - (rows - 1) / 2) * pitch
    adjacent = (present[:, 1:] & present[:, :-1]).any() or (present[1:] & present[:-1]).any()
    left_out = rows * columns - len(x)
    text = f"{rows} x {columns} grid at {units.format(pitch, 'um')}" + (f", {left_out} left out" if left_out else "")
    return BumpMap(x, y, pitch if adjacent or len(x) < 2 else float(_nearest(x, y).min()), f"{text}, array centred")


def from_csv(path: Path, unit: str, corner_of: tuple[float, float] | None = None) -> BumpMap:
    """Read sites from a CSV file with a header that names columns `x` and `y` (in `unit`) or `x_um` and `y_um`.

    Other columns (a bump's name, its net) are kept as text; blank lines and lines that start with `#` are ignored.
    `corner_of` is the cell size (base units) when x, y are the lower-left corners of cells. Raises `UserError` with
    every bad row by its line.
    """
    rows = _rows(path)
    mistakes: list[Mistake] = []
    where, factor = _header(path, rows, unit)
    sites, lines = _sites(path, rows[1:], where, mistakes)
    xy = np.asarray(sites, float).reshape(-1, 2) * factor
    if not len(xy) and not mistakes:
        mistakes.append(
            Mistake("a site on each line", "a header alone", "Add the sites.", file=str(path), line=rows[0][0])
        )
    mistakes += _misplaced(path, xy, lines)
    if mistakes:
        shown = mistakes[:_SHOWN]
        if len(mistakes) > _SHOWN:
            more = f"{len(mistakes) - _SHOWN} more wrong lines beside those named"
            shown.append(Mistake("a clean bump map", more, "Mend the file and check again.", file=str(path)))
        raise UserError(*shown)
    xy += np.asarray(corner_of or (0.0, 0.0)) / 2
    xy -= (xy.max(0) + xy.min(0)) / 2
    pitch = float(_nearest(xy[:, 0], xy[:, 1]).min()) if len(xy) > 1 else math.inf
    text = f"{len(xy)} sites of {path.name}, array centred"
    return BumpMap(xy[:, 0].copy(), xy[:, 1].copy(), pitch, text, _columns(rows))


def _columns(rows: list[tuple[int, list[str]]]) -> dict[str, np.ndarray]:
    """Every column by its name in the header, as text; empty where a row is short."""
    names = [cell.strip() for cell in rows[0][1]]
    cells = [[row[i].strip() if i < len(row) else "" for _, row in rows[1:]] for i in range(len(names))]
    return {name: np.array(column) for name, column in zip(names, cells, strict=True)}


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.reader(lines)
            rows = [(reader.line_num, row) for row in reader if row and not row[0].lstrip().startswith("#")]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror or "" if isinstance(error, OSError) else str(error)
        do = "Give its path relative to the study; x and y in columns with a header."
        raise UserError.of("a bump map that can be read", f'"{path.name}": {reason.lower()}', do) from None
    return [(line, row) for line, row in rows if any(cell.strip() for cell in row)]


def _header(path: Path, rows: list[tuple[int, list[str]]], unit: str) -> tuple[tuple[int, int], float]:
    names = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    line = rows[0][0] if rows else 1
    for pair in (("x", "y"), ("x_um", "y_um")):
        if all(names.count(name) == 1 for name in pair):
            break
    else:
        got = f'"{",".join(names)[:80]}"' if names else "an empty file"
        do = "Name the columns x,y (with `unit:` in the study) or x_um,y_um."
        raise UserError(Mistake("a header with one column x and one y", got, do, file=str(path), line=line, column=1))
    stated = _HEADERS[pair[0]]
    if stated and unit and unit != stated:
        got = f"columns in um under `unit: {unit}`"
        raise UserError(Mistake("one unit", got, "Remove one of the two.", file=str(path), line=line, column=1))
    if not (stated or unit):
        do = "Add `unit: um` to bump_map, or name the columns x_um,y_um."
        raise UserError.of("the unit of x and y", "none", do, "bump_map")
    return (names.index(pair[0]), names.index(pair[1])), units.parse(f"1 {stated or unit}", "um")


def _sites(
    path: Path, rows: list[tuple[int, list[str]]], where: tuple[int, int], mistakes: list[Mistake]
) -> tuple[list[tuple[float, float]], list[int]]:
    sites: list[tuple[float, float]] = []
    lines: list[int] = []
    first, second = where
    for line, row in rows:
        try:
            x, y = float(row[first]), float(row[second])
            if not (math.isfinite(x) and math.isfinite(y)):
                raise ValueError
        except (ValueError, IndexError):
            mistakes.append(_bad_row(path, line, row, where))
            continue
        sites.append((x, y))
        lines.append(line)
    return sites, lines


def _bad_row(path: Path, line: int, row: list[str], where: tuple[int, int]) -> Mistake:
    text = ",".join(row)[:80]
    if max(where) >= len(row):
        return Mistake(
            "a number for x and for y", f'"{text}"', "Complete the row.", file=str(path), line=line, column=1
        )
    bad = next(i for i in where if not _finite(row[i]))
    column = sum(len(cell) + 1 for cell in row[:bad]) + 1
    got, do = f'"{row[bad].strip()}"', "Write plain numbers; the unit stands in the study or the header."
    return Mistake("a number", got, do, file=str(path), line=line, column=column)


def _finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _misplaced(path: Path, xy: np.ndarray, lines: list[int]) -> list[Mistake]:
    """Sites written twice, and sites far from all others."""
    if len(xy) < 2:
        return []
    found: list[Mistake] = []
    _, first, group = np.unique(np.round(xy / _SAME), axis=0, return_index=True, return_inverse=True)
    repeats = np.flatnonzero(first[group.ravel()] != np.arange(len(xy)))
    for i in repeats:
        got = f"the site of line {lines[first[group.ravel()[i]]]} again"
        found.append(Mistake("each site once", got, "Remove one of the two.", file=str(path), line=lines[i], column=1))
    kept = np.setdiff1d(np.arange(len(xy)), repeats)
    if len(kept) < 3:
        return found
    near = _nearest(xy[kept, 0], xy[kept, 1])
    pitch = float(np.median(near))
    for i in np.flatnonzero(near > _FAR * pitch):
        got = f"a site {units.format(float(near[i]), 'um')} from any other, at a pitch of {units.format(pitch, 'um')}"
        do = "Correct the row, or the unit."
        expected = f"neighbours within {_FAR:g} pitches"
        found.append(Mistake(expected, got, do, file=str(path), line=lines[int(kept[i])], column=1))
    return sorted(found, key=lambda mistake: mistake.line)


def _nearest(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    from scipy.spatial import KDTree

    xy: Any = np.stack([x, y], axis=1)
    return KDTree(xy).query(xy, k=2)[0][:, 1]
