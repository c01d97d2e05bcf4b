"""Where the chip comes to rest: height and two tilts, at melting and at the solidus, as clearances over the array."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from yieldopt.typing import Scalar

Pose = Float[Array, "6"]
"""Height and two tilts at melting, then at the solidus, all in um (a tilt is the rise at the edge of the array)."""


def rest(clearance: Scalar) -> Pose:
    """First guess of the pose: level, at the mean clearance (um) where an average joint pulls nor pushes."""
    still = jnp.zeros(())
    level = jnp.stack([jnp.asarray(clearance), still, still])
    return jnp.concatenate([level, level])


def at_melting(pose: Pose, u: Scalar, v: Scalar) -> Array:
    """Height of the chip's face above the substrate's mean pad plane at melting, at x = u half, y = v half (um)."""
    return pose[0] + pose[1] * u + pose[2] * v


def at_solidus(pose: Pose, u: Scalar, v: Scalar) -> Array:
    """The same when the solder freezes, which is what the finished joint keeps (um)."""
    return pose[3] + pose[4] * u + pose[5] * v
