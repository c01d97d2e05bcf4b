"""The liquid bridge between two coaxial discs, solved exactly: for one joint, and what the fast joint is fitted to.

A surface of constant mean curvature and of revolution is a Delaunay surface (Delaunay 1841). With arclength `s` from
the larger rim (radius 1), tangent angle `psi` (dr/ds = cos psi, dz/ds = sin psi) and mean curvature H, the squared
radius has a closed form that is regular for spheres, cylinders and catenoids alike (Kenmotsu 1980):

    q(s) = r^2 = 1 + 2 cos(psi0) s S(2Hs) + (1 - 2H sin psi0) (s S(Hs))^2,     S(x) = sin(x)/x,
    r sin psi = f + H q,     f = sin psi0 - H.

Unknown are psi0, H and the length L; q(L), the height and the volume are given, the last two by Gauss quadrature. The
force-free bridge is a sphere; every other height is reached from there in small steps, so that the branch returned is
the one that a real joint follows. Holds for pinned rims, without gravity (Bond number below 0.01: radii below
some 200 um); past 180 degrees it stays the *pinned* solution, which real solder leaves.
Any coherent unit of length, surface tension 1, so that energies are areas and forces are in units of tension times
length.

The vertical stiffness is the force's slope, by the implicit function theorem. The lateral one is that of every bridge
of revolution: a small shift of a rim adds a Jacobi field of the surface (a translation and a rotation: cos(theta) modes
of a surface of constant mean curvature), so that with the tangent angles psi at the rims

    k_x = pi / integral of ds / (r sin^2 psi) = F / (h - r_1 cot psi_1 + r_2 cot psi_2),

the first form free of 0/0 about F = 0, the second past a grazing rim, where the stiffness passes through zero and is
negative beyond (Gillette and Dyson 1971 for the loss of stability): such a joint pushes the chip off its place.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.typing import Scalar
from yieldopt_pillars.parts.natural import natural_height

NODES = 32
SECTIONS = 64
STEPS = 48
SETTLING = 6
STILL = 1e-3
"""Force over 2 pi, tension and larger radius below which the closed form of the lateral stiffness nears 0/0."""
_X, _W = np.polynomial.legendre.leggauss(NODES)

Shape = Float[Array, "3"]
"""Tangent angle at the larger rim, mean curvature, arclength."""


class Bridge(NamedTuple):
    """One solved bridge; `angle_*` are contact angles inside the liquid (rad), above pi when it overhangs the rim.

    `energy` is the free surface (length^2), `force` its derivative by height (length, tension positive), `pressure`
    1/length, the stiffnesses are per surface tension, `residual` is the largest unmet equation, dimensionless.
    """

    energy: Array
    force: Array
    pressure: Array
    stiffness_vertical: Array
    stiffness_lateral: Array
    bulge_radius: Array
    angle_bottom: Array
    angle_top: Array
    residual: Array

    @property
    def exists(self) -> Array:
        """Whether such a bridge is on the branch of the natural height: false when stretched past the fold."""
        return self.residual < 1e-9

    @property
    def overhangs(self) -> Array:
        """Whether the liquid passes a rim's plane: real solder is no longer pinned there."""
        return jnp.maximum(self.angle_bottom, self.angle_top) > jnp.pi

    @property
    def softens(self) -> Array:
        """Whether it is stretched past its largest tension: under a given force it would neck off."""
        return self.stiffness_vertical < 0.0

    @property
    def recedes(self) -> Array:
        """Whether the surface would pass below a face beside its rim (a contact angle under 0): real solder has let go
        of that rim before, at its receding angle.
        """
        return jnp.minimum(self.angle_bottom, self.angle_top) < 0.0


def solve(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar, height: Scalar) -> Bridge:
    """Solve the pinned bridge of this volume between discs this far apart; float64 is assumed.

    Any coherent units, no batch axis (`jax.vmap` makes one); radii either way round. Differentiable in all four up to
    second order, through two last Newton steps. Beyond what exists nothing is guessed: see `Bridge.exists`,
    `Bridge.overhangs`, `Bridge.softens`, `Bridge.recedes`.
    """
    bottom, top, volume, height = (jnp.asarray(x, float) for x in (radius_bottom, radius_top, volume, height))
    unit = jnp.maximum(bottom, top)
    k, v, h = jnp.minimum(bottom, top) / unit, volume / unit**3, height / unit
    shape = jax.lax.stop_gradient(_follow(k, v, h))
    shape = _walk(shape, jnp.stack([h, h]), k, v)
    energy, _, _ = _integrals(shape)
    psi0, curvature, _ = shape
    larger, smaller = jnp.pi - psi0, _end_angle(shape)
    return Bridge(
        energy * unit**2,
        2 * jnp.pi * (jnp.sin(psi0) - curvature) * unit,
        2 * curvature / unit,
        _vertical(shape, k, v, h),
        _lateral(shape, k, h),
        _bulge(shape) * unit,
        jnp.where(bottom >= top, larger, smaller),
        jnp.where(bottom >= top, smaller, larger),
        jnp.max(jnp.abs(_equations(shape, k, v, h))),
    )


def sections(k: Array, v: Array, h: Array) -> tuple[Float[Array, " sections"], Float[Array, " sections"]]:
    """Radius along the meridian, from the rim of radius 1 to that of k, and the share by which each section moves when
    the rim of k is shifted a little: the integral of ds / (r sin^2 psi) up to it, over the whole. No rim overhangs.
    """
    shape = jax.lax.stop_gradient(_follow(k, v, h))
    shape = _walk(shape, jnp.stack([h, h]), k, v)
    psi0, curvature, length = shape
    ends = length * np.linspace(0.0, 1.0, SECTIONS + 1)
    q, _ = _square(shape, 0.5 * (ends[1:] + ends[:-1]))
    flow = jnp.sqrt(jnp.maximum(q, 1e-12)) / (jnp.sin(psi0) - curvature + curvature * q) ** 2
    share = jnp.concatenate([jnp.zeros(1), jnp.cumsum(flow)]) / flow.sum()
    return jnp.sqrt(jnp.maximum(_square(shape, ends)[0], 1e-12)), share


def _follow(k: Array, v: Array, h: Array) -> Shape:
    """Walk from the sphere to the asked height, equal ratios of height a step, and settle there."""
    natural = natural_height(1.0, k, v)
    parts = np.minimum(np.arange(1, STEPS + SETTLING + 1) / STEPS, 1.0)
    return _walk(_sphere(k, natural), natural * (h / natural) ** parts, k, v)


def _walk(shape: Shape, heights: Float[Array, " steps"], k: Array, v: Array) -> Shape:
    shape, _ = jax.lax.scan(lambda x, there: (_newton(x, k, v, there), None), shape, heights)
    return shape


def _sphere(k: Array, h: Array) -> Shape:
    centre = (h**2 + k**2 - 1) / (2 * h)
    radius = jnp.sqrt(centre**2 + 1)
    turn = jnp.arctan2(centre, 1.0) + jnp.arctan2(h - centre, k)
    return jnp.stack([jnp.arctan2(1.0, centre), 1 / radius, radius * turn])


def _newton(shape: Shape, k: Array, v: Array, h: Array) -> Shape:
    error = _equations(shape, k, v, h)
    slope = jax.jacfwd(_equations)(shape, k, v, h)
    return shape - jnp.linalg.solve(slope, error)


def _equations(shape: Shape, k: Array, v: Array, h: Array) -> Float[Array, "3"]:
    _, height, volume = _integrals(shape)
    end, _ = _square(shape, shape[2])
    return jnp.stack([end - k**2, height - h, volume / v - 1])


def _vertical(shape: Shape, k: Array, v: Array, h: Array) -> Array:
    """Slope of the force by height, at constant volume."""
    moved = jnp.linalg.solve(jax.jacfwd(_equations)(shape, k, v, h), jnp.array([0.0, 1.0, 0.0]))
    return 2 * jnp.pi * (jnp.cos(shape[0]) * moved[0] - moved[1])


def _lateral(shape: Shape, k: Array, h: Array) -> Array:
    """Lateral stiffness: by quadrature about the natural height, in closed form elsewhere."""
    psi0, curvature, length = shape
    first = jnp.sin(psi0) - curvature
    still = jnp.abs(first) < STILL
    q, _ = _square(shape, length * (1 + _X) / 2)
    lift = jnp.where(still, first + curvature * q, 1.0)
    rising = jnp.pi / jnp.sum(_W * length / 2 * jnp.sqrt(jnp.maximum(q, 1e-12)) / lift**2)
    end, along = _square(shape, length)
    sine, cosine = jnp.sin(psi0), jnp.cos(psi0)
    top_sine, top_cosine = (first + curvature * end) / k, along / k
    lean = h * sine * top_sine - cosine * top_sine + k * top_cosine * sine
    closed = 2 * jnp.pi * first * sine * top_sine / jnp.where(still, 1.0, lean)
    return jnp.where(still, rising, closed)


def _integrals(shape: Shape) -> tuple[Array, Array, Array]:
    """Area, height and volume by Gauss quadrature along the meridian."""
    psi0, curvature, length = shape
    q, _ = _square(shape, length * (1 + _X) / 2)
    r = jnp.sqrt(jnp.maximum(q, 1e-12))
    lift = jnp.sin(psi0) - curvature + curvature * q
    weight = _W * length / 2
    return 2 * jnp.pi * jnp.sum(weight * r), jnp.sum(weight * lift / r), jnp.pi * jnp.sum(weight * r * lift)


def _square(shape: Shape, s: Array) -> tuple[Array, Array]:
    """Squared radius at arclength `s`, and half its derivative, r cos psi."""
    psi0, curvature, _ = shape
    bend = 1 - 2 * curvature * jnp.sin(psi0)
    once, twice = s * jnp.sinc(curvature * s / jnp.pi), s * jnp.sinc(2 * curvature * s / jnp.pi)
    q = 1 + 2 * jnp.cos(psi0) * twice + bend * once**2
    return q, jnp.cos(psi0) * jnp.cos(2 * curvature * s) + bend * twice


def _end_angle(shape: Shape) -> Array:
    """Contact angle at the smaller rim."""
    psi0, curvature, length = shape
    q, along = _square(shape, length)
    return jnp.pi - jnp.arctan2(jnp.sin(psi0) - curvature + curvature * q, -along)


def _bulge(shape: Shape) -> Array:
    """Largest radius: the equator where it lies on the arc, else the larger rim."""
    psi0, curvature, length = shape
    _, along = _square(shape, length)
    equator = (1 + jnp.sqrt(jnp.maximum(_amplitude_square(psi0, curvature), 1e-300))) / (2 * curvature)
    return jnp.where((jnp.cos(psi0) > 0) & (along < 0), equator, 1.0)


def _amplitude_square(psi0: Array, curvature: Array) -> Array:
    """1 - 4 H f, the square of the amplitude of the Delaunay meridian."""
    return 1 - 4 * curvature * (jnp.sin(psi0) - curvature)
