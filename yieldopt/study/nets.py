"""The nets of a study: which bumps of the map belong to each, how many of them may be open, and what opens one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from yieldopt.card import SPARES, BumpMap, Card
from yieldopt.errors import nearest
from yieldopt.study.shape import Spare, Study
from yieldopt.study.text import Document

_OPENS = re.compile(r"(\d+)( opens?)?")


@dataclass(frozen=True)
class NetSettings:
    """By net its groups of bumps, as sites of the map, and how many each may lose; the limits that open a bump."""

    population: str
    opens: tuple[str, ...]
    groups: dict[str, tuple[Sequence[np.ndarray], int]]

    def responses(self) -> dict[str, dict[str, Any]]:
        """What a report needs to know of each, as of a response."""
        return {
            name: {
                "text": f"open joints ({', '.join(self.opens)}) "
                + (f"of {sum(map(len, groups))}" if len(groups) == 1 else f"in each of {len(groups)} groups"),
                "unit": "", "population": self.population, "low": None, "high": spare,
            }
            for name, (groups, spare) in self.groups.items()
        }  # fmt: skip


def net_settings(document: Document, study: Study, card: Card, sites: BumpMap | None) -> NetSettings | None:
    """Read the nets of a study, or note what is wrong with them; None where it names none."""
    asked = study.nets
    if asked is None:
        return None
    where = {name: card.responses[name].population for name in asked.opens if name in card.responses}
    for i, name in enumerate(asked.opens):
        if name not in where:
            document.add(f"nets.opens.{i}", f"a response of {card.name}", f'"{name}"', nearest(name, card.responses))
    if (len({*where.values()}) != 1 or "" in where.values()) and not document.wrong("nets"):
        do = "Name those that open a bump, as in `[wetting, capture]`."
        document.add("nets.opens", "limits on one kind of joint", ", ".join(asked.opens) or "none", do)
    if sites is None:
        if study.bump_map is None:
            do = "Add `bump_map: {file: bumps.csv, ...}`, with a column of nets."
            document.add("nets", "a bump map that names nets", "none", do, key=True)
        return None
    taken = {
        *card.responses,
        *(f"{name}_range" for name in card.responses),
        *(r.population for r in card.responses.values()),
    }
    found = {name: _net(document, name, spare, asked.column, sites) for name, spare in asked.tolerate.items()}
    for name in asked.tolerate:
        if name in taken:
            got = f"{name}, a response or what it is read on"
            document.add(f"nets.tolerate.{name}", "a name of its own", got, "Rename it.", key=True)
    if any(net is None for net in found.values()) or not where:
        return None
    return NetSettings(next(iter(where.values())), tuple(asked.opens), {n: net for n, net in found.items() if net})


def _net(
    document: Document, name: str, spare: Spare, column: str, sites: BumpMap
) -> tuple[list[np.ndarray], int] | None:
    path, count = f"nets.tolerate.{name}", _OPENS.fullmatch(str(spare.spare).strip())
    if not count or int(count[1]) > SPARES:
        document.add(path, f"how many may be open, up to {SPARES}", f"{spare.spare}", "Write it as in `3 opens`.")
    for key in (column, spare.group):
        if key is not None and key not in sites.columns:
            at = "nets.column" if key == column else f"{path}.group"
            known = ", ".join(sites.columns) or "none, for a grid has no columns"
            if not document.wrong(at):
                document.add(at, "a column of the bump map", f'"{key}"', f"It has: {known}.")
            return None
    own = np.flatnonzero(sites.columns[column] == name)
    if not len(own):
        hint = nearest(name, {*sites.columns[column]})
        document.add(path, f"a net in column {column} of the bump map", f'"{name}"', hint, key=True)
    if not len(own) or not count:
        return None
    if spare.group is None:
        return [own], int(count[1])
    groups = sites.columns[spare.group][own]
    return [own[groups == group] for group in np.unique(groups)], int(count[1])
