"""What is done once a design: boxes of the states, series of forces and margins on them, which margins go together."""

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.conditional import stages
from yieldopt.conditional.cubature import EXACT, Rule, rule
from yieldopt.conditional.points import Found
from yieldopt.conditional.structure import Family, Structure, sites_of, structure
from yieldopt.conditional.together import Couples, ends
from yieldopt.problem import Problem, Sites, at
from yieldopt.programs import beside
from yieldopt.typing import Scalar

BED = 12
"""Order of the rule for the mean forces, the bed that the unit settles on."""
FEW = 8
"""Order of the rule for what is a few per cent of the loss: corrections."""


class Tables(eqx.Module):
    """One family at one design: nodes, those of the mean forces and the few for corrections, box and series.

    `ends` says how many neighbours a pair's elements have (`together.ends`).

    `groups` are the series of its margins (`margins.read`), `eased` as there; `forces` and `scale` those of the mean
    forces of the population that it is made of.
    """

    sites: Sites
    weight: Float[Array, " nodes"]
    ends: Float[Array, " nodes"]
    bed: tuple[Sites, Float[Array, " bed"]]
    few: tuple[Sites, Float[Array, " few"]]
    centre: Float[Array, " states"]
    half: Float[Array, " states"]
    groups: tuple[Float[Array, "..."], ...]
    eased: Float[Array, " rows"]
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
    boxes = stages.spans(problem, design, built, nodes)
    crowds = [f for f in built.families if not f.paired]
    # Pairs first: their search takes longest to compile.
    tasks = [partial(stages.search, problem, design, f, boxes[f.of]) for f in reversed(built.families)]
    tasks += [partial(stages.crowd, problem, design, f, boxes[f.name]) for f in crowds]
    done = beside(tasks)
    found: tuple[Found, ...] = tuple(reversed(done[: len(built.families)]))
    means = dict(zip((f.name for f in crowds), done[len(built.families) :], strict=True))
    made = beside(
        [
            partial(stages.fit, problem, design, f, boxes[f.of], means[f.of], points)
            for f, points in zip(built.families, found, strict=True)
        ]
    )
    placed, kept = stages.place(problem, built, nodes, tuple(m.direction for m in made))
    tables = tuple(
        Tables(
            *where, *boxes[f.of], m.groups, m.eased, means[f.of].series, means[f.of].scale,
            m.direction, m.roundness, m.misfit,
        )
        for f, where, m in zip(built.families, placed, made, strict=True)
    )  # fmt: skip
    return Prepared(problem, design, built, tables, kept, found, jnp.ones(()))


def thinned(prepared: Prepared, nodes: Any) -> Prepared:
    """The same design, summed over other nodes, and settled on the few: for searches, which look often."""
    tables: list[Tables] = []
    for family, table, ((index, weight), *_) in zip(prepared.structure.families, prepared.tables, nodes, strict=True):
        where, many = at(sites_of(prepared.problem, family), index), ends(prepared.problem, family, index)
        tables.append(replace(table, sites=where, weight=weight, ends=many, bed=table.few))
    return replace(prepared, tables=tuple(tables))
