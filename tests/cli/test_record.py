"""Run folders: what goes in comes out, repeating gives the same bytes, half a folder is none, the index is a copy."""

import contextlib
import dataclasses
import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from yieldopt.card import Card, Response
from yieldopt.errors import UserError
from yieldopt.knob import Knob
from yieldopt.study import config, record, runs
from yieldopt.study.files import plain, write

CARD = Card(
    "bolt",
    "A bolt in a hole",
    {"hole": Knob("hole", 10.0, 9.0, 12.0, "mm", "mask", "diameter")},
    {},
    {"clearance": Response("", "um", "hole less bolt")},
    needs_bump_map=False,
)
TEXT = "schema: 1\nmodel: bolt # as given\n"
RESULT: dict[str, Any] = {
    "yield": 0.99,
    "stderr": 1e-4,
    "interval": (0.9898, np.float64(0.9902)),
    "failure_probability": 0.01,
    "limits": {"clearance": {"fails": 0.01, "alone": np.asarray(0.01)}},
    "status": "converged",
    "seconds": {"compile": 1.0, "run": 2.0},
    "nothing": float("nan"),
}


def make(kind: str = "estimate", seconds: float = 1.0, **extra: Any) -> record.Record:
    result = {**RESULT, "seconds": {"compile": seconds, "run": seconds}, **extra}
    return record.make(dataclasses.replace(config.default_study(CARD), text=TEXT), kind, result, "done")


def test_what_is_saved_is_read_back(tmp_path: Path):
    samples = {"height": np.linspace(0.0, 1.0, 6), "offset": np.zeros((6, 2)), "count": np.asarray(3)}
    folder = record.save(make(samples=samples), tmp_path)
    back = record.load(folder)
    assert back.run["results"]["interval"] == [0.9898, 0.9902]
    assert back.run["results"]["nothing"] is None
    assert back.run["incidental"]["folder"] == folder.name
    assert back.study == TEXT
    assert back.resolved == plain(config.default_study(CARD).resolved)
    assert set(back.samples) == set(samples)
    assert all(np.array_equal(back.samples[name], value) for name, value in samples.items())
    assert "samples" not in back.run["results"]


def test_the_bump_map_that_a_study_names_goes_with_it(tmp_path: Path):
    (tmp_path / "map.csv").write_text("x_um,y_um\n0,0\n160,0\n0,160\n160,160\n", encoding="utf-8")
    asked = "schema: 1\nmodel: pillars.capped_pillar\nbump_map: {file: map.csv, origin: centre}\n"
    (tmp_path / "study.yaml").write_text(asked, encoding="utf-8")
    resolved = config.read(tmp_path / "study.yaml")
    folder = record.save(record.make(resolved, "estimate", RESULT, "done"), tmp_path / "runs")
    assert (folder / record.BUMPS).read_text() == (tmp_path / "map.csv").read_text()
    assert record.load(folder).bumps == resolved.bumps


def test_repeating_gives_the_same_bytes_but_for_what_is_incidental(tmp_path: Path):
    nested = {"optimum": {"estimate": {"yield": 0.5, "seconds": {"run": 0.1}}}}
    again = {"optimum": {"estimate": {"yield": 0.5, "seconds": {"run": 0.7}}}}
    first = record.save(make("optimize", 1.0, **nested), tmp_path)
    second = record.save(make("optimize", 2.0, **again), tmp_path)
    assert first != second
    documents = [json.loads((folder / "run.json").read_text()) for folder in (first, second)]
    times = [document.pop("incidental") for document in documents]
    assert times[0]["seconds"]["optimum.estimate"] == {"run": 0.1}
    assert times[0] != times[1]
    assert record.dumps(documents[0]) == record.dumps(documents[1])
    text = (first / "run.json").read_text()
    assert text == record.dumps(json.loads(text)), "keys sorted and floats as they read back"
    for name in ("resolved.yaml", "study.yaml"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_a_failure_while_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(samples: Any) -> bytes:
        raise OSError("disk full")

    monkeypatch.setattr(record, "netcdf", fail)
    with pytest.raises(OSError, match="disk full"):
        record.save(make(samples={"x": np.zeros(2)}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "run.json"
    write(path, "old")

    def cut(self: Path, target: Path) -> Path:
        raise OSError("power cut")

    monkeypatch.setattr(Path, "replace", cut)
    with pytest.raises(OSError, match="power cut"):
        write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_crash_left_half_written_is_no_run(tmp_path: Path):
    folder = record.save(make(), tmp_path)
    stale = tmp_path / ".writing-abc"
    stale.mkdir()
    (stale / "run.json").write_text((folder / "run.json").read_text())
    assert [row["folder"] for row in runs.runs(tmp_path)] == [folder.name]


def test_the_index_is_remade_when_lost_broken_or_behind(tmp_path: Path):
    first = record.save(make(), tmp_path)
    rows = runs.runs(tmp_path)
    assert rows[0]["yield"] == 0.99
    assert (rows[0]["low"], rows[0]["high"], rows[0]["status"]) == (0.9898, 0.9902, "done")
    index = tmp_path / runs.INDEX
    index.unlink()
    assert runs.runs(tmp_path) == rows
    index.write_text("no database at all, but long enough to be looked at as one")
    assert runs.runs(tmp_path) == rows
    with contextlib.closing(sqlite3.connect(index)) as opened:
        opened.execute("pragma user_version = 99")
    assert runs.runs(tmp_path) == rows
    second = record.save(make("optimize"), tmp_path)
    assert {row["folder"] for row in runs.runs(tmp_path)} == {first.name, second.name}
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")
    assert {row["status"] for row in runs.runs(tmp_path)} == {"done", "unreadable"}
    assert runs.rebuild(tmp_path) == 3


def test_a_run_is_found_by_what_only_it_has(tmp_path: Path):
    first, second = (record.save(make(kind), tmp_path) for kind in ("estimate", "optimize"))
    assert runs.find(tmp_path, first.name) == first
    assert runs.find(tmp_path, "last") in (first, second)
    assert runs.find(tmp_path, str(first)) == first
    with pytest.raises(UserError, match="fits 2 runs"):
        runs.find(tmp_path, "bolt")
    with pytest.raises(UserError, match="none under"):
        runs.find(tmp_path, "screw")
    with pytest.raises(UserError, match=r"readable run\.json"):
        record.load(tmp_path / "nowhere")


def test_a_run_of_a_later_format_is_refused(tmp_path: Path):
    folder = record.save(make(), tmp_path)
    document = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**document, "format": 2}))
    with pytest.raises(UserError, match="of format 1"):
        record.load(folder)
