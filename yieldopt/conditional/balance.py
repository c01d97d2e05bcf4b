"""The pose of a unit in the mean field: elements replaced by what their crowd does on average at each node.

Newton's iteration finds it; its derivatives are those of the balance at the pose found (implicit function theorem).
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from yieldopt.conditional.forces import Mean, along, axes_of, read
from yieldopt.conditional.prepare import Prepared, Tables
from yieldopt.problem import Population, Sites

STEPS = 12
"""Newton steps at most, before the last one; two are usual."""
CLOSE = 2.5e-2
"""A step below this (um, mrad) leaves 3e-5 of the pose, and the last one 1e-10."""


class Crowd(NamedTuple):
    """The mean-field pose, the balance's inverse stiffness, the scatter of the crowd's force, whether it was found."""

    pose: Float[Array, " pose"]
    compliance: Float[Array, "pose pose"]
    scatter: Float[Array, "pose pose"]
    settled: Bool[Array, ""]


class Reach(NamedTuple):
    """Every force at every node: levers and their products, series in its own state, that state, its box and scale,
    weights.

    The products are kept because a loop over the pose's pairs would look at the series for each of them again.
    """

    lever: Float[Array, "pose nodes"]
    product: Float[Array, "pairs nodes"]
    series: Float[Array, "terms columns nodes"]
    start: Float[Array, " nodes"]
    half: Float[Array, " nodes"]
    scale: Float[Array, " nodes"]
    weight: Float[Array, " nodes"]

    def at(self, travel: Float[Array, " pose"], order: int = 1) -> Mean:
        """What the elements do after the pose travelled; with their bends where the order is two."""
        return read(self.series, self.start + (travel @ self.lever) / self.half, self.scale, self.half, order)

    def relaxed(self, there: Mean, compliance: Array, spread: Array) -> Array:
        """What the finite crowd adds to the mean force, to first order in one over its number.

        An element eases its own push (-sway cov(force, slope), half the variance's slope), and the scatter of the pose
        samples the mean force's bend.
        """
        sway, scatter = (through(self.lever, matrix) for matrix in (compliance, spread))
        return -0.5 * sway * there.wider + 0.5 * scatter * there.bend


def states_at(p: Population[Any], design: Any, shared: Any, pose: Array, sites: Sites) -> Float[Array, "states nodes"]:
    """States at the nodes."""

    def one(site: Sites) -> Array:
        return jnp.stack(list(p.state(design, shared, pose, site).values()))

    return jax.vmap(one, out_axes=-1)(sites)


def levers_at(
    p: Population[Any], design: Any, shared: Any, pose: Array, sites: Sites, own: list[int]
) -> Float[Array, "own pose nodes"]:
    """What the pose does to some of the states."""
    picked = np.array(own, int)

    def one(site: Sites) -> Array:
        return jax.jacfwd(lambda q: jnp.stack(list(p.state(design, shared, q, site).values())))(pose)[picked]

    return jax.vmap(one, out_axes=-1)(sites)


def through(lever: Float[Array, "pose nodes"], matrix: Float[Array, "pose pose"]) -> Float[Array, " nodes"]:
    """A quadratic form of every node's lever."""
    return (lever * (matrix @ lever)).sum(0)


def scaled(states: Array, tables: Tables, axes: tuple[int, ...]) -> Float[Array, "axes nodes"]:
    """Some of the states as places in the box [-1, 1]."""
    pick = np.array(axes, int)
    return (states[pick] - tables.centre[pick][:, None]) / tables.half[pick][:, None]


def settle(prepared: Prepared, shared: Any, rest: Array) -> Crowd:
    """Newton on the mean forces of the nodes."""
    size = rest.shape[0]
    if size == 0:
        return Crowd(rest, jnp.zeros((0, 0)), jnp.zeros((0, 0)), jnp.ones((), bool))
    reach = _reach(prepared, shared, rest)
    light = reach._replace(series=reach.series[:, :1])  # what is not read is not carried along
    bound = prepared.problem.model, prepared.design, shared, rest, light
    free = jax.lax.stop_gradient(bound)
    pose, settled = _iterate(*free)
    pose = _resting(bound, pose)
    _, stiffness, there = _balance(prepared.problem.model, prepared.design, shared, rest, reach, pose, 2)
    scatter = (reach.product @ (reach.weight * there.variance)).reshape(stiffness.shape)
    compliance = inverse(stiffness)
    spread = compliance @ scatter @ compliance.T
    extra = reach.lever @ (reach.weight * reach.relaxed(there, compliance, spread))
    # A balance that the least push would upset (a stiffness without a root) is no place of rest.
    stable = jnp.isfinite(jnp.linalg.cholesky(jax.lax.stop_gradient(stiffness))).all()
    return Crowd(pose - jnp.clip(compliance @ extra, -1.0, 1.0), compliance, scatter, settled & stable)


@jax.custom_vjp
def inverse(matrix: Float[Array, "pose pose"]) -> Float[Array, "pose pose"]:
    """Inverse of a small matrix whose derivative takes it as it is: no second factorization."""
    return jnp.linalg.inv(matrix)


def _inverse_back(inverted: Array, out: Array) -> tuple[Array]:
    return (-inverted.T @ out @ inverted.T,)


inverse.defvjp(lambda matrix: (inverse(matrix),) * 2, _inverse_back)


@eqx.filter_custom_vjp
def _resting(bound: Any, pose: Array) -> Array:
    """A pose at which the balance holds: it moves with what it is bound to, as the implicit function theorem says.

    Taken at the pose itself. The derivative of the last Newton step would be that of the pose before, off by as much of
    itself as that pose was (1e-5).
    """
    del bound
    return pose


@_resting.def_fwd
def _resting_ahead(perturbed: Any, bound: Any, pose: Array) -> tuple[Array, None]:
    del perturbed, bound
    return pose, None


@_resting.def_bwd
def _resting_back(residuals: None, out: Array, perturbed: Any, bound: Any, pose: Array) -> Any:
    del residuals, perturbed

    def balance(bound: Any) -> tuple[Array, Array]:
        model, design, shared, rest, reach = bound
        return _balance(model, design, shared, rest, reach, pose)[:2]

    _, back, stiffness = eqx.filter_vjp(balance, bound, has_aux=True)
    return back(-jnp.linalg.solve(stiffness.T, out))[0]


def _balance(
    model: Any, design: Any, shared: Any, rest: Array, reach: Reach, pose: Array, order: int = 1
) -> tuple[Array, Array, Mean]:
    """Force on the pose, its stiffness, and what the nodes do there."""
    found = reach.at(pose - rest, order)
    force = model.load(design, shared, pose) + reach.lever @ (reach.weight * found.value)
    stiffness = jax.jacfwd(lambda q: model.load(design, shared, q))(pose)
    stiffness = stiffness + (reach.product @ (reach.weight * found.slope)).reshape(stiffness.shape)
    return force, stiffness, found


def _iterate(model: Any, design: Any, shared: Any, rest: Array, reach: Reach) -> tuple[Array, Array]:
    """Damped Newton, to one step beyond one that is small: the pose, whether it came to that."""

    def step(at: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        pose, last, _, count = at
        force, stiffness, _ = _balance(model, design, shared, rest, reach, pose)
        move = -jnp.linalg.solve(stiffness, force)
        size = jnp.max(jnp.abs(move))
        # No element may cross more than half of the box that its force is a series on: far steps end where it softens.
        far = jnp.max(jnp.abs((move @ reach.lever) / reach.half), initial=1e-12)
        short = jnp.minimum(1.0 / far, 4.0 / jnp.maximum(size, 1e-12))
        return pose + move * jnp.minimum(1.0, short), size, last, count + 1

    def going(at: tuple[Array, Array, Array, Array]) -> Array:
        return (at[2] > CLOSE) & (at[3] <= STEPS)

    far = jnp.asarray(jnp.inf, rest.dtype)
    pose, _, size, _ = jax.lax.while_loop(going, step, (rest, far, far, jnp.asarray(0)))
    return pose, size < 4.0 * CLOSE


def _reach(prepared: Prepared, shared: Any, rest: Array) -> Reach:
    """Every force at every node as a series in its own state: the other states stand still while the pose moves."""
    parts: list[Reach] = []
    for family, tables in zip(prepared.structure.families, prepared.tables, strict=True):
        if family.paired or not family.forces:
            continue
        p, (sites, weight) = prepared.problem.model.populations()[family.of], tables.bed
        start = states_at(p, prepared.design, shared, rest, sites)
        levers = levers_at(p, prepared.design, shared, rest, sites, [own for own, _ in family.forces])
        for k, (own, used) in enumerate(family.forces):
            where = scaled(start, tables, axes_of(own, used)[0])
            half, scale = (jnp.broadcast_to(value, weight.shape) for value in (tables.half[own], tables.scale[k]))
            pairs = (levers[k][:, None] * levers[k]).reshape(-1, len(weight))
            parts.append(Reach(levers[k], pairs, along(tables.forces[k], where[1:]), where[0], half, scale, weight))
    if not parts:
        none = jnp.zeros(0)
        return Reach(
            jnp.zeros((rest.shape[0], 0)),
            jnp.zeros((rest.shape[0] ** 2, 0)),
            jnp.zeros((1, 2, 0)),
            none,
            none,
            none,
            none,
        )
    most = max(len(part.series) for part in parts)
    parts = [p._replace(series=jnp.pad(p.series, ((0, most - len(p.series)), (0, 0), (0, 0)))) for p in parts]
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves, -1), *parts)
