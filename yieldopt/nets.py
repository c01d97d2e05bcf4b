"""Nets: groups of elements that may lose a few of their own, as spare lanes do and a supply through many joints.

What makes an element open are some of its population's limits. A net is read as a population of groups whose response
is the number of their open elements, so that what it may lose is a limit like any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Int

from yieldopt.card import SPARES
from yieldopt.errors import UserError
from yieldopt.problem import Limit, Problem
from yieldopt.typing import Measures

OPENS = "opens"
"""The response of a net: how many elements of a group are open."""


class Net(eqx.Module):
    """Groups of elements of the population `of`; an element is open that fails one of the limits `by`.

    `members` are the elements of each group, -1 where a group has fewer than the largest. `most` is how many a group
    may ever lose: sizes of compiled programs follow from it, so that what it does lose may be changed freely.
    """

    name: str = eqx.field(static=True)
    of: str = eqx.field(static=True)
    by: tuple[str, ...] = eqx.field(static=True)
    most: int = eqx.field(static=True)
    members: Int[Array, "groups size"]


def tolerate(
    problem: Problem[Any],
    of: str,
    by: Sequence[str],
    nets: Mapping[str, tuple[Sequence[Sequence[int] | np.ndarray], int]],
) -> Problem[Any]:
    """The problem in which each group of a net passes with so many of its elements open.

    `nets` has for each name its groups, as elements of the population `of`, and how many each may lose; `by` are the
    limits that make one open. An element of no net may lose nothing. Raises UserError for an element in two groups, and
    for limits that are not of `of`, for names that are taken and for nets of nothing.
    """
    own = [limit.name for limit in problem.of_population(of) if not limit.ranged]
    taken = {"", *problem.model.populations(), *problem.model.pairs(), *(limit.name for limit in problem.limits)}
    if not nets or {*nets} & taken or not all(groups and all(map(len, groups)) for groups, _ in nets.values()):
        do = "Leave none empty, and name none as a limit or a population is."
        raise UserError.of("nets of names and elements of their own", ", ".join(nets) or "none", do, "nets")
    if not by or not {*by} <= {*own}:
        known = f"limits of {of} ({', '.join(own)})"
        raise UserError.of(known, ", ".join(by) or "none", "Name those that make one open.", "nets")
    if any(net.of == of for net in problem.nets):
        raise UserError.of(f"the nets of {of} once", "some beside others", "Name them all at once.", "nets")
    every = np.concatenate([np.asarray(group, int) for groups, _ in nets.values() for group in groups])
    count = problem.model.populations()[of].sites.x.size
    if every.min() < 0 or every.max() >= count:
        do = "Count from zero."
        raise UserError.of(f"elements 0 to {count - 1} of {of}", f"{every.min()} to {every.max()}", do, "nets")
    if len(np.unique(every)) < len(every):
        raise UserError.of("each element in one group at most", "one in two", "Leave it out of one.", "nets")
    made: list[Net] = []
    for name, (groups, spare) in nets.items():
        if not 0 <= spare <= SPARES:
            raise UserError.of(f"0 to {SPARES} spare elements", f"{spare} of {name}", "Change the number.", "nets")
        members = np.full((len(groups), max(map(len, groups))), -1)
        for row, group in zip(members, groups, strict=True):
            row[: len(group)] = group
        most = min(1 << int(spare).bit_length(), SPARES)
        made.append(Net(name, of, tuple(by), most, jnp.asarray(members)))
    limits = [Limit.of(name, name, OPENS, high=float(spare)) for name, (_, spare) in nets.items()]
    return replace(problem, limits=(*problem.limits, *limits), nets=(*problem.nets, *made))


def opens(problem: Problem[Any], measured: Mapping[str, Measures]) -> dict[str, Measures]:
    """How many elements are open in each group of each net, from what was measured of every element."""
    found: dict[str, Measures] = {}
    for net in problem.nets:
        sides = [
            margin
            for limit in problem.of_population(net.of)
            if limit.name in net.by
            for margin in limit.margins(measured[net.of][limit.response])
        ]
        failed = ~(jnp.stack(sides) >= 0.0).all(0)
        found[net.name] = {OPENS: (failed[net.members] & (net.members >= 0)).sum(1).astype(float)}
    return found


def outside(problem: Problem[Any], limit: Limit, sites: int) -> Bool[Array, " sites"] | None:
    """The elements in no net, for a limit that makes those in one open; None for any other limit."""
    nets = [net for net in problem.nets if net.of == limit.population and limit.name in net.by]
    if not nets:
        return None
    apart = jnp.ones(sites + 1, bool)  # the last stands for no element
    for net in nets:
        apart = apart.at[net.members.ravel()].set(False)
    return apart[:-1]
