"""What is done once a design: boxes of the states, series of forces and margins on them, which margins go together."""

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from yieldopt.conditional import stages
from yieldopt.conditional.cubature import EXACT, ORDER, Rule, rule
from yieldopt.conditional.points import Found
from yieldopt.conditional.spared import Group, group
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
    """One family at one design: nodes, those of the mean forces, fewer for those, the few for corrections, box, series.

    `ends` says how many neighbours a pair's elements have (`together.ends`), `nets` are as in `Nodes.groups`.

    `groups` are the series of its margins (`margins.read`), `eased` as there; `forces` and `scale` those of the mean
    forces of the population that it is made of.
    """

    sites: Sites
    weight: Float[Array, " nodes"]
    ends: Float[Array, " nodes"]
    bed: tuple[Sites, Float[Array, " bed"]]
    coarse: tuple[Sites, Float[Array, " coarse"]]
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
    nets: tuple[Group, ...] = ()


class Nodes(NamedTuple):
    """A family's nodes as sites with weights: the sum's, the mean forces', fewer of those, the few for corrections; the
    groups of its nets, whose nodes are the last of the sum's and of the few.
    """

    sum: tuple[Int[Array, " nodes"], Float[Array, " nodes"]]
    bed: tuple[Int[Array, " bed"], Float[Array, " bed"]]
    coarse: tuple[Int[Array, " coarse"], Float[Array, " coarse"]]
    few: tuple[Int[Array, " few"], Float[Array, " few"]]
    groups: tuple[Group, ...]


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
    nodes: tuple[Nodes, ...]


def frame(problem: Problem[Any], design: Any, order: int = ORDER, exact: int = EXACT, room: int = 0) -> Frame:
    """Fix the structure and the cubature rules of a problem (host work, once a bump map); `room` as in `rule`."""
    built = structure(problem, design)
    return Frame(built, tuple(_nodes(problem, family, order, exact, room) for family in built.families))


def _nodes(problem: Problem[Any], family: Family, order: int, exact: int, room: int) -> Nodes:
    sites = sites_of(problem, family)
    x, y = np.asarray(sites.x), np.asarray(sites.y)
    nets = [np.asarray(net.members) for net in problem.nets if family.nets and net.of == family.name]
    outside = np.setdiff1d(np.arange(len(x)), np.concatenate([net.ravel() for net in nets])) if nets else None
    groups = tuple(group(x, y, net, order, exact, room) for net in nets)

    def summed(order: int, exact: int, room: int = 0) -> tuple[Array, Array]:
        if outside is None:
            return _pair(rule(x, y, order, exact=exact, room=room))
        found = [(outside[:0], np.zeros(0))]
        if len(outside):
            own = rule(x[outside], y[outside], order, exact=exact, room=room)
            found = [(outside[own.chosen], own.weight)]
        found += [(g.sites.ravel(), g.each()) for g in groups]
        return tuple(jnp.concatenate([jnp.asarray(part[k]) for part in found]) for k in (0, 1))  # type: ignore[return-value]

    coarse = _pair(rule(x, y, FEW, exact=0))
    bed = coarse if not family.crowd else _pair(rule(x, y, BED, exact=0))  # pairs have no forces of their own
    return Nodes(summed(order, exact, room), bed, coarse, summed(FEW, 0) if nets else coarse, groups)


def _pair(found: Rule) -> tuple[Array, Array]:
    return jnp.asarray(found.chosen), jnp.asarray(found.weight)


def prepare(problem: Problem[Any], design: Any, built: Structure, nodes: tuple[Nodes, ...]) -> Prepared:
    """Prepare `problem` at `design` on the `nodes` of each family."""
    rules = tuple(own[:4] for own in nodes)
    spans = stages.spans(problem, design, built, rules)
    crowds = [f for f in built.families if f.crowd]
    boxes = {
        f.name: stages.levelled(problem, design, f, spans[f.of]) if f.ranged else spans[f.of] for f in built.families
    }
    # Pairs first: their search takes longest to compile.
    tasks = [partial(stages.search, problem, design, f, boxes[f.name]) for f in reversed(built.families)]
    tasks += [partial(stages.crowd, problem, design, f, boxes[f.name]) for f in crowds]
    done = beside(tasks)
    found: tuple[Found, ...] = tuple(reversed(done[: len(built.families)]))
    means = dict(zip((f.name for f in crowds), done[len(built.families) :], strict=True))
    made = beside(
        [
            partial(stages.fit, problem, design, f, boxes[f.name], means[f.of], points)
            for f, points in zip(built.families, found, strict=True)
        ]
    )
    placed, kept = stages.place(problem, built, rules, tuple(m.direction for m in made))
    tables = tuple(
        Tables(
            *where, *boxes[f.name], m.groups, m.eased, means[f.of].series, means[f.of].scale,
            m.direction, m.roundness, m.misfit, own.groups,
        )
        for f, where, m, own in zip(built.families, placed, made, nodes, strict=True)
    )  # fmt: skip
    return Prepared(problem, design, built, tables, kept, found, jnp.ones(()))


def resummed(prepared: Prepared, nodes: tuple[Nodes, ...]) -> Prepared:
    """The same design, summed over other nodes."""
    tables: list[Tables] = []
    for family, table, own in zip(prepared.structure.families, prepared.tables, nodes, strict=True):
        (index, weight), sites = own.sum, sites_of(prepared.problem, family)
        many, few = ends(prepared.problem, family, index), (at(sites, own.few[0]), own.few[1])
        where = at(sites, index)
        tables.append(replace(table, sites=where, weight=weight, ends=many, few=few, nets=own.groups))
    return replace(prepared, tables=tuple(tables))


def thinned(prepared: Prepared, nodes: tuple[Nodes, ...]) -> Prepared:
    """The same design, summed over other nodes, and settled on fewer: for searches, which look often."""
    found = resummed(prepared, nodes)
    return replace(found, tables=tuple(replace(table, bed=table.coarse) for table in found.tables))
