"""What came of a sweep as one table: a line a task, in the order of their numbers, the axes first."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from yieldopt.study import words
from yieldopt.study.files import csv_text, write
from yieldopt.study.runs import headline
from yieldopt.study.show import table
from yieldopt.sweep.folder import Folder
from yieldopt.sweep.plan import MANY, Plan

SHOWN = 40
"""Lines shown; all are in the file."""
NUMBERS = "yield", "stderr", "doubt", "failure_probability", "defect_yield", "evaluations", "method"


def rows(folder: Folder, plan: Plan) -> list[dict[str, Any]]:
    """One row a task that is done, by number."""
    if len(plan) > MANY:
        every = ((made["number"], made) for made in folder.results())
    else:
        every = ((task.number, made) for task in plan.tasks() if (made := folder.result(task)) is not None)
    return sorted((_row(plan, number, made) for number, made in every), key=lambda row: row["number"])


def whole(folder: Folder, plan: Plan) -> bool:
    """Whether all tasks are done."""
    if len(plan) > MANY:
        return folder.counts()[0] >= len(plan)
    return all(folder.file(task).exists() for task in plan.tasks())


def save(folder: Folder, found: list[dict[str, Any]]) -> None:
    """Write the rows as results.csv."""
    write(folder.path / "results.csv", text(found))


def text(found: list[dict[str, Any]]) -> str:
    """The rows as CSV, with every column that any of them has."""
    return csv_text(found)


def shown(found: list[dict[str, Any]], plan: Plan) -> str:
    """The first rows for a terminal: the axes, the yield with its interval, what costs most."""
    axes = [axis.name for axis in plan.axes]
    head = [*axes, *(["seed"] if plan.seeds > 1 else []), "yield", "interval", "costs most"]
    lines = [[*(str(row[name]) for name in head[:-3]), *_said(row)] for row in found[:SHOWN]]
    more = f"\n... and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    return table(head, lines) + more


def _said(row: dict[str, Any]) -> list[str]:
    if row["status"] == "refused":
        return ["-", "refused", str(row["said"])[:60]]
    low, high = row["low"], row["high"]
    digits = words.digits({"interval": (low, high)})
    fails = {key[6:]: value for key, value in row.items() if key.startswith("fails.")}
    fails["defects"] = 0.0 if row["defect_yield"] is None else 1.0 - row["defect_yield"]
    worst = max(fails, key=lambda name: fails[name], default="")
    costs = f"{words.phrase(worst)} {words.loss_text(fails[worst])}" if worst and fails[worst] > 0 else "-"
    return [
        words.percent(row["yield"], digits),
        f"{words.percent(low, digits)} to {words.percent(high, digits)}",
        costs,
    ]


def _row(plan: Plan, number: int, made: dict[str, Any]) -> dict[str, Any]:
    axes = plan.labels(number)
    points = {key for axis in plan.axes if axis.name == "point" for key in axis.choices[0]}
    axes |= {key: value for key, _, value in (one.partition("=") for one in made["sets"]) if key in points}
    row = {"number": number, "task": made["task"], **axes, "status": made["status"]}
    if made["status"] == "refused":
        return {**row, "said": "; ".join(made["mistakes"])}
    results = made["results"]
    found = headline(made)
    low, high = found.get("interval") or (None, None)
    row |= {"seed": made["seed"], "low": low, "high": high, **{name: found.get(name) for name in NUMBERS}}
    row |= {f"fails.{name}": limit["fails"] for name, limit in (found.get("limits") or {}).items()}
    return row | dict(_optimum(results)) | {"said": found.get("status", ""), "made_by": _maker(made)}


def _maker(made: dict[str, Any]) -> str:
    named = (f"{name} {version}" for name, version in sorted(made["versions"].items()))
    return ", ".join([*named, made["device"]["kind"], f"{made['float_width']} bit"])


def mixed(found: list[dict[str, Any]]) -> str:
    """What a person must know of rows that not all one installation, or kind of device, made; empty of others."""
    makers = Counter(row["made_by"] for row in found if "made_by" in row)
    if len(makers) < 2:
        return ""
    alike = set.intersection(*(set(maker.split(", ")) for maker in makers))
    own = {maker: ", ".join(word for word in maker.split(", ") if word not in alike) for maker in makers}
    told = "; ".join(f"{count:,} by {own[maker]}" for maker, count in sorted(makers.items()))
    return f"Not all alike made, so that they differ in more than what was asked: {told}."


def _optimum(results: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in ((results.get("optimum") or {}).get("design") or {}).items():
        yield f"optimum.{name}", value
    window = results.get("window") or {}
    for side in ("low", "high"):
        for name, value in (window.get(side) or {}).items():
            yield f"window.{name}.{side}", value
    worst = (window.get("worst") or {}).get("estimate")
    if worst:
        yield "window.worst_yield", worst["yield"]
