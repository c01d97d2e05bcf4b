"""One unit drawn and settled, then judged sideways by the closed forms and by the laws of balance.py."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from balance import answers, linear, rest
from jax import Array
from table import Table
from yieldopt_pillars.parts import alignment_offset, joint

from yieldopt.exact import margins, rows
from yieldopt.problem import Problem
from yieldopt.standard import standardise

TIMES = 16.0
"""The yield also moves by differences this many times as large; a sixteenth of that is the finer answer."""
BOTH = "overlap", "neighbour_gap"


class Joints(NamedTuple):
    """Every joint of one unit: its ends, solder and heights (um), and its pillar's place over its opening (sites x 2).

    `placed` as the chip is set down, `left` by the closed form with what self-alignment leaves, `clean` without that.
    Registration is in `placed` alone: the solder pulls the pillar over the opening, which stays off its pad.
    """

    pad: Array
    pillar: Array
    volume: Array
    melting: Array
    solidus: Array
    placed: Array
    left: Array
    clean: Array


def joints(model: Any, design: Any, shared: Any, own: Any, pose: Array) -> Joints:
    """The joints of a settled unit. Their own places, symmetric, are taken along x and y, not along the offset."""
    population, align = model.joints, shared.alignment
    state = jax.vmap(lambda site: population.state(design, shared, pose, site))(population.sites)
    made = jax.vmap(lambda s, e: population.making.made(design, s, e))(state, own)
    noise, place = own.height + own.pad, jnp.stack([population.sites.x, population.sites.y], 1)
    aim, apart = jnp.stack([design.placement_x, design.placement_y]), jnp.stack([own.x, own.y], 1)
    left = jax.vmap(lambda p: align.aligned(p, aim, design.residual_fraction, design.run_out))(place)
    placed = jax.vmap(lambda p: align.placed(p, aim))(place)
    clean = (align.expansion + design.run_out) * place
    return Joints(
        made.pad_radius,
        made.pillar_radius,
        made.volume,
        state["gap_melt"] - noise,
        state["gap"] - noise,
        placed + apart,
        left - align.registration + apart,
        clean + apart,
    )


def sideways(problem: Problem[Any], design: Any, table: Table, unit: Array, elements: Array) -> dict[str, Array]:
    """One unit by both: differences of every joint and pair, and the margins of both limits and of all the others."""
    model: Any = problem.model
    found = margins(problem, design, unit, {"joint": elements})
    shared = standardise(lambda: model.variation(design), unit)
    own = jax.vmap(lambda z: standardise(lambda: model.joints.variation(design), z))(elements)
    each = joints(model, design, shared, own, found.pose)
    names = [name for name, _ in rows(problem)]
    kept = jnp.stack([m for name, m in zip(names, found.margins, strict=True) if name not in BOTH])
    return {
        "others": jnp.where(found.settled, kept.min(), -jnp.inf),
        **_aligned(problem, table, model, each, shared.alignment.registration),
        **_bridged(problem, table, model, design, shared, found.pose, own, each),
    }


def _aligned(problem: Any, table: Table, model: Any, each: Joints, registration: Array) -> dict[str, Array]:
    """Self-alignment by the pull of every joint, as a change of every offset, and what it does to the overlap."""
    place = jnp.stack([model.joints.sites.x, model.joints.sites.y], 1)
    spring = jax.vmap(table.spring)(each.pillar, each.volume, each.solidus)
    larger = jnp.maximum(each.pad, each.pillar)
    found = rest(spring, larger, place, each.placed)
    change = jnp.where(found.held, each.placed + found.moved - each.clean, 0.0)
    low = next(limit.low for limit in problem.limits if limit.name == "overlap")

    def overlap(times: float) -> Array:
        apart = alignment_offset.distance(*(each.left + registration + times * change).T)
        return jax.vmap(alignment_offset.overlap)(each.pad, each.pillar, apart) - low

    return {
        "shift": _length(change),
        "held": found.held,
        "step": jnp.where(found.held, found.step, 0.0),
        "lawful": jax.vmap(answers)(spring, larger, each.clean + change).mean(),
        "free": (spring.stiffness <= 0.0).mean(),
        "overlap": overlap(0.0).min(),
        "overlap_true": overlap(1.0).min(),
        "overlap_times": overlap(TIMES).min(),
        "overlap_change": overlap(1.0) - overlap(0.0),
        **_bounds(spring.stiffness, place, each),
    }


def _bounds(stiffness: Array, place: Array, each: Joints) -> dict[str, Array]:
    """The change of every offset if free joints pushed or pulled as hard as joints at their natural height."""
    natural, found = jax.vmap(joint.natural_stiffness)(each.pad, each.pillar, each.volume)[1], {}
    for name, sign in ("pushing", -1.0), ("pulling", 1.0):
        other = linear(jnp.where(stiffness <= 0.0, sign * natural, stiffness), place, each.placed)
        found[name] = jnp.where(other.held, _length(each.placed + other.moved - each.clean), jnp.nan)
    return found


def _bridged(
    problem: Any, table: Table, model: Any, design: Any, shared: Any, pose: Array, own: Any, each: Joints
) -> dict[str, Array]:
    pairs = model.neighbours
    a, b = pairs.first, pairs.second
    first, second = (jax.tree.map(lambda leaf, i=i: leaf[i], own) for i in (a, b))
    low = next(limit.low for limit in problem.limits if limit.name == "neighbour_gap")

    def closed(site: Any, one: Any, other: Any) -> Array:
        state = model.joints.state(design, shared, pose, site)
        return pairs.response(design, state, one, other, site)["neighbour_gap"]

    gap = jax.vmap(closed)(pairs.sites, first, second)

    bulge = jax.vmap(joint.bulge_radius)(each.pad, each.pillar, each.volume, each.melting)

    def gaps(offset: Array) -> tuple[Array, Array, Array]:
        """True gaps, which of them are, and all of them if the bulge stays over the pad where the law declines.

        True of both neighbours or of neither: else what leans both alike would not cancel.
        """
        along = jnp.sum(offset[a] * pairs.sites.axis, 1), -jnp.sum(offset[b] * pairs.sites.axis, 1)
        ahead, behind = (
            jax.vmap(table.reach)(each.pillar[k], each.volume[k], each.melting[k], c)
            for k, c in zip((a, b), along, strict=True)
        )
        true = pairs.pitch - ahead - behind
        ahead, behind = (jnp.where(jnp.isnan(x), bulge[k], x) for k, x in ((a, ahead), (b, behind)))
        return jnp.where(jnp.isnan(true), gap, true), ~jnp.isnan(true), pairs.pitch - ahead - behind

    (lean, lawful, still), (set_down, reached, _) = gaps(each.left), gaps(each.placed)
    return {
        "gap_change": jnp.where(lawful, lean - gap, jnp.nan),
        "placed_change": jnp.where(reached, set_down - gap, jnp.nan),
        "reached": lawful.mean(),
        "reached_placed": reached.mean(),
        "narrowest_reached": lawful[jnp.argmin(gap)],
        "narrowest_change": (lean - gap)[jnp.argmin(gap)],
        "gap": gap.min() - low,
        "gap_true": lean.min() - low,
        "gap_still": still.min() - low,
        "touch": gap.min(),
        "touch_true": lean.min(),
        "touch_placed": set_down.min(),
    }


def _length(offset: Array) -> Array:
    return jnp.sqrt(jnp.sum(offset**2, axis=-1))
