"""How many joints make a crowd: the mean field with its finite-crowd terms against every joint drawn, by number.

Run: python experiments/004_finite_crowd/run.py [--joints N] [--units N] [--write] (minutes on a GPU, hours on 2 cores)
"""

import argparse
import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

import jax

from yieldopt import compiler

HERE = Path(__file__).parent
TABLE = HERE / "README.md"
MARKERS = "<!-- crowd -->\n", "<!-- /crowd -->"
HEAD = """| joints | units | loss counted | loss fast | difference, of the loss | standard error | doubt |
|---|---|---|---|---|---|---|"""


class Crowd(NamedTuple):
    """Rows and columns of the array, a cap that loses between .1 and .5, how many units are drawn, and what else."""

    rows: int
    columns: int
    cap: float
    units: int
    beside: tuple[str, ...] = ()


THICK = "design.chip_thickness=1000 um", "design.substrate_thickness=2000 um"
"""Bodies over 16 mm that their joints do not bend."""
CROWDS = {
    49: Crowd(7, 7, 11.0, 65_536),
    200: Crowd(10, 20, 12.5, 65_536),
    1_000: Crowd(25, 40, 13.5, 65_536),
    10_000: Crowd(100, 100, 15.5, 32_768, THICK),
}


def agreement() -> Any:
    """The comparison that experiment 001 makes."""
    spec = importlib.util.spec_from_file_location("agreement", HERE.parent / "001_agreement" / "run.py")
    if spec is None or spec.loader is None:
        raise ImportError("experiments/001_agreement/run.py is not there")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(crowd: Crowd, units: int | None, seed: int) -> str:
    """One row of the table."""
    grid = f"bump_map={{grid: {{rows: {crowd.rows}, columns: {crowd.columns}, pitch: 160 um}}}}"
    script = agreement()
    overrides = grid, f"design.cap_height={crowd.cap} um", *crowd.beside
    found = script.compare(script.Case("blackparrot", crowd.units, overrides), units, seed)
    loss = 1.0 - found.counted
    return (
        f"| {found.joints:,} | {found.units:,} | {loss:.4f} | {1.0 - found.fast:.4f} "
        f"| {100 * found.difference / loss:+.2f} % | {100 * found.stderr / loss:.2f} % "
        f"| {100 * found.doubt / loss:.1f} % |"
    )


def write(lines: list[str]) -> None:
    """Put the table between its markers."""
    before, _, rest = TABLE.read_text().partition(MARKERS[0])
    _, _, after = rest.partition(MARKERS[1])
    TABLE.write_text("\n".join([before + MARKERS[0] + HEAD, *lines, MARKERS[1] + after]))


def main() -> None:
    """Print a row a crowd, as soon as it is known."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--joints", type=int, choices=CROWDS, action="append", help="a crowd, all by default")
    asked.add_argument("--units", type=int, help="units drawn, in place of each crowd's own number")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--write", action="store_true", help="write the table into the README beside this script")
    given = asked.parse_args()
    compiler.quickly()
    jax.config.update("jax_enable_x64", True)
    print(HEAD, flush=True)
    lines: list[str] = []
    for joints in given.joints or CROWDS:
        lines.append(row(CROWDS[joints], given.units, given.seed))
        print(lines[-1], flush=True)
    if given.write:
        write(lines)


if __name__ == "__main__":
    main()
