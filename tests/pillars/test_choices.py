"""A material left open: each choice that melts as it should and keeps the claims is a variant of the study."""

from pathlib import Path

import pytest

from yieldopt.errors import UserError
from yieldopt.study import config

BLACKPARROT = Path(__file__).parents[2] / "configs/capped_pillar/blackparrot.yaml"


def solders(found: config.ResolvedStudy) -> list[str]:
    return [inputs.materials["solder"] for inputs in found.variants]


def test_choices_that_cannot_be_joined_are_left_out():
    """PbSn5 is liquid from 312 degC, above the peak of 245."""
    found = config.read(BLACKPARROT, ["materials.solder=[SnAg3.5, PbSn5, SAC305]"])
    assert solders(found) == ["SnAg3.5", "SAC305"]
    assert found.inputs == found.variants[0]
    assert found.inputs.open == {"solder": ("SnAg3.5", "PbSn5", "SAC305")}
    assert found.resolved["materials"]["solder"] == ["SnAg3.5", "PbSn5", "SAC305"]
    assert solders(config.read(BLACKPARROT)) == ["SnAg3.5"]


def test_choices_that_break_a_claim_are_left_out():
    """Gold is in neither list of P5 and P6; a pillar of it would hold in itself."""
    sets = "materials.pillar=[Au, Ni, Cu]", "materials.solder=[SAC305, SnBi58]"
    found = config.read(BLACKPARROT, sets)
    pairs = [(inputs.materials["pillar"], inputs.materials["solder"]) for inputs in found.variants]
    assert pairs == [("Ni", "SAC305"), ("Ni", "SnBi58"), ("Cu", "SAC305"), ("Cu", "SnBi58")]


def test_where_no_choice_is_left_the_first_is_told():
    with pytest.raises(UserError, match="liquid from 312 degC"):
        config.read(BLACKPARROT, ["materials.solder=[PbSn5]"])
    with pytest.raises(UserError, match="P5"):
        config.read(BLACKPARROT, ["materials.pillar=[Au, Ag, Au]", "claims=[P5]", "materials.solder=PbSn5"])


def test_an_unknown_choice_is_told_with_the_others():
    with pytest.raises(UserError) as error:
        config.read(
            BLACKPARROT, ["materials.solder=[SnAg3.5, SnAg3.6]", "materials.pillar=[Cuu]", "materials.glue=[Sn]"]
        )
    told = {mistake.path: mistake.do for mistake in error.value.mistakes}
    assert set(told) == {"materials.solder.1", "materials.pillar", "materials.glue"}
    assert "SnAg3.5" in told["materials.solder.1"]


def test_a_resolved_study_reads_to_the_same(tmp_path: Path):
    found = config.read(BLACKPARROT, ["materials.solder=[SnAg3.5, SAC305]"])
    again = tmp_path / "again.yaml"
    from yieldopt.study.files import dump_yaml

    again.write_text(dump_yaml(dict(found.resolved)))
    assert config.read(again).hash == found.hash
