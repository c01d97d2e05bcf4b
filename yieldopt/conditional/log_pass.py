"""Log of the probability that a unit passes, given what its elements share: settled, tabulated, summed over the map."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import log_ndtr
from jaxtyping import Bool, Float

from yieldopt.conditional import chebyshev
from yieldopt.conditional.local import hazard
from yieldopt.conditional.prepare import Prepared, Tables, force_axes, release
from yieldopt.conditional.structure import Family, pulled
from yieldopt.conditional.together import log_correction
from yieldopt.problem import Population, Sites
from yieldopt.standard import standardise

STEPS = 8
"""Newton steps on the mean-field balance before the implicit one."""


class LogPass(NamedTuple):
    """Log pass probability of a unit, that of each limit alone, each couple's correction, and whether the pose was found."""

    total: Float[Array, ""]
    by_limit: Float[Array, " limits"]
    together: tuple[Array, ...]
    settled: Bool[Array, ""]


class Crowd(NamedTuple):
    """The mean-field pose, the inverse stiffness of the balance and the scatter of the crowd's force."""

    pose: Float[Array, " pose"]
    compliance: Float[Array, "pose pose"]
    scatter: Float[Array, "pose pose"]
    settled: Bool[Array, ""]


def log_pass(prepared: Prepared, unit: Float[Array, " normals"]) -> LogPass:
    """The conditional integrand at shared normals `unit`; smooth but for limits on the unit itself."""
    problem, design, built = prepared.problem, prepared.design, prepared.structure
    model = problem.model
    shared = standardise(lambda: model.variation(design), unit)
    rest = model.rest(design, shared)
    crowd = _settle(prepared, shared, rest)
    by_limit = jnp.zeros(len(problem.limits))
    together: list[Array] = []
    for f, (family, tables) in enumerate(zip(built.families, prepared.tables, strict=True)):
        states, levers = _states(model.populations()[family.of], design, shared, rest, crowd.pose, tables.sites, family)
        index = _indices(family, tables, states, levers, crowd)
        share = tables.weight @ log_ndtr(index)
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
    total = jnp.where(unit_ok & crowd.settled, jnp.where(jnp.isinf(by_limit), 0.0, by_limit).sum() + sum(t.sum() for t in together), -jnp.inf)
    return LogPass(total, by_limit, tuple(together), crowd.settled)


def _states(p: Population[Any], design: Any, shared: Any, rest: Array, pose: Array, sites: Sites, family: Family) -> tuple[Array, Array]:
    """States at the nodes (nodes x states) and the levers of the pose on the states that carry a force."""

    def one(q: Array, site: Sites) -> Array:
        return jnp.stack(list(p.state(design, shared, q, site).values()))

    start = jax.vmap(one, (None, 0))(rest, sites)
    lever = jax.vmap(jax.jacfwd(one), (None, 0))(rest, sites)
    own = np.array([f for f, _ in family.forces], int)
    return start + lever @ (pose - rest), lever[:, own]


def _scaled(states: Array, tables: Tables, axes: tuple[int, ...]) -> Array:
    pick = np.array(axes, int)
    return (states[:, pick] - tables.centre[pick]) / tables.half[pick]


class Reach(NamedTuple):
    """One force of one population over the nodes: levers, mean and variance as series in its own state, that state."""

    lever: Float[Array, "nodes pose"]
    mean: Float[Array, "nodes terms"]
    variance: Float[Array, "nodes terms"]
    start: Float[Array, " nodes"]
    half: Float[Array, ""]
    scale: Float[Array, ""]
    weight: Float[Array, " nodes"]

    def at(self, travel: Float[Array, " pose"]) -> tuple[Array, Array, Array]:
        """Mean force, its slope and the force's variance after the pose travelled; straight lines beyond the box."""
        degree = self.mean.shape[1] - 1
        where = self.start + self.lever @ travel / self.half
        inside = jnp.clip(where, -1.0, 1.0)
        terms = chebyshev.powers(inside, degree)
        lifted = (terms * self.mean).sum(1)
        slope = jnp.cosh(lifted) * (terms * (self.mean @ jnp.asarray(chebyshev.derivative(degree)).T)).sum(1)
        variance = jnp.exp((terms * self.variance).sum(1))
        return self.scale * (jnp.sinh(lifted) + slope * (where - inside)), self.scale * slope / self.half, self.scale**2 * variance


def _settle(prepared: Prepared, shared: Any, rest: Array) -> Crowd:
    """Newton on the mean forces of the nodes; the last step, with the true Jacobian, carries the derivatives."""
    size = rest.shape[0]
    if size == 0:
        return Crowd(rest, jnp.zeros((0, 0)), jnp.zeros((0, 0)), jnp.ones((), bool))
    model, design = prepared.problem.model, prepared.design
    parts: list[Reach] = []
    for family, tables in zip(prepared.structure.families, prepared.tables, strict=True):
        if not family.paired:
            start, levers = _states(model.populations()[family.of], design, shared, rest, rest, tables.sites, family)
            parts += [_reach(tables, k, own, used, start, levers[:, k]) for k, (own, used) in enumerate(family.forces)]

    def balance(pose: Array) -> tuple[Array, Array, Array]:
        force = model.load(design, shared, pose)
        stiffness = jax.jacfwd(lambda q: model.load(design, shared, q))(pose)
        scatter = jnp.zeros((size, size))
        for part in parts:
            value, slope, variance = part.at(pose - rest)
            force = force + (part.weight * value) @ part.lever
            stiffness = stiffness + part.lever.T @ ((part.weight * slope)[:, None] * part.lever)
            scatter = scatter + part.lever.T @ ((part.weight * variance)[:, None] * part.lever)
        return force, stiffness, scatter

    def step(pose: Array, _: None) -> tuple[Array, Array]:
        force, stiffness, _scatter = balance(pose)
        move = -jnp.linalg.solve(stiffness, force)
        return pose + move * jnp.minimum(1.0, 4.0 / jnp.maximum(jnp.max(jnp.abs(move)), 1e-12)), jnp.max(jnp.abs(move))

    pose, moves = jax.lax.scan(step, jax.lax.stop_gradient(rest), None, length=STEPS)
    pose = jax.lax.stop_gradient(pose)
    force, stiffness, _ = balance(pose)
    pose = pose - jnp.linalg.solve(jax.lax.stop_gradient(stiffness), force)
    _, stiffness, scatter = balance(pose)
    return Crowd(pose, jnp.linalg.inv(stiffness), scatter, jax.lax.stop_gradient(moves[-1]) < 1e-4)


def _reach(tables: Tables, k: int, own: int, used: tuple[int, ...], start: Array, lever: Array) -> Reach:
    """A force at each node as a series in its own state alone: the other states stand still while the pose moves."""
    axes, _ = force_axes(own, used)
    scaled = _scaled(start, tables, axes)
    inside = jnp.clip(scaled, -1.0, 1.0)
    # The own axis goes last: it is the one that stays open.
    tensor = jnp.moveaxis(tables.forces[k], 0, -2)
    series = chebyshev.evaluate(inside[:, 1:], tensor)
    return Reach(lever, series[..., 0], series[..., 1], scaled[:, 0], tables.half[own], tables.scale[k], tables.weight)


def _indices(family: Family, tables: Tables, states: Array, levers: Array, crowd: Crowd) -> Array:
    """Reliability index of each row at each node, with the finite crowd in it (nodes x rows).

    An element pulls on its own pose, and the rest of the crowd scatters it: with the margin's gradient taken through the
    linear response of the pose, only its length changes.
    """
    index = jnp.zeros((states.shape[0], len(family.rows)))
    sway = jnp.einsum("nfp,pq,nfq->nf", levers, crowd.compliance, levers)
    spread = crowd.compliance @ crowd.scatter @ crowd.compliance.T
    scatter = jnp.einsum("nfp,pq,ngq->nfg", levers, spread, levers)
    for (axes, members), tensor in zip(family.groups().items(), tables.groups, strict=True):
        found = chebyshev.evaluate(jnp.clip(_scaled(states, tables, axes), -1.0, 1.0), tensor)
        beta, correction, forced = release(found[..., 0]), found[..., 1], pulled(family, axes)
        if forced:
            slope, grip = found[..., 2 : 2 + len(forced)], found[..., 2 + len(forced) :]
            change = -2.0 * jnp.einsum("nrf,nf,nrf->nr", slope, sway[:, forced], grip)
            change = change + jnp.einsum("nrf,nfg,nrg->nr", slope, scatter[:, forced][:, :, forced], slope)
            beta = beta / jnp.sqrt(jnp.maximum(1.0 + change, 0.1))
        # The index whose half-space has the second-order probability, to first order in the (small) correction.
        shifted = beta - correction / jnp.maximum(hazard(beta), 0.3)
        index = index.at[:, np.array(members)].set(shifted)
    return index


def _together(prepared: Prepared, f: int, shared: Any, rest: Array, crowd: Crowd) -> Array:
    """The second-order correction of each couple of margins of a population, summed over its elements."""
    built, tables, couples = prepared.structure, prepared.tables, prepared.couples[f]
    if couples.first.shape[0] == 0:
        return jnp.zeros(0)
    family, (sites, weight) = built.families[f], tables[f].few
    p = prepared.problem.model.populations()[family.name]
    states, levers = _states(p, prepared.design, shared, rest, crowd.pose, sites, family)
    own = [k for k, other in enumerate(built.families) if other.of == family.name]
    every = jnp.concatenate([_indices(built.families[k], tables[k], states, levers, crowd) for k in own], 1)
    change = log_correction(every[:, couples.first], every[:, couples.second], couples.rho)
    return (weight @ change) * couples.count
