"""Where every joint's own lateral pull comes to rest, and how far a leaning joint reaches: what run.py compares with.

The law at a finite offset is `joint.lateral`. It declines past the overhang, for joints flatter than .3 larger radii,
contact angles below 15 degrees and offsets beyond half of the larger radius. There stands, stated and counted:

    pull    the exact stiffness of the upright joint times the offset where it is positive and no rim is overhung, else
            nothing: at the overhang the stiffness is nothing, and past it the line that has let go is taken to be free
    reach   the bulge radius of `joint.bulge_radius` and half of the offset, which is the closed form
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from yieldopt_pillars.parts import joint
from yieldopt_pillars.parts.lateral import FARTHEST

STEPS = 12
"""Newton steps: from offsets of a quarter of a radius six suffice."""
HELD = 1e-3
"""Least stiffness a joint, over the tension, below which nothing holds the chip on its place."""
KNOTS = np.array([0.25, 0.5])
"""Offsets over the larger radius from which the law's own factors are read back."""


class Springs(NamedTuple):
    """Pull of a joint at the offset o: (stiffness + third o^2 + fifth o^4) o, in um with tension 1.

    `stiffness` is the upright joint's exact one, or 0 where that joint overhangs a rim or does not exist. `third` and
    `fifth` are not numbers where the law declines.
    """

    stiffness: Array
    third: Array
    fifth: Array


def springs(pad: Array, pillar: Array, volume: Array, height: Array) -> Springs:
    """Springs of one joint (um, um3; no batch axis)."""
    upright, unit = joint.solve(pad, pillar, volume, height), jnp.maximum(pad, pillar)
    stiffness = upright.stiffness_lateral
    pull = jax.vmap(lambda o: joint.lateral(pad, pillar, volume, height, o).force_lateral)(unit * KNOTS)
    # The law is this very polynomial: two of its values give its two factors back.
    near, far = pull / (unit * KNOTS) - stiffness
    fifth = (far / KNOTS[1] ** 2 - near / KNOTS[0] ** 2) / (KNOTS[1] ** 2 - KNOTS[0] ** 2)
    third = near / KNOTS[0] ** 2 - fifth * KNOTS[0] ** 2
    pulls = upright.exists & ~upright.overhangs & (stiffness > 0.0)
    return Springs(jnp.where(pulls, stiffness, 0.0), third / unit**2, fifth / unit**4)


def answers(spring: Springs, larger: Array, offset: Float[Array, "2"]) -> Array:
    """Whether the law at a finite offset answers for a joint whose larger radius and offset these are."""
    return ~jnp.isnan(spring.third) & (jnp.sum(offset**2) <= (FARTHEST * larger) ** 2)


def pull(spring: Springs, larger: Array, offset: Float[Array, "2"]) -> Float[Array, "2"]:
    """Force (um, tension 1) with which one joint pulls its pillar back, by the law or else by its fallback."""
    square = jnp.sum(offset**2)
    lawful = answers(spring, larger, offset)
    more = jnp.where(lawful, spring.third, 0.0) * square + jnp.where(lawful, spring.fifth, 0.0) * square**2
    return (spring.stiffness + more) * offset


class Rest(NamedTuple):
    """Where a unit rests sideways: shift of every joint (sites x 2, um), whether anything holds it, the last step."""

    moved: Array
    held: Array
    step: Array


def rest(spring: Springs, larger: Array, sites: Float[Array, "sites 2"], placed: Float[Array, "sites 2"]) -> Rest:
    """Newton on the pull of all joints in x, y and rotation, from their offsets `placed` as the chip is set down (um).

    Leaves of `spring` and `larger` have one entry a site. A chip that nothing holds stays where it was set.
    """
    half = jnp.max(jnp.abs(sites))
    turn = jnp.stack([-sites[:, 1], sites[:, 0]], axis=1) / half

    def move(pose: Array) -> Array:
        return pose[:2] + pose[2] * turn

    def force(pose: Array) -> Array:
        each = jax.vmap(pull)(spring, larger, placed + move(pose))
        return jnp.concatenate([each.sum(0), jnp.sum(each * turn)[None]])

    def newton(pose: Array, _: None) -> tuple[Array, Array]:
        step = jnp.linalg.solve(jax.jacfwd(force)(pose) + 1e-9 * jnp.eye(3), force(pose))
        return pose - step, jnp.max(jnp.abs(step))

    pose, steps = jax.lax.scan(newton, jnp.zeros(3), None, STEPS)
    held = jnp.linalg.eigvalsh(jax.jacfwd(force)(pose))[0] > HELD * len(sites) * jnp.mean(turn**2)
    return Rest(move(pose), held, steps[-1])


def linear(stiffness: Array, sites: Float[Array, "sites 2"], placed: Float[Array, "sites 2"]) -> Rest:
    """The same of springs that are linear, whatever their sign."""
    zero = jnp.zeros_like(stiffness)
    return rest(Springs(stiffness, zero, zero), zero, sites, placed)


def reach(pad: Array, pillar: Array, volume: Array, height: Array, along: Array) -> Array:
    """How far a joint reaches from its pad's axis (um), its pillar `along` (um, either sign) nearer to that side.

    Sections are circles that move with the pillar, so that only the offset along the direction counts. Not a number
    where the law declines.
    """
    found = joint.lateral(pad, pillar, volume, height, jnp.abs(along))
    return jnp.where(along >= 0.0, found.extent, found.behind)
