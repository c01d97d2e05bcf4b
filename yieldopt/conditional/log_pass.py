"""Log of the probability that a unit passes, given what its elements share: settled, tabulated, summed over the map."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import ndtr, ndtri
from jaxtyping import Bool, Float

from yieldopt.conditional import pairs
from yieldopt.conditional.balance import Crowd, levers_at, scaled, settle, states_at
from yieldopt.conditional.crowd import finite, in_common, in_groups, swayed
from yieldopt.conditional.indices import plain
from yieldopt.conditional.poised import of_unit
from yieldopt.conditional.prepare import Prepared
from yieldopt.conditional.ranges import of_range
from yieldopt.conditional.spared import apart, coupled, spare, spares, weighed
from yieldopt.conditional.structure import Family, unborne
from yieldopt.conditional.tails import log_ndtr
from yieldopt.conditional.together import log_correction
from yieldopt.standard import standardise


class LogPass(NamedTuple):
    """Log pass probability of a unit, of each limit alone, what limits share; whether the pose was found, and whether a
    state lies outside the box that its series were fitted on.

    `scattered` is what the pose's scatter would change of limits that take no part of it: those on what the pose moves
    though it bears nothing. Such limits fail together, or not, in ways that are not followed.
    """

    total: Float[Array, ""]
    by_limit: Float[Array, " limits"]
    together: Float[Array, ""]
    settled: Bool[Array, ""]
    outside: Bool[Array, ""]
    scattered: Float[Array, ""]


def log_pass(prepared: Prepared, unit: Float[Array, " normals"]) -> LogPass:
    """The conditional integrand at shared normals `unit`; smooth but for limits on the unit that no pose moves."""
    problem, design, built = prepared.problem, prepared.design, prepared.structure
    model = problem.model
    shared = standardise(lambda: model.variation(design), unit)
    crowd = settle(prepared, shared, model.rest(design, shared))
    by_limit, together = jnp.zeros(len(problem.limits)), jnp.zeros(())
    outside, scattered, leaning = jnp.zeros((), bool), jnp.zeros(()), jnp.zeros_like(crowd.pose)
    costs: dict[str, Array] = {}
    looks = [_look(prepared, f, shared, crowd) for f in range(len(built.families))]
    for f, family in enumerate(built.families):
        if family.ranged:
            chance, out = of_range(prepared, f, shared, crowd)
            by_limit, outside = by_limit.at[family.rows[0].limit].add(chance), outside | out
    for f, (family, tables) in enumerate(zip(built.families, prepared.tables, strict=True)):
        if family.ranged:
            continue
        everywhere = looks[f].parts[0]
        weight = weighed(family, tables.weight, apart(tables.nets, len(tables.weight)))
        rows = (_logs(everywhere.beta, everywhere.alone, tables.ends) * weight).sum(1)
        by_limit = _add(by_limit, family, rows)
        used = tuple(sorted({i for row in family.rows for i in row.states}))
        outside = outside | (jnp.abs(scaled(everywhere.states, tables, used)) > 1.0).any()
        changed = _corrections(prepared, f, shared, crowd, looks, costs)
        by_limit, together, leaning = (
            by_limit + changed.by_limit,
            together + changed.together,
            leaning + changed.leaning,
        )
        scattered = scattered + _unborne(prepared, f, shared, crowd, looks[f].parts[1])
    whole = of_unit(prepared, unit, shared, crowd, leaning)
    by_limit, together = by_limit + whole.each, together + whole.together
    # A unit without a pose is lost, and to no limit in particular; so is one whose numbers are none.
    settled = crowd.settled & ~jnp.isnan(by_limit.sum() + together)
    by_limit, together = jnp.where(settled, by_limit, 0.0), jnp.where(settled, together, 0.0)
    total = jnp.where(jnp.isinf(by_limit), 0.0, by_limit).sum() + together
    total = jnp.where(settled & ~jnp.isinf(by_limit).any(), total, -jnp.inf)
    return LogPass(total, by_limit, together, settled, outside, scattered)


def _unborne(prepared: Prepared, f: int, shared: Any, crowd: Crowd, seen: "Seen") -> Array:
    """What the pose's scatter changes of limits on what it moves though that bears nothing, summed without sign."""
    family, tables = prepared.structure.families[f], prepared.tables[f]
    free = unborne(family)
    if not free:
        return jnp.zeros(())
    p, (sites, weight) = prepared.problem.model.populations()[family.of], tables.few
    levers = levers_at(p, prepared.design, shared, crowd.pose, sites, free)
    longer = swayed(lambda s: plain(family, tables, s)[0], seen.states, free, levers, crowd)
    ends = jnp.ones(()) if seen.alone is None else 2.0 / prepared.couples[f].degree
    weight = weighed(family, weight, apart(tables.nets, len(weight)))
    before, after = ((_logs(beta, seen.alone, ends) * weight).sum(1) for beta in (seen.beta, seen.beta / longer))
    return jnp.abs(jnp.exp(after) - jnp.exp(before)).sum()


class Seen(NamedTuple):
    """States at some nodes, reliability index of each row as the crowd has it, and of a pair's row its share."""

    states: Float[Array, "states nodes"]
    beta: Float[Array, "rows nodes"]
    alone: Float[Array, "rows nodes"] | None


class Look(NamedTuple):
    """A family seen at its nodes, at the few of them, and at the few of each family of pairs that is made of it."""

    parts: list[Seen]


def _look(prepared: Prepared, f: int, shared: Any, crowd: Crowd) -> Look:
    """All that is wanted of a family's series, in one go: every look apart would be compiled apart."""
    family, tables = prepared.structure.families[f], prepared.tables[f]
    if family.ranged:
        return Look([])
    where = [tables.sites, tables.few[0], *(prepared.tables[k].few[0] for k in _paired(prepared, f))]
    sites = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *where)
    p = prepared.problem.model.populations()[family.of]
    states = states_at(p, prepared.design, shared, crowd.pose, sites)
    index, alone = plain(family, tables, states)
    cuts = np.cumsum([place.x.shape[0] for place in where])[:-1]
    split = [jnp.split(value, cuts, -1) for value in (states, index, index if alone is None else alone)]
    return Look([Seen(s, i, None if alone is None else a) for s, i, a in zip(*split, strict=True)])


def _paired(prepared: Prepared, f: int) -> list[int]:
    """The families of pairs that are made of a family."""
    families = prepared.structure.families
    return [k for k, other in enumerate(families) if other.paired and other.of == families[f].name]


def _logs(index: Array, alone: Array | None, ends: Array | float) -> Float[Array, "rows nodes"]:
    """Log pass of each row; of a pair's, what is its own."""
    return log_ndtr(index) if alone is None else pairs.counted(alone, ends) * log_ndtr(index)


def _add(by_limit: Array, family: Family, rows: Float[Array, " rows"]) -> Array:
    """Rows added to the limits that they belong to."""
    return by_limit.at[np.array([r.limit for r in family.rows], int)].add(rows)


class Change(NamedTuple):
    """What the finite crowd, shared elements and elements to spare change of each limit's log pass, what limits share
    between them, and by how much the pose of units whose elements pass lies off (`in_common`).
    """

    by_limit: Float[Array, " limits"]
    together: Float[Array, ""]
    leaning: Float[Array, " pose"]


def _corrections(
    prepared: Prepared, f: int, shared: Any, crowd: Crowd, looks: list[Look], costs: dict[str, Array]
) -> Change:
    """`costs` is told what an open element of a family costs on average, of what it would where none is to spare."""
    problem, design = prepared.problem, prepared.design
    family, tables = prepared.structure.families[f], prepared.tables[f]
    by_limit, together, leaning = jnp.zeros(len(problem.limits)), jnp.zeros(()), jnp.zeros_like(crowd.pose)
    if not family.rows:
        return Change(by_limit, together, leaning)
    p, (sites, weight) = problem.model.populations()[family.of], tables.few
    states, before, alone = looks[f].parts[1]
    levers = levers_at(p, design, shared, crowd.pose, sites, [own for own, _ in family.forces])
    felt = finite(family, tables, states, levers, crowd, before)
    index = before + prepared.finite * (felt.beta - before)
    ends = 2.0 / prepared.couples[f].degree if family.paired else 1.0
    outer = apart(tables.nets, len(weight))
    changed = (_logs(index, alone, ends) - _logs(before, alone, ends)) * weighed(family, weight, outer)
    by_limit = _add(by_limit, family, changed.sum(1))
    change = _both(prepared, f, looks, index, alone)
    spared = spare(problem, family, tables.nets, index, prepared.couples[f], change)
    by_limit = by_limit + spared.by_limit
    if family.paired:
        first = spares(prepared.structure.families, family.of)[prepared.couples[f].first]
        cost = jnp.where(first[:, None], costs.get(family.of, jnp.ones(())), 1.0)
        together = together + ends * (change * cost * weight).sum()
    else:
        together = together + (change * coupled(family, prepared.couples[f], outer, spared.cost) * weight).sum()
        costs[family.name] = (spared.cost * weight).sum() / weight.sum()
    if not family.paired and family.forces:
        felt_by = weighed(family, weight, spared.cost)
        owed, leaning = in_common(felt, levers, crowd, felt_by)
        own, before = in_groups(felt, levers, crowd, family, tables.nets, spared)
        for (limit, _), part in zip(family.nets, own, strict=True):
            by_limit = by_limit.at[limit].add(prepared.finite * part)
        together, leaning = together + prepared.finite * (owed - before), prepared.finite * leaning
    return Change(by_limit, together, leaning)


def _both(prepared: Prepared, f: int, looks: list[Look], index: Array, alone: Array | None) -> Array:
    """Log of how much more often than apart both limits of each couple are met, at the few nodes."""
    family, couples = prepared.structure.families[f], prepared.couples[f]
    first = index
    if alone is not None and couples.first.shape[0]:
        # Pairs stand for the elements at their ends, so that where elements have few neighbours few are counted.
        base = next(k for k, other in enumerate(prepared.structure.families) if other.name == family.of)
        first = looks[base].parts[2 + _paired(prepared, base).index(f)].beta
        index = -ndtri(jnp.maximum(alone * ndtr(-index), 1e-100))
    if not couples.first.shape[0]:
        return jnp.zeros((0, index.shape[1]))
    both = log_ndtr(first)[couples.first] + log_ndtr(index)[couples.second]
    return log_correction(first[couples.first], index[couples.second], couples.rho[:, None], both)
