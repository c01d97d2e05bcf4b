"""What is done once a design: boxes of the states, series of forces and margins on them, and which margins go together.

Everything is differentiable in the design; boxes, quadrature points and the choice of correlated margins are frozen
under differentiation (they change the answer only within its stated error).
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from scipy.special import ndtri as _ndtri
from scipy.stats import qmc

from yieldopt.conditional import chebyshev, local
from yieldopt.conditional.chunked import chunked
from yieldopt.conditional.cubature import Rule, rule
from yieldopt.conditional.structure import Family, Structure, degrees_of, margin_of, pulled, sites_of, structure
from yieldopt.conditional.together import Couples, couples, none
from yieldopt.exact import settle
from yieldopt.problem import Problem, Sites, at
from yieldopt.standard import standardise

PILOT = 64
"""Shared draws that place the boxes of the states."""
FEW = 8
"""Order of the rule for second-order corrections, a few per cent of the loss."""
SPAN = 20.0
"""Reliability indices are compressed towards this bound before they are fitted."""
REACH = 5.5
"""Half-width of a box in standard deviations of its state."""
CROWD = 256
"""Local quadrature points of a mean force (antithetic, scrambled Sobol); a 10-point rule was .035 off in yield once."""
FORCE_DEGREES = (28, 4, 3)
"""Degrees of a mean force: in its own state, and in the others."""


class Tables(eqx.Module):
    """One family at one design: nodes, the few of them that second-order corrections are summed over, box and series.

    Columns of a group's series, per row: squeezed index, correction, and for each force whose state the row uses the
    margin's gradient in that state (`slope`) and the force's along the failing normals (`grip`), both over the
    margin's slope.
    """

    sites: Sites
    weight: Float[Array, " nodes"]
    few: tuple[Sites, Float[Array, " few"]]
    centre: Float[Array, " states"]
    half: Float[Array, " states"]
    groups: tuple[Float[Array, "..."], ...]
    forces: tuple[Float[Array, "..."], ...]
    scale: Float[Array, " forces"]
    direction: Float[Array, "rows normals"]
    roundness: Float[Array, " rows"]


class Prepared(eqx.Module):
    """A problem at one design, ready for `log_pass`."""

    problem: Problem[Any]
    design: Any
    structure: Structure = eqx.field(static=True)
    tables: tuple[Tables, ...]
    couples: tuple[Couples, ...]


class Frame(NamedTuple):
    """What is fixed on the host before a design is prepared: structure, and nodes and weights of every family."""

    structure: Structure
    rules: tuple[tuple[Rule, Rule], ...]

    @property
    def nodes(self) -> Any:
        """Index and weight of each family's rules: the sum's, and the second-order correction's."""
        return tuple(tuple((jnp.asarray(r.index), jnp.asarray(r.weight)) for r in both) for both in self.rules)


def frame(problem: Problem[Any], design: Any, order: int = 20) -> Frame:
    """Fix the structure and the cubature rules of a problem (host work, once a bump map)."""
    built = structure(problem, design)
    sites = [sites_of(problem, family) for family in built.families]
    places = [(np.asarray(s.x), np.asarray(s.y)) for s in sites]
    rules = tuple((rule(x, y, order), rule(x, y, FEW, exact=0)) for x, y in places)
    return Frame(built, rules)


def sobol_normals(count: int, size: int, seed: int) -> np.ndarray:
    """Scrambled Sobol points as standard normals, kept off the two ends."""
    if size == 0:
        return np.zeros((count, 0))
    points = qmc.Sobol(size, scramble=True, rng=np.random.default_rng(seed)).random(count)
    return _ndtri(np.clip(points, 1e-16, 1 - 1e-16))


def prepare(problem: Problem[Any], design: Any, built: Structure, nodes: Any, chosen: Any = None) -> Prepared:
    """Prepare `problem` at `design`. Pure, differentiable JAX.

    `nodes` are (index, weight) of each family's rule; `chosen` the couples kept of each family (all when None).
    """
    places = [(sites_of(problem, f), *both) for f, both in zip(built.families, nodes, strict=True)]
    spans = _spans(*jax.lax.stop_gradient((problem, design)), built, places)
    tables: list[Tables] = []
    for family, (sites, (index, weight), (few, share)) in zip(built.families, places, strict=True):
        centre, half = spans[family.of]
        where = at(sites, index)
        groups, direction, roundness = _margins(problem, design, family, at(where, 0), centre, half)
        forces, scale = ((), jnp.zeros(0)) if family.paired else _forces(problem, design, family, centre, half)
        tables.append(Tables(where, weight, (at(sites, few), share), centre, half, groups, forces, scale, direction, roundness))
    kept: list[Couples] = []
    for f, (family, table) in enumerate(zip(built.families, tables, strict=True)):
        pairs = [(g, t.direction) for g, t in zip(built.families, tables, strict=True) if g.paired and g.of == family.name]
        every = none() if family.paired else couples(problem, family, pairs, table.direction)
        kept.append(every if chosen is None else jax.tree.map(lambda leaf, f=f: leaf[chosen[f]], every))
    return Prepared(problem, design, built, tuple(tables), tuple(kept))


def _spans(problem: Problem[Any], design: Any, built: Structure, places: Any) -> dict[str, tuple[Array, Array]]:
    """Centre and half-width of every state of every population, over pilot draws at the nodes."""
    model = problem.model
    median = {f.name: jnp.zeros(f.normals) for f in built.families if not f.paired}
    populations = model.populations()
    thin, weights = {}, {}
    for family, (sites, (index, weight), _) in zip(built.families, places, strict=True):
        if not family.paired:
            thin[family.name] = eqx.tree_at(lambda p: p.sites, populations[family.name], at(sites, index))
            weights[family.name] = weight
    names = {f.name: f.states for f in built.families}

    def one(z: Array) -> dict[str, Array]:
        shared = standardise(lambda: model.variation(design), z)
        drawn = {
            n: jax.vmap(lambda _, p=p, n=n: standardise(lambda: p.variation(design), median[n]))(p.sites.x) for n, p in thin.items()
        }
        pose, _ = settle(model, design, shared, drawn, thin, weights)
        found = {n: jax.vmap(lambda s, p=p: p.state(design, shared, pose, s))(p.sites) for n, p in thin.items()}
        return {n: jnp.stack([found[n][key] for key in names[n]], -1) for n in thin}

    drawn = chunked(one, jnp.asarray(sobol_normals(PILOT, built.unit, 0)), 16)
    spans: dict[str, tuple[Array, Array]] = {}
    for name, states in drawn.items():
        mean, deviation = states.mean(0), states.std(0)
        centre = 0.5 * (mean.max(0) + mean.min(0))
        half = jnp.abs(mean - centre).max(0) + REACH * deviation.max(0)
        spans[name] = centre, jnp.maximum(half, 1e-6 * (1.0 + jnp.abs(centre)))
    return spans


def _margins(problem: Problem[Any], design: Any, family: Family, site: Sites, centre: Array, half: Array) -> Any:
    """Series of every row of a family: fitted design points on a grid of the states that the row uses."""
    still = jax.lax.stop_gradient((problem, design))
    p = still[0].model.populations()[family.of]

    def respond(problem: Problem[Any], design: Any, s: Any, z: Array) -> dict[str, Array]:
        return margin_of(problem, design, family, site)(s, z)

    pulls = [f for f, _ in family.forces]

    def margin(problem: Problem[Any], design: Any, select: Array, s: Array, z: Array) -> Array:
        limits, measured = problem.limits, respond(problem, design, dict(zip(family.states, s, strict=True)), z)
        values = [limits[r.limit].margins(measured[limits[r.limit].response])[limits[r.limit].sides.index(r.side)] for r in family.rows]
        return jnp.stack(values) @ select

    def pull(s: Array, z: Array) -> Array:
        halves = (z[: len(z) // 2], z[len(z) // 2 :]) if family.paired else (z,)
        states = dict(zip(family.states, s, strict=True))
        forces = [p.force(still[1], states, standardise(lambda: p.variation(still[1]), part)) for part in halves]
        return jnp.stack([sum(force[family.states[i]] for force in forces) for i in pulls])

    def solve(one: tuple[Array, Array]) -> tuple[local.Point, Array]:
        select, s = one
        point = local.design_point(lambda s, z: margin(*still, select, s, z), s, family.normals)
        if not pulls:
            return point, jnp.zeros(0)
        grip = -jax.jvp(lambda z: pull(s, z), (point.normal,), (point.direction,))[1]
        return point, jnp.concatenate([point.pull[np.array(pulls)], grip])

    selects, wheres = _grids(family, centre, half)
    found, extra = chunked(solve, (selects, wheres), 64)
    here = chunked(lambda one: margin(problem, design, *one), (selects, wheres, found.normal), 64)
    found = found._replace(beta=local.tie(found, here))
    trust, coefficients, start = _trust(found), [], 0
    for states, members in family.groups().items():
        degrees = degrees_of(family, states)
        count = len(chebyshev.grid(degrees))
        part = slice(start, start + count * len(members))
        forced = pulled(family, states)
        columns = [squeeze(found.beta[part]), found.correction[part], *extra[part][:, [*forced, *(len(pulls) + k for k in forced)]].T]
        values = jnp.stack(columns, -1).reshape(len(members), count, -1).transpose(1, 0, 2)
        coefficients.append(chebyshev.fit(values, trust[part].reshape(len(members), count).T, degrees))
        start += count * len(members)
    near = selects.T * jax.nn.softmax(jnp.where(selects.T > 0, -jnp.abs(found.beta - 4.0), -jnp.inf), axis=1)
    direction = near @ found.direction
    direction = direction / jnp.maximum(jnp.linalg.norm(direction, axis=1, keepdims=True), 1e-12)
    met = (found.beta > 0.0) & (found.beta < 8.0) & (found.residual < 1e-3)
    roundness = jnp.where((selects.T > 0) & met, found.roundness, 1.0).min(1)
    return tuple(coefficients), jax.lax.stop_gradient(direction), roundness


def _grids(family: Family, centre: Array, half: Array) -> tuple[Array, Array]:
    """Every (row as a unit vector, state) at which a design point is wanted, group by group."""
    selects, wheres = [], []
    for states, members in family.groups().items():
        points, axes = chebyshev.grid(degrees_of(family, states)), np.array(states, int)
        where = jnp.tile(centre, (len(points), 1)).at[:, axes].add(points * half[axes])
        for member in members:
            selects.append(jnp.tile(jnp.eye(len(family.rows))[member], (len(points), 1)))
            wheres.append(where)
    return jnp.concatenate(selects), jnp.concatenate(wheres)


def squeeze(beta: Array) -> Array:
    """Compress a reliability index beyond what matters, so that far values do not spoil a fit."""
    return SPAN * jnp.tanh(beta / SPAN)


def release(squeezed: Array) -> Array:
    """Undo `squeeze`."""
    return SPAN * jnp.arctanh(jnp.clip(squeezed / SPAN, -0.9999, 0.9999))


def _trust(found: local.Point) -> Array:
    """Weight of a design point in a fit: full where it decides anything, less far out and where it was not found."""
    excess = jnp.maximum(jnp.abs(found.beta) - 7.0, 0.0)
    sound = found.residual < 1e-3
    return jax.lax.stop_gradient(jnp.where(sound, 1.0, 0.1) / (1.0 + 0.25 * excess**2) ** 2)


def _forces(problem: Problem[Any], design: Any, family: Family, centre: Array, half: Array) -> tuple[Any, Array]:
    """Series of the mean and the variance of each force over the element's own draws, and each force's scale.

    A squeezed joint pushes a thousand times harder than a stretched one pulls: asinh of the mean and log of the variance
    are what is fitted.
    """
    p = problem.model.populations()[family.of]
    normals = jnp.asarray(sobol_normals(CROWD // 2, family.normals, 1))
    drawn = jax.vmap(lambda z: standardise(lambda: p.variation(design), z))(jnp.concatenate([normals, -normals]))
    series, scales = [], []
    for own, used in family.forces:
        axes, degrees = force_axes(own, used)
        points = chebyshev.grid(degrees)
        where = jnp.tile(centre, (len(points), 1)).at[:, np.array(axes)].add(points * half[np.array(axes)])

        def moments(s: Array, own: int = own) -> tuple[Array, Array]:
            states = dict(zip(family.states, s, strict=True))
            force = jax.vmap(lambda e: p.force(design, states, e)[family.states[own]])(drawn)
            return force.mean(), force.var()

        mean, variance = chunked(moments, where, 32)
        scale = jax.lax.stop_gradient(jnp.median(jnp.abs(mean)) + 1e-30)
        values = jnp.stack([jnp.arcsinh(mean / scale), jnp.log(variance / scale**2 + 1e-12)], -1)[:, None]
        series.append(chebyshev.fit(values, jnp.ones((len(points), 1)), degrees)[..., 0, :])
        scales.append(scale)
    return tuple(series), jnp.stack(scales) if scales else jnp.zeros(0)


def force_axes(own: int, used: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """States of a force's series, its own first, and their degrees."""
    axes = (own, *(i for i in used if i != own))
    return axes, FORCE_DEGREES[: len(axes)] if len(axes) <= 3 else (16, *(3,) * (len(axes) - 1))
