"""The report: one page that stands alone, says what the record says, escapes what came from people, never changes."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from yieldopt.card import Card, Response
from yieldopt.knob import Knob
from yieldopt.study import config, record, report, show, words

NASTY = '<script>alert("x")</script> & <img src=x onerror=y>'
KNOBS = {
    "pillar_height": Knob("pillar_height", 45.0, 20.0, 60.0, "um", "recipe", NASTY),
    "peak_temperature": Knob("peak_temperature", 518.15, 500.0, 540.0, "degC", "recipe", "of the reflow"),
}
CARD = Card("bolt", "A bolt", KNOBS, {}, {"overlap": Response("joint", "", "of pad and pillar")}, needs_bump_map=False)


def estimate(good: float) -> dict[str, Any]:
    return {
        "yield": good,
        "stderr": 2e-5,
        "interval": [good - 4e-5, good + 4e-5],
        "confidence": 0.95,
        "failure_probability": 1 - good,
        "parametric_yield": good + 1e-5,
        "defect_yield": 1 - 1e-5,
        "conforms": None,
        "works_and_conforms": None,
        "limits": {"overlap": {"fails": 3e-4, "alone": 2e-4}, NASTY: {"fails": 1e-6, "alone": 0.0}},
        "evaluations": 4096,
        "method": "sobol",
        "status": "converged",
        "seconds": {"compile": 1.0, "run": 1.0},
    }


def optimized() -> dict[str, Any]:
    start = {"pillar_height": 45.0, "peak_temperature": 518.15}
    best = {**start, "pillar_height": 44.0}
    return {
        "start": {"design": start, "estimate": estimate(0.9981)},
        "optimum": {"design": best, "estimate": estimate(0.99963)},
        "window": {
            "low": {"pillar_height": 20.0},
            "high": {"pillar_height": 46.5},
            "measure": "capability",
            "capability": 1.125,
            "volume": 26.5,
            "target": 0.999,
            "bounded": ["pillar_height low"],
            "worst": {"design": best, "estimate": estimate(0.99912)},
            "audit": {
                "points": 512,
                "confidence": 0.999,
                "below": 0,
                "looked_at": [
                    {"design": {"pillar_height": 20.5}, "place": "scattered", "yield": 0.99871, "upper_bound": 0.99934}
                ],
            },
        },
        "claims": [{"id": "P1", "holds": True, "margin": None, "conform_probability": None}],
        "status": "done",
    }


def saved(tmp_path: Path, kind: str, result: dict[str, Any], status: str = "done") -> Path:
    study = tmp_path / "study.yaml"
    study.write_text(f"schema: 1\nmodel: bolt\nname: '{NASTY}'\ndesign: {{pillar_height: 0.045 mm}}\n")
    resolved = config.read(study, (), lambda name: CARD, lambda name, claims, inputs: [])
    return record.save(record.make(resolved, kind, result, status), tmp_path / "runs")


class Seen(HTMLParser):
    """Collects tags, attributes that load something, and text; fails on tags that do not nest."""

    void = frozenset({"meta", "link", "br", "img", "hr", "input"})

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "data", "action")]
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.void:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_stands_alone_and_is_the_same_when_remade(tmp_path: Path):
    folder = saved(tmp_path, "optimize", optimized())
    path = report.write(folder)
    first = path.read_bytes()
    assert report.write(folder).read_bytes() == first
    assert len(first) < 1_000_000
    text = first.decode()
    seen = Seen(text)
    assert all(value.startswith("#") for value in seen.loads), "only links within the page"
    assert not re.search(r"url\((?!#)|@import", text)
    assert not {"script", "link", "img", "iframe", "object"} & set(seen.tags)
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids)) > 10
    assert seen.tags.count("svg") == 2


def test_what_people_wrote_is_escaped_and_shown(tmp_path: Path):
    seen = Seen(report.write(saved(tmp_path, "optimize", optimized())).read_text())
    assert "script" not in seen.tags
    assert NASTY in seen.words


def test_the_page_says_what_the_record_says_in_the_units_of_the_study(tmp_path: Path):
    said = " ".join(Seen(report.write(saved(tmp_path, "optimize", optimized())).read_text()).words.split())
    said = said.replace("\xa0", " ")
    for text in (
        "✓ Target met",
        "99.963 %",
        "99.959 to 99.967 % (95 % confidence)",
        "37 in 100,000",
        "0.0465 mm",
        "245 degC",
        "search range (low)",
        "512 points",
        "none of them has a 99.9 % upper bound",
        "scattered0.0205 mm99.87 %99.93 %",
        "1.12",
        "99.912 %",
        "300 ppm",
    ):
        assert text in said, text


@pytest.mark.parametrize(
    ("status", "word"), [("target not met", "Target not met"), ("interrupted", "Interrupted"), ("done", "Target met")]
)
def test_the_verdict_is_a_word_and_not_a_colour_alone(tmp_path: Path, status: str, word: str):
    page = report.write(saved(tmp_path, "optimize", optimized(), status)).read_text()
    assert word in Seen(page).words


def test_partial_results_make_a_page_and_a_text(tmp_path: Path):
    for result in (
        {"start": optimized()["start"], "optimum": None, "window": None, "status": "interrupted"},
        {"status": "interrupted"},
    ):
        folder = saved(tmp_path, "optimize", result, "interrupted")
        assert "Interrupted" in Seen(report.write(folder).read_text()).words
        assert "Interrupted" in show.optimum(result, record.load(folder).run["knobs"])
    page = report.write(saved(tmp_path, "estimate", {"yield": 1.0, "interval": [0.999, 1.0], "limits": {}})).read_text()
    assert "at least 99.9" in Seen(page).words


def test_digits_follow_the_interval_and_never_round_up_to_certainty():
    assert words.yield_text({"yield": 0.99963, "interval": [0.99959, 0.99967]}) == "99.963 %"
    assert words.yield_text({"yield": 0.93, "interval": [0.92, 0.94]}) == "93.0 %"
    assert words.percent(0.999999, 2) == "over 99.99 %"
    assert words.percent(1e-9, 2) == "below 0.01 %"
    assert words.percent(1.0, 4) == "100 %"
    assert words.count_text(0.00127) == "13 in 10,000"
    assert words.count_text(0.0) == "none"
    assert [words.loss_text(p) for p in (0.0123, 3.7e-4, 2e-9)] == ["1.23 %", "370 ppm", "2 ppb"]
