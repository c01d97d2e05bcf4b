"""A record as one page for the eye: verdict, window, design, what costs the yield, trust, provenance.

The page is made from the record and nothing else, loads nothing, and comes out byte for byte the same when remade.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yieldopt.study import claims as known
from yieldopt.study import figures, record, report_window, words
from yieldopt.study.runs import headline

QUESTIONS = {"estimate": "estimate of a design", "optimize": "search for a design and its process window"}

DRAWN = 1e-5
"""The least share of the largest loss that is drawn; the table has them all."""


def write(folder: Path) -> Path:
    """Make `report.html` from the rest of a run's folder and return its path."""
    path = folder / "report.html"
    record.write(path, html(record.load(folder)))
    return path


def html(made: record.Record) -> str:
    """Render a record as one self-contained HTML page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("yieldopt.study", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["tight"] = _tight
    page = _page(made)
    for part in ("window", "losses"):
        if page[part] and page[part]["drawing"]:
            page[part]["drawing"] = Markup(
                page[part]["drawing"]
            )  # our own drawing; its texts are escaped by matplotlib
    return environment.get_template("report.html.j2").render(page)


def _tight(text: str) -> str:
    """Keep a number and its per cent sign on one line."""
    return text.replace(" %", "\u00a0%")


def _page(made: record.Record) -> dict[str, Any]:
    run, results = made.run, made.run["results"]
    estimate = headline(run)
    return {
        "title": run["name"] or f"{words.phrase(run['kind'])} of {run['model']}",
        "model": run["model"],
        "question": QUESTIONS.get(run["kind"], run["kind"]),
        "started": run["incidental"]["started"].replace("T", " ").replace("+00:00", " UTC"),
        "verdict": _verdict(run, estimate),
        "tiles": _tiles(results, estimate),
        "window": report_window.page(run),
        "design": _design(run),
        "compared": bool(results.get("optimum")),
        "losses": _losses(run, estimate),
        "claims": [_claim(claim) for claim in results.get("claims") or []],
        "trust": _trust(results, estimate),
        "provenance": _provenance(run),
        "study": made.study,
        "resolved": record.dump_yaml(made.resolved) if made.resolved else "",
    }


def _verdict(run: Mapping[str, Any], estimate: Mapping[str, Any]) -> dict[str, Any]:
    """Say the answer first: is the target met, and how many assemblies of ten thousand work."""
    target = (run["results"].get("window") or {}).get("target") or run["results"].get("target")
    tone, sign, word = {
        "interrupted": ("bad", "■", "Interrupted: what was done before is below"),
        "target not met": ("bad", "✗", "Target not met"),
    }.get(run["status"], ("good", "✓", "Target met") if target else ("", "●", "Estimated"))
    lost = estimate.get("failure_probability")
    sentences = [f"Joint yield, interval of the computation {words.interval_text(estimate)}."]
    if lost is not None:
        sentences.append(
            f"Of all assemblies about {words.count_text(lost)} will fail a limit or be struck by a defect."
        )
    if target:
        goal = f"The target is {100 * target:.6g} %"
        sentences.append(
            f"{goal}, and it is asked of every point of the window." if report_window.present(run) else f"{goal}."
        )
    return {
        "tone": tone,
        "sign": sign,
        "word": word,
        "figure": words.yield_text(estimate),
        "caption": "of assemblies work at the optimum" if run["results"].get("optimum") else "of assemblies work",
        "sentences": sentences,
    }


def _tiles(results: Mapping[str, Any], estimate: Mapping[str, Any]) -> list[tuple[str, str]]:
    tiles: list[tuple[str, str]] = []
    start = (results.get("start") or {}).get("estimate")
    if start:
        tiles.append(("Loss at the start", words.loss_text(start.get("failure_probability"))))
    tiles.append(("Loss at the optimum" if start else "Loss", words.loss_text(estimate.get("failure_probability"))))
    worst = ((results.get("window") or {}).get("worst") or {}).get("estimate")
    if worst:
        tiles.append(("Worst yield in the window", words.yield_text(worst)))
    capability = (results.get("window") or {}).get("capability")
    if capability is not None:
        tiles.append(("Capability (Cp) of the window", f"{capability:.2f}"))
    if estimate.get("works_and_conforms") is not None:
        both = words.percent(estimate["works_and_conforms"], words.digits(estimate))
        tiles.append(("Works and keeps every claim", both))
    return tiles


def _design(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    start = {name: knob["value"] for name, knob in run["knobs"].items()}
    value = (run["results"].get("optimum") or {}).get("design") or start
    rows: list[dict[str, Any]] = []
    for name in value:
        knob = run["knobs"].get(name, {})
        unit = knob.get("unit", "")
        rows.append(_design_row(name, knob, words.quantity(start.get(name), unit), words.quantity(value[name], unit)))
    return sorted(rows, key=lambda row: not row["moved"])


def _design_row(name: str, knob: Mapping[str, Any], start: str, value: str) -> dict[str, Any]:
    kind, text = knob.get("kind", ""), knob.get("text", "")
    return {
        "name": words.phrase(name),
        "text": text,
        "start": start,
        "value": value,
        "moved": start != value,
        "kind": kind,
    }


def _losses(run: Mapping[str, Any], estimate: Mapping[str, Any]) -> dict[str, Any]:
    rows = words.losses(estimate)
    least = DRAWN * max((fails for _, fails, _ in rows), default=0.0)
    drawn = [(words.phrase(name), fails, alone, words.loss_text(fails)) for name, fails, alone in rows if fails > least]
    apart = [
        (name, words.percent(estimate[key], words.digits(estimate) + 1), words.loss_text(max(0.0, 1 - estimate[key])))
        for key, name in (
            ("parametric_yield", "Variation (all limits met)"),
            ("defect_yield", "Random defects (none struck)"),
        )
        if estimate.get(key) is not None
    ]
    return {
        "rows": [
            {
                "name": words.phrase(name),
                "text": _limit(run["responses"].get(name, {})),
                "fails": words.loss_text(fails),
                "alone": words.loss_text(alone),
            }
            for name, fails, alone in rows
        ],
        "drawing": figures.losses(drawn) if drawn else "",
        "apart": apart,
    }


def _limit(response: Mapping[str, Any]) -> str:
    """What a response means, and the limits that the study set on it."""
    unit, low, high = response.get("unit", ""), response.get("low"), response.get("high")
    ends = [
        f"{side} {words.quantity(end, unit)}" for side, end in (("at least", low), ("at most", high)) if end is not None
    ]
    return "; ".join(part for part in (response.get("text", ""), " and ".join(ends)) if part)


def _claim(claim: Mapping[str, Any]) -> dict[str, Any]:
    probability = claim.get("conform_probability")
    return {
        "id": claim["id"],
        "text": claim.get("text", ""),
        "verdict": {True: "✓ holds", False: "✗ broken"}.get(claim.get("holds"), "not decided"),  # type: ignore[arg-type]
        "margin": known.margin(claim, "margin"),
        "throughout": known.margin(claim, "window_margin"),
        "probability": "-" if probability is None else words.percent(probability, 3),
    }


def _trust(results: Mapping[str, Any], estimate: Mapping[str, Any]) -> list[str]:
    """Say what the estimate says of itself, and what its interval leaves out."""
    status = str(estimate.get("status") or "").rstrip(".")
    sentences = [f"The estimate says of itself: {status}."] if status else []
    stderr, method = estimate.get("stderr"), estimate.get("method", "an unnamed method")
    done = f"It was made by {words.phrase(str(method))} with {estimate.get('evaluations', 0):,} evaluations"
    sentences.append(f"{done}; its standard error is {stderr:.2g}." if stderr is not None else f"{done}.")
    sentences.append(
        "The interval is that of the computation only: it does not cover errors of the physical model or of the "
        "spreads that were put in, which only measurements of the line itself can test."
    )
    if results.get("difference") is not None:
        sentences.append(f"Fresh points moved the optimum's yield by {results['difference']:.2g}.")
    return sentences


def _provenance(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    device, incidental = run["device"], run["incidental"]
    halved = incidental.get("halved") or {}
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    rows = [
        ("Model", run["model"]),
        ("Study hash", run["study_hash"]),
        ("Seed", str(run["seed"])),
        ("Overrides", ", ".join(run["overrides"])),
        ("Device", f"{device['count']} x {device['kind']}, {run['float_width']}-bit floats"),
        ("Halved for want of memory", ", ".join(f"{name} {a} to {b}" for name, (a, b) in halved.items())),
        ("Versions", versions),
        ("Folder", incidental.get("folder", "")),
        ("Host", incidental.get("host", "")),
    ]
    return [(name, value) for name, value in rows if value]
