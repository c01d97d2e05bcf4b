"""What experiments made of a sweep share: run it (or go on with it) beside its README, and keep its table there."""

import argparse
import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from yieldopt.study.files import write
from yieldopt.sweep import ask, table

HUES = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9"
"""Of Okabe and Ito, told apart by all common kinds of colour vision."""
MARKS = "o", "s", "^", "D", "v", "P"


Found = TypeVar("Found")


def main(
    about: str | None,
    here: Path,
    read: Callable[[list[dict[str, str]]], Found],
    table: Callable[[Found], str],
    draw: Callable[[Found], None],
) -> None:
    """An experiment that is one sweep: run what is not done of it, `read` its rows, then table and figure."""
    asked = argparse.ArgumentParser(description=about)
    asked.add_argument("--workers", type=int, default=1, help="processes")
    asked.add_argument("--draw", action="store_true", help="table and figure again from results.csv")
    given = asked.parse_args()
    found = read(rows(here / "results.csv") if given.draw else run(here, workers=given.workers))
    between(here / "README.md", "table", table(found))
    draw(found)
    print(table(found))


def run(here: Path, out: Path | None = None, name: str = "sweep.yaml", workers: int = 1) -> list[dict[str, str]]:
    """The rows of an experiment's sweep, made (in `out`, a folder that is kept, where given) and saved as CSV."""
    folder, read = ask.place(here / name, None, out or Path("sweeps") / here.name / Path(name).stem)
    swept = ask.go(folder, read.plan, ask.How(workers=workers), False, read)
    if swept.tally.left or swept.interrupted:
        raise SystemExit(f"done in part: {ask.summary(swept)}")
    target = here / Path(name).with_suffix(".csv").name.replace("sweep", "results")
    write(target, table.text(swept.rows or []))
    return rows(target)


def rows(path: Path) -> list[dict[str, str]]:
    """A table that was kept."""
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def number(text: str) -> float:
    """The number of a quantity."""
    return float(text.split()[0])


def axes(figure: Any, x: str, y: str) -> Any:
    """Plain axes with their names."""
    found = figure.add_subplot()
    found.set_xlabel(x)
    found.set_ylabel(y)
    found.grid(color="#d5dae1", linewidth=0.6)
    for side in ("top", "right"):
        found.spines[side].set_visible(False)
    return found


def save(figure: Any, path: Path) -> None:
    """As SVG whose text stays text and whose bytes are those of the numbers alone."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "yieldopt"}):
        figure.savefig(path, format="svg", metadata={"Date": None})


def between(path: Path, name: str, text: str) -> None:
    """Put a text between the markers of its name in a README."""
    old = path.read_text(encoding="utf-8")
    first, last = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, _, rest = old.partition(first)
    _, _, after = rest.partition(last)
    path.write_text(before + first + text.rstrip("\n") + "\n" + last + after, encoding="utf-8")
