"""What is done once a design: boxes of the states, series of forces and margins on them, and which margins go together.

What follows the design under differentiation is `series`; boxes, design points' places and the choice of correlated
margins are frozen (they change the answer only within its stated error).
"""

from dataclasses import replace
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.conditional import forces, margins
from yieldopt.conditional.chunked import chunked
from yieldopt.conditional.cubature import EXACT, Rule, rule
from yieldopt.conditional.forces import sobol_normals
from yieldopt.conditional.points import Box, Found, search
from yieldopt.conditional.structure import Family, Structure, sites_of, structure
from yieldopt.conditional.together import Couples, couples, degree, ends, ties
from yieldopt.exact import settle
from yieldopt.problem import Problem, Sites, at
from yieldopt.standard import standardise
from yieldopt.typing import Scalar

PILOT = 64
"""Shared draws that place the boxes of the states."""
BED = 12
"""Order of the rule for the mean forces, the bed that the unit settles on."""
FEW = 8
"""Order of the rule for what is a few per cent of the loss: corrections."""
REACH = 5.5
"""Half-width of a box in standard deviations of its state."""


class Tables(eqx.Module):
    """One family at one design: nodes, those of the mean forces and the few for corrections, box and series.

    `ends` says how many neighbours a pair's elements have (`together.ends`).

    `groups` are the series of its margins (`margins.read`); `forces` and `scale` those of the mean forces of the
    population that it is made of.
    """

    sites: Sites
    weight: Float[Array, " nodes"]
    ends: Float[Array, " nodes"]
    bed: tuple[Sites, Float[Array, " bed"]]
    few: tuple[Sites, Float[Array, " few"]]
    centre: Float[Array, " states"]
    half: Float[Array, " states"]
    groups: tuple[Float[Array, "..."], ...]
    forces: tuple[Float[Array, "..."], ...]
    scale: Float[Array, " forces"]
    direction: Float[Array, "rows normals"]
    roundness: Float[Array, " rows"]
    misfit: Float[Array, " rows"]


class Prepared(eqx.Module):
    """A problem at one design, ready for `log_pass`.

    `finite` weighs what the crowd's finite number does to an element: one, or zero to see how much that is.
    """

    problem: Problem[Any]
    design: Any
    structure: Structure = eqx.field(static=True)
    tables: tuple[Tables, ...]
    couples: tuple[Couples, ...]
    found: tuple[Found, ...]
    finite: Scalar = 1.0


class Frame(NamedTuple):
    """What is fixed on the host before a design is prepared: structure, and nodes and weights of every family."""

    structure: Structure
    rules: tuple[tuple[Rule, Rule, Rule], ...]

    @property
    def nodes(self) -> Any:
        """Index and weight of each family's rules: the sum's, the mean forces', and the corrections'."""
        return tuple(tuple((jnp.asarray(r.chosen), jnp.asarray(r.weight)) for r in three) for three in self.rules)


def frame(problem: Problem[Any], design: Any, order: int = 20, exact: int = EXACT) -> Frame:
    """Fix the structure and the cubature rules of a problem (host work, once a bump map)."""
    built = structure(problem, design)

    def three(family: Family) -> tuple[Rule, Rule, Rule]:
        sites = sites_of(problem, family)
        x, y = np.asarray(sites.x), np.asarray(sites.y)
        bed = FEW if family.paired else BED  # pairs have no forces of their own
        return rule(x, y, order, exact=exact), rule(x, y, bed, exact=0), rule(x, y, FEW, exact=0)

    return Frame(built, tuple(three(family) for family in built.families))


def prepare(problem: Problem[Any], design: Any, built: Structure, nodes: Any) -> Prepared:
    """Prepare `problem` at `design`; `nodes` are (index, weight) of each family's rules."""
    places = [(sites_of(problem, f), *rules) for f, rules in zip(built.families, nodes, strict=True)]
    boxes = _spans(problem, design, built, places)
    found = tuple(
        search(problem, design, f, at(sites, 0), boxes[f.of], degree(problem, f) if f.paired else 0.0)
        for f, (sites, *_) in zip(built.families, places, strict=True)
    )
    tables: list[Tables] = []
    fitted = series(problem, design, built, boxes, found)
    for family, (sites, (index, weight), *less), (mean, made) in zip(built.families, places, fitted, strict=True):
        where, many = at(sites, index), ends(problem, family, index)
        bed, few = ((at(sites, some), share) for some, share in less)
        tables.append(Tables(where, weight, many, bed, few, *boxes[family.of], made.groups, *mean, *made[1:]))
    direction = {family.name: table.direction for family, table in zip(built.families, tables, strict=True)}
    kept = tuple(
        ties(problem, f, direction[f.name], direction[f.of]) if f.paired else couples(f, direction[f.name])
        for f in built.families
    )
    return Prepared(problem, design, built, tuple(tables), kept, found, jnp.ones(()))


def series(
    problem: Problem[Any], design: Any, built: Structure, boxes: dict[str, Box], found: tuple[Found, ...]
) -> list[tuple[margins.Forces, margins.Margins]]:
    """The series of every family: of its population's mean forces, of its margins. Differentiable in the design."""
    means = {
        f.name: margins.Forces(*forces.tables(problem, design, f, *boxes[f.name]))
        for f in built.families
        if not f.paired
    }
    return [
        (means[f.of], margins.fit(problem, design, f, at(sites_of(problem, f), 0), boxes[f.of], means[f.of], points))
        for f, points in zip(built.families, found, strict=True)
    ]


def thinned(prepared: Prepared, nodes: Any) -> Prepared:
    """The same design, summed over other nodes, and settled on the few: for searches, which look often."""
    tables: list[Tables] = []
    for family, table, ((index, weight), *_) in zip(prepared.structure.families, prepared.tables, nodes, strict=True):
        where, many = at(sites_of(prepared.problem, family), index), ends(prepared.problem, family, index)
        tables.append(replace(table, sites=where, weight=weight, ends=many, bed=table.few))
    return replace(prepared, tables=tuple(tables))


def _spans(problem: Problem[Any], design: Any, built: Structure, places: Any) -> dict[str, tuple[Array, Array]]:
    """Centre and half-width of every state of every population, over pilot draws at the nodes."""
    model = problem.model
    median = {f.name: jnp.zeros(f.normals) for f in built.families if not f.paired}
    populations = model.populations()
    thin, weights = {}, {}
    for family, (sites, (index, weight), *_) in zip(built.families, places, strict=True):
        if not family.paired:
            thin[family.name] = eqx.tree_at(lambda p: p.sites, populations[family.name], at(sites, index))
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
    spans: dict[str, tuple[Array, Array]] = {}
    for name, states in drawn.items():
        # One unit that came to no rest would carry a box away; where none did, none is found and all draws are lost.
        mean, deviation = (f(states, 0, where=rests[:, None, None]) for f in (jnp.mean, jnp.std))
        centre = 0.5 * (mean.max(0) + mean.min(0))
        half = jnp.abs(mean - centre).max(0) + REACH * deviation.max(0)
        least = jnp.array([0.0 if key in populations[name].lengths else -jnp.inf for key in names[name]])
        short = jnp.maximum(least - (centre - half), 0.0)
        centre, half = centre + 0.5 * short, half - 0.5 * short
        spans[name] = centre, jnp.maximum(half, 1e-6 * (1.0 + jnp.abs(centre)))
    return spans
