"""A joint whose contact line has left a rim: it climbs the pillar's wall, or rests on the mask; solved exactly.

The pad lies below, flush with a mask that is a plane; the pillar stands above, its end a disc, its wall a cylinder of
the same radius b. Gibbs' condition holds at either rim. The line stays on the pillar's edge while the contact angle
psi (in the liquid, from the end's face) is below 90 degrees + the advancing angle of the wall: past 180 degrees the
liquid stands around the wall without touching it. Beyond, it climbs by c at that angle. It stays on the pad's edge
while the angle there is below the advancing angle of the mask; beyond, it rests on the mask with a foot of radius R.
The surface is the Delaunay meridian of `bridge`, from a start of radius R,

    r^2 = R^2 + 2 R cos(psi0) s S(2Hs) + (1 - 2 H R sin psi0) (s S(Hs))^2,     f = R sin psi0 - H R^2,

with five unknowns (psi0, H, length, R, c) and five equations: radius b, height h + c and volume (the pillar inside the
liquid does not count) at its end, and an end's condition each: `c = 0 or psi = 90 deg + wall`, `R = pad or angle =
mask`, written as the smaller of the two being zero. From the sphere at the natural height every other height is
reached in small steps, so that the branch is the one that squeezing follows.

Energy: free surface - cos(wall) 2 pi b c - cos(mask) pi (R^2 - pad^2); its slope by height is the first integral
2 pi f, for the line moves where the energy is stationary. Holds while lines advance, which is while a joint is
squeezed: let go again, a line stays where it is until its angle has fallen to the receding one, and the force is then
not this one. In three dimensions it is a stationary point, in most joints with ways down off the axis, while lines are
free to move everywhere; with lines that stay where they are it is a minimum for walls of 60 and 90 degrees, not always
for walls that wet less (experiments/005_depinned). No gravity, no chip or neighbour within reach of the liquid. Any
coherent unit of length, tension 1.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.typing import Scalar
from yieldopt_pillars.parts.natural import natural_height

WALL, MASK = np.pi / 2, 17 * np.pi / 18
"""Advancing angles (rad) that stand where none is given. 90 degrees on the wall is the edge of what does not wet: the
line then leaves the pillar's edge at 180, sooner than on any worse wall. 170 on mask or passivation [recalled]: solder
balls up on polymer and oxide. Neither was found measured on pillars.
"""
STEPS, SETTLING = 128, 6
SECTIONS = 256
Rule = tuple[np.ndarray, np.ndarray]
ROUGH: Rule = np.polynomial.legendre.leggauss(12)
FINE: Rule = np.polynomial.legendre.leggauss(32)
"""Nodes and weights along the meridian: on the way, and at the end."""

Shape = Float[Array, "5"]
"""Tangent angle at the foot, mean curvature, arclength, foot's radius, climb; lengths over the pad's radius."""


class Depinned(NamedTuple):
    """One solved joint, pinned or not; angles in the liquid (rad), lengths in the unit of the radii, tension 1.

    `energy` holds the wetting of wall and mask; `climb` is how far the line is up the wall, `foot_radius` where it
    stands on the mask; `share_climbed` of the volume lies above the pillar's face, `share_on_mask` over what it wets of
    the mask. `residual` is the largest unmet equation, dimensionless.
    """

    energy: Array
    force: Array
    pressure: Array
    climb: Array
    foot_radius: Array
    angle_pad: Array
    angle_pillar: Array
    share_climbed: Array
    share_on_mask: Array
    bulge_radius: Array
    residual: Array
    climbs: Array
    rests: Array

    @property
    def exists(self) -> Array:
        """Whether such a joint was found: false past the stretch fold, and where the liquid has no such shape."""
        return self.residual < 1e-9


class _Ends(NamedTuple):
    """What a joint is asked for, over the pad's radius: pillar's radius, volume, and the largest angles at its rims."""

    pillar: Array
    volume: Array
    most_pillar: Array
    most_pad: Array


def solve(
    radius_pad: Scalar,
    radius_pillar: Scalar,
    volume: Scalar,
    height: Scalar,
    wall: Scalar = WALL,
    mask: Scalar = MASK,
) -> Depinned:
    """Solve the joint of this volume whose faces are this far apart; `wall` and `mask` are advancing angles (rad).

    No batch axis (`jax.vmap` makes one); float64 is assumed. Differentiable through the last Newton steps.
    """
    unit, pillar, volume, height, wall, mask = (
        jnp.asarray(x, float) for x in (radius_pad, radius_pillar, volume, height, wall, mask)
    )
    ends, h = _Ends(pillar / unit, volume / unit**3, wall + jnp.pi / 2, mask), height / unit
    shape = jax.lax.stop_gradient(_follow(ends, h))
    shape = _newton(_newton(shape, ends, h, FINE), ends, h, FINE)
    psi0, curvature, _, foot, climb = shape
    free, _, _ = _integrals(shape, FINE)
    wetted = jnp.cos(wall) * 2 * jnp.pi * ends.pillar * climb + jnp.cos(mask) * jnp.pi * (foot**2 - 1)
    above, outside = _past(shape, ends, h)
    return Depinned(
        (free - wetted) * unit**2,
        2 * jnp.pi * _first(shape) * unit,
        2 * curvature / unit,
        climb * unit,
        foot * unit,
        jnp.pi - psi0,
        _end_angle(shape),
        above / ends.volume,
        outside / ends.volume,
        _bulge(shape) * unit,
        jnp.max(jnp.abs(_equations(shape, ends, h, FINE))),
        climb > 1e-9,
        foot > 1 + 1e-9,
    )


def _follow(ends: _Ends, h: Array) -> Shape:
    """Walk from the sphere to the asked height and angles, equal ratios of height a step, and settle there."""
    natural = natural_height(1.0, ends.pillar, ends.volume)
    shape = _sphere(ends.pillar, natural)
    loose = jnp.maximum(_end_angle(shape), ends.most_pillar), jnp.maximum(jnp.pi - shape[0], ends.most_pad)

    def step(shape: Shape, part: Array) -> tuple[Shape, None]:
        here = ends._replace(
            most_pillar=loose[0] + part * (ends.most_pillar - loose[0]),
            most_pad=loose[1] + part * (ends.most_pad - loose[1]),
        )
        return _newton(shape, here, natural * (h / natural) ** part, ROUGH), None

    parts = np.minimum(np.arange(1, STEPS + SETTLING + 1) / STEPS, 1.0)
    return jax.lax.scan(step, shape, jnp.asarray(parts))[0]


def _sphere(k: Array, h: Array) -> Shape:
    centre = (h**2 + k**2 - 1) / (2 * h)
    radius = jnp.sqrt(centre**2 + 1)
    turn = jnp.arctan2(centre, 1.0) + jnp.arctan2(h - centre, k)
    return jnp.stack([jnp.arctan2(1.0, centre), 1 / radius, radius * turn, jnp.ones(()), jnp.zeros(())])


def _newton(shape: Shape, ends: _Ends, h: Array, rule: Rule) -> Shape:
    error = _equations(shape, ends, h, rule)
    return shape - jnp.linalg.solve(jax.jacfwd(_equations)(shape, ends, h, rule), error)


def _equations(shape: Shape, ends: _Ends, h: Array, rule: Rule) -> Float[Array, "5"]:
    _, height, volume = _integrals(shape, rule)
    psi0, _, length, foot, climb = shape
    end, _ = _square(shape, length)
    held = volume - jnp.pi * ends.pillar**2 * climb
    wall = jnp.minimum(climb / h, ends.most_pillar - _end_angle(shape))
    mask = jnp.minimum((foot - 1) / h, ends.most_pad - (jnp.pi - psi0))
    return jnp.stack([end - ends.pillar**2, height - climb - h, held / ends.volume - 1, wall, mask])


def _integrals(shape: Shape, rule: Rule) -> tuple[Array, Array, Array]:
    """Area, height and volume to the axis by Gauss quadrature along the meridian."""
    q, _ = _square(shape, shape[2] * (1 + rule[0]) / 2)
    r = jnp.sqrt(jnp.maximum(q, 1e-12))
    lift = _first(shape) + shape[1] * q
    weight = rule[1] * shape[2] / 2
    return 2 * jnp.pi * jnp.sum(weight * r), jnp.sum(weight * lift / r), jnp.pi * jnp.sum(weight * r * lift)


def _square(shape: Shape, s: Array) -> tuple[Array, Array]:
    """Squared radius at arclength `s`, and half its derivative, r cos psi."""
    psi0, curvature, _, foot, _ = shape
    bend = 1 - 2 * curvature * foot * jnp.sin(psi0)
    once, twice = s * jnp.sinc(curvature * s / jnp.pi), s * jnp.sinc(2 * curvature * s / jnp.pi)
    q = foot**2 + 2 * foot * jnp.cos(psi0) * twice + bend * once**2
    return q, foot * jnp.cos(psi0) * jnp.cos(2 * curvature * s) + bend * twice


def _first(shape: Shape) -> Array:
    """First integral f = r sin psi - H r^2, the force over 2 pi."""
    return shape[3] * jnp.sin(shape[0]) - shape[1] * shape[3] ** 2


def _end_angle(shape: Shape) -> Array:
    """Contact angle at the pillar, from its face, between 0 and 360 degrees."""
    q, along = _square(shape, shape[2])
    return jnp.pi - jnp.arctan2(_first(shape) + shape[1] * q, -along)


def _bulge(shape: Shape) -> Array:
    """Largest radius: the equator where it lies on the arc, else the foot or the pillar."""
    q, along = _square(shape, shape[2])
    root = jnp.sqrt(jnp.maximum(1 - 4 * shape[1] * _first(shape), 1e-300))
    equator = (1 + root) / (2 * shape[1])
    return jnp.where((jnp.cos(shape[0]) > 0) & (along < 0), equator, jnp.maximum(shape[3], jnp.sqrt(q)))


def _past(shape: Shape, ends: _Ends, h: Array) -> tuple[Array, Array]:
    """Volume above the pillar's face, and volume between the faces over the mask that is wetted; within 1e-4."""
    end = shape[2] * np.linspace(0.0, 1.0, SECTIONS + 1)
    q, _ = _square(shape, end)
    middle, _ = _square(shape, (end[1:] + end[:-1]) / 2)
    lift = [(_first(shape) + shape[1] * x) / jnp.sqrt(jnp.maximum(x, 1e-12)) for x in (q, middle)]
    rise = (lift[0][1:] + 4 * lift[1] + lift[0][:-1]) / 6 * shape[2] / SECTIONS
    z = jnp.concatenate([jnp.zeros(1), jnp.cumsum(rise)])
    above = jnp.sum((middle - ends.pillar**2) * jnp.diff(jnp.maximum(z, h)))
    low, ring = jnp.minimum(z, h), jnp.clip(q, 1.0, shape[3] ** 2)
    under = -jnp.sum((low[1:] + low[:-1]) / 2 * jnp.diff(ring)) + h * (ring[-1] - 1)
    return jnp.pi * above, jnp.pi * under
