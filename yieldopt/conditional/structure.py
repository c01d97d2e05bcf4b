"""What depends on what, read off the traced responses: which states each margin and each force really uses.

It is found from the program's graph, not from numbers, so it is the same for every design of a model and may be part of
a compiled program's shape.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.extend.core import Literal

from yieldopt.errors import UserError
from yieldopt.exact import Layout, force_states, layout
from yieldopt.problem import Problem, Sites, at
from yieldopt.standard import standardise

PLAIN = {1: 12, 2: 10, 3: 3, 4: 3, 5: 2, 6: 2}
"""Degree of a margin's series by the number of states that it depends on."""
UNPUSHED = {3: 5, 4: 4}
"""The same where no state carries a force: one that does bends an index the most; where none does, any may."""
PUSHED = 14
"""Degree in a state that carries a force: it travels far, and the joint's shape bends along it."""


LEVEL = "level"
"""The state of a ranged family that its base has not."""


class Row(NamedTuple):
    """One side of one limit on one element, or pair: which, the states that it uses, and whether nets may spare it."""

    limit: int
    side: str
    states: tuple[int, ...]
    spared: bool = False


class Family(NamedTuple):
    """Elements (or pairs of them) that are treated alike: names of their states, forces and margins; `moved` are the
    states that the pose moves, `nets` the groups of them that have some to spare: their limit and how many, at most.

    A `ranged` family is about one limit on a range: its last state is a level, and its two rows are how far an element
    lies above and below its median, that level beyond either way.
    """

    name: str
    of: str
    paired: bool
    states: tuple[str, ...]
    forces: tuple[tuple[int, tuple[int, ...]], ...]
    rows: tuple[Row, ...]
    normals: int
    moved: tuple[int, ...] = ()
    nets: tuple[tuple[int, int], ...] = ()
    ranged: bool = False

    @property
    def crowd(self) -> bool:
        """Whether it stands for the elements themselves: for no pairs of them, and no range over them."""
        return not (self.paired or self.ranged)

    def groups(self) -> dict[tuple[int, ...], list[int]]:
        """Rows by the states that they use: each group shares one basis."""
        found: dict[tuple[int, ...], list[int]] = {}
        for index, row in enumerate(self.rows):
            found.setdefault(row.states, []).append(index)
        return found


class Structure(NamedTuple):
    """The families of a problem, and the size of its normals; hashable, so it may shape a compiled program.

    `poised` are the limits on the unit that its pose moves.
    """

    unit: int
    pose: int
    families: tuple[Family, ...]
    poised: tuple[int, ...] = ()


def structure(problem: Problem[Any], design: Any) -> Structure:
    """The structure of a problem, read once a process: the numbers do not matter, only what kind of thing is where."""
    leaves, tree = jax.tree.flatten((problem, design))
    key = tree, tuple((leaf.shape, leaf.dtype) if isinstance(leaf, Array) else leaf for leaf in leaves)
    if key not in _READ:
        _READ[key] = _read(problem, design)
    return _READ[key]


_READ: dict[Any, Structure] = {}


def _read(problem: Problem[Any], design: Any) -> Structure:
    for limit in problem.limits:
        if limit.ranged and limit.population not in problem.model.populations():
            do = "Limit its sides, or use method monte_carlo."
            raise UserError.of("a range over a population of elements", f"{limit.name}, of others", do, "limits")
    sizes: Layout = layout(problem, design)
    model = problem.model
    shared = jax.eval_shape(lambda: standardise(lambda: model.variation(design), jnp.zeros(sizes.unit)))
    shared = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shared)
    pose = model.rest(design, shared)
    families: list[Family] = []
    for name, p in model.populations().items():
        state = p.state(design, shared, pose, at(p.sites, 0))
        names, size = tuple(state), sizes.element[name]
        drawn = jax.eval_shape(
            lambda p=p, n=size: jax.vmap(lambda z: standardise(lambda: p.variation(design), z))(jnp.zeros((1, n)))
        )
        forced = force_states(
            p, design, shared, pose, jax.tree.map(lambda leaf: jnp.ones(leaf.shape, leaf.dtype), drawn)
        )

        def force(s: Any, z: Any, p: Any = p) -> Any:
            return p.force(design, s, standardise(lambda: p.variation(design), z))

        uses = _uses(force, state, size)
        forces = tuple((names.index(f), uses[f]) for f in forced)
        moved = _moved(lambda q, p=p: p.state(design, shared, q, at(p.sites, 0)), pose)
        families.append(Family(name, name, False, names, forces, (), size, moved))
    for name, pair in model.pairs().items():
        base = next(f for f in families if f.name == pair.of)
        families.append(base._replace(name=name, paired=True, normals=2 * base.normals))
    limited = [_with_rows(problem, design, f, shared, pose) for f in families]
    limited += [f for base in limited if base.crowd for f in _ranges(problem, design, base, shared, pose)]
    # What no limit reads and nothing rests on has no say.
    paired = {f.of for f in limited if f.paired and f.rows}
    borne = paired | {f.of for f in limited if f.ranged}
    told = tuple(f for f in limited if f.rows or (f.crowd and (f.forces or f.name in borne)))
    return Structure(sizes.unit, pose.shape[0], told, _poised(problem, design, shared, pose))


def _poised(problem: Problem[Any], design: Any, shared: Any, pose: Array) -> tuple[int, ...]:
    names = list(problem.model.response(design, shared, pose))
    moved = {names[i] for i in _moved(lambda q: problem.model.response(design, shared, q), pose)}
    return tuple(i for i, limit in enumerate(problem.limits) if limit.population == "" and limit.response in moved)


def pulled(family: Family, states: tuple[int, ...]) -> list[int]:
    """The forces (positions in `family.forces`) whose own state is among `states`."""
    return [k for k, (own, _) in enumerate(family.forces) if own in states]


def unborne(family: Family) -> list[int]:
    """The states that the pose moves and that carry no force, where a row uses them."""
    used, borne = {i for row in family.rows for i in row.states}, {own for own, _ in family.forces}
    return [i for i in family.moved if i in used and i not in borne]


def degrees_of(family: Family, states: tuple[int, ...]) -> tuple[int, ...]:
    """Degrees of a margin's series in the states that it depends on."""
    forced = {own for own, _ in family.forces}
    plain, count = PLAIN if forced & {*states} else PLAIN | UNPUSHED, len(states)
    more = 1 if family.paired and count == 3 else 0  # two ways to fail bend a pair's index more
    return tuple(PUSHED if i in forced else plain[count] + more for i in states)


def parts(family: Family, z: Array) -> tuple[Array, ...]:
    """The normals of each element of a family's member: its own, or those of a pair's two."""
    return (z[: len(z) // 2], z[len(z) // 2 :]) if family.paired else (z,)


def margin_of(problem: Problem[Any], design: Any, family: Family, site: Sites) -> Callable[..., dict[str, Any]]:
    """The responses of one element (or pair) as a function of its states (a dict) and the normals of its `parts`."""
    p = problem.model.populations()[family.of]

    def respond(s: Any, *each: Array) -> dict[str, Any]:
        drawn = [standardise(lambda: p.variation(design), z) for z in each]
        if family.paired:
            first, second = drawn
            return dict(problem.model.pairs()[family.name].response(design, s, first, second, site))
        return dict(p.response(design, s, drawn[0]))

    return respond


def sites_of(problem: Problem[Any], family: Family) -> Sites:
    """The sites of a family: its elements', or its pairs' midpoints."""
    return problem.model.pairs()[family.name].sites if family.paired else problem.model.populations()[family.of].sites


def _with_rows(problem: Problem[Any], design: Any, family: Family, shared: Any, pose: Any) -> Family:
    p, site = problem.model.populations()[family.of], at(sites_of(problem, family), 0)
    state = p.state(design, shared, pose, site)
    respond = margin_of(problem, design, family, site)
    uses = _uses(lambda s, z: respond(s, *parts(family, z)), state, family.normals)
    nets = [] if family.paired else [net for net in problem.nets if net.of == family.name]
    opens = {name for net in nets for name in net.by}
    rows = [
        Row(index, side, uses[limit.response], limit.name in opens)
        for index, limit in enumerate(problem.limits)
        if limit.population == family.name and not limit.ranged
        for side in limit.sides
    ]
    index = {limit.name: i for i, limit in enumerate(problem.limits)}
    return family._replace(rows=tuple(rows), nets=tuple((index[net.name], net.most) for net in nets))


def _ranges(problem: Problem[Any], design: Any, base: Family, shared: Any, pose: Any) -> list[Family]:
    """The families of the limits on ranges over a population."""
    p, site = problem.model.populations()[base.of], at(sites_of(problem, base), 0)
    state, respond = p.state(design, shared, pose, site), margin_of(problem, design, base, site)
    level, found = len(base.states), list[Family]()
    for i, limit in enumerate(problem.limits):
        if limit.ranged and limit.population == base.name:
            uses = _uses(lambda s, z: respond(s, *parts(base, z)), state, base.normals)[limit.response]
            rows = tuple(Row(i, side, (*uses, level)) for side in ("low", "high"))
            states = (*base.states, LEVEL)
            found.append(Family(limit.name, base.of, False, states, (), rows, base.normals, base.moved, ranged=True))
    return found


def _uses(respond: Callable[[Any, Any], Any], state: Any, normals: int) -> dict[str, tuple[int, ...]]:
    """For each response, the states that its graph reaches (as positions in `state`)."""
    closed, shape = jax.make_jaxpr(respond, return_shape=True)(state, jnp.zeros(normals))
    reached = _reached(closed.jaxpr, [frozenset([i]) for i in range(len(closed.jaxpr.invars))])
    order = {name: i for i, name in enumerate(sorted(state))}
    return {
        name: tuple(i for i, key in enumerate(state) if order[key] in used)
        for name, used in zip(sorted(shape), reached, strict=True)
    }


def _moved(state: Callable[[Array], Any], pose: Array) -> tuple[int, ...]:
    """The states (positions) that the pose reaches."""
    closed = jax.make_jaxpr(lambda q: list(state(q).values()))(pose)
    reached = _reached(closed.jaxpr, [frozenset([0])])
    return tuple(i for i, by in enumerate(reached) if by) if pose.size else ()


def _reached(jaxpr: Any, inputs: list[frozenset[int]]) -> list[frozenset[int]]:
    known: dict[Any, frozenset[int]] = dict(zip(jaxpr.invars, inputs, strict=True))
    none: frozenset[int] = frozenset()

    def of(var: Any) -> frozenset[int]:
        return none if isinstance(var, Literal) else known.get(var, none)

    for eqn in jaxpr.eqns:
        taken = [of(v) for v in eqn.invars]
        inner = eqn.params.get("jaxpr")
        if eqn.primitive.name in ("jit", "pjit") and inner is not None:
            made = _reached(inner.jaxpr, taken)
        else:
            made = [none.union(*taken)] * len(eqn.outvars)
        known.update(zip(eqn.outvars, made, strict=True))
    return [of(v) for v in jaxpr.outvars]
