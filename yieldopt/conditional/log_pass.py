"""Log of the probability that a unit passes, given what its elements share: settled, tabulated, summed over the map."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import log_ndtr
from jaxtyping import Bool, Float

from yieldopt.conditional import chebyshev, margins
from yieldopt.conditional.balance import Crowd, scaled, settle, states_at
from yieldopt.conditional.prepare import Prepared, Tables
from yieldopt.conditional.structure import Family, pulled
from yieldopt.conditional.together import log_correction
from yieldopt.standard import standardise
from yieldopt.typing import Scalar

MOST = 2.0
"""By how much an element's pull on its own pose may move its index; beyond, the pose is not the crowd's any more."""


class LogPass(NamedTuple):
    """Log pass probability of a unit, of each limit alone, each couple's correction; whether the pose was found, and
    whether a state lies outside the box that its series were fitted on.
    """

    total: Float[Array, ""]
    by_limit: Float[Array, " limits"]
    together: tuple[Array, ...]
    settled: Bool[Array, ""]
    outside: Bool[Array, ""]


def log_pass(prepared: Prepared, unit: Float[Array, " normals"]) -> LogPass:
    """The conditional integrand at shared normals `unit`; smooth but for limits on the unit itself."""
    problem, design, built = prepared.problem, prepared.design, prepared.structure
    model = problem.model
    shared = standardise(lambda: model.variation(design), unit)
    rest = model.rest(design, shared)
    crowd = settle(prepared, shared, rest)
    by_limit = jnp.zeros(len(problem.limits))
    together: list[Array] = []
    outside = jnp.zeros((), bool)
    for f, (family, tables) in enumerate(zip(built.families, prepared.tables, strict=True)):
        states, levers = states_at(
            model.populations()[family.of], design, shared, rest, crowd.pose, tables.sites, family
        )
        index = indices(family, tables, states, levers, crowd, prepared.finite)
        share = tables.weight @ log_ndtr(index)
        used = tuple(sorted({i for row in family.rows for i in row.states}))
        outside = outside | (jnp.abs(scaled(states, tables, used)) > 1.0).any()
        by_limit = by_limit.at[np.array([r.limit for r in family.rows], int)].add(share)
        if not family.paired:
            together.append(_together(prepared, f, shared, rest, crowd))
    unit_ok = jnp.ones((), bool)
    measured = model.response(design, shared, crowd.pose)
    for i, limit in enumerate(problem.limits):
        if limit.population == "":
            ok = jnp.stack(limit.margins(measured[limit.response])).min() >= 0.0
            by_limit = by_limit.at[i].set(jnp.where(ok, 0.0, -jnp.inf))
            unit_ok = unit_ok & ok
    total = jnp.where(
        unit_ok & crowd.settled,
        jnp.where(jnp.isinf(by_limit), 0.0, by_limit).sum() + sum(t.sum() for t in together),
        -jnp.inf,
    )
    return LogPass(total, by_limit, tuple(together), crowd.settled, outside)


def indices(family: Family, tables: Tables, states: Array, levers: Array, crowd: Crowd, finite: Scalar = 1.0) -> Array:
    """Reliability index of each row at each node, with the finite crowd in it (nodes x rows).

    An element pulls on its own pose (the state at which it fails is not the crowd's: a shift by its surplus force over
    the stiffness of the others), and the rest of the crowd scatters it (one more normal: the index's length changes).
    """
    index = jnp.zeros((states.shape[0], len(family.rows)))
    means = margins.Forces(tables.forces, tables.scale)
    spread = crowd.compliance @ crowd.scatter @ crowd.compliance.T
    for (axes, members), tensor in zip(family.groups().items(), tables.groups, strict=True):
        found = chebyshev.evaluate(jnp.clip(scaled(states, tables, axes), -1.0, 1.0), tensor)
        forced = pulled(family, axes)
        beta, own = margins.read(found, forced, means)
        if forced:
            lever = levers[:, np.array(forced, int)]
            sway = jnp.einsum("nfp,pq,nfq->nf", lever, crowd.compliance, lever)[:, None]
            scatter = jnp.einsum("nfp,pq,ngq->nfg", lever, spread, lever)
            ease = jnp.maximum(1.0 + sway * own.stiffer, 0.5)
            beta = beta + finite * jnp.clip((-own.pull * sway * own.surplus / ease).sum(-1), -MOST, MOST)
            pull = own.pull / ease
            change = jnp.einsum("nrf,nfg,nrg->nr", pull, scatter, pull)
            change = change - ((pull * sway) ** 2 * own.variance).sum(-1)
            beta = beta / jnp.sqrt(1.0 + finite * jnp.maximum(change, 0.0))
        index = index.at[:, np.array(members)].set(beta)
    return index


def _together(prepared: Prepared, f: int, shared: Any, rest: Array, crowd: Crowd) -> Array:
    """The second-order correction of each couple of margins of a population, summed over its elements."""
    built, tables, couples = prepared.structure, prepared.tables, prepared.couples[f]
    if couples.first.shape[0] == 0:
        return jnp.zeros(0)
    family, (sites, weight) = built.families[f], tables[f].few
    p = prepared.problem.model.populations()[family.name]
    states, levers = states_at(p, prepared.design, shared, rest, crowd.pose, sites, family)
    own = [k for k, other in enumerate(built.families) if other.of == family.name]
    every = jnp.concatenate(
        [indices(built.families[k], tables[k], states, levers, crowd, prepared.finite) for k in own], 1
    )
    change = log_correction(every[:, couples.first], every[:, couples.second], couples.rho)
    return (weight @ change) * couples.count
