"""A joint whose pillar stands off its pad: energy, forces and reach at a finite lateral offset.

With x = offset over the larger radius and k_x the exact stiffness of the upright joint (`bridge`),

    F_x = k_x x + p x^3 + q x^5,    E = E(upright) + k_x x^2 / 2 + p x^4 / 4 + q x^6 / 6,

p and q from the forces at a quarter and at half of the larger radius. Those are k_x plus the natural stiffness times a
polynomial of the log height and of the two contact angles, fitted to three-dimensional bridges of Surface Evolver
(experiments/003_lateral): heights .3 to 2.5 larger radii, ratios of radii .7 to 1, contact angles from 15 degrees to
the overhang, offsets to half the larger radius. It does not answer elsewhere. Largest errors there, of the force or of
a tenth of the natural stiffness times the offset where that is larger: 2.6 % at a quarter radius, 2.9 % at half.

The reach moves every section of the upright joint by its share of the offset in the first-order shape (the Jacobi
field: the integral of ds / (r sin^2 psi) up to it, over the whole): within .05 larger radii for angles to 150 degrees.
"""

import csv
from functools import lru_cache
from importlib.resources import files
from itertools import product
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.typing import Scalar
from yieldopt_pillars.parts import bridge
from yieldopt_pillars.parts.natural import natural_stiffness

FARTHEST = 0.5
"""Largest offset, over the larger radius."""
HEIGHTS, RATIO, LEAN = (0.3, 2.5), 0.7, np.radians(15.0)
"""Range of heights over the larger radius, least ratio of radii, least contact angle."""
KNOTS = 0.25, 0.5
"""Offsets at which forces are fitted, over the larger radius."""
DEGREE = 6
POWERS = tuple(powers for powers in product(range(DEGREE + 1), repeat=3) if sum(powers) <= DEGREE)
"""Powers of log height, larger and smaller contact angle, each in its scale."""


class Lateral(NamedTuple):
    """One leaning joint, in any coherent units with surface tension 1; not a number where it does not answer.

    `extent` is how far the liquid reaches from the bottom disc's axis towards the top disc's, `behind` away from it.
    """

    energy: Array
    force_vertical: Array
    force_lateral: Array
    extent: Array
    behind: Array
    answers: Array


def lateral(radius_bottom: Scalar, radius_top: Scalar, volume: Scalar, height: Scalar, offset: Scalar) -> Lateral:
    """The joint whose top disc is moved sideways by `offset` >= 0; radii either way round, no batch axis, float64.

    The lateral force is what moves the disc further, so positive where it pulls back. Differentiable in all five.
    """
    bottom, top, volume, height, offset = (
        jnp.asarray(x, float) for x in (radius_bottom, radius_top, volume, height, offset)
    )
    unit = jnp.maximum(bottom, top)
    k, v, x = jnp.minimum(bottom, top) / unit, volume / unit**3, offset / unit

    def energy(h: Array, x: Array) -> tuple[Array, bridge.Bridge]:
        upright = bridge.solve(1.0, k, v, h)
        stiff, third, fifth = _springs(upright, k, v, h)
        return upright.energy + stiff * x**2 / 2 + third * x**4 / 4 + fifth * x**6 / 6, upright

    h = height / unit
    (whole, upright), (along, across) = jax.value_and_grad(energy, argnums=(0, 1), has_aux=True)(h, x)
    ahead, behind = _reach(k, v, h, x)
    small = jnp.minimum(upright.angle_bottom, upright.angle_top)
    answers = upright.exists & ~upright.overhangs & (small > LEAN) & (k >= RATIO) & (x <= FARTHEST)
    answers = answers & (h >= HEIGHTS[0]) & (h <= HEIGHTS[1])
    larger_below = bottom >= top
    reach = jnp.where(larger_below, ahead, x + behind), jnp.where(larger_below, behind, ahead - x)

    def where(value: Array) -> Array:
        return jnp.where(answers, value, jnp.nan)

    return Lateral(
        where(whole * unit**2),
        where(along * unit),
        where(across * unit),
        where(reach[0] * unit),
        where(reach[1] * unit),
        answers,
    )


def terms(height: Array, larger: Array, smaller: Array) -> list[Array]:
    """The polynomial's terms: height over the larger radius, contact angles in rad."""
    scaled = jnp.log(height) / 1.1, larger - 1.7, smaller - 1.4
    rises = [[jnp.ones_like(scaled[0])] for _ in scaled]
    for own, value in zip(rises, scaled, strict=True):
        for _ in range(DEGREE):
            own.append(own[-1] * value)
    return [rises[0][a] * rises[1][b] * rises[2][c] for a, b, c in POWERS]


@lru_cache
def coefficients() -> Float[np.ndarray, "knots terms"]:
    """What experiments/003_lateral fitted: a row a knot, a column a term."""
    with files("yieldopt_pillars.parts").joinpath("lateral.csv").open() as file:
        found = {tuple(int(n) for n in row[:3]): [float(n) for n in row[3:]] for row in csv.reader(file)}
    return np.array([found[powers] for powers in POWERS]).T


def _springs(upright: bridge.Bridge, k: Array, v: Array, h: Array) -> tuple[Array, Array, Array]:
    """Stiffness and the factors of x^3 and x^5 in the force."""
    stiff, natural = upright.stiffness_lateral, natural_stiffness(1.0, k, v)[1]
    larger = jnp.maximum(upright.angle_bottom, upright.angle_top)
    smaller = jnp.minimum(upright.angle_bottom, upright.angle_top)
    near, far = natural * (coefficients() @ jnp.stack(terms(h, larger, smaller)))
    a, b = (knot**2 for knot in KNOTS)
    fifth = (far / b - near / a) / (b - a)
    return stiff, near / a - fifth * a, fifth


def _reach(k: Array, v: Array, h: Array, x: Array) -> tuple[Array, Array]:
    """How far the liquid reaches ahead of and behind the larger disc's axis, the smaller one moved by x."""
    radius, share = bridge.sections(k, v, h)
    return (radius + x * share).max(), (radius - x * share).max()
