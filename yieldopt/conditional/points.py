"""Design points of every limit on a grid of the states that it depends on: where elements fail, and how likely.

Nothing here is differentiated: what a design moves is read at the points found (`margins.fit`).
"""

from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.conditional import chebyshev, local, pairs, ring
from yieldopt.conditional.chunked import chunked
from yieldopt.conditional.forces import sobol_normals
from yieldopt.conditional.structure import Family, degrees_of, margin_of, parts
from yieldopt.problem import Problem, Sites
from yieldopt.standard import standardise

_STEP = 1e-4
"""Step of the differences of a force along a failure surface (um): their error, 1e-6 of it, counts for nothing."""

CHECKS, WIDE = 32, (0.18, 0.5)
"""States at which a series is held against design points that it was not fitted to, and the spreads of the first half
and the second in half-widths of the box: what is typical, and far from there, where failures are met.
"""

Box = tuple[Array, Array]
"""Centre and half-width of every state."""


class Found(NamedTuple):
    """The design points of a family's rows on their grids, one after the other.

    `log_p` is the log failure probability, `failing` what the force does there (`_failing`), `share` of a pair what its
    elements fail alone (`pairs`), of no columns else.
    """

    point: local.Point
    log_p: Float[Array, " points"]
    failing: Float[Array, "points 3 forces"]
    share: Float[Array, "points columns"]


def search(problem: Problem[Any], design: Any, family: Family, site: Sites, box: Box, degree: float = 0.0) -> Found:
    """Find the design points of a family; `site` stands for all (its axis for all pairs).

    `degree` is the number of pairs that an element takes part in.
    """
    if not family.rows:  # it bears others, and has no limit of its own
        none, normals = jnp.zeros(0), jnp.zeros((0, family.normals))
        states, failing = jnp.zeros((0, len(family.states))), jnp.zeros((0, 3, len(family.forces)))
        point = local.Point(none, none, normals, none, normals, states, none, normals, none, none, normals)
        return Found(point, none, failing, jnp.zeros((0, 0)))
    problem, design, box = jax.lax.stop_gradient((problem, design, box))
    selects, wheres = grids(family, box)

    def value(one: tuple[Array, Array], *z: Array) -> Array:
        return margin_values(problem, design, family, site, one[1], *z) @ one[0]

    def solve(one: tuple[Array, Array]) -> tuple[local.Point, Array, Array]:
        point = local.design_point(lambda s, z: value((one[0], s), *parts(family, z)), one[1], family.normals)
        plane = pairs.on_plane(lambda *z: value(one, *z), point, degree) if family.paired else jnp.zeros(0)
        return point, _failing(problem, design, family, one[1], point), plane

    point, failing, plane = chunked(solve, (selects, wheres), 64)
    log_p = plane[:, 1] if family.paired else ring.log_probability(value, (selects, wheres), point)
    return Found(point, log_p, failing, plane[:, :1])


def margin_values(problem: Problem[Any], design: Any, family: Family, site: Sites, s: Array, *z: Array) -> Array:
    """The margins of one element of a family at states `s` and the normals of its parts, one a row."""
    if family.ranged:
        respond, name = margin_of(problem, design, family, site), problem.limits[family.rows[0].limit].response
        states = dict(zip(family.states[:-1], s, strict=False))
        off = respond(states, *z)[name] - respond(states, *(jnp.zeros_like(part) for part in z))[name]
        return jnp.stack([s[-1] + off, s[-1] - off])
    measured = margin_of(problem, design, family, site)(dict(zip(family.states, s, strict=True)), *z)
    limits = problem.limits
    return jnp.stack(
        [
            limits[r.limit].margins(measured[limits[r.limit].response])[limits[r.limit].sides.index(r.side)]
            for r in family.rows
        ]
    )


def grids(family: Family, box: Box) -> tuple[Array, Array]:
    """Every (row as a unit vector, state) at which a design point is wanted, group by group: `places` of each row."""
    selects: list[Array] = []
    wheres: list[Array] = []
    centre, half = box
    for states, members in family.groups().items():
        points, axes = places(degrees_of(family, states)), np.array(states, int)
        where = jnp.tile(centre, (len(points), 1)).at[:, axes].add(points * half[axes])
        for member in members:
            selects.append(jnp.tile(jnp.eye(len(family.rows))[member], (len(points), 1)))
            wheres.append(where)
    return jnp.concatenate(selects), jnp.concatenate(wheres)


@lru_cache
def places(degrees: tuple[int, ...]) -> np.ndarray:
    """Where a row's design points are wanted in its box [-1, 1]^axes: on the grid of its series, then at the checks."""
    checks = np.clip(np.repeat(WIDE, CHECKS // 2)[:, None] * sobol_normals(CHECKS, len(degrees), 7), -1.0, 1.0)
    return np.concatenate([chebyshev.grid(degrees), checks])


def _failing(problem: Any, design: Any, family: Family, s: Array, point: local.Point) -> Array:
    """Per force: the margin's pull, the force at the design point, its slope along the failure surface."""
    p = problem.model.populations()[family.of]
    own = np.array([f for f, _ in family.forces], int)
    if not len(own):
        return jnp.zeros((3, 0))

    def push(s: Array, z: Array) -> Array:
        states = dict(zip(family.states, s, strict=True))
        every = [p.force(design, states, standardise(lambda: p.variation(design), part)) for part in parts(family, z)]
        return jnp.stack([sum((force[family.states[i]] for force in every), jnp.zeros(())) for i in own])

    pull, count = point.pull[own], len(own)
    signs = _STEP * jnp.concatenate([jnp.zeros((1, count)), jnp.eye(count), -jnp.eye(count)])
    moved = jax.vmap(push)(s + signs @ jnp.eye(len(s))[own], point.normal + (signs @ pull)[:, None] * point.direction)
    slope = jnp.diagonal(moved[1 : 1 + count] - moved[1 + count :]) / (2.0 * _STEP)
    return jnp.stack([pull, moved[0], slope])
