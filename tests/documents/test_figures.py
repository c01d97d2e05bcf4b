"""Every part of the physics has its figure in models/README.md, and the command that draws it still does."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "models"
PAGE = (MODELS / "README.md").read_text()
NAMED = set(re.findall(r"\]\((figures/\w+\.svg)\)", PAGE))
WITHOUT = {"__init__", "draw", "natural", "bridge", "fitted", "intermetallic", "bodies", "sections", "clearance"}
"""No physics of their own, or shown by another's figure: `clearance` is geometry, `joint` is made of three."""


def texts(path: Path) -> str:
    return " ".join("".join(node.itertext()) for node in ET.parse(path).iter("{http://www.w3.org/2000/svg}text"))


def test_every_part_has_a_figure_and_no_figure_is_orphaned():
    parts = {path.stem for path in (MODELS / "yieldopt_pillars" / "parts").glob("*.py")} - WITHOUT
    assert {f"figures/{part}.svg" for part in parts} == NAMED
    assert {path.name for path in (MODELS / "figures").glob("*.svg")} == {f"{part}.svg" for part in parts}


def test_every_figure_has_units_on_its_axes():
    for name in NAMED:
        assert re.search(r", (um|mm|uN|s|%)", texts(MODELS / name)), name


def test_a_part_is_drawn_again_as_it_stands(tmp_path: Path):
    script = MODELS / "figures" / "draw.py"
    subprocess.run([sys.executable, script, "solder_volume", "--to", tmp_path], check=True, cwd=ROOT, timeout=60)
    drawn = texts(tmp_path / "solder_volume.svg")
    for label in ("paste released, %", "time above the liquidus, s"):
        assert label in drawn
        assert label in texts(MODELS / "figures" / "solder_volume.svg")
