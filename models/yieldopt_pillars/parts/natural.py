"""The joint that neither pulls nor pushes, a sphere through both rims: its height and stiffnesses, exact and closed.

Liquid solder between two wetted discs: radii `radius_bottom`, `radius_top` and `height` in um, `volume` in um^3,
surface tension 1, so that forces are in units of tension times um and stiffnesses in units of tension. Gravity is left
out (Bond number below 0.01: radii below some 200 um). Scalar functions without a batch axis, finite and differentiable
for any input: what noise can make negative is held at a small positive value. They agree with `bridge.solve` to 1e-9.
"""

import jax
import jax.numpy as jnp
from jax import Array

from yieldopt.typing import Scalar

RADIUS_FLOOR = 0.01
"""Least radius, um."""
VOLUME_FLOOR = 0.01
"""Least volume, over the cube of the rims' radius."""


@jax.jit
def natural_height(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar) -> Array:
    """Height without force (um): the liquid is then a sphere through both rims (Goldmann's truncated sphere).

    The real root of h^3 + 3 (a^2 + b^2) h = 6 V / pi; exact for any radii.
    """
    a, b, v = guarded(radius_bottom, radius_top, volume)
    return _depressed_root(3 * (a**2 + b**2), 6 * v / jnp.pi)


@jax.jit
def natural_stiffness(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar) -> tuple[Array, Array]:
    """Vertical and lateral stiffness at the natural height, per surface tension; exact for any radii.

    kz = 2 pi / (artanh T - T), T = sqrt(h^4 + 2 h^2 (a^2 + b^2) + (b^2 - a^2)^2) / (h^2 + a^2 + b^2);
    kx = pi / integral of ds / (r sin^2 psi), the m = 1 Jacobi field of the sphere, pinned at both rims.
    """
    a, b, v = guarded(radius_bottom, radius_top, volume)
    h = natural_height(a, b, v)
    reach, lean = _reach(a, b, h), (h**2 + b**2 - a**2) / 2
    flow = reach * (lean / a**2 + (h**2 - lean) / b**2) / h**2 + _turn(a, b, h)[1]
    return vertical(a, b, h), 2 * jnp.pi / flow


@jax.jit
def free_cap_height(radius: Scalar, volume: Scalar) -> Array:
    """Height (um) of a free liquid cap on one disc, a spherical segment: h^3 + 3 r^2 h = 6 V / pi; exact."""
    r, _, v = guarded(radius, radius, volume)
    return _depressed_root(3 * r**2, 6 * v / jnp.pi)


def vertical(a: Array, b: Array, h: Array) -> Array:
    """Vertical stiffness at the natural height `h` of guarded radii; a series where the joint is flat."""
    turn, artanh = _turn(a, b, h)
    series = turn**3 * (1 / 3 + turn**2 / 5 + turn**4 / 7 + turn**6 / 9)
    return 2 * jnp.pi / jnp.where(turn < 0.05, series, artanh - turn)


def surface(a: Array, b: Array, h: Array) -> Array:
    """Area (um2) of the spherical zone between guarded radii a natural height apart, from any table of solids."""
    return 2 * jnp.pi * _reach(a, b, h)


def _turn(a: Array, b: Array, h: Array) -> tuple[Array, Array]:
    """T of `natural_stiffness` and its artanh, from 1 - T^2 = (2 a b / (h^2 + a^2 + b^2))^2, finite for any height."""
    wide = h**2 + a**2 + b**2
    turn = 2 * _reach(a, b, h) / wide
    return turn, jnp.log((1 + turn) * wide / (2 * a * b))


def _reach(a: Array, b: Array, h: Array) -> Array:
    """Height times the radius of the sphere through both rims."""
    return jnp.sqrt(h**4 + 2 * h**2 * (a**2 + b**2) + (b**2 - a**2) ** 2) / 2


def guarded(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar) -> tuple[Array, Array, Array]:
    """Radii and volume, held at a small positive value where noise has made them less."""
    a, b = _positive(radius_bottom, RADIUS_FLOOR), _positive(radius_top, RADIUS_FLOOR)
    return a, b, _positive(volume, VOLUME_FLOOR * (a**2 + b**2) ** 1.5)


def _positive(x: Scalar, floor: Scalar) -> Array:
    """Leave x alone above the floor, stay positive and increasing below it, with a continuous slope."""
    return jnp.where(x > floor, x, floor / (2 - jnp.minimum(x, floor) / floor))


def _depressed_root(p: Array, q: Array) -> Array:
    """Real root of h^3 + p h = q for p > 0, without cancellation."""
    scale = jnp.sqrt(p / 3)
    return 2 * scale * jnp.sinh(jnp.arcsinh(q / (2 * scale**3)) / 3)
