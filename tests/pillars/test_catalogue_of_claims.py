"""The catalogue against a table typed apart from it: 108 claims, what each hangs on, bounds, lists and speaks of."""

import csv
from pathlib import Path

import pytest
from yieldopt_pillars import claims
from yieldopt_pillars.claims.table import claims as table

from yieldopt import units

REFERENCE = {row["id"]: row for row in csv.DictReader(Path(__file__).with_name("claims.csv").read_text().splitlines())}
ROWS = {row["id"]: row for row in claims.catalogue()}


def bounds_of(row):
    """The reference's bounds as the catalogue has them: quantity, other quantity, low, high, strict."""
    found = {}
    for text in filter(None, row["bounds"].split(";")):
        quantity, relation, bound = text.strip().split(" ", 2)
        low, high, strict, than = found.get(quantity, (None, None, False, None))
        if not bound[0].isdigit():
            found[quantity] = (0.0, None, True, bound)
            continue
        number = units.parse(bound.replace("um2", "um^2"), bound.replace("um2", "um^2").partition(" ")[2])
        low = number if relation in (">", ">=", "==") else low
        high = number if relation in ("<", "<=", "==") else high
        found[quantity] = (low, high, strict or relation in "<>", than)
    return found


def test_there_are_108():
    assert len(claims.catalogue()) == 108
    assert list(ROWS) == [f"P{i}" for i in range(1, 75)] + [f"T{i}" for i in range(157, 191)]
    assert set(ROWS) == set(REFERENCE)


@pytest.mark.parametrize("name", REFERENCE)
def test_a_claim_is_what_the_reference_says(name):
    row, said = ROWS[name], REFERENCE[name]
    assert (row["on"] or "") == said["on"]
    assert row["kind"] == said["kind"].replace("+", ", ")
    assert row["document"] == name[0]
    assert set(row["systems"]) == set(said["systems"].split(";"))
    assert row["roles"] == list(filter(None, said["roles"].split(";")))
    assert sorted(row["members"]) == sorted(filter(None, said["members"].split(";")))
    if said["list"]:
        assert row["closed"] is (said["list"] == "closed")
    found = {b["quantity"]: (b["low"], b["high"], b["strict"], b["than"]) for b in row["bounds"]}
    assert found == bounds_of(said)
    assert len(row["text"]) > 15


def test_every_claim_stands_after_what_it_hangs_on():
    seen = set()
    for name, row in ROWS.items():
        assert row["on"] is None or row["on"] in seen
        seen.add(name)


def test_conflicts_are_between_claims_that_one_study_could_name():
    for one, other, why in claims.conflicts():
        assert why
        assert set(table()[one].systems) & set(table()[other].systems)
    pairs = {frozenset(pair[:2]) for pair in claims.conflicts()}
    said = "P22-P26 P22-P27 P23-P26 P23-P27 P8-P13 P8-P15 P13-P15 P47-P48 P47-P49 P48-P49 P65-P67 P69-P71"
    assert pairs == {frozenset(pair.split("-")) for pair in said.split()}
