"""Series of the reliability index of every limit over the states that it depends on: fitted to design points.

A group's series has, per row, the squeezed index of the second-order probability and, for each force whose state the
row uses, what the finite crowd needs there: `Own`; a pair's row ends with its share (`pairs`).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.conditional import chebyshev, forces, local
from yieldopt.conditional.chunked import chunked
from yieldopt.conditional.points import CHECKS, Box, Found, grids, margin_values, places
from yieldopt.conditional.structure import Family, degrees_of, parts, pulled
from yieldopt.problem import Problem, Sites

SPAN = 20.0
"""Reliability indices are compressed towards this bound before they are fitted: smoothly, for what is cut has corners.
"""
STEEP = 40.0
"""Change of an index over half a box from which the bound moves out with it: a step is no polynomial, its height is."""
COLUMNS = 4
"""Columns of a force in a row's series."""


class Own(NamedTuple):
    """What a failing element does to its own pose, per force whose state the margin uses.

    `pull`: the margin's gradient in the state over its slope in the normals (um^-1); `surplus`: the force at the design
    point beyond the crowd's mean; `stiffer`: that force's slope along the failure surface less the mean's;
    `variance`: of the force over the element's draws.
    """

    pull: Array
    surplus: Array
    stiffer: Array
    variance: Array


class Margins(NamedTuple):
    """A family's series by group and, per row, a direction towards failure and what there is to doubt.

    `eased` is what a row's index is divided by before it is fitted, one but for a steep one; `roundness` the product of
    the curvature factors left to second order, the least where it matters; `misfit` the root mean square error of the
    fitted index so divided, at states that it was fitted to or at others, the larger.
    """

    groups: tuple[Float[Array, "..."], ...]
    eased: Float[Array, " rows"]
    direction: Float[Array, "rows normals"]
    roundness: Float[Array, " rows"]
    misfit: Float[Array, " rows"]


class Forces(NamedTuple):
    """The mean forces of the population that a family is made of: series and scales."""

    series: tuple[Array, ...]
    scale: Float[Array, " forces"]


def fit(
    problem: Problem[Any], design: Any, family: Family, site: Sites, box: Box, means: Forces, found: Found
) -> Margins:
    """Fit the series of every row of a family to what `points.search` found; differentiable in the design."""
    if not family.rows:
        return Margins((), jnp.ones(0), jnp.zeros((0, family.normals)), jnp.zeros(0), jnp.zeros(0))
    selects, wheres = grids(family, box)

    def value(one: tuple[Array, Array, Array]) -> Array:
        select, s, z = one
        return margin_values(problem, design, family, site, s, *parts(family, z)) @ select

    index = local.index(found.point, chunked(value, (selects, wheres, found.point.normal), 64), found.log_p)
    own, eased = _own(family, wheres, box, means, found), _eased(family, found.point, box)
    direction, roundness = _summary(selects, found.point, index)
    index = index / (selects @ eased)
    groups = _series(family, found.point, index, jnp.concatenate([own, found.share], 1))
    return Margins(groups, eased, direction, roundness, _misfit(family, found.point, groups, index, eased))


def squeeze(beta: Array) -> Array:
    """Compress a reliability index beyond what matters, so that far values do not spoil a fit."""
    beta = jnp.clip(beta, -1e3, 1e3)
    return beta / jnp.sqrt(1.0 + (beta / SPAN) ** 2)


def release(squeezed: Array) -> Array:
    """Undo `squeeze`."""
    inside = jnp.clip(squeezed / SPAN, -0.98, 0.98)
    return SPAN * inside / jnp.sqrt(1.0 - inside**2)


def read(found: Float[Array, "columns nodes"], scale: Float[Array, " forces"]) -> tuple[Array, Own]:
    """Index and `Own` (forces x nodes) from the columns of a row's series."""
    count = len(scale)
    pull, variance = (found[1 + i * count : 1 + (i + 1) * count] for i in (0, COLUMNS - 1))
    variance = scale[:, None] ** 2 * jnp.exp(variance)
    return release(found[0]), Own(pull, *push(found[pushing(count)], scale), variance)


def pushing(forces: int) -> slice:
    """Those of a row's columns that say how a failing element pushes: `push` reads them."""
    return slice(1 + forces, 1 + 3 * forces)


def push(found: Float[Array, "columns nodes"], scale: Float[Array, " forces"]) -> tuple[Array, Array]:
    """Surplus and stiffer of `Own` (forces x nodes)."""
    surplus, stiffer = jnp.split(scale[jnp.arange(len(found)) % len(scale)][:, None] * jnp.sinh(found), 2)
    return surplus, stiffer


def _eased(family: Family, found: local.Point, box: Box) -> Array:
    """By how much more than `STEEP` each row's index changes over half the box of its steepest state, at its median.

    Where elements have next to no noise of their own an index passes from one bound to the other between two nodes of
    the grid, and where it does so is lost. Divided by this it is as smooth as the margin is; what is then wrong of it
    counts as much less, since a shift of the step is held against the states' own scatter.
    """
    steep = (jnp.abs(found.pull) * box[1]).max(1, initial=0.0)
    eased, start = jnp.ones(len(family.rows)), 0
    for states, members in family.groups().items():
        known = len(places(degrees_of(family, states)))
        part = steep[start : start + known * len(members)].reshape(len(members), known)
        eased = eased.at[np.array(members)].set(jnp.maximum(jnp.median(part, 1) / STEEP, 1.0))
        start += known * len(members)
    return jax.lax.stop_gradient(eased)


def _own(family: Family, wheres: Array, box: Box, means: Forces, found: Found) -> Array:
    """The columns of `Own` for every force (points x 4 forces): asinh and log of what is in units of force."""
    many, failing, (centre, half) = 2.0 if family.paired else 1.0, found.failing, box
    columns: list[list[Array]] = [[] for _ in range(COLUMNS)]
    for k, (own, used) in enumerate(family.forces):
        pick, scale = np.array(forces.axes_of(own, used)[0]), means.scale[k]
        where = ((wheres[:, pick] - centre[pick]) / half[pick]).T
        crowd = forces.read(forces.along(means.series[k], where[1:]), where[0], scale, half[own])
        columns[0].append(failing[:, 0, k])
        columns[1].append(jnp.arcsinh((failing[:, 1, k] - many * crowd.value) / scale))
        columns[2].append(jnp.arcsinh((failing[:, 2, k] - many * crowd.slope) / scale))
        columns[3].append(jnp.log(many * crowd.variance / scale**2 + 1e-12))
    flat = [column for group in columns for column in group]
    return jnp.stack(flat, -1) if flat else jnp.zeros((wheres.shape[0], 0))


def _series(family: Family, found: local.Point, index: Array, beside: Array) -> tuple[Array, ...]:
    """The series of each group: the index, then of what goes with it what the group's rows feel.

    An index counts where a few to a billion elements are lost or kept; what goes with it, wherever anything fails.
    """
    coefficients: list[Array] = []
    start, count = 0, len(family.forces)
    trusts = _trust(found, jnp.maximum(-index, index - 6.0), 4.0), _trust(found, jnp.abs(index) - 7.0, 0.25)
    for states, members in family.groups().items():
        degrees = degrees_of(family, states)
        known, points = len(places(degrees)), len(chebyshev.grid(degrees))
        part, shape = slice(start, start + known * len(members)), (len(members), known)
        kept = [i * count + k for i in range(COLUMNS) for k in pulled(family, states)]
        kept = np.array([*kept, *range(COLUMNS * count, beside.shape[1])], int)
        both = [
            chebyshev.fit(
                columns[part].reshape(*shape, -1)[:, :points].transpose(1, 0, 2),
                trust[part].reshape(shape)[:, :points].T,
                degrees,
            )
            for columns, trust in zip((squeeze(index)[:, None], beside[:, kept]), trusts, strict=True)
        ]
        coefficients.append(jnp.concatenate(both, -1))
        start += known * len(members)
    return tuple(coefficients)


def _summary(selects: Array, found: local.Point, index: Array) -> tuple[Array, Array]:
    """Each row's direction towards failure where it is about 4 sigma away, and its least roundness where it matters."""
    found, index = jax.lax.stop_gradient((found, index))
    rows = selects.T > 0
    near = selects.T * jax.nn.softmax(jnp.where(rows, -jnp.abs(index - 4.0), -jnp.inf), axis=1)
    direction = near @ found.direction
    direction = direction / jnp.maximum(jnp.linalg.norm(direction, axis=1, keepdims=True), 1e-12)
    met = (index > 0.0) & (index < 7.0) & (found.residual < local.SOUND)
    return direction, jnp.where(rows & met, jnp.exp(-2.0 * found.rest), 1.0).min(1)


def _misfit(family: Family, found: local.Point, groups: tuple[Array, ...], index: Array, eased: Array) -> Array:
    """Root mean square error of each row's series where the index decides: over the states that it was fitted to, with
    far fewer terms, or over others, the larger. An index whose search stopped short is taken as unknown.
    """
    left, start = jnp.zeros(len(family.rows)), 0
    index = jax.lax.stop_gradient(index)
    unknown = jnp.where(found.residual < local.SOUND, 0.0, 1.0)
    for (states, members), tensor in zip(family.groups().items(), jax.lax.stop_gradient(groups), strict=True):
        where = places(degrees_of(family, states))
        there, short = (
            value[start : start + len(where) * len(members)].reshape(len(members), -1) for value in (index, unknown)
        )
        fitted = release(chebyshev.evaluate(jnp.asarray(where.T), tensor[..., 0]))
        whole = eased[np.array(members)][:, None]
        short = jnp.where((there * whole > -1.0) & (there * whole < 7.0), short / whole, 0.0)  # beyond, tangents serve
        error = jnp.maximum(jnp.abs(fitted - there), short)
        counts = (jnp.maximum(there, fitted) > -1.0) & (jnp.minimum(there, fitted) < 7.0)
        both = [
            jnp.where(counts[:, part], error[:, part] ** 2, 0.0).sum(1) / jnp.maximum(counts[:, part].sum(1), 1)
            for part in (slice(-CHECKS), slice(-CHECKS, None))
        ]
        left = left.at[np.array(members)].set(jnp.sqrt(jnp.maximum(*both)))
        start += len(where) * len(members)
    return left


def _trust(found: local.Point, excess: Array, strict: float) -> Array:
    """Weight of a design point in a fit: full up to no excess of its index, far less beyond.

    Else what lies beyond, ten times as much, has most of the say, and bends the fit by a tenth of the loss. None is
    without a say: a polynomial left alone dives through zero.
    """
    excess, sound = jnp.clip(excess, 0.0, 6.0), found.residual < local.SOUND
    return jax.lax.stop_gradient(jnp.where(sound, 1.0, 0.1) / (1.0 + strict * excess**2) ** 2)
