"""Sections of pillars, as drawn in a mask: their areas, and the disc that is as large."""

import jax.numpy as jnp
from jax import Array

from yieldopt.typing import Scalar

SHAPES = "circle", "square", "octagon", "rectangle"


def area(shape: str, side: Scalar, width: Scalar) -> Array:
    """Area (um2) of a circle by its diameter, a square or a regular octagon across flats, a rectangle by both sides."""
    side = jnp.asarray(side)
    return {
        "circle": 0.25 * jnp.pi * side**2,
        "square": side**2,
        "octagon": 2.0 * (jnp.sqrt(2.0) - 1.0) * side**2,
        "rectangle": side * width,
    }[shape]


def equal_disc(area: Scalar) -> Array:
    """Diameter (um) of the disc of an area."""
    return jnp.sqrt(4.0 / jnp.pi * area)
