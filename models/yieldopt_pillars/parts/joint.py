"""The liquid joint between a pillar and a pad: solved exactly, and as cheap closed forms for a million of them.

For one joint, in any coherent units with surface tension 1 (forces in units of tension times length):

    from yieldopt_pillars.parts.joint import lateral, solve
    solve(radius_bottom, radius_top, volume, height).force
    lateral(radius_bottom, radius_top, volume, height, offset).force_lateral

For many: scalar functions without a batch axis, finite and differentiable for any input. Each is a program of its own,
so that a larger one that calls it thirty times traces it once. Lengths in um.

Exact (`natural`): `natural_height`, `natural_stiffness`, `free_cap_height`. Fitted to the exact bridge by
experiments/000_joint_fit: `force`, `bulge_radius`, `overhang_height`, with h* the natural height, for h* over the
larger radius from .15 (.25 where the ratio of radii is below .8) to 1.5 and ratios of radii from .7 to 1; the ratios
are clipped beyond. Largest errors there, from the overhang to the largest tension: force 3.2 % of that tension (half
of the joints stay within 1.7 %; within 5 % of h*, half within .1 % and all within 1.2 %), bulge 1.3 % of the larger
radius, overhang .5 % of itself.
"""

import jax
import jax.numpy as jnp
from jax import Array

from yieldopt.typing import Scalar
from yieldopt_pillars.parts.bridge import Bridge, solve
from yieldopt_pillars.parts.lateral import Lateral, lateral
from yieldopt_pillars.parts.natural import free_cap_height, guarded, natural_height, natural_stiffness, vertical

__all__ = [
    "Bridge",
    "Lateral",
    "bulge_radius",
    "force",
    "free_cap_height",
    "lateral",
    "natural_height",
    "natural_stiffness",
    "overhang_height",
    "solve",
]

CRUSHED = 0.1
POWERS = ((0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (1, 1), (2, 1), (0, 2), (1, 2))
WIDTH = (-1.40810, 0.66549, -0.05206, 0.01745, 3.53499, 0.23223, 0.08585, -4.11329, -0.85060)
CENTRE = (-0.81630, -0.48839, -0.04825, 0.01619, 0.27964, 0.57683, 0.20832, 0.19431, 0.08202)
OVERHANG = (-0.32011, -0.08116, 0.06812, 0.02698, 0.35462, 0.20609, 0.05022, -0.09326, 0.03058)
SQUEEZE = 0.5211
REPULSION, ONSET = 0.8068, 0.1861


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
    a, b, v = guarded(radius_bottom, radius_top, volume)
    h = natural_height(a, b, v)
    log_slender, taper = _coordinates(a, b, h)
    width = jnp.exp(_polynomial(WIDTH, log_slender, taper))
    centre = _polynomial(CENTRE, log_slender, taper)
    s = height / h
    bend = jnp.tanh((s * jnp.abs(s) - 1) / (2 * width))
    pinned = width * bend / (1 - jnp.tanh(centre) * bend)
    return vertical(a, b, h) * h * pinned - _repulsion(v, h, overhang_height(a, b, v), height)


@jax.jit
def bulge_radius(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar, height: Scalar) -> Array:
    """Largest radius of the liquid (um), or of its rims; never grows with height.

    The squared radius is a parabola between the rims that holds the volume, exact at the natural height; squeezed
    towards a flat barrel, the parabola's factor 3/2 falls towards 1.
    """
    a, b, v = guarded(radius_bottom, radius_top, volume)
    h, low = natural_height(a, b, v), overhang_height(a, b, v)
    mean, step = (a**2 + b**2) / 2, b**2 - a**2
    squeeze = jnp.maximum(h - height, 0.0) / (h - low)
    excess = v * _inverse(height, CRUSHED * h) / jnp.pi - mean
    bulge = jnp.maximum(excess * (1 + 0.5 / (1 + SQUEEZE * squeeze**2)), jnp.abs(step) / 4 + 1e-9 * mean)
    return jnp.sqrt(mean + bulge + step**2 / (16 * bulge))


@jax.jit
def overhang_height(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar) -> Array:
    """Height (um) at which the contact angle at the smaller rim reaches 180 degrees: below it the solder overhangs."""
    a, b, v = guarded(radius_bottom, radius_top, volume)
    h = natural_height(a, b, v)
    log_slender, _ = _coordinates(a, b, h)
    uneven = jnp.sqrt(((a - b) / (a + b)) ** 2 + 1e-6)
    return h * jnp.exp(_polynomial(OVERHANG, log_slender, uneven / (uneven + 0.3 * jnp.exp(log_slender))))


def _repulsion(v: Array, h: Array, low: Array, height: Scalar) -> Array:
    """What a depinned barrel pushes beyond the levelled-off pinned law; zero with two derivatives at the overhang."""
    x = jnp.maximum(low * _inverse(height, CRUSHED * h) - 1, 0.0)
    return REPULSION * 2 * v / low**2 * (x**2 + 2 * x) * x**2 / (x**2 + ONSET**2)


def _coordinates(a: Array, b: Array, h: Array) -> tuple[Array, Array]:
    """Log of natural height over mean radius, and taper squared over it: symmetric in the ends, smooth where equal."""
    slender = h / jnp.sqrt((a**2 + b**2) / 2)
    taper = ((a - b) / (a + b) / slender) ** 2
    return jnp.log(jnp.clip(slender, 0.12, 2.0)), jnp.clip(taper, 0.0, 0.5)


def _polynomial(coefficients: tuple[float, ...], x: Array, y: Array) -> Array:
    powers_x, powers_y = (1.0, x, x * x, x * x * x), (1.0, y, y * y)
    terms = [c * powers_x[i] * powers_y[j] for c, (i, j) in zip(coefficients, POWERS, strict=True)]
    return jnp.asarray(sum(terms))


def _inverse(height: Scalar, floor: Array) -> Array:
    """1/height above the floor, its tangent below."""
    return jnp.where(height > floor, 1 / jnp.maximum(height, floor), 2 / floor - height / floor**2)
