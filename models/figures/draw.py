"""Draw what every part says, one figure a part: python models/figures/draw.py [part ...] [--to FOLDER]"""

import argparse
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import jax
import matplotlib as mpl
from look import STYLE

HERE = Path(__file__).parent
PARTS = (
    "joint",
    "depinned",
    "wetting_limits",
    "lateral",
    "equilibrium",
    "alignment_offset",
    "pillar_height",
    "solder_volume",
    "coplanarity",
    "warpage",
    "gold",
    "clearance",
    "trace",
    "underfill",
)
"""Each a file beside this one, with a function `draw`."""


def draw(part: str, folder: Path, kind: str = "svg") -> Path:
    """Draw one part into a folder; the same machine writes the same bytes again."""
    path = folder / f"{part}.{kind}"
    with mpl.rc_context(STYLE):
        figure = import_module(part).draw()
        figure.savefig(path, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the parts that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--to", type=Path, default=HERE, help="another folder than the figures' own")
    parser.add_argument("--kind", choices=("svg", "png"), default="svg")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}")
    jax.config.update("jax_enable_x64", True)
    for part in asked.parts or PARTS:
        draw(part, asked.to, asked.kind)


if __name__ == "__main__":
    main()
