"""Where the chip comes to rest, and what holds it there beside its joints: weight, the bonder, its own stiffness.

A pose is a set of freedoms at melting and the same at the solidus, all in um: height, two tilts (the rise at the edge
of the array) and, where bodies bend, the amplitudes of three plate modes of chip against substrate: bow, twist and
saddle. Forces on a pose are in uN: the derivative of the energy by each freedom, so that its zero is a place of rest.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from yieldopt.typing import Scalar

Pose = Float[Array, " freedoms"]
Modes = Float[Array, "3"]
"""Bow, twist, saddle."""

GRAVITY = 9.80665e-9
"""Weight of a cubic micrometre at 1 g/cm3, uN."""
POISSON = 0.25
"""Of every body: silicon has .22 to .28 in the plane of its wafer, laminates .15 to .3; 8 % in a plate's stiffness."""


class Held(NamedTuple):
    """What a bonder's head does at one moment: a spring of `stiffness` (uN/um) about a height and two tilts (um), and a
    force (uN) that presses. The spring meets a tilt's rise at the edge as it meets the height: a head guided over a
    base as wide as the array. A head without stiffness in `height` presses with its force alone.
    """

    height: Scalar
    tilts: Float[Array, "2"]
    stiffness: Float[Array, "3"]
    force: Scalar


def rest(clearance: Scalar, bends: bool = False) -> Pose:
    """First guess of the pose: level and unbent, at the mean clearance (um) where an average joint pulls nor pushes."""
    moment = jnp.zeros(6 if bends else 3).at[0].set(clearance)
    return jnp.concatenate([moment, moment])


def at_melting(pose: Pose, u: Scalar, v: Scalar, modes: Modes) -> Array:
    """Height of the chip's face above the substrate's mean pad plane at melting, at x = u half, y = v half (um)."""
    return _height(pose[: len(pose) // 2], u, v, modes)


def at_solidus(pose: Pose, u: Scalar, v: Scalar, modes: Modes) -> Array:
    """The same when the solder freezes, which is what the finished joint keeps (um)."""
    return _height(pose[len(pose) // 2 :], u, v, modes)


def _height(moment: Array, u: Scalar, v: Scalar, modes: Modes) -> Array:
    level = moment[0] + moment[1] * u + moment[2] * v
    return level + moment[3:] @ modes if len(moment) > 3 else level


def level(pose: Pose) -> Float[Array, "3"]:
    """Height and tilts of the chip at the solidus (um)."""
    half = len(pose) // 2
    return pose[half : half + 3]


def weight(density: Scalar, area: Scalar, thickness: Scalar) -> Scalar:
    """What a body of `density` (g/cm3), `area` (um2) and `thickness` (um) weighs, uN."""
    return GRAVITY * density * area * thickness


def plate(modulus: Scalar, thickness: Scalar, area: Scalar, half: Scalar, corner: Scalar) -> Modes:
    """Stiffness (uN/um) of a plate of this `area` (um2) against bow, twist and saddle of one um each.

    Kirchhoff's plate, energy D/2 integral of (k_x + k_y)^2 - 2 (1 - nu) (k_x k_y - k_xy^2), D = E t^3 / (12 (1 - nu^2))
    (Timoshenko and Woinowsky-Krieger 1959, eq. 53), of the shapes (r / corner)^2, x y / half^2, (x^2 - y^2) / half^2,
    each of constant curvature: exact for a plate bent by moments along its edges, and stiffer than the truth where the
    load is uneven. Deflections below the thickness.
    """
    rigidity = modulus * thickness**3 / (12.0 * (1.0 - POISSON**2))
    bow = 8.0 * (1.0 + POISSON) / corner**4
    twist, saddle = 2.0 * (1.0 - POISSON) / half**4, 8.0 * (1.0 - POISSON) / half**4
    return rigidity * area * jnp.stack([jnp.asarray(factor) for factor in (bow, twist, saddle)])


def against(first: Modes, second: Modes) -> Modes:
    """Stiffness of two plates against one another: each gives way to the same forces."""
    return first * second / (first + second)


def push(moment: Float[Array, " freedoms"], load: Scalar, plates: Modes, held: Held | None = None) -> Array:
    """Force (uN) on the freedoms of one moment beside that of the joints: a weight, plates that straighten, a head."""
    level = jnp.zeros(3).at[0].set(load)
    if held is not None:
        aim = jnp.concatenate([jnp.stack([jnp.asarray(held.height)]), held.tilts])
        level = level.at[0].add(held.force) + held.stiffness * (moment[:3] - aim)
    return jnp.concatenate([level, plates * moment[3:]]) if len(moment) > 3 else level
