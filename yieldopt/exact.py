"""The exact unit: every element drawn, the pose settled on all of them. The referee of everything faster.

`margins` is one unit of `Problem`; nothing here assumes independence, smoothness or a mean field. The pose is the zero
of the virtual work of all the elements' forces, found by a damped Newton iteration and differentiated at
its end by the implicit function theorem. Where the stiffness has a direction in which it pushes on, a step takes every
element's slope as positive: it goes down in energy all the same.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from yieldopt.nets import opens, outside
from yieldopt.problem import Model, Population, Problem, Sites, at
from yieldopt.standard import dimension, standardise
from yieldopt.typing import Measures

STEPS = 30
"""Newton steps at most: from the natural rest six suffice, extreme units take more. What has not settled is told."""
FARTHEST = 4.0
"""Longest step, um or mrad."""
SETTLED = 1e-6
"""A step below this (um, mrad) is the last, and the unit at rest: Newton's next one would be its square."""
UPSET = 0.1
"""Stiffness that elements which soften leave, over what it would be if they stiffened: below, a step counts on that."""


class Layout(NamedTuple):
    """How many standard normals one unit takes: for what is shared, and for one element of each population."""

    unit: int
    element: dict[str, int]


class Unit(NamedTuple):
    """One exact unit: margins of every limit (rows x worst element), whether it came to rest, its pose."""

    margins: Float[Array, " rows"]
    settled: Bool[Array, ""]
    pose: Float[Array, " pose"]


def layout(problem: Problem[Any], design: eqx.Module) -> Layout:
    """Count the normals that a unit of `problem` consumes."""
    model = problem.model
    return Layout(
        dimension(lambda: model.variation(design)),
        {name: dimension(lambda p=p: p.variation(design)) for name, p in model.populations().items()},
    )


def rows(problem: Problem[Any]) -> list[tuple[str, str]]:
    """Names of the margins in order: (limit, side), a limit's sides together."""
    return [(limit.name, side) for limit in problem.limits for side in limit.sides]


def margins(problem: Problem[Any], design: Any, unit: Array, elements: dict[str, Array]) -> Unit:
    """The unit that these normals make: `unit` for what is shared, `elements[name]` (sites x normals) for the rest."""
    model = problem.model
    shared = standardise(lambda: model.variation(design), unit)
    populations = model.populations()
    drawn = {
        name: jax.vmap(lambda z, p=p: standardise(lambda: p.variation(design), z))(elements[name])
        for name, p in populations.items()
    }
    pose, settled = settle(model, design, shared, drawn)
    measured: dict[str, Measures] = {
        "": {key: value[None] for key, value in model.response(design, shared, pose).items()}
    }
    for name, p in populations.items():
        states = jax.vmap(lambda site, p=p: p.state(design, shared, pose, site))(p.sites)
        measured[name] = jax.vmap(lambda s, e, p=p: p.response(design, s, e))(states, drawn[name])
    for name, pair in model.pairs().items():
        p, own = populations[pair.of], drawn[pair.of]
        first, second = (jax.tree.map(lambda leaf, i=i: leaf[i], own) for i in (pair.first, pair.second))

        def one(site: Sites, a: Any, b: Any, p: Population[Any] = p, pair: Any = pair) -> Any:
            return pair.response(design, p.state(design, shared, pose, site), a, b, site)

        measured[name] = jax.vmap(one)(pair.sites, first, second)
    measured |= opens(problem, measured)
    values: list[Array] = []
    for limit in problem.limits:
        value = measured[limit.population][limit.response]
        if limit.ranged:
            value = jnp.max(value) - jnp.min(value)
        apart = outside(problem, limit, value.size)
        counts = [m if apart is None else jnp.where(apart, m, jnp.inf) for m in limit.margins(value)]
        values += [_least(m) for m in counts]
    return Unit(jnp.stack(values) if values else jnp.zeros(0), settled, pose)


def _least(margins: Array) -> Array:
    """The least margin, with the slope of the element that has it: that of `min` shares it among those that compare
    equal, and where XLA computes a margin twice that may be none.
    """
    flat = jnp.ravel(margins)
    return flat[jnp.argmin(flat)] if len(flat) > 1 else flat[0]


def settle(
    model: Model[Any],
    design: Any,
    shared: Any,
    drawn: dict[str, Any],
    populations: dict[str, Population[Any]] | None = None,
    weights: dict[str, Array] | None = None,
) -> tuple[Array, Array]:
    """Newton on the virtual work of every element: the pose, and whether the last step was negligible.

    `populations` and `weights` put a weighted crowd in the place of all the elements.
    """
    start = model.rest(design, shared)
    if start.shape[0] == 0:
        return start, jnp.ones((), bool)
    crowd = populations or model.populations()
    parts: list[Any] = []
    for name, p in crowd.items():
        weight = weights[name] if weights else jnp.ones_like(p.sites.x)
        part = _forces(p, design, shared, drawn[name], start, weight)
        if part is not None:
            parts.append(part)

    def balance(pose: Array) -> Array:
        force = model.load(design, shared, pose)
        for lever, pull, _ in parts:
            force = force + jnp.einsum("fsp,fs->p", lever, pull(jnp.einsum("fsp,p->fs", lever, pose - start)))
        return force

    def pushed(pose: Array) -> tuple[Array, Array, Array]:
        """Force, its slope, and of that what softening elements take away."""
        force, stiffness = model.load(design, shared, pose), jax.jacfwd(lambda q: model.load(design, shared, q))(pose)
        softer = jnp.zeros_like(stiffness)
        for lever, _, reach in parts:
            value, slope = reach(jnp.einsum("fsp,p->fs", lever, pose - start))
            force = force + jnp.einsum("fsp,fs->p", lever, value)
            stiffness = stiffness + jnp.einsum("fsp,fs,fsq->pq", lever, slope, lever)
            softer = softer + jnp.einsum("fsp,fs,fsq->pq", lever, jnp.minimum(slope, 0.0), lever)
        return force, stiffness, softer

    def newton(_: Any, start: Array) -> tuple[Array, tuple[Array, Array]]:
        still = jnp.zeros_like(start)
        begin = Walk(start, still, still, FARTHEST, jnp.asarray(jnp.inf), jnp.zeros(2 * start.shape), jnp.asarray(0))
        end = jax.lax.while_loop(
            lambda at: ~(at.size < SETTLED) & (at.steps < STEPS), lambda at: _step(at, *pushed(at.pose)), begin
        )
        return end.pose, (end.size, end.stiffness)

    def linear(slope: Any, force: Array) -> Array:
        return jnp.linalg.solve(jax.jacfwd(slope)(start), force)

    pose, (size, stiffness) = jax.lax.custom_root(balance, start, newton, linear, has_aux=True)
    # A balance that the least push would upset (negative stiffness) is no place of rest.
    stable = jnp.linalg.eigvalsh(stiffness)[0] > 0.0
    return pose, (size < SETTLED) & stable


class Walk(NamedTuple):
    """A pose on its way to rest: the last move, the force that drove it, how far the next may go, size and number."""

    pose: Array
    move: Array
    drive: Array
    reach: Array | float
    size: Array
    stiffness: Array
    steps: Array


def _step(at: Walk, force: Array, stiffness: Array, softer: Array) -> Walk:
    """One Newton step, downhill also where elements soften; shorter after one that went too far."""
    upset = jnp.linalg.eigvalsh(stiffness)[0] <= UPSET * jnp.linalg.eigvalsh(stiffness - 2.0 * softer)[0]
    move = -jnp.linalg.solve(stiffness - jnp.where(upset, 2.0 * softer, 0.0), force)
    # Too far: into a force against it of over half of what drove it.
    beyond = force @ at.move > -0.5 * (at.drive @ at.move)
    reach = jnp.where(beyond, 0.25 * jnp.max(jnp.abs(at.move)), jnp.minimum(2.0 * at.reach, FARTHEST))
    size = jnp.max(jnp.abs(move))
    move = move * jnp.minimum(1.0, reach / jnp.maximum(size, 1e-12))
    return Walk(at.pose + move, move, force, reach, size, stiffness, at.steps + 1)


def _forces(p: Population[Any], design: Any, shared: Any, drawn: Any, start: Array, weight: Array) -> Any:
    """Levers (force states x sites x pose) of one population and its forces and slopes as functions of their travel."""
    states = jax.vmap(lambda site: p.state(design, shared, start, site))(p.sites)
    names = force_states(p, design, shared, start, drawn)
    if not names:
        return None
    slopes = jax.vmap(jax.jacfwd(lambda q, site: p.state(design, shared, q, site)), (None, 0))(start, p.sites)
    lever = jnp.stack([slopes[name] for name in names])

    def pull(travel: Array, state: Any, element: Any) -> Array:
        moved = {**state, **{name: state[name] + travel[i] for i, name in enumerate(names)}}
        force = p.force(design, moved, element)
        return jnp.stack([force[name] for name in names])

    def pulled(travel: Array) -> Array:
        return weight * jax.vmap(pull, (1, 0, 0), 1)(travel, states, drawn)

    def reach(travel: Array) -> tuple[Array, Array]:
        def one(t: Array, s: Any, e: Any) -> tuple[Array, Array]:
            return jax.jvp(lambda x: pull(x, s, e), (t,), (jnp.ones_like(t),))

        value, slope = jax.vmap(one, (1, 0, 0), 1)(travel, states, drawn)
        return weight * value, weight * slope

    return lever, pulled, reach


def force_states(p: Population[Any], design: Any, shared: Any, pose: Array, drawn: Any) -> tuple[str, ...]:
    """The states of a population that carry a force; each force depends on its own state and on no other's travel."""
    element = jax.tree.map(lambda leaf: leaf[0], drawn)
    shapes = jax.eval_shape(lambda e: p.force(design, p.state(design, shared, pose, at(p.sites, 0)), e), element)
    return tuple(shapes)
