"""Log of the probability that a unit passes, given what its elements share: settled, tabulated, summed over the map."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import log_ndtr, ndtr, ndtri
from jaxtyping import Bool, Float

from yieldopt.conditional import chebyshev, margins, pairs
from yieldopt.conditional.balance import Crowd, levers_at, scaled, settle, states_at, through
from yieldopt.conditional.prepare import Prepared, Tables
from yieldopt.conditional.structure import Family, pulled
from yieldopt.conditional.together import log_correction
from yieldopt.standard import standardise

EASED = 3
"""Steps in which a failing element's pull on its own pose settles with the force that it then has."""


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
    for f, (family, tables) in enumerate(zip(built.families, prepared.tables, strict=True)):
        states = states_at(model.populations()[family.of], design, shared, crowd.pose, tables.sites)
        by_limit = _add(by_limit, family, _logs(*plain(family, tables, states), tables.ends) @ tables.weight)
        used = tuple(sorted({i for row in family.rows for i in row.states}))
        outside = outside | (jnp.abs(scaled(states, tables, used)) > 1.0).any()
        changed, shares = _corrections(prepared, f, shared, crowd)
        by_limit, together = by_limit + changed, together + shares
    unit_ok = jnp.ones((), bool)
    measured = model.response(design, shared, crowd.pose)
    for i, limit in enumerate(problem.limits):
        if limit.population == "":
            ok = jnp.stack(limit.margins(measured[limit.response])).min() >= 0.0
            by_limit = by_limit.at[i].set(jnp.where(ok, 0.0, -jnp.inf))
            unit_ok = unit_ok & ok
    total = jnp.where(jnp.isinf(by_limit), 0.0, by_limit).sum() + together
    return LogPass(jnp.where(unit_ok & crowd.settled, total, -jnp.inf), by_limit, together, crowd.settled, outside)


def plain(
    family: Family, tables: Tables, states: Float[Array, "states nodes"]
) -> tuple[Float[Array, "rows nodes"], Array | None]:
    """Reliability index of each row at each node, without what the element does to the pose; the share of pairs (`pairs`)."""
    index: list[Any] = [None] * len(family.rows)
    alone: list[Any] = [None] * len(family.rows)
    columns = np.array([0, -1]) if family.paired else np.array([0])
    for (axes, members), tensor in zip(family.groups().items(), tables.groups, strict=True):
        found = chebyshev.evaluate(jnp.clip(scaled(states, tables, axes), -1.0, 1.0), tensor[..., columns])
        for member, row in zip(members, found, strict=True):
            index[member], alone[member] = margins.release(row[0]), jnp.clip(row[-1], 0.0, 1.0)
    if not index:
        return jnp.zeros((0, states.shape[1])), None
    return jnp.stack(index), jnp.stack(alone) if family.paired else None


def _logs(index: Array, alone: Array | None, ends: Array | float) -> Float[Array, "rows nodes"]:
    """Log pass of each row; of a pair's, what is its own."""
    return log_ndtr(index) if alone is None else pairs.counted(alone, ends) * log_ndtr(index)


def finite(
    family: Family, tables: Tables, states: Array, levers: Array, crowd: Crowd, weight: Array
) -> Float[Array, "rows nodes"]:
    """Reliability index of each row with the finite crowd in it.

    An element pulls on its own pose (the state at which it fails is not the crowd's: a shift by its surplus force over
    the stiffness of the others), and the rest of the crowd scatters it (one more normal: the index's length changes).
    `weight` is that of the finite number: one, or zero to leave it out.
    """
    index: list[Any] = [None] * len(family.rows)
    spread = crowd.compliance @ crowd.scatter @ crowd.compliance.T
    for (axes, members), tensor in zip(family.groups().items(), tables.groups, strict=True):
        forced, where = pulled(family, axes), scaled(states, tables, axes)
        scale = jnp.stack([tables.half[family.forces[k][0]] for k in forced]) if forced else jnp.zeros(0)
        own = np.array([axes.index(family.forces[k][0]) for k in forced], int)
        lever = levers[np.array(forced, int)]
        sway = weight * jax.vmap(through, (0, None))(lever, crowd.compliance)
        scatter = weight * jnp.einsum("fpn,pq,gqn->fgn", lever, spread, lever)
        for k, member in enumerate(members):
            series = tensor[..., k, :]

            def at(
                shift: Array, series: Array = series, own: Any = own, where: Array = where, scale: Array = scale
            ) -> Any:
                moved = jnp.clip(where.at[own].add(shift / scale[:, None]), -1.0, 1.0)
                return chebyshev.evaluate(moved, series)

            def ease(shift: Array, _: None, at: Any = at, sway: Array = sway, forced: Any = forced) -> Any:
                _, there = margins.read(at(shift), forced, tables.scale)
                off = shift + sway * there.surplus
                return shift - off / jnp.maximum(1.0 + sway * there.stiffer, 0.5), None

            shift = jnp.zeros((len(forced), states.shape[1]))
            if forced:
                shift = jax.lax.scan(ease, shift, None, length=EASED)[0]
            found = at(shift)
            beta, there = margins.read(found, forced, tables.scale)
            if forced:
                pull = there.pull / jnp.maximum(1.0 + sway * there.stiffer, 0.5)
                change = jnp.einsum("fn,fgn,gn->n", pull, scatter, pull)
                change = change - ((pull * sway) ** 2 * there.variance).sum(0)
                beta = beta / jnp.sqrt(1.0 + jnp.maximum(change, 0.0))
            index[member] = beta
    return jnp.stack(index)


def _add(by_limit: Array, family: Family, rows: Float[Array, " rows"]) -> Array:
    """Rows added to the limits that they belong to."""
    return by_limit.at[np.array([r.limit for r in family.rows], int)].add(rows)


def _corrections(prepared: Prepared, f: int, shared: Any, crowd: Crowd) -> tuple[Array, Array]:
    """What the finite crowd and shared elements change of each limit's log pass, and what limits share between them."""
    problem, design = prepared.problem, prepared.design
    family, tables, couples = prepared.structure.families[f], prepared.tables[f], prepared.couples[f]
    by_limit, together = jnp.zeros(len(problem.limits)), jnp.zeros(())
    if not family.rows:
        return by_limit, together
    p, (sites, weight) = problem.model.populations()[family.of], tables.few
    states = states_at(p, design, shared, crowd.pose, sites)
    levers = levers_at(p, design, shared, crowd.pose, sites, prepared.structure.families[f])
    index = finite(family, tables, states, levers, crowd, prepared.finite)
    before, alone = plain(family, tables, states)
    ends = 2.0 / couples.degree if family.paired else 1.0
    by_limit = _add(by_limit, family, (_logs(index, alone, ends) - _logs(before, alone, ends)) @ weight)
    if couples.first.shape[0]:
        first, share = index, jnp.ones(())
        if family.paired:
            # Pairs stand for the elements at their ends, so that where elements have few neighbours few are counted.
            base = next(k for k, other in enumerate(prepared.structure.families) if other.name == family.of)
            first, share = plain(prepared.structure.families[base], prepared.tables[base], states)[0], jnp.asarray(ends)
            index = -ndtri(jnp.maximum(alone * ndtr(-index), 1e-100))
        both = log_ndtr(first)[couples.first] + log_ndtr(index)[couples.second]
        change = log_correction(first[couples.first], index[couples.second], couples.rho[:, None], both)
        together = share * (change @ weight).sum()
    return by_limit, together
