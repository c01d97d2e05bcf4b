"""What prepares a design, stage by stage: each is a program of its own.

XLA takes half as long again over one program of them all, and two of them compile at once. What follows the design
under differentiation are the series, of `crowd` and `fit`; boxes, design points' places and the choice of correlated
margins are frozen (they change the answer only within its stated error).
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from yieldopt.conditional import forces, margins, points
from yieldopt.conditional.chunked import chunked
from yieldopt.conditional.forces import sobol_normals
from yieldopt.conditional.points import Box, Found, margin_values
from yieldopt.conditional.structure import Family, Structure, sites_of
from yieldopt.conditional.together import Couples, couples, degree, ends, ties
from yieldopt.exact import settle
from yieldopt.problem import Problem, Sites, at
from yieldopt.programs import program
from yieldopt.standard import standardise

PILOT = 64
"""Shared draws that place the boxes of the states."""
REACH = 5.5
"""Half-width of a box in standard deviations of its state."""


DEEP, HIGH, WIDTH = 9.0, 2.0, 512
"""Standard deviations between which an element is looked at, beyond its median and before it, and draws that tell how
much one is.
"""


class Placed(NamedTuple):
    """A family's nodes with weights: the sum's, the mean forces', fewer of those, the few for corrections; `ends` is as
    in `together.ends`.
    """

    sites: Sites
    weight: Float[Array, " nodes"]
    ends: Float[Array, " nodes"]
    bed: tuple[Sites, Float[Array, " bed"]]
    coarse: tuple[Sites, Float[Array, " coarse"]]
    few: tuple[Sites, Float[Array, " few"]]


@program
def crowd(problem: Problem[Any], design: Any, family: Family, box: Box) -> margins.Forces:
    """The mean forces of a population."""
    return margins.Forces(*forces.tables(problem, design, family, *box))


@program
def crowd_back(problem: Problem[Any], design: Any, family: Family, box: Box, out: list[tuple[Array, ...]]) -> Any:
    """The slope in the design, from those in the series of the mean forces."""
    whole = jax.tree.map(lambda *leaves: sum(leaves), *out)
    return jax.vjp(lambda d: tuple(forces.tables(problem, d, family, *box)[0]), design)[1](whole)[0]


@program
def search(problem: Problem[Any], design: Any, family: Family, box: Box) -> Found:
    """The design points of a family's limits."""
    many = degree(problem, family) if family.paired else 0.0
    return points.search(problem, design, family, at(sites_of(problem, family), 0), box, many)


@program
def fit(
    problem: Problem[Any], design: Any, family: Family, box: Box, means: margins.Forces, found: Found
) -> margins.Margins:
    """The series of a family's limits."""
    return margins.fit(problem, design, family, at(sites_of(problem, family), 0), box, means, found)


@program
def fit_back(
    problem: Problem[Any], design: Any, family: Family, box: Box, means: margins.Forces, found: Found, out: Any
) -> tuple[Any, tuple[Array, ...]]:
    """The slopes in the design and in the mean forces' series, from that in the series of a family's limits."""
    site = at(sites_of(problem, family), 0)

    def groups(design: Any, series: tuple[Array, ...]) -> Any:
        return margins.fit(problem, design, family, site, box, means._replace(series=series), found).groups

    return jax.vjp(groups, design, means.series)[1](out)


@program
def place(
    problem: Problem[Any], built: Structure, nodes: Any, directions: tuple[Array, ...]
) -> tuple[tuple[Placed, ...], tuple[Couples, ...]]:
    """Each family's nodes, and which of its limits go together."""
    placed: list[Placed] = []
    for family, ((index, weight), *less) in zip(built.families, nodes, strict=True):
        sites = sites_of(problem, family)
        bed, coarse, few = ((at(sites, some), share) for some, share in less)
        placed.append(Placed(at(sites, index), weight, ends(problem, family, index), bed, coarse, few))
    towards = {f.name: direction for f, direction in zip(built.families, directions, strict=True)}
    kept = tuple(
        ties(problem, f, towards[f.name], towards[f.of]) if f.paired else couples(f, towards[f.name])
        for f in built.families
    )
    return tuple(placed), kept


@program
def levelled(problem: Problem[Any], design: Any, family: Family, box: Box) -> Box:
    """The box of a ranged family: that of its base, and how far an element may lie off its median."""
    median, site = jnp.zeros(family.normals), at(sites_of(problem, family), 0)
    states = jnp.concatenate([box[0], jnp.zeros(1)])
    off = jax.vmap(lambda z: margin_values(problem, design, family, site, states, z)[0])(
        jnp.asarray(sobol_normals(WIDTH, len(median), 0))
    )
    middle, half = (0.5 * (DEEP + side * HIGH) * jnp.std(off)[None] for side in (-1.0, 1.0))
    return jnp.concatenate([box[0], middle]), jnp.concatenate([box[1], half])


@program
def spans(problem: Problem[Any], design: Any, built: Structure, nodes: Any) -> dict[str, Box]:
    """Centre and half-width of every state of every population, over pilot draws at the nodes."""
    model = problem.model
    median = {f.name: jnp.zeros(f.normals) for f in built.families if f.crowd}
    populations = model.populations()
    thin, weights = {}, {}
    for family, ((index, weight), *_) in zip(built.families, nodes, strict=True):
        if family.crowd:
            p = populations[family.name]
            thin[family.name] = eqx.tree_at(lambda p: p.sites, p, at(p.sites, index))
            weights[family.name] = weight
    names = {f.name: f.states for f in built.families}

    def one(z: Array) -> tuple[dict[str, Array], Array]:
        shared = standardise(lambda: model.variation(design), z)
        drawn = {
            n: jax.vmap(lambda _, p=p, n=n: standardise(lambda: p.variation(design), median[n]))(p.sites.x)
            for n, p in thin.items()
        }
        pose, rests = settle(model, design, shared, drawn, thin, weights)
        found = {n: jax.vmap(lambda s, p=p: p.state(design, shared, pose, s))(p.sites) for n, p in thin.items()}
        return {n: jnp.stack([found[n][key] for key in names[n]], -1) for n in thin}, rests

    drawn, rests = chunked(one, jnp.asarray(sobol_normals(PILOT, built.unit, 0)), 16)
    boxes: dict[str, Box] = {}
    for name, states in drawn.items():
        # One unit that came to no rest would carry a box away; where none did, none is found and all draws are lost.
        mean, deviation = (f(states, 0, where=rests[:, None, None]) for f in (jnp.mean, jnp.std))
        centre = 0.5 * (mean.max(0) + mean.min(0))
        half = jnp.abs(mean - centre).max(0) + REACH * deviation.max(0)
        least = jnp.array([0.0 if key in populations[name].lengths else -jnp.inf for key in names[name]])
        short = jnp.maximum(least - (centre - half), 0.0)
        centre, half = centre + 0.5 * short, half - 0.5 * short
        boxes[name] = centre, jnp.maximum(half, 1e-6 * (1.0 + jnp.abs(centre)))
    return boxes
