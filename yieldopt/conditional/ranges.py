"""How far apart the elements of a unit may lie: the law of the largest less the smallest, given what they share.

With G(a) the log chance that no element lies below a, and H(a) that none lies above a plus what is allowed, the unit
passes with chance - integral of G'(a) exp(G(a) + H(a)): the smallest lies at a, and all others no further off (the law
of a range, Hartley 1942, for elements that are not alike). Elements pass apart, and what one fails otherwise has no
part in it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.conditional.balance import Crowd, scaled, states_at
from yieldopt.conditional.indices import plain
from yieldopt.conditional.prepare import Prepared
from yieldopt.conditional.structure import margin_of
from yieldopt.conditional.tails import log_ndtr
from yieldopt.problem import Sites, at

LEVELS = 32
"""Places of the smallest at which the integral is looked at."""
SEEN, ROUNDS = 12, 4
"""Places by which those are found between which it lies, and how often they are set closer: medians may lie far apart,
and the smallest of all within a thousandth of that.
"""
LEAST, MOST = -27.0, 3.3
"""Log of minus the log chance that none lies lower: between these the smallest lies, but for 1e-12."""
WIDE = 3.0
"""Of how far an element is looked at, the most that the ends may lie apart and all between them be seen."""
NEVER = 1e-12
"""Chance of a unit that is surely lost."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(LEVELS)


class Nodes(NamedTuple):
    """States at some nodes, and where the median element of each lies."""

    states: Float[Array, "states nodes"]
    middle: Float[Array, " nodes"]

    @classmethod
    def at(cls, prepared: Prepared, f: int, shared: Any, crowd: Crowd, sites: Sites) -> "Nodes":
        """Those of a ranged family in a unit at rest."""
        family, problem, design = prepared.structure.families[f], prepared.problem, prepared.design
        p, name = problem.model.populations()[family.of], problem.limits[family.rows[0].limit].response
        states = states_at(p, design, shared, crowd.pose, sites)
        respond = margin_of(problem, design, family, at(sites, 0))
        median = jnp.zeros(family.normals)
        middle = jax.vmap(lambda s: respond(dict(zip(family.states[:-1], s, strict=True)), median)[name], 1)(states)
        return cls(states, middle)

    def logs(self, prepared: Prepared, f: int, level: Array, row: int) -> Float[Array, " nodes"]:
        """Log chance that an element of each node lies no further from its median than a level, to one side."""
        states = jnp.concatenate([self.states, level[None]])
        return log_ndtr(plain(prepared.structure.families[f], prepared.tables[f], states)[0][row])


def _between(ends: Float[Array, "2"], log: Callable[[Array], Array]) -> Float[Array, "2"]:
    """Closer ends about where the log of minus a log chance passes from `LEAST` to `MOST`."""
    seen = jax.lax.stop_gradient(jnp.linspace(ends[0], ends[1], SEEN))
    deep = jnp.log(jnp.maximum(-jax.lax.stop_gradient(jax.vmap(log)(seen)), 1e-300))
    first = jnp.clip((deep < LEAST).sum() - 1, 0, SEEN - 1)
    last = jnp.clip((deep <= MOST).sum(), 0, SEEN - 1)
    return jnp.stack([seen[first], seen[last]])


def of_range(prepared: Prepared, f: int, shared: Any, crowd: Crowd) -> tuple[Array, Array]:
    """Log chance that a unit meets the limit of a ranged family; whether a state lies outside its box, or the ends of
    the integral too far apart.
    """
    family, tables = prepared.structure.families[f], prepared.tables[f]
    allowed = prepared.problem.limits[family.rows[0].limit].high
    where = Nodes.at(prepared, f, shared, crowd, tables.sites)
    reach = tables.centre[-1] + tables.half[-1]
    ends = jnp.stack([where.middle.min() - reach, where.middle.max()])
    for _ in range(ROUNDS):
        ends = _between(ends, lambda a: where.logs(prepared, f, where.middle - a, 0) @ tables.weight)
    places = ends.mean() + 0.5 * (ends[1] - ends[0]) * jnp.asarray(_NODES)

    def lost(a: Array) -> Array:
        lower, back = jax.vjp(lambda level: where.logs(prepared, f, level, 0), where.middle - a)
        hazard = back(jnp.ones_like(lower))[0] * tables.weight  # of the smallest, to lie here
        beyond = -jnp.expm1(where.logs(prepared, f, a + allowed - where.middle, 1))
        beyond = jnp.minimum(beyond * jnp.exp(-lower), 1.0 - NEVER)  # of those that lie no lower
        passes = jnp.exp(jnp.log1p(-beyond) @ tables.weight)
        return jnp.exp(lower @ tables.weight) * (hazard.sum() - (hazard / (1.0 - beyond)).sum() * passes)

    loss = 0.5 * (ends[1] - ends[0]) * (jax.vmap(lost)(places) @ jnp.asarray(_WEIGHTS))
    used = family.rows[0].states[:-1]
    outside = (jnp.abs(scaled(where.states, tables, used)) > 1.0).any() | (ends[1] - ends[0] > WIDE * reach)
    return jnp.log1p(-jnp.clip(loss, 0.0, 1.0 - NEVER)), outside
