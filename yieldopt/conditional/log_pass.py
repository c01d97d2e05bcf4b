"""Log of the probability that a unit passes, given what its elements share: settled, tabulated, summed over the map."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import ndtr, ndtri
from jaxtyping import Bool, Float

from yieldopt.conditional import chebyshev, margins, pairs
from yieldopt.conditional.balance import Crowd, levers_at, scaled, settle, states_at, through
from yieldopt.conditional.prepare import Prepared, Tables
from yieldopt.conditional.structure import Family, pulled
from yieldopt.conditional.tails import log_ndtr
from yieldopt.conditional.together import log_correction
from yieldopt.standard import standardise

EASED = 3
"""Looks at a row in which a failing element's pull on its own pose settles with the force that it then has."""


class LogPass(NamedTuple):
    """Log pass probability of a unit, of each limit alone, what limits share; whether the pose was found, and whether a
    state lies outside the box that its series were fitted on.
    """

    total: Float[Array, ""]
    by_limit: Float[Array, " limits"]
    together: Float[Array, ""]
    settled: Bool[Array, ""]
    outside: Bool[Array, ""]


def log_pass(prepared: Prepared, unit: Float[Array, " normals"]) -> LogPass:
    """The conditional integrand at shared normals `unit`; smooth but for limits on the unit itself."""
    problem, design, built = prepared.problem, prepared.design, prepared.structure
    model = problem.model
    shared = standardise(lambda: model.variation(design), unit)
    crowd = settle(prepared, shared, model.rest(design, shared))
    by_limit, together = jnp.zeros(len(problem.limits)), jnp.zeros(())
    outside = jnp.zeros((), bool)
    looks = [_look(prepared, f, shared, crowd) for f in range(len(built.families))]
    for f, (family, tables) in enumerate(zip(built.families, prepared.tables, strict=True)):
        everywhere = looks[f].parts[0]
        by_limit = _add(by_limit, family, _logs(everywhere.beta, everywhere.alone, tables.ends) @ tables.weight)
        used = tuple(sorted({i for row in family.rows for i in row.states}))
        outside = outside | (jnp.abs(scaled(everywhere.states, tables, used)) > 1.0).any()
        changed, shares = _corrections(prepared, f, shared, crowd, looks)
        by_limit, together = by_limit + changed, together + shares
    unit_ok = jnp.ones((), bool)
    measured = model.response(design, shared, crowd.pose)
    for i, limit in enumerate(problem.limits):
        if limit.population == "":
            ok = jnp.stack(limit.margins(measured[limit.response])).min() >= 0.0
            by_limit = by_limit.at[i].set(jnp.where(ok, 0.0, -jnp.inf))
            unit_ok = unit_ok & ok
    # A unit without a pose is lost, and to no limit in particular.
    by_limit, together = jnp.where(crowd.settled, by_limit, 0.0), jnp.where(crowd.settled, together, 0.0)
    total = jnp.where(jnp.isinf(by_limit), 0.0, by_limit).sum() + together
    return LogPass(jnp.where(unit_ok & crowd.settled, total, -jnp.inf), by_limit, together, crowd.settled, outside)


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


def plain(family: Family, tables: Tables, states: Array) -> tuple[Float[Array, "rows nodes"], Array | None]:
    """Reliability index of each row at each node as the crowd has it, and of a pair's row its share (`pairs`)."""
    columns = np.array([0, -1]) if family.paired else np.array([0])
    alike: dict[tuple[int, ...], list[tuple[list[int], Array, Array]]] = {}
    for (axes, members), tensor in zip(family.groups().items(), tables.groups, strict=True):
        part = tensor[..., columns]
        where = jnp.clip(scaled(states, tables, axes), -1.0, 1.0)
        alike.setdefault(part.shape, []).append((members, where, part))
    index: list[Any] = [None] * len(family.rows)
    alone: list[Any] = [None] * len(family.rows)
    for found in alike.values():
        rows, wheres, tensors = zip(*found, strict=True)
        for members, values in zip(
            rows, jax.vmap(chebyshev.evaluate)(jnp.stack(wheres), jnp.stack(tensors)), strict=True
        ):
            for member, row in zip(members, values, strict=True):
                index[member], alone[member] = margins.release(row[0]), jnp.clip(row[-1], 0.0, 1.0)
    if not index:
        return jnp.zeros((0, states.shape[1])), None
    return jnp.stack(index), jnp.stack(alone) if family.paired else None


def _logs(index: Array, alone: Array | None, ends: Array | float) -> Float[Array, "rows nodes"]:
    """Log pass of each row; of a pair's, what is its own."""
    return log_ndtr(index) if alone is None else pairs.counted(alone, ends) * log_ndtr(index)


class Felt(NamedTuple):
    """Rows with the finite crowd in them: index, its slope by each force's state, and what a failing element pushes
    beyond the crowd's mean; zero where a row does not feel a force.
    """

    beta: Float[Array, "rows nodes"]
    pull: Float[Array, "rows forces nodes"]
    surplus: Float[Array, "rows forces nodes"]


def finite(
    family: Family, tables: Tables, states: Array, levers: Array, crowd: Crowd, before: Float[Array, "rows nodes"]
) -> Felt:
    """Each row with the finite crowd in it; `before` is its index without.

    An element pulls on its own pose (the state at which it fails is not the crowd's: a shift by its surplus force over
    the stiffness of the others), and the rest of the crowd scatters it (one more normal: the index's length changes).
    """
    index = list(before)
    felt = jnp.zeros((2, len(index), len(family.forces), before.shape[1]))
    spread = crowd.compliance @ crowd.scatter @ crowd.compliance.T
    alike: dict[Any, list[Any]] = {}
    for (axes, members), tensor in zip(family.groups().items(), tables.groups, strict=True):
        forced, where = pulled(family, axes), scaled(states, tables, axes)
        if not forced:
            continue
        own = tuple(axes.index(family.forces[k][0]) for k in forced)
        half = tables.half[np.array([family.forces[k][0] for k in forced])]
        lever = levers[np.array(forced)]
        sway = jax.vmap(through, (0, None))(lever, crowd.compliance)
        scatter = jnp.einsum("fpn,pq,gqn->fgn", lever, spread, lever)
        for k, member in enumerate(members):
            row = where, tensor[..., k, :], half[:, None], tables.scale[np.array(forced)], sway, scatter
            alike.setdefault((tensor.shape, own, tuple(forced)), []).append((member, row))
    for (_, own, forced), found in alike.items():
        members, rows = zip(*found, strict=True)
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *rows)
        eased, *pushed = jax.vmap(lambda *r, own=own: _eased(own, *r))(*stacked)
        for member, row in zip(members, eased, strict=True):
            index[member] = row
        felt = felt.at[:, np.array(members)[:, None], np.array(forced)].set(jnp.stack(pushed))
    return Felt(jnp.stack(index), *felt)


def _eased(
    own: tuple[int, ...], where: Array, series: Array, half: Array, scale: Array, sway: Array, scatter: Array
) -> tuple[Array, Array, Array]:
    """One row where its pull on its own pose has settled with the force that it then has: index, pull, surplus."""
    look = _shifted(own, where, series, half)

    def ease(shift: Array, _: None) -> tuple[Array, None]:
        surplus, stiffer = margins.push(look(shift, margins.pushing(len(scale))), scale)
        return shift - (shift + sway * surplus) / jnp.maximum(1.0 + sway * stiffer, 0.5), None

    shift = jax.lax.scan(ease, jnp.zeros_like(sway), None, length=EASED - 1)[0]
    beta, there = margins.read(look(shift, slice(None)), scale)
    pull = there.pull / jnp.maximum(1.0 + sway * there.stiffer, 0.5)
    change = jnp.einsum("fn,fgn,gn->n", pull, scatter, pull) - ((pull * sway) ** 2 * there.variance).sum(0)
    return beta / jnp.sqrt(1.0 + jnp.maximum(change, 0.0)), pull, there.surplus


def _shifted(own: tuple[int, ...], where: Array, series: Array, half: Array) -> Callable[[Array, slice], Array]:
    """Columns of a row's series by the shift of its own states; where that is one, the others are put in once."""
    if len(own) != 1:
        return lambda shift, columns: chebyshev.evaluate(
            jnp.clip(where.at[np.array(own)].add(shift / half), -1.0, 1.0), series[..., columns]
        )
    others = np.array([axis for axis in range(len(where)) if axis not in own], int)
    placed = chebyshev.along(jnp.clip(where[others], -1.0, 1.0), jnp.moveaxis(series, own[0], 0))

    def look(shift: Array, columns: slice) -> Array:
        place = jnp.clip(where[own[0]] + shift[0] / half[0], -1.0, 1.0)
        return chebyshev.derivatives(place, placed[:, columns], 0)[0]

    return look


def in_common(felt: Felt, levers: Array, crowd: Crowd, weight: Float[Array, " nodes"]) -> Array:
    """What elements that fail owe to one another through the pose: the second term of the union of their failures.

    The crowd's scatter moves all alike (they fail together); one that fails pushes the chip away from the others (they
    fail apart). With a the slope of the number that fails by the pose and b what failing elements push, C the
    compliance and S the pose's scatter: a S a / 2 - a C b. A linear bed of springs leaves - a C a k s^2 / 2 of it.
    """
    rate = -log_ndtr(felt.beta)
    hazard = jnp.exp(-0.5 * felt.beta**2 - log_ndtr(felt.beta)) / jnp.sqrt(2.0 * jnp.pi)
    steeper = jnp.einsum("rn,rfn,fpn,n->p", -hazard, felt.pull, levers, weight)
    pushed = jnp.einsum("rn,rfn,fpn,n->p", rate, felt.surplus, levers, weight)
    moved = crowd.compliance @ steeper
    most = 0.5 * (rate @ weight).sum()
    return jnp.clip(0.5 * moved @ crowd.scatter @ moved - moved @ pushed, -most, most)


def _add(by_limit: Array, family: Family, rows: Float[Array, " rows"]) -> Array:
    """Rows added to the limits that they belong to."""
    return by_limit.at[np.array([r.limit for r in family.rows], int)].add(rows)


def _corrections(prepared: Prepared, f: int, shared: Any, crowd: Crowd, looks: list[Look]) -> tuple[Array, Array]:
    """What the finite crowd and shared elements change of each limit's log pass, and what limits share between them."""
    problem, design = prepared.problem, prepared.design
    family, tables, couples = prepared.structure.families[f], prepared.tables[f], prepared.couples[f]
    by_limit, together = jnp.zeros(len(problem.limits)), jnp.zeros(())
    if not family.rows:
        return by_limit, together
    p, (sites, weight) = problem.model.populations()[family.of], tables.few
    states, before, alone = looks[f].parts[1]
    levers = levers_at(p, design, shared, crowd.pose, sites, family)
    felt = finite(family, tables, states, levers, crowd, before)
    index = before + prepared.finite * (felt.beta - before)
    if not family.paired and family.forces:
        together = prepared.finite * in_common(felt, levers, crowd, weight)
    ends = 2.0 / couples.degree if family.paired else 1.0
    by_limit = _add(by_limit, family, (_logs(index, alone, ends) - _logs(before, alone, ends)) @ weight)
    if couples.first.shape[0]:
        first, share = index, jnp.ones(())
        if alone is not None:
            # Pairs stand for the elements at their ends, so that where elements have few neighbours few are counted.
            base = next(k for k, other in enumerate(prepared.structure.families) if other.name == family.of)
            first = looks[base].parts[2 + _paired(prepared, base).index(f)].beta
            share = jnp.asarray(ends)
            index = -ndtri(jnp.maximum(alone * ndtr(-index), 1e-100))
        both = log_ndtr(first)[couples.first] + log_ndtr(index)[couples.second]
        change = log_correction(first[couples.first], index[couples.second], couples.rho[:, None], both)
        together = together + share * (change @ weight).sum()
    return by_limit, together
