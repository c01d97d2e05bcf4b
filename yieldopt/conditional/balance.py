"""The pose of a unit in the mean field: elements replaced by what their crowd does on average at each node.

Newton's iteration finds it; one more step with the true Jacobian carries the derivatives (implicit function theorem).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from yieldopt.conditional.forces import Mean, along, axes_of, read
from yieldopt.conditional.prepare import Prepared, Tables
from yieldopt.conditional.structure import Family
from yieldopt.problem import Population, Sites

STEPS = 12
"""Newton steps at most, before the implicit one; five are usual."""


class Crowd(NamedTuple):
    """The mean-field pose, the balance's inverse stiffness, the scatter of the crowd's force, whether it was found."""

    pose: Float[Array, " pose"]
    compliance: Float[Array, "pose pose"]
    scatter: Float[Array, "pose pose"]
    settled: Bool[Array, ""]


class Reach(NamedTuple):
    """One force of one population over the nodes: levers, mean and variance as series in its own state, that state."""

    lever: Float[Array, "nodes pose"]
    mean: Float[Array, "nodes terms"]
    variance: Float[Array, "nodes terms"]
    start: Float[Array, " nodes"]
    half: Float[Array, ""]
    scale: Float[Array, ""]
    weight: Float[Array, " nodes"]

    def at(self, travel: Float[Array, " pose"], further: Array | float = 0.0) -> Mean:
        """Mean force, its slope and the force's variance after the pose travelled (and the own state `further`)."""
        where = self.start + (self.lever @ travel + further) / self.half
        return read(self.mean, self.variance, where, self.scale, self.half)

    def relaxed(self, travel: Array, compliance: Array, spread: Array) -> Array:
        """What the finite crowd adds to the mean force, to first order in one over its number.

        An element eases its own push (-sway cov(force, slope), half the variance's slope), and the scatter of the pose
        samples the mean force's bend.
        """
        bend = jax.jvp(lambda e: self.at(travel, e), (jnp.zeros(()),), (jnp.ones(()),))[1]
        sway, scatter = (jnp.einsum("np,pq,nq->n", self.lever, matrix, self.lever) for matrix in (compliance, spread))
        return -0.5 * sway * bend.variance + 0.5 * scatter * bend.slope


def states_at(
    p: Population[Any], design: Any, shared: Any, rest: Array, pose: Array, sites: Sites, family: Family
) -> tuple[Array, Array]:
    """States at the nodes (nodes x states) and the levers of the pose on the states that carry a force."""

    def one(q: Array, site: Sites) -> Array:
        return jnp.stack(list(p.state(design, shared, q, site).values()))

    start = jax.vmap(one, (None, 0))(rest, sites)
    lever = jax.vmap(jax.jacfwd(one), (None, 0))(rest, sites)
    own = np.array([f for f, _ in family.forces], int)
    return start + lever @ (pose - rest), lever[:, own]


def scaled(states: Array, tables: Tables, axes: tuple[int, ...]) -> Array:
    """Some of the states as places in the box [-1, 1]."""
    pick = np.array(axes, int)
    return (states[:, pick] - tables.centre[pick]) / tables.half[pick]


def settle(prepared: Prepared, shared: Any, rest: Array) -> Crowd:
    """Newton on the mean forces of the nodes."""
    size = rest.shape[0]
    if size == 0:
        return Crowd(rest, jnp.zeros((0, 0)), jnp.zeros((0, 0)), jnp.ones((), bool))
    parts = _reaches(prepared, shared, rest)
    free = jax.lax.stop_gradient((prepared.problem.model, prepared.design, shared, rest, parts))
    pose, settled = _iterate(*free)
    force, stiffness, _ = _balance(prepared.problem.model, prepared.design, shared, rest, parts, pose)
    pose = pose - jnp.linalg.solve(jax.lax.stop_gradient(stiffness), force)
    _, stiffness, scatter = _balance(prepared.problem.model, prepared.design, shared, rest, parts, pose)
    compliance = jnp.linalg.inv(stiffness)
    spread = compliance @ scatter @ compliance.T
    extra = sum(
        ((part.weight * part.relaxed(pose - rest, compliance, spread)) @ part.lever for part in parts), jnp.zeros(size)
    )
    return Crowd(pose - jnp.clip(compliance @ extra, -1.0, 1.0), compliance, scatter, settled)


def _balance(
    model: Any, design: Any, shared: Any, rest: Array, parts: list[Reach], pose: Array
) -> tuple[Array, Array, Array]:
    """Force on the pose, its stiffness, and the covariance of the force's scatter."""
    force = model.load(design, shared, pose)
    stiffness = jax.jacfwd(lambda q: model.load(design, shared, q))(pose)
    scatter = jnp.zeros_like(stiffness)
    for part in parts:
        found = part.at(pose - rest)
        force = force + (part.weight * found.value) @ part.lever
        stiffness = stiffness + part.lever.T @ ((part.weight * found.slope)[:, None] * part.lever)
        scatter = scatter + part.lever.T @ ((part.weight * found.variance)[:, None] * part.lever)
    return force, stiffness, scatter


def _iterate(model: Any, design: Any, shared: Any, rest: Array, parts: list[Reach]) -> tuple[Array, Array]:
    """Damped Newton until a step is negligible: the pose, and whether it came to that."""

    def step(at: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        pose, _, count = at
        force, stiffness, _ = _balance(model, design, shared, rest, parts, pose)
        move = -jnp.linalg.solve(stiffness, force)
        size = jnp.max(jnp.abs(move))
        return pose + move * jnp.minimum(1.0, 4.0 / jnp.maximum(size, 1e-12)), size, count + 1

    def going(at: tuple[Array, Array, Array]) -> Array:
        return (at[1] > 1e-5) & (at[2] < STEPS)

    pose, size, _ = jax.lax.while_loop(going, step, (rest, jnp.asarray(jnp.inf, rest.dtype), jnp.asarray(0)))
    return pose, size < 1e-4


def _reaches(prepared: Prepared, shared: Any, rest: Array) -> list[Reach]:
    """Every force at every node as a series in its own state: the other states stand still while the pose moves."""
    parts: list[Reach] = []
    for family, tables in zip(prepared.structure.families, prepared.tables, strict=True):
        if family.paired or not family.forces:
            continue
        p = prepared.problem.model.populations()[family.of]
        start, levers = states_at(p, prepared.design, shared, rest, rest, tables.sites, family)
        for k, (own, used) in enumerate(family.forces):
            where = scaled(start, tables, axes_of(own, used)[0])
            mean, variance = along(tables.forces[k], where[:, 1:])
            parts.append(
                Reach(levers[:, k], mean, variance, where[:, 0], tables.half[own], tables.scale[k], tables.weight)
            )
    return parts
