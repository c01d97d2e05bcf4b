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
        assert found.solidus is found.liquidus is found.tension is None
        return
    assert set(found.constituents) <= set(materials.names("element"))
    assert 300 < found.solidus <= found.liquidus < 2000
    assert 0.3 < found.tension < 2


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
