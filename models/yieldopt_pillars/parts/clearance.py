"""How far apart things stand beside and beneath one another: turned rectangles, a bonding tool, a loop of wire.

Geometry alone, exact unless a line says what it leaves out. Lengths in um, angles in rad; a body is a rectangle about
its own centre, `Placed` in the frame of another. Sides count in the order +x, -x, +y, -y (`NORMALS`).
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.typing import Scalar
from yieldopt_pillars.parts.alignment_offset import Alignment

Vector = Float[Array, "2"]
Sides = Float[Array, "4"]

NORMALS = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
"""Outward normals of the sides."""


class Placed(NamedTuple):
    """Where a body lies in the frame of another: shift of its centre (um), turn (rad, counter-clockwise)."""

    shift: Vector
    angle: Scalar

    def on(self, below: "Placed") -> "Placed":
        """The same body in the frame in which the one that carries it is placed."""
        cos, sin = jnp.cos(below.angle), jnp.sin(below.angle)
        x, y = self.shift[0], self.shift[1]
        turned = jnp.stack([cos * x - sin * y, sin * x + cos * y])
        return Placed(below.shift + turned, below.angle + self.angle)


def put(align: Alignment, aim: Vector) -> Placed:
    """A body as it is set down; `aim` is the mean placement offset."""
    return Placed(aim + align.placement, align.rotation)


def freed(align: Alignment, aim: Vector, left: Scalar) -> Placed:
    """The same once liquid solder has pulled it over: the share `left` of the error and what stays."""
    return Placed(left * (aim + align.placement) + align.residual, left * align.rotation)


def halves(width: Scalar, length: Scalar) -> Sides:
    """Half sides of a rectangle, `width` along x."""
    return 0.5 * jnp.stack([jnp.asarray(part, float) for part in (width, width, length, length)])


def edge(half: Scalar, placed: Placed, normal: Vector, along: Scalar) -> Array:
    """How far out a side lies, along its nominal `normal`, at the place `along` (um, counter-clockwise) of the frame.

    Points p of the side obey (p - shift) . n' = half with n' the turned normal; at p = u n + along t that gives
    u = shift . n + (half - (along - shift . t) sin angle) / cos angle. Turns below a right angle.
    """
    out = placed.shift @ normal
    aside = along - (placed.shift[1] * normal[0] - placed.shift[0] * normal[1])
    return out + (half - aside * jnp.sin(placed.angle)) / jnp.cos(placed.angle)


def extent(half: Sides, placed: Placed) -> Sides:
    """How far a body reaches along each axis of the frame, to the sides +x, -x, +y, -y, whichever corner it is."""
    cos, sin = jnp.cos(placed.angle), jnp.sin(placed.angle)
    right, left, back, front = half[0], half[1], half[2], half[3]
    reach = jnp.stack(
        [
            right * cos + jnp.maximum(-back * sin, front * sin),
            left * cos + jnp.maximum(back * sin, -front * sin),
            back * cos + jnp.maximum(right * sin, -left * sin),
            front * cos + jnp.maximum(-right * sin, left * sin),
        ]
    )
    return reach + jnp.asarray(NORMALS) @ placed.shift


def in_opening(opening: Sides, half: Sides, placed: Placed) -> Sides:
    """Gaps between a body and the four walls of an opening about the origin (um); negative where it does not pass."""
    return opening - extent(half, placed)


def corners(half: Sides) -> Float[Array, "4 2"]:
    """Corners of a body in its own frame."""
    x, y = jnp.stack([half[0], -half[1]]), jnp.stack([half[2], -half[3]])
    return jnp.stack([jnp.stack([x[i], y[j]]) for i, j in ((0, 0), (0, 1), (1, 0), (1, 1))])


def tool_radius(tip: Scalar, cone: Scalar, height: Scalar) -> Array:
    """Radius of a bonding capillary at a height above the pad that its tip presses on, um.

    tip / 2 + height tan(cone): a cone of half angle `cone` (rad) over a face of diameter `tip`. A capillary with a
    bottleneck is slimmer at the height of its neck, so that this asks for more room than it needs.
    """
    return 0.5 * tip + height * jnp.tan(cone)


def loop_height(peak: Scalar, drop: Scalar, span: Scalar, place: Scalar) -> Array:
    """Height of a wire's axis over the pad at `place` um from the ball towards the second bond.

    peak - (peak + drop) place / span: straight down from the top of the loop, above the ball, to a second bond that
    is `span` um away and `drop` um below the pad. A loop bent near its second bond stands higher; one that sags, lower.
    """
    return jnp.asarray(peak - (peak + drop) * place / span)
