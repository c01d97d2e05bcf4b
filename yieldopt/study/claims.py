"""The claims that a study can name, and how a resolved study stands to those it does; the rulebooks know them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from yieldopt import catalogue, units
from yieldopt.card import Bound
from yieldopt.study import words
from yieldopt.study.show import table

if TYPE_CHECKING:
    from yieldopt.problem import Model
    from yieldopt.study.config import ResolvedStudy


def known() -> list[dict[str, Any]]:
    """List the claims of every installed rulebook."""
    families = dict.fromkeys(name.partition(".")[0] for name in catalogue.models())
    rulebooks = [rules for family in families if (rules := catalogue.rulebook(family))]
    return [dict(claim) for rules in rulebooks for claim in rules.catalogue()]


def bounds(study: "ResolvedStudy") -> list[Bound]:
    """What the claims that a study works under bound among the quantities of its design."""
    rules = catalogue.rulebook(study.card.name)
    return list(rules.bounds(study.claims.named)) if rules and study.claims.named else []


def verdicts(study: "ResolvedStudy", model: "type[Model[Any]]") -> list[dict[str, Any]]:
    """Say for each claim that a study works under, and those it depends on, whether the nominal design holds it."""
    rules = catalogue.rulebook(study.card.name)
    if rules is None or not study.claims.named:
        return []
    drawn = catalogue.drawn(model, study.inputs)
    return [dict(verdict) for verdict in rules.verdicts(study.card.name, study.claims.named, study.inputs, drawn)]


def text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Line up claims, with their verdicts where there are some."""
    if not rows:
        return "no claims"
    if "holds" not in rows[0]:
        shown = [
            (str(row["id"]), str(row.get("on") or "-"), str(row.get("kind", "")), str(row["text"])) for row in rows
        ]
        return table(("claim", "on", "kind", "what it fixes"), shown)
    said = {True: "holds", False: "BROKEN", None: "not decided"}
    lines = [
        (
            str(row["id"]),
            said[row.get("holds")],
            margin(row, "margin"),
            margin(row, "window_margin"),
            words.percent(row["conform_probability"], 4),
            str(row["from"]),
            str(row["text"]),
        )
        for row in rows
    ]
    head = "claim", "nominal", "margin", "least in the window", "units that keep it", "why", "what it fixes"
    return table(head, lines)


def margin(row: Mapping[str, Any], name: str) -> str:
    """A margin of a claim with its unit; a dash where it has no number."""
    return "-" if row.get(name) is None else units.format(row[name], row.get("unit", ""), 4)
