"""Chip and substrate as stacks of layers: how they bow against one another, and run apart, at a temperature.

Lengths in um, moduli in MPa, temperatures in K, expansions in 1/K. A body's layers count from the bottom up as it lies
in the assembly: a chip set face down has its films first, a substrate has its pads on top. What `warpage` says of one
free body holds for each; neither holds the other before the solder is solid, so that at melting, and at the solidus,
where a joint's height is frozen, the two bow freely.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from yieldopt.typing import Scalar
from yieldopt_pillars.parts import warpage
from yieldopt_pillars.parts.warpage import Layers

Layer = tuple[Scalar, Scalar, Scalar, Scalar]
"""Thickness (um), Young's modulus (MPa), Poisson's ratio, expansion (1/K)."""


class Body(NamedTuple):
    """A stack as it lies in the assembly, and the temperature at which it is flat (K): that of a polymer's cure."""

    layers: Layers
    flat: Scalar


def body(rows: Sequence[Layer], flat: Scalar) -> Body:
    """A body of these layers, from the bottom up; each number may be a design's knob."""
    columns = zip(*rows, strict=True)
    return Body(Layers(*(jnp.stack([jnp.asarray(part, float) for part in column]) for column in columns)), flat)


def turned(one: Body) -> Body:
    """The same body face down."""
    return Body(Layers(*(part[::-1] for part in one.layers)), one.flat)


def curvature(one: Body, temperature: Scalar) -> Array:
    """Of a free body at a temperature, 1/um; positive lifts its edges."""
    return warpage.laminate(one.layers, temperature - one.flat)[1]


def relative_warpage(chip: Body, substrate: Body, temperature: Scalar, corner: Scalar) -> Scalar:
    """Gap between chip and substrate at a place `corner` um from the centre over that at the centre, um.

    (kappa_chip - kappa_substrate) corner^2 / 2: two shallow arcs over the diagonal of an array whose corner it is.
    Positive where the gap is wider at the corner: the sign of the assembly's `warpage`. Ask at melting for what contact
    sees and at the solder's solidus for what height is frozen in; their quotient is the assembly's `solidus_ratio`,
    where the first is not near zero.
    """
    return warpage.bow(curvature(chip, temperature) - curvature(substrate, temperature), 2.0 * corner)


def face_expansion(one: Body, top: bool) -> Array:
    """Expansion in plane of a body's upper or lower face, 1/K: that of its mid-plane and what bowing adds.

    e - kappa z at z = +- t/2 by `laminate`, for one kelvin. For a single layer it is the layer's own.
    """
    strain, bent = warpage.laminate(one.layers, 1.0)
    half = 0.5 * jnp.sum(one.layers.thickness)
    return strain - bent * (half if top else -half)


def relative_expansion(
    chip: Body, substrate: Body, temperatures: tuple[Scalar, Scalar], drawn: Scalar = 293.15
) -> Scalar:
    """How much the chip's pattern has grown beyond the substrate's, per length, at (chip, substrate) temperatures.

    At its lower and upper face, from the temperature at which the two patterns were drawn alike. Times the distance
    from their common centre it is how far a pillar lies outside of its pad: see `warpage.run_out`. Between free bodies:
    as placed, or liquid; solid solder holds them together from the solidus down.
    """
    rates = face_expansion(chip, top=False), face_expansion(substrate, top=True)
    return warpage.run_out(1.0, (rates[1], rates[0]), (temperatures[1] - drawn, temperatures[0] - drawn))
