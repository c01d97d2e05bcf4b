"""The list of runs: an SQLite index that is only ever a copy of what the run folders say, and is remade at will."""

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from yieldopt.errors import UserError
from yieldopt.study.files import sync

INDEX = "index.sqlite"
VERSION = 1
"""Layout of the table; an index of another layout is remade."""

COLUMNS = ("folder", "started", "kind", "name", "model", "status", "yield", "low", "high", "seed", "study_hash")


def runs(place: Path) -> list[dict[str, Any]]:
    """List the runs under `place`, newest first; an index that is missing, broken or behind is remade first."""
    if not place.is_dir():
        return []
    with contextlib.suppress(sqlite3.DatabaseError):
        found = _read(place)
        if {row["folder"] for row in found} == {folder.name for folder in _folders(place)}:
            return found
    rows = _rows(place)
    with contextlib.suppress(sqlite3.Error, OSError):  # runs that lie where nothing can be written are still listed
        _index(place, rows)
    return rows


def rebuild(place: Path) -> int:
    """Remake the index from the folders alone and return how many runs it holds."""
    rows = _rows(place)
    _index(place, rows)
    return len(rows)


def _index(place: Path, rows: list[dict[str, Any]]) -> None:
    fresh = place / f".{INDEX}.{os.getpid()}"
    fresh.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(fresh)) as index, index:
        index.execute(f"create table runs ({', '.join(_quoted(COLUMNS))}, primary key (folder))")
        index.execute(f"pragma user_version = {VERSION}")
        marks = ", ".join("?" * len(COLUMNS))
        index.executemany(f"insert into runs values ({marks})", [[row[name] for name in COLUMNS] for row in rows])
    fresh.replace(place / INDEX)
    sync(place)


def find(place: Path, name: str) -> Path:
    """Find one run by its folder, the start of its folder's name, a part of its name or `last`."""
    direct = Path(name)
    if (direct / "run.json").exists():
        return direct
    names = [row["folder"] for row in runs(place)]
    hits = names[:1] if name == "last" else [folder for folder in names if name and name in folder]
    exact = [folder for folder in hits if folder == name]
    if len(exact or hits) != 1:
        got = (
            f"{name!r}, which fits {len(hits)} runs under {place}"
            if hits
            else f"{name!r}, which none under {place} has"
        )
        raise UserError.of("the name of one run, or a part only it has", got, "See `yieldopt runs list`.")
    return place / (exact or hits)[0]


def headline(run: Mapping[str, Any]) -> dict[str, Any]:
    """The estimate that stands for a run: its own, that of its optimum, or of its start where it got no further."""
    results = run.get("results") or {}
    points = [results.get(name) or {} for name in ("optimum", "start")]
    return next((point["estimate"] for point in points if point.get("estimate")), results)


def _folders(place: Path) -> Iterator[Path]:
    return (path.parent for path in place.glob("*/run.json") if not path.parent.name.startswith("."))


def _rows(place: Path) -> list[dict[str, Any]]:
    rows = [_row(folder) for folder in _folders(place)]
    return sorted(rows, key=lambda row: (row["started"] or "", row["folder"]), reverse=True)


def _row(folder: Path) -> dict[str, Any]:
    try:
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        estimate = headline(run)
        low, high = estimate.get("interval") or (None, None)
        known = {**run, "folder": folder.name, "started": run["incidental"]["started"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return dict.fromkeys(COLUMNS) | {"folder": folder.name, "status": "unreadable"}
    known |= {"yield": estimate.get("yield"), "low": low, "high": high}
    return {name: known.get(name) for name in COLUMNS}


def _read(place: Path) -> list[dict[str, Any]]:
    uri = f"{(place / INDEX).resolve().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as index:
        if index.execute("pragma user_version").fetchone()[0] != VERSION:
            raise sqlite3.DatabaseError("an index of another layout")
        index.row_factory = sqlite3.Row
        return [dict(row) for row in index.execute("select * from runs order by started desc, folder desc")]


def _quoted(names: tuple[str, ...]) -> list[str]:
    return [f'"{name}"' for name in names]
