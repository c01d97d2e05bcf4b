"""What the fast joint is fitted in: the shape of a joint, how far it is stretched, and the coefficients of both.

A joint's shape is two numbers, log of slenderness (natural height over mean radius) and taper, which the difference of
the radii squared settles: symmetric in the ends and smooth where they are equal. Its stretch is one, from -1 just past
the overhang over 0 at the natural height to 1 at the end of what is fitted.
"""

import csv
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.typing import Scalar

CRUSHED = 0.1
"""Height over the natural one below which 1/height goes on as its tangent."""
POWER = 3
"""Stretch counts this power of 1/height: squeezed joints stiffen."""
REACH = 1.6
"""Largest height of what is fitted, over the natural one."""
WIDER = 1.08
"""Largest stretch fitted, over what `REACH` and the faces leave."""
LEVEL = 0.05
"""Over which share of half the fitted stretches the laws level off beyond them."""
SLENDER, UNEVEN = (0.145, 1.76), (0.3 / 1.7) ** 2
"""Slenderness and squared difference of the radii over their sum within which all is fitted; clipped beyond."""
FLAT = 0.2
"""Squared difference of the radii over slenderness squared, about which taper bends: a flat joint feels less of it."""
DEGREES = 8, 6
TERMS = tuple(
    (i, j) for i in range(DEGREES[0] + 1) for j in range(DEGREES[1] + 1) if i / DEGREES[0] + j / DEGREES[1] <= 1
)
"""Degrees in log slenderness and in taper."""
RISE, POLES, SWELL, LOW = slice(0, 9), slice(9, 11), slice(11, 16), 16
"""Columns: of the force's numerator and denominator, of the bulge, and the log of the stretch at the overhang."""


@lru_cache
def table() -> Float[np.ndarray, "terms columns"]:
    """What experiments/000_joint_fit fitted: a row a term."""
    with files("yieldopt_pillars.parts").joinpath("joint.csv").open() as file:
        found = {(int(row[0]), int(row[1])): [float(n) for n in row[2:]] for row in csv.reader(file)}
    return np.array([found[term] for term in TERMS])


def slenderness(a: Array, b: Array, h: Array) -> Array:
    """Natural height over the root mean square radius."""
    return h / jnp.sqrt((a**2 + b**2) / 2)


def basis(a: Array, b: Array, h: Array) -> list[Array]:
    """Products of Chebyshev polynomials of the joint's shape."""
    slender = jnp.clip(slenderness(a, b, h), *SLENDER)
    uneven, bend = jnp.minimum(((a - b) / (a + b)) ** 2, UNEVEN), FLAT * slender**2
    taper = uneven / (uneven + bend) * (UNEVEN + bend) / UNEVEN
    low, high = np.log(SLENDER)
    along = _chebyshev(2 * (jnp.log(slender) - low) / (high - low) - 1, DEGREES[0])
    across = _chebyshev(2 * taper - 1, DEGREES[1])
    return [along[i] * across[j] for i, j in TERMS]


def coefficients(a: Array, b: Array, h: Array) -> list[Array]:
    """A joint's own coefficients, a column each; written out, which runs twenty times faster than a product."""
    terms, columns = basis(a, b, h), table().T.tolist()
    return [sum((c * term for c, term in zip(column, terms, strict=True) if c), jnp.zeros(())) for column in columns]


def series(coefficients: Sequence[Array], u: Array) -> Array:
    """A Chebyshev series in the stretch."""
    return sum((c * t for c, t in zip(coefficients, _chebyshev(u, len(coefficients) - 1), strict=True)), jnp.zeros(()))


def stretch(height: Scalar, h: Array, slender: Array, low: Array) -> tuple[Array, Array]:
    """Stretch in [-1, 1], little more outside, and what it counts for at the natural height: d(height/h)/du.

    With x = 1 - (h/height)^3, 1/u = half/x + lean takes the ends of the fitted range to -1 and 1 and h to 0.
    """
    first = -jnp.exp(low)
    cut = (1.05 * POWER * slender) ** -4 + (1 - REACH**-POWER) ** -4
    last = WIDER / jnp.sqrt(jnp.sqrt(cut))
    half, lean = 2 / (1 / last - 1 / first), (1 / last + 1 / first) / (1 / last - 1 / first)
    middle, width = 0.5 * (first + last), 0.5 * (last - first)
    x = middle + width * _levelled((1 - (h * inverse(height, CRUSHED * h)) ** POWER - middle) / width)
    return x / (half - lean * x), half / POWER


def inverse(height: Scalar, floor: Array) -> Array:
    """1/height above the floor, its tangent below."""
    return jnp.where(height > floor, 1 / jnp.maximum(height, floor), 2 / floor - height / floor**2)


def _levelled(z: Array) -> Array:
    """Leave z alone in [-1, 1], keep it near the ends beyond them, with two continuous derivatives."""
    inside = jnp.clip(z, -1.0, 1.0)
    beyond = (z - inside) / LEVEL
    return inside + LEVEL * beyond / jnp.sqrt(1 + beyond**2)


def _chebyshev(x: Array, degree: int) -> list[Array]:
    found = [jnp.ones_like(x), x]
    for _ in range(degree - 1):
        found.append(2 * x * found[-1] - found[-2])
    return found[: degree + 1]
