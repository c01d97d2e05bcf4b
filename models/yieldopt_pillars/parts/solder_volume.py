"""How much solder a joint has: plated, printed or as a ball, less what intermetallics eat."""

import jax
import jax.numpy as jnp
from jax import Array

from yieldopt.typing import Scalar

METAL_FRACTION = 0.5
"""Volume of metal in solder paste: 88.3-88.5 % by weight is half by volume."""


def follow(correlation: Scalar, leader: Scalar, own: Scalar) -> Array:
    """A draw that follows another with the given correlation: both, and the result, of equal variance.

    Cap and pillar grow through one resist opening and under one current map, in two baths.
    """
    return correlation * leader + jnp.sqrt(1.0 - jnp.square(correlation)) * own


def disc(diameter: Scalar) -> Array:
    """Area of a circle, um2."""
    return 0.25 * jnp.pi * jnp.square(diameter)


def cap_volume(cap_height: Scalar, diameter: Scalar) -> Array:
    """Plated cap as it leaves the resist, a flat cylinder on the pillar, um3."""
    return cap_height * disc(diameter)


def ball_volume(diameter: Scalar) -> Scalar:
    """A ball before it is attached, um3."""
    return jnp.pi / 6.0 * diameter**3


def transfer_efficiency(thickness: Scalar, aperture: Scalar) -> Array:
    """Share of a round stencil aperture's paste that is released, against the area ratio aperture / (4 thickness).

    A logistic curve through what lines report: about .9 at the .66 of IPC-7525, .6 at .5; meant for ratios .4 to 1.5.
    """
    ratio = aperture / (4.0 * thickness)
    return 0.95 * jax.nn.sigmoid((ratio - 0.47) / 0.06)


def paste_volume(thickness: Scalar, aperture: Scalar) -> Array:
    """Metal that printing leaves on a pad through an aperture of the pad's own diameter, um3."""
    return METAL_FRACTION * transfer_efficiency(thickness, aperture) * thickness * disc(aperture)


def eaten_volume(tin_on_pillar: Scalar, tin_on_pad: Scalar, pillar: Scalar, pad: Scalar) -> Array:
    """Solder turned into intermetallic on the pillar's end and on the pad (diameters in um), um3.

    Of what `intermetallic` says that each face takes, um of tin. The compound's own height is left out of the joint's:
    cautious for the reach of the liquid, and .64 of a layer of 1-2 um at most.
    """
    return tin_on_pillar * disc(pillar) + tin_on_pad * disc(pad)


def eaten_fraction(eaten: Scalar, volume: Scalar, floor: Scalar) -> Array:
    """Share of the solder that is intermetallic; the volume is held smoothly above zero on the scale `floor` (um3).

    Above one where faces would take more tin than there is.
    """
    return eaten / (0.5 * (volume + jnp.sqrt(jnp.square(volume) + jnp.square(floor))))
