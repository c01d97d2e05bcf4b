"""Where solder lets go of its rims, as cheap closed forms: spilt, necked or receded; what it then does past the faces.

Scalar functions without a batch axis, finite for any input; lengths in um, angles in rad in the liquid, tension 1. Each
is fitted by experiments/005_depinned/fit.py to the exact joint, pinned (`bridge`) or depinned (`depinned`): ratios of
radii from .7 to 1, natural heights h* from .15 to 1.5 larger radii, in which inputs are clipped. Largest errors there:
receding and spill heights .9 %, necking height .3 %, depinned force 4.7 % (99 % within 1.6), bulge .9 %, share .003.
"""

import csv
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from yieldopt.typing import Scalar
from yieldopt_pillars.parts.depinned import MASK, WALL
from yieldopt_pillars.parts.natural import guarded, natural_height

Law = Callable[[Scalar], Array]

SLENDER = np.log(0.15), np.log(1.74)
"""Range of the log of natural height over the root mean square radius."""
UNEVEN = 0.0, 0.67
"""Range of u/(u + .6 slenderness), u the difference of the radii over their sum."""
RECEDING, SMALLER, LARGER = (np.radians(x) for x in ((15.0, 40.0), (120.0, 210.0), (115.0, 210.0)))
"""Ranges of the angle: receding, and advancing at the smaller and at the larger rim."""
CRUSHED = 0.1
"""Height over the natural one below which nothing changes any more."""
ONSET = 0.02
"""Share of the overhang height over which the depinned force takes over from the pinned one."""


@jax.jit
def receding_height(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar, angle: Scalar) -> Array:
    """Height (um) at which a joint lets go when pulled: the smaller contact angle has fallen to `angle`, the receding
    one, or the tension is the largest, whichever is met first.

    `angle` from 15 to 40 degrees (20 to 30 for Sn-based solder on Cu and Ni [recalled]). Under a weight the largest
    tension is the end; held in place by stiffer joints beside it, it necks on up to the fold, which lies higher.
    """
    terms, h = _joint(radius_bottom, radius_top, volume)
    recedes = h * jnp.exp(_polynomial("recede", *terms, _scaled(angle, RECEDING)))
    return jnp.minimum(recedes, h * jnp.exp(_polynomial("neck", *terms, jnp.zeros(()))))


@jax.jit
def necking_height(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar) -> Array:
    """Height (um) of the largest tension, both rims held: beyond, the joint softens and at last necks off."""
    terms, h = _joint(radius_bottom, radius_top, volume)
    return h * jnp.exp(_polynomial("neck", *terms, jnp.zeros(())))


@jax.jit
def spill_heights(
    radius_pad: Scalar, radius_pillar: Scalar, volume: Scalar, wall: Scalar = WALL, mask: Scalar = MASK
) -> tuple[Array, Array]:
    """Heights (um) below which a joint that is squeezed climbs the pillar's wall, and rests on the mask.

    Gibbs' condition at each end of the pinned joint: 90 degrees + `wall` on the pillar's edge, `mask` on the pad's,
    both advancing angles. The higher of the two comes first and is right as it stands; the lower one would be met only
    if the other end stayed pinned. The pillar's for a wall of 90 degrees is `joint.overhang_height`.
    """
    (slender, uneven), h = _joint(radius_pad, radius_pillar, volume)

    def met(name: str, angle: Scalar, within: np.ndarray) -> Array:
        return h * jnp.exp(_polynomial(name, slender, uneven, _scaled(angle, within)))

    pillar = wall + jnp.pi / 2
    smaller = jnp.asarray(radius_pillar) <= jnp.asarray(radius_pad)
    return (
        jnp.where(smaller, met("smaller", pillar, SMALLER), met("larger", pillar, LARGER)),
        jnp.where(smaller, met("larger", mask, LARGER), met("smaller", mask, SMALLER)),
    )


@jax.jit
def spill_height(
    radius_pad: Scalar, radius_pillar: Scalar, volume: Scalar, wall: Scalar = WALL, mask: Scalar = MASK
) -> Array:
    """Height (um) at which the first end of a joint that is squeezed lets go; see `spill_heights`."""
    return jnp.maximum(*spill_heights(radius_pad, radius_pillar, volume, wall, mask))


@jax.jit
def share_climbed(radius_pad: Scalar, radius_pillar: Scalar, volume: Scalar, overhang: Scalar, height: Scalar) -> Array:
    """Share of the solder that is no longer between the faces but around the pillar, above its face.

    For a wall of 90 and a mask of 170 degrees; `overhang` is `joint.overhang_height`. With t = 1 - height/overhang,
    share = t (1 - (1 - t) q): zero at the overhang, near t far below it, negative above. Below a tenth of the natural
    height it goes on with t, past 1 where the faces would meet, so that what is crushed is told from what is more so.
    """
    terms, h = _joint(radius_pad, radius_pillar, volume)
    crushed = CRUSHED * h
    x, more = jnp.maximum(height, crushed) / overhang, jnp.maximum(crushed - height, 0.0) / overhang
    q = _polynomial("share", *terms, _squeezed(jnp.minimum(x, 1.0)))
    return (1 - x) * (1 - jnp.minimum(x, 1.0) * q) + more


@jax.jit
def depinned_force(
    radius_pad: Scalar, radius_pillar: Scalar, volume: Scalar, overhang: Scalar, height: Scalar
) -> Array:
    """Force (um, pulling positive) below the overhang: the line climbs a wall of 90 degrees, beside a mask of 170.

    The push falls the further the joint is squeezed: the solder stands around the pillar and no longer under it. (In
    flat joints of ratios up to .85 it first rises, by a tenth at most.) It tends to the pillar's section times the
    pressure of the ring, and is held at its value at a tenth of the natural height below that.
    """
    a, b, v = guarded(radius_pad, radius_pillar, volume)
    return pushing(a, b, natural_height(a, b, v), overhang)(height)


@jax.jit
def depinned_bulge(
    radius_pad: Scalar, radius_pillar: Scalar, volume: Scalar, overhang: Scalar, height: Scalar
) -> Array:
    """Largest radius (um) of the liquid below the overhang, climbing as for `depinned_force`."""
    a, b, v = guarded(radius_pad, radius_pillar, volume)
    return rounding(a, b, natural_height(a, b, v), overhang)(height)


def past_overhang(pinned: Law, depinned: Law, overhang: Scalar) -> Law:
    """A law of the height: `pinned` above the overhang, `depinned` from 2 % below it, between with two derivatives.

    It is for a pillar: between two ends that are flush with planes the solder has no way out, and the push does rise.
    """

    def law(height: Scalar) -> Array:
        t = jnp.clip((1 - height / overhang) / ONSET, 0.0, 1.0)
        turned = t**3 * (10 - 15 * t + 6 * t**2)
        held = pinned(height)
        return held + turned * (depinned(height) - held)

    return law


def pushing(a: Array, b: Array, natural: Array, overhang: Scalar) -> Law:
    """`depinned_force` of guarded radii as a law of the height: what does not depend on it is done once."""
    law = _past("push", a, b, natural, overhang)
    return lambda height: -jnp.minimum(a, b) * law(height)


def rounding(a: Array, b: Array, natural: Array, overhang: Scalar) -> Law:
    """`depinned_bulge`, likewise."""
    law = _past("round", a, b, natural, overhang)
    return lambda height: jnp.maximum(a, b) * law(height)


def _past(name: str, a: Array, b: Array, natural: Array, overhang: Scalar) -> Law:
    own = _coefficients(name, *_shape(a, b, natural))

    def law(height: Scalar) -> Array:
        x = jnp.clip(jnp.maximum(height, CRUSHED * natural) / overhang, 0.0, 1.0)
        return _horner(own, _squeezed(x))

    return law


def _joint(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar) -> tuple[tuple[Array, Array], Array]:
    """Slenderness and unevenness, each from -1 to 1 over what is fitted, and the natural height."""
    a, b, v = guarded(radius_bottom, radius_top, volume)
    h = natural_height(a, b, v)
    return _shape(a, b, h), h


def _shape(a: Array, b: Array, h: Array) -> tuple[Array, Array]:
    slender = h / jnp.sqrt((a**2 + b**2) / 2)
    uneven = jnp.sqrt(((a - b) / (a + b)) ** 2 + 1e-6)
    return _scaled(jnp.log(slender), SLENDER), _scaled(uneven / (uneven + 0.6 * slender), UNEVEN)


def _squeezed(x: Array) -> Array:
    """Height over that of the overhang, stretched near it: from 1 there to -1 at nothing."""
    return 8 / 3 / (4 - 3 * x) - 5 / 3


def _scaled(x: Scalar, within: tuple[float, float] | np.ndarray) -> Array:
    low, high = float(within[0]), float(within[1])
    return 2 * (jnp.clip(x, low, high) - low) / (high - low) - 1


@lru_cache
def table() -> dict[str, list[tuple[int, int, int, float]]]:
    """Powers and coefficient of every term of every law."""
    found = dict[str, list[tuple[int, int, int, float]]]()
    with files("yieldopt_pillars.parts").joinpath("wetting_limits.csv").open() as file:
        for name, i, j, k, value in csv.reader(file):
            found.setdefault(name, []).append((int(i), int(j), int(k), float(value)))
    return found


def _polynomial(name: str, x: Array, y: Array, z: Array) -> Array:
    return _horner(_coefficients(name, x, y), z)


def _coefficients(name: str, x: Array, y: Array) -> list[Array]:
    """Factors of the powers of a law's third variable."""
    across, up = ([jnp.ones_like(one)] for one in (x, y))
    for one, known in ((x, across), (y, up)):
        for _ in range(6):
            known.append(known[-1] * one)
    terms = table()[name]
    return [
        sum((c * across[i] * up[j] for i, j, k, c in terms if k == power), jnp.zeros(()))
        for power in range(max(k for _, _, k, _ in terms) + 1)
    ]


def _horner(coefficients: list[Array], z: Array) -> Array:
    found = jnp.zeros(())
    for c in reversed(coefficients):
        found = found * z + c
    return found
