"""The liquid joint between a pillar and a pad: natural height, stiffness, force and bulge as cheap closed forms.

One joint of liquid solder between two wetted discs: radii `radius_bottom`, `radius_top` and `height` in um, `volume`
in um^3, surface tension 1, so that forces are in units of tension times um and stiffnesses in units of tension.
Gravity is left out (Bond number below 0.01: radii below some 200 um). Scalar functions without a batch axis, finite
and differentiable for any input: what noise can make negative is held at a small positive value. Each is a program of
its own, so that a larger one that calls it thirty times traces it once.

Exact (they agree with `bridge.solve` to 1e-9): `natural_height`, `natural_stiffness`, `free_cap_height`. Fitted to it
by experiments/000_joint_fit: `force`, `bulge_radius`, `overhang_height`, with h* the natural height, for h* over the
larger radius from .15 (.25 where the ratio of radii is below .8) to 1.5 and ratios of radii from .7 to 1; the ratios
are clipped beyond. Largest errors there, from the overhang to the largest tension: force 3.2 % of that tension (half
of the joints stay within 1.7 %; within 5 % of h*, half within .1 % and all within 1.2 %), bulge 1.3 % of the larger
radius, overhang .5 % of itself.
"""

import jax
import jax.numpy as jnp
from jax import Array

from yieldopt.typing import Scalar

RADIUS_FLOOR = 0.01
VOLUME_FLOOR = 0.01
CRUSHED = 0.1
POWERS = ((0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (1, 1), (2, 1), (0, 2), (1, 2))
WIDTH = (-1.40810, 0.66549, -0.05206, 0.01745, 3.53499, 0.23223, 0.08585, -4.11329, -0.85060)
CENTRE = (-0.81630, -0.48839, -0.04825, 0.01619, 0.27964, 0.57683, 0.20832, 0.19431, 0.08202)
OVERHANG = (-0.32011, -0.08116, 0.06812, 0.02698, 0.35462, 0.20609, 0.05022, -0.09326, 0.03058)
SQUEEZE = 0.5211
REPULSION, ONSET = 0.8068, 0.1861


@jax.jit
def natural_height(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar) -> Array:
    """Height without force (um): the liquid is then a sphere through both rims (Goldmann's truncated sphere).

    The real root of h^3 + 3 (a^2 + b^2) h = 6 V / pi; exact for any radii.
    """
    a, b, v = _guarded(radius_bottom, radius_top, volume)
    return _depressed_root(3 * (a**2 + b**2), 6 * v / jnp.pi)


@jax.jit
def natural_stiffness(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar) -> tuple[Array, Array]:
    """Vertical and lateral stiffness at the natural height, per surface tension; exact for any radii.

    kz = 2 pi / (artanh T - T), T = sqrt(h^4 + 2 h^2 (a^2 + b^2) + (b^2 - a^2)^2) / (h^2 + a^2 + b^2);
    kx = pi / integral of ds / (r sin^2 psi), the m = 1 Jacobi field of the sphere, pinned at both rims.
    """
    a, b, v = _guarded(radius_bottom, radius_top, volume)
    h = natural_height(a, b, v)
    reach, lean = _reach(a, b, h), (h**2 + b**2 - a**2) / 2
    flow = reach * (lean / a**2 + (h**2 - lean) / b**2) / h**2 + _turn(a, b, h)[1]
    return _vertical(a, b, h), 2 * jnp.pi / flow


@jax.jit
def force(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar, height: Scalar) -> Array:
    """Vertical force dE/dh, tension positive (units of tension times um); never falls as the height grows.

    With s = h/h*, X = (s^2 - 1)/2 and kz* the exact stiffness,

        F = kz* h* w T / (1 - tanh(c) T) - repulsion,    T = tanh(X/w),

    so that force and slope are exact at h* (it is a shifted tanh, steepest at X = w c); w and c are low-order
    polynomials of h*/radius and of the ratio of radii. Beyond the largest tension the real joint softens and at last
    necks off; here the force levels off instead, so that a unit keeps one equilibrium. Past the overhang the pinned
    solution no longer describes solder, which climbs the pillar's wall or rests on the mask at 180 degrees: the
    repulsion follows such a depinned barrel (exact for equal ends that both slide on a plane: within 15 % from
    h*/radius .2 to 1.5 down to half the overhang height), rises like 1/h^2 down to a tenth of h*, and goes on with
    finite slope below.
    """
    a, b, v = _guarded(radius_bottom, radius_top, volume)
    h = natural_height(a, b, v)
    log_slender, taper = _coordinates(a, b, h)
    width = jnp.exp(_polynomial(WIDTH, log_slender, taper))
    centre = _polynomial(CENTRE, log_slender, taper)
    s = height / h
    bend = jnp.tanh((s * jnp.abs(s) - 1) / (2 * width))
    pinned = width * bend / (1 - jnp.tanh(centre) * bend)
    return _vertical(a, b, h) * h * pinned - _repulsion(v, h, overhang_height(a, b, v), height)


@jax.jit
def bulge_radius(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar, height: Scalar) -> Array:
    """Largest radius of the liquid (um), or of its rims; never grows with height.

    The squared radius is a parabola between the rims that holds the volume, exact at the natural height; squeezed
    towards a flat barrel, the parabola's factor 3/2 falls towards 1.
    """
    a, b, v = _guarded(radius_bottom, radius_top, volume)
    h, low = natural_height(a, b, v), overhang_height(a, b, v)
    mean, step = (a**2 + b**2) / 2, b**2 - a**2
    squeeze = jnp.maximum(h - height, 0.0) / (h - low)
    excess = v * _inverse(height, CRUSHED * h) / jnp.pi - mean
    bulge = jnp.maximum(excess * (1 + 0.5 / (1 + SQUEEZE * squeeze**2)), jnp.abs(step) / 4 + 1e-9 * mean)
    return jnp.sqrt(mean + bulge + step**2 / (16 * bulge))


@jax.jit
def overhang_height(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar) -> Array:
    """Height (um) at which the contact angle at the smaller rim reaches 180 degrees: below it the solder overhangs."""
    a, b, v = _guarded(radius_bottom, radius_top, volume)
    h = natural_height(a, b, v)
    log_slender, _ = _coordinates(a, b, h)
    uneven = jnp.sqrt(((a - b) / (a + b)) ** 2 + 1e-6)
    return h * jnp.exp(_polynomial(OVERHANG, log_slender, uneven / (uneven + 0.3 * jnp.exp(log_slender))))


@jax.jit
def free_cap_height(radius: Scalar, volume: Scalar) -> Array:
    """Height (um) of a free liquid cap on one disc, a spherical segment: h^3 + 3 r^2 h = 6 V / pi; exact."""
    r, _, v = _guarded(radius, radius, volume)
    return _depressed_root(3 * r**2, 6 * v / jnp.pi)


def _repulsion(v: Array, h: Array, low: Array, height: Scalar) -> Array:
    """What a depinned barrel pushes beyond the levelled-off pinned law; zero with two derivatives at the overhang."""
    x = jnp.maximum(low * _inverse(height, CRUSHED * h) - 1, 0.0)
    return REPULSION * 2 * v / low**2 * (x**2 + 2 * x) * x**2 / (x**2 + ONSET**2)


def _vertical(a: Array, b: Array, h: Array) -> Array:
    turn, artanh = _turn(a, b, h)
    series = turn**3 * (1 / 3 + turn**2 / 5 + turn**4 / 7 + turn**6 / 9)
    return 2 * jnp.pi / jnp.where(turn < 0.05, series, artanh - turn)


def _turn(a: Array, b: Array, h: Array) -> tuple[Array, Array]:
    """T of `natural_stiffness` and its artanh, from 1 - T^2 = (2 a b / (h^2 + a^2 + b^2))^2, finite for any height."""
    wide = h**2 + a**2 + b**2
    turn = 2 * _reach(a, b, h) / wide
    return turn, jnp.log((1 + turn) * wide / (2 * a * b))


def _reach(a: Array, b: Array, h: Array) -> Array:
    """Height times the radius of the sphere through both rims."""
    return jnp.sqrt(h**4 + 2 * h**2 * (a**2 + b**2) + (b**2 - a**2) ** 2) / 2


def _coordinates(a: Array, b: Array, h: Array) -> tuple[Array, Array]:
    """Log of natural height over mean radius, and taper squared over it: symmetric in the ends, smooth where equal."""
    slender = h / jnp.sqrt((a**2 + b**2) / 2)
    taper = ((a - b) / (a + b) / slender) ** 2
    return jnp.log(jnp.clip(slender, 0.12, 2.0)), jnp.clip(taper, 0.0, 0.5)


def _polynomial(coefficients: tuple[float, ...], x: Array, y: Array) -> Array:
    powers_x, powers_y = (1.0, x, x * x, x * x * x), (1.0, y, y * y)
    terms = [c * powers_x[i] * powers_y[j] for c, (i, j) in zip(coefficients, POWERS, strict=True)]
    return jnp.asarray(sum(terms))


def _guarded(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar) -> tuple[Array, Array, Array]:
    a, b = _positive(radius_bottom, RADIUS_FLOOR), _positive(radius_top, RADIUS_FLOOR)
    return a, b, _positive(volume, VOLUME_FLOOR * (a**2 + b**2) ** 1.5)


def _positive(x: Scalar, floor: Scalar) -> Array:
    """Leave x alone above the floor, stay positive and increasing below it, with a continuous slope."""
    return jnp.where(x > floor, x, floor / (2 - jnp.minimum(x, floor) / floor))


def _inverse(height: Scalar, floor: Array) -> Array:
    """1/height above the floor, its tangent below."""
    return jnp.where(height > floor, 1 / jnp.maximum(height, floor), 2 / floor - height / floor**2)


def _depressed_root(p: Array, q: Array) -> Array:
    """Real root of h^3 + p h = q for p > 0, without cancellation."""
    scale = jnp.sqrt(p / 3)
    return 2 * scale * jnp.sinh(jnp.arcsinh(q / (2 * scale**3)) / 3)
