"""Two runs set beside each other, and runs or tasks as CSV, from the command line."""

import csv
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from yieldopt.card import Card, Response
from yieldopt.cli import main
from yieldopt.knob import Knob
from yieldopt.study import config, record

CARD = Card(
    "bolt",
    "A bolt in a hole",
    {"hole": Knob("hole", 10.0, 9.0, 12.0, "mm", "mask", "diameter")},
    {},
    {"clearance": Response("", "um", "hole less bolt")},
    needs_bump_map=False,
)


def kept(place: Path, name: str, good: float, *sets: str) -> None:
    """A run of a study under a name."""
    study = dataclasses.replace(config.default_study(CARD, sets), name=name)
    limits = {"clearance": {"fails": 1.0 - good, "alone": 1.0 - good}}
    result: dict[str, Any] = {"yield": good, "stderr": 3e-3, "interval": [good - 6e-3, good + 6e-3], "limits": limits}
    record.save(record.make(study, "estimate", result, "done"), place)


def say(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert not left.value.code
    return capsys.readouterr().out


def test_what_was_asked_differently_and_what_came(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept(tmp_path, "narrow", 0.95)
    kept(tmp_path, "wide", 0.99, "design.hole=0.011 mm")
    found = json.loads(say(capsys, "runs", "compare", "narrow", "wide", "--out", str(tmp_path), "--json"))
    assert found["inputs"] == [{"key": "design.hole.value", "values": ["0.01 mm", "0.011 mm"]}]
    assert found["difference"] == pytest.approx(0.04)
    assert found["stderr"] == pytest.approx(3e-3 * 2**0.5)
    assert found["fails"] == {"clearance": [pytest.approx(0.05), pytest.approx(0.01)]}
    said = say(capsys, "runs", "compare", "narrow", "wide", "--out", str(tmp_path))
    assert "Second less first: +4.0000 %, beyond 2 standard errors (0.4243 %)" in said
    same = say(capsys, "runs", "compare", "wide", "wide", "--out", str(tmp_path))
    assert "Nothing was asked differently." in same
    assert "within 2 standard errors" in same


def test_runs_as_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept(tmp_path, "narrow", 0.95)
    kept(tmp_path, "wide", 0.99)
    rows = list(csv.DictReader(say(capsys, "runs", "export", "--out", str(tmp_path)).splitlines()))
    assert {(row["name"], float(row["yield"]), row["status"]) for row in rows} == {
        ("narrow", 0.95, "done"),
        ("wide", 0.99, "done"),
    }
