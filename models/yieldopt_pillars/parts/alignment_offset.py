"""How far a pillar stands from its pad: placement, rotation, registration, run-out, and what self-alignment leaves."""

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from yieldopt.typing import Scalar
from yieldopt_pillars.parts.draw import normal, normals

Vector = Float[Array, "2"]

TINY = 1e-6
"""Added under the root of a distance (um2): a thousandth of a micrometre keeps it differentiable at zero."""

BLEND = 0.1
"""Share of the smaller radius, at either end of the partial overlap, over which it is continued by its tangent."""


class Alignment(eqx.Module):
    """One assembly's lateral errors: shifts in um, rotation in rad, relative expansion of the substrate's pattern."""

    placement: Vector
    rotation: Float[Array, ""]
    registration: Vector
    residual: Vector
    expansion: Float[Array, ""]

    def placed(self, site: Vector, aim: Vector, run_out: Scalar = 0.0) -> Vector:
        """Offset of the pillar at `site` (um) from its pad as the chip is set down, `aim` the mean placement offset.

        `run_out` is how much larger the chip's pattern is than the substrate's, relative. A chip that a bonder holds
        until its solder is solid keeps this offset.
        """
        return aim + self.placement + _turn(self.rotation, site) + self._pattern(site, run_out)

    def aligned(self, site: Vector, aim: Vector, left: Scalar, run_out: Scalar = 0.0) -> Vector:
        """Offset once the liquid has pulled the chip over: the share `left` of the rigid error, and what stays.

        Lateral stiffness is the same for every joint, so the balance removes the mean and the rotation of the error
        in closed form; friction and limited time leave the share `left` and the `residual` (.5-2 um by the books). The
        openings' registration stays: they shift against the pads beneath, and the overlap is counted against the pad.
        """
        rigid = aim + self.placement + _turn(self.rotation, site)
        return left * rigid + self.residual + self._pattern(site, run_out)

    def _pattern(self, site: Vector, run_out: Scalar) -> Vector:
        return self.registration + (self.expansion + run_out) * site


def chip_on_substrate(
    x: Scalar, y: Scalar, rotation: Scalar, registration: Scalar, residual: Scalar, expansion: Scalar
) -> Alignment:
    """Draw one assembly's lateral errors (a NumPyro program); every argument is one sigma, um, rad or dimensionless."""
    return Alignment(
        normals("placement", 2, jnp.stack([jnp.asarray(x), jnp.asarray(y)])),
        normal("rotation", rotation),
        normals("registration", 2, registration),
        normals("residual", 2, residual),
        normal("expansion", expansion),
    )


def _turn(angle: Scalar, site: Vector) -> Vector:
    return angle * jnp.stack([-site[1], site[0]])


def distance(along: Scalar, across: Scalar = 0.0) -> Array:
    """Length of an offset, smooth at zero (um)."""
    return jnp.sqrt(jnp.square(along) + jnp.square(across) + TINY)


def lens_area(a: Scalar, b: Scalar, d: Scalar) -> Array:
    """Area common to two circles of radii `a`, `b` whose centres are `d` apart, |a - b| < d < a + b (um2)."""
    u = (d**2 + a**2 - b**2) / (2.0 * d)
    v = d - u
    return a**2 * jnp.arccos(u / a) - u * _half_chord(u, a) + b**2 * jnp.arccos(v / b) - v * _half_chord(v, b)


def _half_chord(distance_to_chord: Scalar, radius: Scalar) -> Array:
    return jnp.sqrt(jnp.square(radius) - jnp.square(distance_to_chord))


def overlap(a: Scalar, b: Scalar, d: Scalar) -> Array:
    """Area common to two circles over the smaller one, with a slope everywhere.

    Exact while the rims cross by more than a tenth of the smaller radius; nearer to full containment and to parting
    it follows its tangent, so it reads above 1 for a pillar well inside its opening (the play that is left) and
    below 0 for one beside it. A limit anywhere from about .05 to .95 is therefore on the true lens.
    """
    smaller = jnp.minimum(a, b)
    return _common(a, b, d, smaller) / (jnp.pi * smaller**2)


def likeness(a: Scalar, b: Scalar, d: Scalar) -> Array:
    """Area common to two circles over the mean of both, continued likewise: for two that are meant to be alike.

    Where either may be the smaller, `overlap` has an edge, and a probability of second order is half as large again.
    """
    return _common(a, b, d, jnp.minimum(a, b)) / (0.5 * jnp.pi * (jnp.square(a) + jnp.square(b)))


def _common(a: Scalar, b: Scalar, d: Scalar, smaller: Array) -> Array:
    low, high = jnp.abs(a - b) + BLEND * smaller, a + b - BLEND * smaller
    within = jnp.clip(d, low, high)
    u = (within**2 + a**2 - b**2) / (2.0 * within)
    slope = -2.0 * _half_chord(u, a)  # moving one circle away uncovers one chord's length
    return lens_area(a, b, within) + slope * (d - within)
