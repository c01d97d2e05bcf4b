"""Every claim of the catalogue is really evaluated: bounds flip, lists take members, orders hold one way round."""

from dataclasses import replace

import pytest
from yieldopt_pillars import claims, materials
from yieldopt_pillars.claims.members import HIGH_LEAD
from yieldopt_pillars.claims.table import claims as table

from yieldopt import units
from yieldopt.card import ROUNDING, Inputs
from yieldopt.errors import UserError

CLAIMS = table()
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
SOME = {
    "Sn-Pb": "SnPb37", "high-lead": "PbSn5", "Ti/Cu/Ni": "Ti/Cu/Ni", "TiW/Cu/Ni": "TiW/Cu/Ni", "Cr/Cu/Ni": "Cr/Cu/Ni",
}  # fmt: skip


def bare():
    return replace(PASTE, options=PASTE.options | {"chip2_solder": "none"})


def made_of(**roles):
    return replace(PASTE, materials=PASTE.materials | roles)


def own(claim, inputs, drawn=None):
    """Whether a claim by itself holds, and its margin."""
    system = CLAIMS[claim].systems[0]
    rows = claims.verdicts(f"pillars.{system}", [claim], inputs, drawn or {})
    return rows[-1]


NUMBERS = [
    (name, bound, side)
    for name, claim in CLAIMS.items()
    for bound in claim.bounds
    for side in ("low", "high")
    if abs(getattr(bound, side)) < float("inf") and not bound.quantity.endswith("_solidus")
]


@pytest.mark.parametrize(("name", "bound", "side"), NUMBERS)
def test_a_bound_flips_the_verdict(name, bound, side):
    """Just inside it holds, just outside it does not; at the bound itself where the claim is closed and not strict."""
    others = {b.quantity: b.low if b.equality else max(b.low, min(b.high, 1e6) - 1.0) for b in CLAIMS[name].bounds}
    drawn = {bound.than: 7.0} if bound.than else {}
    if name in ("P34", "P42"):  # an order and a range on one height: each is moved while the other holds
        drawn = {"first_height": 60.0, "second_height": 20.0}
        drawn |= {"first_height": 20.0} if bound.than else {}
    else:
        drawn = others | drawn
    end = getattr(bound, side) + (drawn.get(bound.than, 0.0) if bound.than else 0.0)
    step = 1e-3 * max(abs(end), 1.0)
    inward = step if side == "low" else -step
    there = replace(PASTE, options=PASTE.options | {part: asked[0] for part, asked in CLAIMS[name].options.items()})
    verdicts = [own(name, there, drawn | {bound.quantity: end + move})["holds"] for move in (inward, 0.0, -inward)]
    assert verdicts[2] is False
    assert verdicts[1] is (not bound.strict)
    assert verdicts[0] is (not bound.equality)


def test_a_rounding_does_not_break_a_closed_bound_nor_save_a_strict_one():
    (closed,) = CLAIMS["T167"].bounds
    assert closed.holds(100.0 * (1 + ROUNDING / 2))
    assert not closed.holds(100.0 * (1 + 1e-6))
    (strict,) = CLAIMS["P14"].bounds
    assert not strict.holds(15.0 * (1 + ROUNDING / 2))
    assert strict.margin(17.0) == pytest.approx(2.0)


@pytest.mark.parametrize(
    "name", [n for n, c in CLAIMS.items() if any(b.quantity.endswith("_solidus") for b in c.bounds)]
)
def test_melting_points_stand_in_the_claimed_order(name):
    """Both ways round, and for equal temperatures, which a strict order does not take."""
    for bound in CLAIMS[name].bounds:
        role = bound.quantity.removesuffix("_solidus")
        given = dict.fromkeys(("pillar", "first_pillar", "second_pillar"), "Cu")
        verdicts = [
            own(name, replace(PASTE, materials=given | {role: pillar, "solder": solder}))
            for pillar, solder in (("Cu", "SnAg3.5"), ("In", "SnAg3.5"), ("Sn", "Sn"))
        ]
        assert [v["holds"] for v in verdicts] == [True, False, False]
        assert verdicts[0]["margin"] == pytest.approx(1084.6 - 221.0)
        assert verdicts[1]["margin"] == pytest.approx(156.6 - 221.0)


METALS = [*materials.names("element"), *materials.names("solder")]


@pytest.mark.parametrize("pillar", METALS)
def test_melting_orders_of_all_pairs_are_those_of_their_ranges(pillar):
    for solder in METALS:
        one, other = materials.material(pillar), materials.material(solder)
        said = own("P18", made_of(pillar=pillar, solder=solder))["holds"]
        assert said is (one.solidus > other.liquidus) is materials.melts_above(one, other)


def chosen(member):
    """A material that is this member: by name, by class, or an alloy of just these elements."""
    if member in SOME:
        return SOME[member]
    every = [materials.material(name) for name in materials.names()]
    for one in every:
        if member in (one.name, *one.classes) or set(member.split("-")) == set(one.constituents):
            return one.name
    raise AssertionError(f"no material is {member}")


LISTED = [name for name, claim in CLAIMS.items() if claim.members]
STRANGERS = {"element": "Au", "family": "SnBi58", "class": "", "stack": "Ni/Cu/Ti"}


@pytest.mark.parametrize("name", LISTED)
def test_a_list_takes_every_member_and_refuses_a_stranger(name):
    claim = CLAIMS[name]
    members = claim.members
    system = f"pillars.{claim.systems[0]}"
    good = {role: chosen(c.members.members[0]) for c in map(CLAIMS.get, claims.resolve([name])) for role in c.roles}

    def mistakes(**roles):
        inputs = replace(PASTE, materials=PASTE.materials | good | roles)
        return [
            m
            for m in claims.check(system, [name], inputs, {})
            if f"claim {name}" in m.expected and m.path.startswith("materials")
        ]

    for role in claim.roles:
        for member in members.members:
            assert mistakes(**{role: chosen(member)}) == [], member
        stranger = next(
            s for s in (STRANGERS[members.by], "In", "Si", "silicon oxide", "polyimide", "Ag")
            if s and s not in members.members and not own_list(s, members)
        )  # fmt: skip
        (found,) = mistakes(**{role: stranger})
        assert found.path == f"materials.{role}"
        assert found.got


def own_list(name, members):
    """Whether a material belongs to a list, by the table of materials alone."""
    if members.by == "stack":
        return False
    one = materials.material(name)
    if members.by == "element":
        return bool(one.constituents) and set(one.constituents) <= set(members.members)
    if members.by == "family":
        families = [set(m.split("-")) for m in members.members]
        lead = "high-lead" in members.members and one.composition.get("Pb", 0.0) >= HIGH_LEAD
        return lead or any(
            f == set(one.constituents) or (not members.closed and f < set(one.constituents)) for f in families
        )
    return bool({one.name, *one.classes} & set(members.members))


def test_a_closed_list_counts_every_constituent_and_an_open_one_only_asks_for_a_family():
    alloy = "SnAg2.5Cu0.8Sb0.5"
    roles = {"solder1": alloy, "solder2": alloy}
    inputs = replace(PASTE, materials=roles)
    assert claims.check("pillars.gold_pad_joint", ["P51"], inputs, {"gold_thickness": 2.0}) == [], (
        "Sn-Ag-Cu and antimony"
    )
    assert claims.check("pillars.gold_pad_joint", ["P74"], inputs, {"gold_thickness": 2.0}) == [], "listed there itself"
    (mistake,) = claims.check(
        "pillars.gold_pad_joint", ["P74"], replace(inputs, materials={"solder2": "SnBi58"}), {"gold_thickness": 2.0}
    )
    assert "Sn-Bi" in mistake.got


def test_a_passivation_may_be_a_laminate_of_listed_layers():
    def mistakes(passivation):
        inputs = replace(PASTE, materials={"passivation": passivation})
        return claims.check("pillars.passivation_trace", ["T183"], inputs, {"passivation_opening_width": 5.0})

    assert mistakes("silicon oxide / silicon nitride") == []
    (mistake,) = mistakes("silicon oxide / polyimide")
    assert "polyimide" in mistake.got


def test_a_claim_brings_what_it_depends_on():
    assert claims.resolve(["P5"]) == ["P1", "P5"]
    assert claims.resolve(["P6", "P3"]) == ["P1", "P2", "P6", "P3"]
    assert claims.resolve(["T177"]) == ["T157", "T163", "T173", "T174", "T177"]
    assert claims.resolve([]) == []
    with pytest.raises(UserError, match='"P99"'):
        claims.resolve(["P99"])


def test_a_study_with_paste_holds_all_six():
    assert claims.check(MODEL, ALL, PASTE, {}) == []
    verdicts = claims.verdicts(MODEL, ["P6"], PASTE, {})
    assert [(v["id"], v["holds"], v["margin"]) for v in verdicts] == [(name, True, None) for name in ("P1", "P2", "P6")]
    assert [v["from_"] for v in verdicts] == ["needed by P6", "needed by P6", "named"]


def test_without_paste_what_hangs_on_the_second_solder_is_refused():
    assert claims.check(MODEL, ["P1", "P5"], bare(), {}) == []
    (mistake,) = claims.check(MODEL, ["P4"], bare(), {})
    assert mistake.path == "claims"
    assert "P2" in mistake.expected
    assert "options.chip2_solder to paste" in mistake.do
    assert [v["holds"] for v in claims.verdicts(MODEL, ["P3"], bare(), {})] == [True, False, False]


def test_mass_reflow_is_what_p4_asks_for():
    pressed = replace(PASTE, options=PASTE.options | {"join": "thermocompression"})
    (mistake,) = claims.check(MODEL, ["P4", "P5"], pressed, {})
    assert "P4" in mistake.expected
    assert mistake.got == "thermocompression"


def test_a_number_that_is_broken_is_told_with_its_bound():
    inputs = replace(PASTE, options={"chip2_solder": "bump"})
    (mistake,) = claims.check("pillars.pillar_into_solder", ["P14"], inputs, {"bump_height": 15.0})
    assert "P14" in mistake.expected
    assert "above 15 um" in mistake.expected
    assert mistake.got == "15 um"
    drawn = {"first_height": 12.0, "second_height": 14.0}
    (mistake,) = claims.check("pillars.pillar_to_pillar", ["P34"], PASTE, drawn)
    assert "first_height above second_height, 14 um" in mistake.expected
    assert mistake.got == "12 um"
    drawn = {"section_difference": 3.0}
    (mistake,) = claims.check("pillars.pillar_to_pillar", ["P31"], PASTE, drawn)
    assert "of 0 um" in mistake.expected


def test_contradictory_claims_are_explained():
    inputs = replace(PASTE, options={"chip2_solder": "bump"})
    found = claims.check("pillars.pillar_into_solder", ["P13", "P15"], inputs, {})
    assert "P13 and P15" in found[0].got
    assert "one form" in found[0].expected
    found = claims.check("pillars.pillar_into_solder", ["P14", "P8"], inputs, {"bump_height": 20.0})
    assert "P8 and P13" in found[0].got, "a claim brings the conflicts of what it depends on"


def test_unknown_cancelled_and_unsuited_claims():
    (mistake,) = claims.check(MODEL, ["P1", "p5"], PASTE, {})
    assert mistake.got == '"p5"'
    assert 'mean "P5"' in mistake.do
    (mistake,) = claims.check(MODEL, ["T12"], PASTE, {})
    assert "cancelled" in mistake.got
    (mistake,) = claims.check("pillars.pillar_to_pillar", ["P1"], PASTE, {})
    assert "P29" in mistake.do
    assert "P1," in mistake.got
    (mistake,) = claims.check("pillars.gold_pad_joint", ["P64"], PASTE, {})
    assert "pillars.gold_pad_joint" in mistake.got
    assert "gold_pad_process" in mistake.do  # a step that the model does not know is not to be set there


def test_bounds_are_those_of_the_whole_chain():
    assert [(b.claim, b.quantity) for b in claims.bounds(["P33", "P34"])] == [
        ("P32", "shape_difference"),
        ("P33", "side_difference"),
        ("P34", "first_height"),
        ("P34", "second_height"),
    ]
    assert claims.bounds(["P18", "P5"]) == []
    assert units.format(claims.bounds(["P14"])[0].low, "um") == "15 um"
