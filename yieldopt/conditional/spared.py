"""Groups of elements with some to spare, given what they share: the Poisson-binomial law of how many of them fail.

Elements are taken in one after the other, and the law of how many failed so far is carried up to what may be spared; a
node that stands for w elements brings the binomial series of (1 - q + q z)^w, for whatever w.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from yieldopt.conditional.cubature import rule
from yieldopt.conditional.structure import Family
from yieldopt.conditional.tails import log_ndtr
from yieldopt.problem import Problem
from yieldopt.typing import Scalar

LOST = -20.0
"""Log pass of an element below which it is surely lost."""
HALF = -0.69
"""The same of a node that stands for many: were it lower, many were lost."""


MOST = 600.0
"""Minus the log of a node's chance that none of its elements fails, at most: numbers have room for no less."""


class Group(eqx.Module):
    """The nodes of a net's groups, as sites: each stands for `within` elements (zero: none) of its group, and each
    group for `weight` groups.
    """

    sites: Int[Array, "groups size"]
    within: Float[Array, "groups size"]
    weight: Float[Array, " groups"]

    def each(self) -> Float[Array, " nodes"]:
        """How many elements of all each node stands for."""
        return (self.within * self.weight[:, None]).ravel()


def group(x: np.ndarray, y: np.ndarray, members: np.ndarray, order: int, exact: int, room: int) -> Group:
    """Nodes for the groups of a net (elements at x, y; `members` as in `nets.Net`).

    Every element up to `exact` of them; beyond, of one group the nodes of a rule, and of many groups those whose middle
    is one. `order`, `room`: as in `cubature.rule`.
    """
    here = members >= 0
    if members.size <= exact:
        return _group(members, here.astype(float), np.ones(len(members)))
    if len(members) == 1:
        own = members[0][here[0]]
        found = rule(x[own], y[own], order, exact=exact, room=room)
        return _group(own[found.chosen][None], found.weight[None], np.ones(1))
    x, y = (np.where(here, place[members], 0.0).sum(1) / here.sum(1) for place in (x, y))
    found = rule(x, y, order, exact=0, room=room)
    return _group(members[found.chosen], here[found.chosen].astype(float), found.weight)


def _group(members: np.ndarray, within: np.ndarray, weight: np.ndarray) -> Group:
    return Group(jnp.asarray(np.maximum(members, 0)), jnp.asarray(within), jnp.asarray(weight))


def apart(groups: tuple[Group, ...], count: int) -> Float[Array, " nodes"]:
    """One at nodes outside of all nets, zero at theirs, the last of all."""
    inside = sum(own.within.size for own in groups)
    return jnp.asarray(np.arange(count) < count - inside, float)


def weighed(
    family: Family, weight: Float[Array, " nodes"], cost: Float[Array, " nodes"]
) -> Float[Array, "#rows nodes"]:
    """Weights of nodes in what the rows of a family cost: `cost` of what it would be, of those that nets may spare."""
    if not family.nets:
        return weight[None]
    rows = jnp.asarray([row.spared for row in family.rows])
    return jnp.where(rows[:, None], cost, 1.0) * weight


def coupled(family: Family, couples: Any, outer: Array, cost: Array) -> Float[Array, "#couples #nodes"]:
    """The same of couples of rows: of two that nets may spare, what they share is in the nets' own law."""
    if not family.nets:
        return jnp.ones((1, 1))
    rows = jnp.asarray([row.spared for row in family.rows])
    many = rows[couples.first].astype(int) + rows[couples.second]
    return jnp.stack([jnp.ones_like(cost), cost, outer])[many]


def spares(families: tuple[Family, ...], name: str) -> Bool[Array, " rows"]:
    """Which rows of a family nets may spare."""
    family = next(f for f in families if f.name == name)
    return jnp.asarray([bool(family.nets) and row.spared for row in family.rows])


class Spared(NamedTuple):
    """Log pass of a family's nets by limit; what an open element costs at each node; the nets' groups."""

    by_limit: Float[Array, " limits"]
    cost: Float[Array, " nodes"]
    groups: tuple["Passed", ...]


def spare(
    problem: Problem[Any], family: Family, groups: tuple[Group, ...], index: Array, couples: Any, change: Array
) -> Spared:
    """What a family's nets pass by, from the index of every row at its nodes and what couples of rows `change`."""
    by_limit, cost = jnp.zeros(len(problem.limits)), jnp.ones(index.shape[1])
    if not family.nets:
        return Spared(by_limit, cost, ())
    rows = jnp.asarray([row.spared for row in family.rows])
    both = rows[couples.first] & rows[couples.second]
    alone = jnp.where(rows[:, None], log_ndtr(index), 0.0).sum(0) + jnp.where(both[:, None], change, 0.0).sum(0)
    start, found = index.shape[1] - sum(own.within.size for own in groups), []
    for own, (limit, most) in zip(groups, family.nets, strict=True):
        nodes = slice(start, start + own.within.size)
        start = nodes.stop
        high = problem.limits[limit].high
        found.append(passed(alone[nodes].reshape(own.within.shape), own.within, high, most))
        by_limit = by_limit.at[limit].add(own.weight @ found[-1].log)
        last = jnp.broadcast_to(found[-1].last[:, None], own.within.shape)
        cost = cost.at[nodes].set(last.ravel())
    return Spared(by_limit, cost, tuple(found))


class Passed(NamedTuple):
    """Log chance that a group loses no more than it has to spare, and what that owes to its last spare element.

    With P the chance of just so many failures and S that of so many at most: `last` is P(spare) / S, how much less a
    failure costs than it would without any to spare, and `bend` is (P(spare) - P(spare - 1)) / S, the same for two.
    """

    log: Float[Array, " groups"]
    last: Float[Array, " groups"]
    bend: Float[Array, " groups"]


def passed(alone: Float[Array, "groups size"], within: Float[Array, "groups size"], spare: Scalar, most: int) -> Passed:
    """What groups pass by, from the log pass of each of their elements alone."""
    many = jnp.maximum(HALF, -MOST / jnp.maximum(within, 1.0))
    alone = jnp.maximum(alone, jnp.where(within == 1.0, LOST, many))
    start = jnp.zeros((len(alone), most + 1)).at[:, 0].set(1.0)

    def take(carried: tuple[Array, Array], node: tuple[Array, Array]) -> tuple[tuple[Array, Array], None]:
        law, scale = carried
        own = _binomial(*node, most)
        shifted = [jnp.pad(law, ((0, 0), (i, 0)))[:, : most + 1] for i in range(most + 1)]
        law = jnp.einsum("ign,gi->gn", jnp.stack(shifted), own)
        whole = law.sum(1)
        return (law / whole[:, None], scale + jnp.log(whole)), None

    (law, scale), _ = jax.lax.scan(take, (start, jnp.zeros(len(alone))), (alone.T, within.T))
    count = jnp.arange(most + 1)
    kept = (law * (count <= spare)).sum(1)
    last, before = ((law * (count == spare - back)).sum(1) for back in (0, 1))
    return Passed(scale + jnp.log(kept), last / kept, (last - before) / kept)


def _binomial(alone: Float[Array, " groups"], number: Float[Array, " groups"], most: int) -> Array:
    """The first terms of (1 - q + q z)^number in z, 1 - q = exp(alone)."""
    q, terms, factor = -jnp.expm1(alone), [jnp.exp(number * alone)], jnp.ones_like(alone)
    for k in range(1, most + 1):
        factor = factor * (number - (k - 1)) / k * q
        terms.append(factor * jnp.exp(jnp.where(factor == 0.0, 0.0, (number - k) * alone)))
    return jnp.stack(terms, 1)
