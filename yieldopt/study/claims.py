"""The claims that a study can name, and how a resolved study stands to those it does; the rulebooks know them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from yieldopt import catalogue
from yieldopt.study.show import table

if TYPE_CHECKING:
    from yieldopt.study.config import ResolvedStudy


def known() -> list[dict[str, Any]]:
    """List the claims of every installed rulebook."""
    families = dict.fromkeys(name.partition(".")[0] for name in catalogue.models())
    rulebooks = [rules for family in families if (rules := catalogue.rulebook(family))]
    return [dict(claim) for rules in rulebooks for claim in rules.catalogue()]


def verdicts(resolved: "ResolvedStudy") -> list[dict[str, Any]]:
    """Say for each claim that a study works under, and those it depends on, whether the nominal design holds it."""
    rules = catalogue.rulebook(resolved.card.name)
    named = _named(resolved.claims)
    if rules is None or not named:
        return []
    return [dict(verdict) for verdict in rules.verdicts(resolved.card.name, named, resolved.inputs)]


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
            "-" if row.get("margin") is None else f"{row['margin']:.4g}",
            str(row["text"]),
        )
        for row in rows
    ]
    return table(("claim", "verdict", "margin", "what it fixes"), lines)


def _named(claims: Any) -> list[str]:
    return list(getattr(claims, "named", claims) or [])
