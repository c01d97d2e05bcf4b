"""The fast route against the exact unit, paired on shared draws: two quick cases, and the whole table (slow).

The comparison is `experiments/001_agreement/run.py`, which also writes the table in `models/README.md`. Four standard
errors: one comparison in 16,000 fails by chance.
"""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "experiments" / "001_agreement" / "run.py"


def load() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("agreement", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


agreement = load()


def test_the_rule_of_the_table() -> None:
    row = agreement.Compared(276, 1000, 0.98, 0.98, 0.0, 1e-4, 0.0, 0, {}, 0.0)
    assert (row.verdict, row.coarse) == ("agrees", False)
    assert row._replace(difference=-5e-4).verdict == "DIFFERS"
    assert row._replace(difference=-5e-4, doubt=2e-4).verdict == "covered"
    assert row._replace(stderr=6e-4).coarse
    assert not row._replace(stderr=6e-4, counted=0.9).coarse


# A map of 7 x 7 has twice the loss of crowd effects of 276 joints, and compiles and counts in seconds. The second case
# puts the loss on the crowd: element noise twice as large, yield near one half.
SMALL = "bump_map={grid: {rows: 7, columns: 7, pitch: 160 um}}"
QUICK = {
    "as the study": agreement.Case("blackparrot", 4096, (SMALL, "design.cap_height=13 um")),
    "uneven pads": agreement.Case("blackparrot", 4096, (SMALL, "variation.substrate.pad_height.pad=3.4 um")),
}


@pytest.mark.parametrize("name", QUICK)
def test_both_routes_agree_on_a_small_map(name: str) -> None:
    found = agreement.compare(QUICK[name])
    assert 0.2 < found.fast < 0.999
    assert found.unsettled < 1e-3 * found.units
    assert abs(found.difference) <= agreement.SIGMAS * found.stderr + found.doubt, found


@pytest.mark.slow
@pytest.mark.parametrize("name", agreement.CASES)
def test_the_table(name: str) -> None:
    found = agreement.compare(agreement.CASES[name])
    assert abs(found.difference) <= agreement.SIGMAS * found.stderr, found
    # 2,000 units are asked of ten thousand joints; elsewhere the comparison is to be as fine as the issue says.
    assert not found.coarse or found.joints >= 10_000, found


def test_the_table_is_written_between_its_markers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "README.md"
    table.write_text("# Models\n\nbefore\n")
    monkeypatch.setattr(agreement, "TABLE", table)
    found: Any = agreement.Compared(276, 1000, 0.98, 0.98, 0.0, 1e-4, 0.0, 0, {}, 0.0)
    for name in ("cap 12 um", "blackparrot", "cap 12 um"):
        agreement.write({name: agreement.row(name, found)}, 1)
    text = table.read_text()
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")][2:]
    assert rows == ["blackparrot", "cap 12 um"]
    assert text.startswith("# Models\n\nbefore\n")
    assert text.count(agreement.MARKERS[1]) == 1
