"""Every study in `configs/` reads without a mistake, claims and all; every model's file there is a model."""

from pathlib import Path

import pytest

from yieldopt import catalogue
from yieldopt.study import config

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.yaml")), ids=lambda p: p.stem)
def test_the_study_reads(path: Path):
    resolved = config.read(path)
    assert resolved.inputs.limits
    card = catalogue.card(resolved.resolved["model"])
    assert set(resolved.inputs.design) == set(card.knobs)
    assert set(resolved.inputs.spreads) == set(card.spreads)


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.py")), ids=lambda p: p.stem)
def test_the_file_is_a_model(path: Path):
    assert catalogue.from_file(path).card(path.stem).knobs
