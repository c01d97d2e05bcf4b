"""The process window's part of a report: its drawing, its table, how it was checked."""

from collections.abc import Mapping
from typing import Any

from yieldopt.study import figures, words


def present(run: Mapping[str, Any]) -> bool:
    """Say whether a run found a window."""
    return bool((run["results"].get("window") or {}).get("low"))


def page(run: Mapping[str, Any]) -> dict[str, Any] | None:
    """Gather what the template shows of the window, nothing where there is none."""
    if not present(run):
        return None
    found, nominal = run["results"]["window"], (run["results"].get("optimum") or {}).get("design") or {}
    rows = [_row(name, run["knobs"].get(name, {}), found, nominal) for name in found["low"]]
    spans = [row["span"] for row in rows if row["span"]]
    return {
        "text": "No window kept the target; this is the best that was found."
        if run["status"] == "target not met"
        else "Every combination of settings inside these limits keeps the target, as far as it was searched.",
        "rows": rows,
        "drawing": figures.window(spans) if spans else "",
        "stopped": any(any(span.stopped) for span in spans),
        "sentences": _audit(found, run["results"].get("counted", "yield")),
        "looked": _looked(list(found["low"]), run["knobs"], found),
    }


def _row(name: str, knob: Mapping[str, Any], found: Mapping[str, Any], nominal: Mapping[str, float]) -> dict[str, Any]:
    low, high, unit = found["low"][name], found["high"][name], knob.get("unit", "")
    centre = nominal.get(name, (low + high) / 2)
    stopped = _stopped(name, found.get("bounded") or [])
    ends = [side for side, hit in zip(("low", "high"), stopped, strict=True) if hit]
    ended = f"search range ({' and '.join(ends)})" if ends else "target"
    texts = {
        "low": words.quantity(low, unit),
        "nominal": words.quantity(centre, unit),
        "high": words.quantity(high, unit),
    }
    return {
        "name": words.phrase(name),
        "ended": ended,
        **texts,
        "span": _span(name, knob, (low, centre, high), stopped),
    }


def _span(
    name: str, knob: Mapping[str, Any], values: tuple[float, float, float], stopped: tuple[bool, bool]
) -> figures.Span | None:
    first, last = knob.get("low"), knob.get("high")
    if first is None or last is None or not last > first:
        return None
    low, centre, high = ((value - first) / (last - first) for value in values)
    texts = [words.quantity(value, knob["unit"]) for value in (first, *values, last)]
    return figures.Span(
        words.phrase(name), low, high, centre, (texts[0], texts[1], texts[2], texts[3], texts[4]), stopped
    )


def _stopped(name: str, bounded: list[Any]) -> tuple[bool, bool]:
    """Read which sides the search range stopped; a side is written `knob low`, `knob.low` or `[knob, low]`."""
    sides = {" ".join(side) if isinstance(side, list) else str(side).replace(".", " ") for side in bounded}
    return f"{name} low" in sides, f"{name} high" in sides


def _audit(found: Mapping[str, Any], counted: str) -> list[str]:
    """Say how the window was checked and what that check can and cannot promise."""
    sentences: list[str] = []
    worst = (found.get("worst") or {}).get("estimate")
    if worst:
        sentences.append(
            f"The worst point found yields {words.yield_text(worst, counted)}, estimated on fresh points: "
            f"{words.interval_text(worst, counted)}."
        )
    audit = found.get("audit") or {}
    if audit.get("looked_at"):
        below, share = audit["below"], words.percent(audit["confidence"], 1)
        said = "none of them has" if not below else f"{below} of them {'has' if below == 1 else 'have'}"
        sentences.append(
            f"An independent search for a worse point looked at {audit['points']:,} points on fresh draws: {said} a "
            f"{share} upper bound below that yield. Such a search can fail to find; it is evidence and no proof."
        )
    return sentences


def _looked(names: list[str], knobs: Mapping[str, Any], found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Gather the points that the audit looked at, the worst first, with the settings of the window."""
    rows: list[dict[str, Any]] = []
    for one in (found.get("audit") or {}).get("looked_at") or []:
        shown = words.digits({"interval": (one["yield"], one["upper_bound"])})
        rows.append(
            {
                "place": one["place"],
                "values": [words.quantity(one["design"][name], knobs.get(name, {}).get("unit", "")) for name in names],
                "yield": words.percent(one["yield"], shown),
                "upper": words.percent(one["upper_bound"], shown),
            }
        )
    return rows
