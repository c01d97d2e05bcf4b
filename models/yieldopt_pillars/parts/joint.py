"""The liquid joint between a pillar and a pad: solved exactly, and as cheap closed forms for a million of them.

For one joint, in any coherent units with surface tension 1 (forces in units of tension times length):

    from yieldopt_pillars.parts.joint import lateral, solve
    solve(radius_bottom, radius_top, volume, height).force
    lateral(radius_bottom, radius_top, volume, height, offset).force_lateral

For many: scalar functions without a batch axis, finite and differentiable for any input. Each is a program of its own,
so that a larger one that calls it thirty times traces it once. Lengths in um.

Exact (`natural`): `natural_height`, `natural_stiffness`, `free_cap_height`. Fitted to the exact bridge by
experiments/000_joint_fit: `force`, `energy`, `bulge_radius`, `overhang_height`; from the overhang to 1.6 natural
heights h* or, if sooner, to where the liquid would pass below a face; for h* over the larger radius r from .2 to 1.5
and ratios of radii from .7 to 1. There 99 % of a joint type's states are within .006 r of the force (tension 1), .002 r
of the bulge and .001 r^2 of the energy, in float32 as well. Flatter joints, down to .15: within .009 r of the force.
The ratios are clipped beyond.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from yieldopt.typing import Scalar
from yieldopt_pillars.parts import fitted
from yieldopt_pillars.parts.bridge import Bridge, solve
from yieldopt_pillars.parts.lateral import Lateral, lateral
from yieldopt_pillars.parts.natural import (
    free_cap_height,
    guarded,
    natural_height,
    natural_stiffness,
    surface,
    vertical,
)
from yieldopt_pillars.parts.wetting_limits import Law, past_overhang, pushing, rounding

__all__ = [
    "Bridge",
    "Lateral",
    "bulge_radius",
    "energy",
    "force",
    "free_cap_height",
    "lateral",
    "natural_height",
    "natural_stiffness",
    "overhang_height",
    "solve",
]

OVERHANG = (-0.31872, -0.07833, 0.06847, 0.02683, 0.34276, 0.19454, 0.05410, -0.07009, 0.06084)
POWERS = ((0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (1, 1), (2, 1), (0, 2), (1, 2))
_ABOVE, _BELOW = (np.polynomial.legendre.leggauss(nodes) for nodes in (6, 3))


@jax.jit
def force(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar, height: Scalar) -> Array:
    """Vertical force dE/dh, tension positive: it grows up to the largest tension and falls slowly beyond.

    With kz* the exact stiffness, u the joint's stretch and `counts` = d(height/h*)/du at h* (`fitted.stretch`),

        F = kz* h* counts u (1 + u N(u)) / (1 + u D(u)) - repulsion,

    so that force and slope are exact at h*; the coefficients of N and D are polynomials of the joint's shape. Beyond
    the fitted range the force levels off: a real joint necks off, but a unit keeps its equilibrium. Past the overhang
    the pinned solution no longer describes solder: it climbs the pillar's wall (`wetting_limits.depinned_force`), and
    the further the joint is squeezed the less it pushes.
    """
    return _force(*guarded(radius_bottom, radius_top, volume))(height)


@jax.jit
def energy(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar, height: Scalar) -> Array:
    """Free surface (um2): the sphere's at the natural height, and from there the work of `force`, by quadrature.

    Its slope by the height is the force to 2e-4 of the tension times the radius in the fitted range; beyond, roughly.
    """
    a, b, v = guarded(radius_bottom, radius_top, volume)
    h, low = natural_height(a, b, v), overhang_height(a, b, v)
    above, below = _pinned(a, b, h), pushing(a, b, h, low)
    squeezed = _work(below, low, jnp.minimum(height, low), _BELOW)
    return surface(a, b, h) + _work(above, h, jnp.maximum(height, low), _ABOVE) + squeezed


@jax.jit
def bulge_radius(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar, height: Scalar) -> Array:
    """Largest radius of the liquid (um), or of its rims; falls with height.

    The squared radius is a parabola between the rims that holds the volume, exact at the natural height; stretched or
    squeezed, the parabola's factor 3/2 gives way to one that is fitted; past the overhang, `depinned_bulge`.
    """
    a, b, v = guarded(radius_bottom, radius_top, volume)
    h, low = natural_height(a, b, v), overhang_height(a, b, v)
    own, mean, step = fitted.coefficients(a, b, h), (a**2 + b**2) / 2, b**2 - a**2

    def pinned(height: Scalar) -> Array:
        u, _ = fitted.stretch(height, h, fitted.slenderness(a, b, h), own[fitted.LOW])
        excess = v * fitted.inverse(height, fitted.CRUSHED * h) / jnp.pi - mean
        swell = jnp.maximum(excess, 0.0) * (1.5 + u * fitted.series(own[fitted.SWELL], u))
        bulge = jnp.maximum(swell, jnp.abs(step) / 4 + 1e-9 * mean)
        return jnp.sqrt(mean + bulge + step**2 / (16 * bulge))

    return past_overhang(pinned, rounding(a, b, h, low), low)(height)


@jax.jit
def overhang_height(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar) -> Array:
    """Height (um) at which the contact angle at the smaller rim reaches 180 degrees: below it the solder overhangs."""
    a, b, v = guarded(radius_bottom, radius_top, volume)
    h = natural_height(a, b, v)
    log_slender = jnp.log(jnp.clip(fitted.slenderness(a, b, h), 0.12, 2.0))
    uneven = jnp.sqrt(((a - b) / (a + b)) ** 2 + 1e-6)
    return h * jnp.exp(_polynomial(log_slender, uneven / (uneven + 0.3 * jnp.exp(log_slender))))


def _pinned(a: Array, b: Array, h: Array) -> Law:
    """Force of the pinned joint as a function of its height alone."""
    own, slender, scale = fitted.coefficients(a, b, h), fitted.slenderness(a, b, h), vertical(a, b, h) * h

    def law(height: Scalar) -> Array:
        u, counts = fitted.stretch(height, h, slender, own[fitted.LOW])
        rise, poles = (1 + u * fitted.series(own[columns], u) for columns in (fitted.RISE, fitted.POLES))
        return scale * counts * u * rise / poles

    return law


def _force(a: Array, b: Array, v: Array) -> Law:
    """Force of a joint as a function of its height alone."""
    h, low = natural_height(a, b, v), overhang_height(a, b, v)
    return past_overhang(_pinned(a, b, h), pushing(a, b, h, low), low)


def _work(law: Law, start: Scalar, end: Scalar, rule: tuple[np.ndarray, np.ndarray]) -> Array:
    """Integral of a law from one height to another, by Gauss quadrature."""
    middle, half = 0.5 * (start + end), 0.5 * (end - start)
    return half * sum((w * law(middle + x * half) for x, w in zip(*rule, strict=True)), jnp.zeros(()))


def _polynomial(x: Array, y: Array) -> Array:
    powers_x, powers_y = (1.0, x, x * x, x * x * x), (1.0, y, y * y)
    return jnp.asarray(sum(c * powers_x[i] * powers_y[j] for c, (i, j) in zip(OVERHANG, POWERS, strict=True)))
