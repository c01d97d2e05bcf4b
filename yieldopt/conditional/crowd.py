"""What a crowd's finite number does to its elements: they pull on their own pose, and scatter it for the others."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.conditional import chebyshev, margins
from yieldopt.conditional.balance import Crowd, scaled, through
from yieldopt.conditional.prepare import Tables
from yieldopt.conditional.spared import Group, Spared
from yieldopt.conditional.structure import Family, pulled
from yieldopt.conditional.tails import hazard, log_ndtr

EASED = 3
"""Looks at a row in which a failing element's pull on its own pose settles with the force that it then has."""


class Felt(NamedTuple):
    """Rows with the finite crowd in them: index, its slope by the pose, and what a failing element pushes beyond the
    crowd's mean, by each force; zero where a row does not feel one.
    """

    beta: Float[Array, "rows nodes"]
    steep: Float[Array, "rows pose nodes"]
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
            scale = tables.scale[np.array(forced)]
            row = where, tensor[..., k, :], tables.eased[member], half[:, None], scale, sway, scatter
            alike.setdefault((tensor.shape, own, tuple(forced)), []).append((member, row))
    for (_, own, forced), found in alike.items():
        members, rows = zip(*found, strict=True)
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *rows)
        eased, *pushed = jax.vmap(lambda *r, own=own: _eased(own, *r))(*stacked)
        for member, row in zip(members, eased, strict=True):
            index[member] = row
        felt = felt.at[:, np.array(members)[:, None], np.array(forced)].set(jnp.stack(pushed))
    pull, surplus = felt
    return Felt(jnp.stack(index), jnp.einsum("rfn,fpn->rpn", pull, levers), surplus)


def swayed(
    index: Callable[[Array], Array],
    states: Float[Array, "states nodes"],
    free: list[int],
    levers: Float[Array, "free pose nodes"],
    crowd: Crowd,
) -> Float[Array, "rows nodes"]:
    """How much longer the scatter of the pose makes a row's normal through states that it moves and that bear nothing.

    `index` takes states to the rows' indices, whose slopes carry the scatter over.
    """
    found, back = jax.vjp(index, states)
    slopes = jax.vmap(lambda row: back(jnp.zeros_like(found).at[row].set(1.0))[0])(jnp.arange(len(found)))
    lean = jnp.einsum("rsn,spn->rpn", slopes[:, np.array(free)], levers)
    spread = crowd.compliance @ crowd.scatter @ crowd.compliance.T
    return jnp.sqrt(1.0 + jnp.maximum(jnp.einsum("rpn,pq,rqn->rn", lean, spread, lean), 0.0))


def _eased(
    own: tuple[int, ...],
    where: Array,
    series: Array,
    easing: Array,
    half: Array,
    scale: Array,
    sway: Array,
    scatter: Array,
) -> tuple[Array, Array, Array]:
    """One row where its pull on its own pose has settled with the force that it then has: index, pull, surplus."""
    look = _shifted(own, where, series, half)

    def ease(shift: Array, _: None) -> tuple[Array, None]:
        surplus, stiffer = margins.push(look(shift, margins.pushing(len(scale))), scale)
        return shift - (shift + sway * surplus) / jnp.maximum(1.0 + sway * stiffer, 0.5), None

    shift = jax.lax.scan(ease, jnp.zeros_like(sway), None, length=EASED - 1)[0]
    beta, there = margins.read(look(shift, slice(None)), scale)
    beta = easing * beta
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


def in_common(felt: Felt, levers: Array, crowd: Crowd, weight: Float[Array, "#rows nodes"]) -> tuple[Array, Array]:
    """What elements that fail owe to one another through the pose, the second term of the union of their failures; and
    by how much the pose of units where none fails lies off the others'.

    The crowd's scatter moves all alike (they fail together); one that fails pushes the chip away from the others (they
    fail apart). With a the slope of the number that fails by the pose and b what failing elements push, C the
    compliance and S the pose's scatter: a S a / 2 - a C b. A linear bed of springs leaves - a C a k s^2 / 2 of it.
    That number varies with the pose by S a - C b, and with none the pose lies off by as much the other way.
    """
    owing = _owing(felt, levers)
    steeper, pushed = ((part * weight[:, None]).sum((0, 2)) for part in (owing.steeper, owing.pushed))
    moved = crowd.compliance @ steeper
    most = 0.5 * (owing.rate * weight).sum()
    both = jnp.clip(0.5 * moved @ crowd.scatter @ moved - moved @ pushed, -most, most)
    return both, crowd.compliance @ (pushed - crowd.scatter @ moved)


def in_groups(
    felt: Felt, levers: Array, crowd: Crowd, family: Family, groups: tuple[Group, ...], spared: Spared
) -> tuple[list[Array], Array]:
    """What elements of one group owe to one another where some are to spare: of each net, and what `in_common` had for
    it. It is (1 - z)^2 of a group's number that counts, up to the spare ones (`Passed.bend`).
    """
    own_part: list[Array] = []
    rows = jnp.asarray([row.spared for row in family.rows], bool)
    owing, before = _owing(felt, levers), jnp.zeros(())
    steeper, pushed = (jnp.where(rows[:, None, None], part, 0.0).sum(0) for part in (owing.steeper, owing.pushed))
    start = levers.shape[-1] - sum(own.within.size for own in groups)
    for own, found in zip(groups, spared.groups, strict=True):
        nodes = slice(start, start + own.within.size)
        start = nodes.stop
        a, b = ((part[:, nodes].reshape(-1, *own.within.shape) * own.within).sum(2) for part in (steeper, pushed))
        moved = crowd.compliance @ a
        both = 0.5 * (moved * (crowd.scatter @ moved)).sum(0) - (moved * b).sum(0)
        own_part.append(own.weight @ (both * found.bend))
        before = before + own.weight @ (both * found.last**2)
    return own_part, before


class Owing(NamedTuple):
    """Of every row at every node: how often it fails, by how much more as the pose moves, and what it then pushes."""

    rate: Float[Array, "rows nodes"]
    steeper: Float[Array, "rows pose nodes"]
    pushed: Float[Array, "rows pose nodes"]


def _owing(felt: Felt, levers: Array) -> Owing:
    rate = -log_ndtr(felt.beta)
    pushed = jnp.einsum("rn,rfn,fpn->rpn", rate, felt.surplus, levers)
    return Owing(rate, -hazard(felt.beta)[:, None] * felt.steep, pushed)
