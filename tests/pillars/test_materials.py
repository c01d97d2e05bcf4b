"""Materials are found by name, in base units, with their sources; what cannot be joined is told with its remedy."""

import pytest
from yieldopt_pillars import materials

from yieldopt.card import Inputs
from yieldopt.errors import UserError


def inputs(pillar="Cu", solder="SnAg3.5", paste="SAC305", chip2="none", peak=245.0):
    chosen = {"pillar": pillar, "solder": solder, "paste": paste}
    return Inputs({"peak_temperature": peak + 273.15}, {}, {}, {}, {"chip2_solder": chip2}, chosen)


def test_units_are_converted_at_the_border():
    tin = materials.material("Sn")
    assert tin.solidus == tin.liquidus == pytest.approx(505.05)
    assert (tin.tension, tin.modulus, tin.expansion) == pytest.approx((0.56, 5e4, 22e-6))
    assert tin.slope == pytest.approx(-9e-5)
    assert tin.constituents == ("Sn",)


@pytest.mark.parametrize("name", materials.names())
def test_every_material_is_plausible_and_sourced(name):
    found = materials.material(name)
    assert found.source
    assert found.confidence
    assert 1 < found.density < 25
    assert 1e3 < found.modulus < 1e6
    assert 1e-6 < found.expansion < 1e-4
    if found.kind == "body":
        assert found.solidus is found.liquidus is found.tension is found.slope is None
        return
    assert set(found.constituents) <= set(materials.names("element"))
    assert 300 < found.solidus <= found.liquidus < 2000
    assert 0.3 < found.tension < 2
    assert found.slope is None or -5e-4 < found.slope < 0


def test_every_element_has_a_slope_and_a_solder_only_where_it_is_nearly_tin():
    assert all(materials.material(name).slope for name in materials.names("element"))
    sloped = {name for name in materials.names("solder") if materials.material(name).slope is not None}
    assert sloped == {"SnAg3.5", "SAC305"}
    assert all("slope low" in materials.material(name).confidence for name in sloped)


@pytest.mark.parametrize(
    ("name", "celsius", "tension"),
    [
        ("Sn", 231.9, 0.560),  # as measured, at the melting point
        ("Sn", 331.9, 0.551),  # .09 less for each of 100 K
        ("Cu", 1184.6, 1.300),
        ("SAC305", 260.0, 0.530),  # as measured, 40 K above the liquidus
        ("SAC305", 240.0, 0.5318),
        ("SAC305", 217.0, 0.53387),  # at the solidus, undercooled
        ("SnBi58", 139.0, 0.400),  # no slope: the constant
        ("SnBi58", 240.0, 0.400),
    ],
)
def test_tension_is_linear_about_where_it_was_measured(name, celsius, tension):
    assert materials.material(name).tension_at(celsius + 273.15) == pytest.approx(tension, abs=1e-9)


def test_tension_is_refused_below_the_solidus_and_where_nothing_melts():
    with pytest.raises(UserError, match=r"at which SAC305 is liquid; got 216 degC\. Ask for 217 degC or more"):
        materials.material("SAC305").tension_at(216.0 + 273.15)
    with pytest.raises(UserError, match=r"surface tension is known; got laminate\. Choose a metal: SnAg3\.5"):
        materials.material("laminate").tension_at(500.0)


def test_unknown_name_offers_the_nearest():
    with pytest.raises(UserError, match=r'materials\.solder.*"SAC35".*Did you mean "SAC305"') as caught:
        materials.material("SAC35", "materials.solder")
    assert len(caught.value.mistakes) == 1


def test_usual_joint_can_be_made():
    assert materials.melting(inputs()) == []
    assert materials.melting(inputs(chip2="paste")) == []


@pytest.mark.parametrize("pillar", ["Sn", "In", "Si"])
def test_a_pillar_that_melts_is_refused(pillar):
    (mistake,) = materials.melting(inputs(pillar=pillar, peak=245))
    assert mistake.path == "materials.pillar"
    assert pillar in mistake.got


def test_a_cold_peak_is_refused_for_each_solder_that_is_there():
    (mistake,) = materials.melting(inputs(peak=220.5))
    assert mistake.path == "design.peak_temperature"
    assert "221 degC" in mistake.got
    assert len(materials.melting(inputs(solder="SnBi58", paste="SAC305", chip2="paste", peak=200))) == 1
    assert len(materials.melting(inputs(peak=150, chip2="paste"))) == 2


def test_both_mistakes_come_in_one_pass():
    assert len(materials.melting(inputs(pillar="In", peak=200))) == 2
