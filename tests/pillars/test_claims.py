"""Claims P1-P6 resolve with what they depend on, and a study that breaks one is told which, where and what to do."""

from dataclasses import replace

import pytest
from yieldopt_pillars import claims

from yieldopt.card import Inputs
from yieldopt.errors import UserError

MODEL = "pillars.capped_pillar"
ALL = ["P1", "P2", "P3", "P4", "P5", "P6"]
PASTE = Inputs(
    {},
    {},
    {},
    {},
    {"join": "mass_reflow", "chip2_solder": "paste"},
    {"pillar": "Cu", "solder": "SnAg3.5", "paste": "SAC305"},
)


def bare():
    return replace(PASTE, options=PASTE.options | {"chip2_solder": "none"})


def made_of(**roles):
    return replace(PASTE, materials=PASTE.materials | roles)


def test_catalogue_lists_the_claims_of_system_a():
    rows = {claim["id"]: claim for claim in claims.catalogue()}
    assert list(rows) == ALL
    assert {name: row["on"] for name, row in rows.items()} == dict(
        zip(ALL, [None, "P1", "P2", "P2", "P1", "P2"], strict=True)
    )
    assert all(row["text"] and row["kind"] and row["document"] == "P" for row in rows.values())
    assert rows["P5"]["members"] == rows["P6"]["members"]


def test_a_claim_brings_what_it_depends_on():
    assert claims.resolve(["P5"]) == ["P1", "P5"]
    assert claims.resolve(["P6", "P3"]) == ["P1", "P2", "P6", "P3"]
    assert claims.resolve([]) == []
    with pytest.raises(UserError, match='"P55"'):
        claims.resolve(["P55"])


def test_a_study_with_paste_holds_all_six():
    assert claims.check(MODEL, ALL, PASTE) == []
    verdicts = claims.verdicts(MODEL, ["P6"], PASTE)
    assert [(v["id"], v["holds"], v["margin"]) for v in verdicts] == [(name, True, None) for name in ("P1", "P2", "P6")]
    assert [v["from_"] for v in verdicts] == ["needed by P6", "needed by P6", "named"]


def test_without_paste_what_hangs_on_the_second_solder_is_refused():
    assert claims.check(MODEL, ["P1", "P5"], bare()) == []
    (mistake,) = claims.check(MODEL, ["P4"], bare())
    assert mistake.path == "claims"
    assert "P2" in mistake.expected
    assert "options.chip2_solder to paste" in mistake.do
    assert [v["holds"] for v in claims.verdicts(MODEL, ["P3"], bare())] == [True, False, False]


def test_mass_reflow_is_what_p4_asks_for():
    pressed = replace(PASTE, options=PASTE.options | {"join": "thermocompression"})
    (mistake,) = claims.check(MODEL, ["P4", "P5"], pressed)
    assert "P4" in mistake.expected
    assert mistake.got == "thermocompression"


@pytest.mark.parametrize(("claim", "role"), [("P5", "pillar"), ("P6", "solder"), ("P6", "paste")])
def test_gold_is_in_neither_list(claim, role):
    (mistake,) = claims.check(MODEL, [claim], made_of(**{role: "Au"}))
    assert mistake.path == f"materials.{role}"
    assert claim in mistake.expected
    assert claims.check(MODEL, ["P1", "P4"], made_of(**{role: "Au"})) == []


def test_a_body_is_no_pillar():
    assert len(claims.check(MODEL, ["P5"], made_of(pillar="Si"))) == 1


def test_every_constituent_of_an_alloy_counts():
    assert claims.check(MODEL, ["P5"], made_of(pillar="SnPb37")) == []


def test_unknown_and_unsuited_claims():
    (mistake,) = claims.check(MODEL, ["P1", "p5"], PASTE)
    assert mistake.got == '"p5"'
    assert mistake.path == "claims"
    (mistake,) = claims.check("pillars.other", ["P1"], PASTE)
    assert "pillars.other" in mistake.expected
    assert "P1" in mistake.got
