"""Results as plain text for a terminal or a log: columns that line up, no colour, nothing that a pipe would spoil."""

from collections.abc import Mapping, Sequence
from typing import Any

from yieldopt import units
from yieldopt.study import words


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Line up columns, each as wide as its widest cell."""
    every = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in every) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in every
    )


def estimate(found: Mapping[str, Any]) -> str:
    """The yield with its interval, what costs it, and how far to trust it."""
    lost = found.get("failure_probability")
    lines = [
        f"Joint yield  {words.yield_text(found)}, {words.interval_text(found)}",
        f"Loss         {words.loss_text(lost)}, {words.count_text(lost)} assemblies",
    ]
    rows = [
        (words.phrase(name), words.loss_text(fails), words.loss_text(alone))
        for name, fails, alone in words.losses(found)
    ]
    if rows:
        lines += ["", table(("What costs the yield", "fails", "fails alone"), rows)]
    parts = [("variation", "parametric_yield"), ("random defects", "defect_yield")]
    apart = [
        f"{name} {words.percent(found[key], words.digits(found) + 1)}"
        for name, key in parts
        if found.get(key) is not None
    ]
    if apart:
        lines += ["", f"Apart: {', '.join(apart)}"]
    if found.get("claims") and found.get("works_and_conforms") is not None and found.get("conforms") is not None:
        shown = words.digits(found)
        both = words.percent(found["works_and_conforms"], shown)
        lines.append(f"Claims: {words.percent(found['conforms'], shown)} conform, {both} work and conform")
    how = f"{words.phrase(str(found.get('method', '')))}, {found.get('evaluations') or 0:,} evaluations"
    return "\n".join([*lines, "", f"Status: {found.get('status', '')} ({how})"])


def optimum(result: Mapping[str, Any], knobs: Mapping[str, Any]) -> str:
    """The design found beside the one it started from, the window, the claims and the estimate at the optimum."""
    start, window = result.get("start") or {"design": {}}, result.get("window") or {}
    best = result.get("optimum") or start
    moved = [name for name in best["design"] if best["design"][name] != start["design"].get(name)]
    inside = set(window.get("low") or {})
    rows = [_knob(name, knobs, start, best, window) for name in best["design"] if name in inside or name in moved]
    said = {"target not met": "Target not met.", "interrupted": "Interrupted; this is what was done before."}
    lines = [said[result["status"]], ""] if result.get("status") in said else []
    lines += [
        table(("Design", "start", "optimum", "window from", "to"), rows),
        *_window(window, result.get("counted", "yield")),
    ]
    if result.get("choices"):
        lines += ["", *_choices(result)]
    lines += ["", f"At the start {words.yield_text(start.get('estimate') or {})}; at the optimum:"]
    lines += [estimate(best.get("estimate") or {}), *claims(result.get("claims") or [])]
    return "\n".join(lines)


def _choices(result: Mapping[str, Any]) -> list[str]:
    """What was left open, each choice with what it loses; the one taken first."""
    looked = sorted(result["choices"], key=lambda one: one["loss"])
    rows = [(", ".join(one["materials"].values()), words.loss_text(one["loss"])) for one in looked]
    return [table((f"Left open: {', '.join(looked[0]['materials'])}", "loses, by a short search"), rows)]


def _window(window: Mapping[str, Any], counted: str) -> list[str]:
    lines: list[str] = []
    worst, audit = (window.get("worst") or {}).get("estimate"), window.get("audit") or {}
    if worst:
        target = f"; target {100 * window['target']:.6g} %" if window.get("target") else ""
        points = f"; {audit['points']:,} points audited, {_refuted(audit)} below it" if audit.get("looked_at") else ""
        found = f"{words.yield_text(worst, counted)}, {words.interval_text(worst, counted)}"
        lines.append(f"Worst point found in the window: {found}{target}{points}")
    sides = [" ".join(side) if isinstance(side, list) else str(side) for side in window.get("bounded") or []]
    if sides:
        lines.append(f"Stopped by the search range, not by the target: {', '.join(map(words.phrase, sides))}")
    return lines


def _refuted(audit: Mapping[str, Any]) -> str:
    """How many points of an audit have their upper bound below the yield quoted."""
    return f"{audit['below'] or 'none'} with a {words.percent(audit['confidence'], 1)} upper bound"


def claims(verdicts: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line a claim; its least margin and the share of units that keeps it where it has a number."""
    words_of = {True: "holds", False: "broken", None: "not decided"}
    return [f"Claim {claim['id']}: {words_of[claim.get('holds')]}{_numbers(claim)}" for claim in verdicts]


def _numbers(claim: Mapping[str, Any]) -> str:
    if claim.get("window_margin") is None:
        return ""
    least = units.format(claim["window_margin"], claim.get("unit", ""), 4)
    return f", by {least} at least; {words.percent(claim['conform_probability'], 4)} of units keep it"


def _knob(name: str, knobs: Mapping[str, Any], start: Any, best: Any, window: Mapping[str, Any]) -> tuple[str, ...]:
    unit = (knobs.get(name) or {}).get("unit", "")
    values = [start["design"].get(name), best["design"][name]]
    values += [(window.get(side) or {}).get(name) for side in ("low", "high")]
    return (words.phrase(name), *(words.quantity(value, unit) for value in values))


def run(made: Mapping[str, Any]) -> str:
    """A kept run (the document of its run.json) as it was printed."""
    results = made["results"]
    text = optimum(results, made["knobs"]) if made["kind"] == "optimize" else estimate(results)
    return f"{made['name']} ({made['model']}), {made['kind']}, {made['status']}\n\n{text}"


def runs(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line a run."""
    shown = [
        (
            str(row["started"] or "-")[:19].replace("T", " "),
            str(row["kind"] or "-"),
            str(row["status"] or "-"),
            _short(row),
            row["folder"],
        )
        for row in rows
    ]
    return table(("started (UTC)", "what", "status", "yield", "folder"), shown)


def _short(row: Mapping[str, Any]) -> str:
    return (
        "-"
        if row["yield"] is None
        else words.percent(row["yield"], words.digits({"interval": (row["low"], row["high"])}))
    )
