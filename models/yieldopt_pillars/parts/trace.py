"""A metal line over the passivation: how thick it plates, what of its seed lines a hole, what etching leaves of it."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import erf

from yieldopt.typing import Scalar
from yieldopt_pillars.parts.pillar_height import COPPER, GOLD, NICKEL, Metal


class Line(NamedTuple):
    """What a plated metal brings to a line: Faraday's numbers, and its resistivity at 20 degC, ohm um."""

    metal: Metal
    resistivity: float


LINES = {"Cu": Line(COPPER, 0.0172), "Ni": Line(NICKEL, 0.0693), "Au": Line(GOLD, 0.0221)}
"""Handbook values of the pure metals; plated films have up to a quarter more (recalled)."""


def resistance(resistivity: Scalar, length: Scalar, width: Scalar, thickness: Scalar) -> Array:
    """Resistance of a line of one section, ohm: rho l / (w t), lengths in um, direct current."""
    return jnp.asarray(resistivity * length / (width * thickness))


def wall_coverage(depth: Scalar, radius: Scalar) -> Array:
    """Share of a sputtered film's thickness that reaches the foot of a round hole's straight wall.

    The flux on a surface element of the wall, `depth` below the hole's rim (um, above 0), over that on the open face:
    the view factor from an element to a disc at right angles to it, its axis a disc's `radius` away,

        F = h/2 ((2 + h^2) / sqrt((2 + h^2)^2 - 4) - 1),     h = depth / radius

    (Howell's catalogue of configuration factors has it for any distance). It falls from one half at the rim as about
    1/h^3. For atoms that arrive by the cosine law, stick where they land and start from everywhere: a collimated or
    ionised source puts more on the foot, a wall that slopes outward gets more, and one that overhangs less.
    """
    h = jnp.asarray(depth) / radius
    square = jnp.square(h)
    return 0.5 * ((2.0 + square) / jnp.sqrt(square + 4.0) - h)


def loading(x: Scalar, y: Scalar, half_x: Scalar, half_y: Scalar, reach: Scalar) -> Array:
    """Open area about a place in a rectangle of even pattern, over that inside: 1/2 at an edge, 1/4 at a corner.

    A plating current crowds onto features that stand alone: local thickness follows the open area averaged over the
    `reach` that ions diffuse or the potential levels out (Mehdizadeh, Dukovic, Andricacos, Romankiw and Cheh 1992,
    recalled). Averaged here with a Gaussian of standard deviation `reach`; all in um, the rectangle about the origin.
    """
    scale = np.sqrt(2.0) * jnp.asarray(reach)

    def along(at: Scalar, half: Scalar) -> Array:
        return 0.5 * (erf((at + half) / scale) - erf((at - half) / scale))

    return along(x, half_x) * along(y, half_y)


def undercut(etched: Scalar, ratio: Scalar) -> Array:
    """How far a wet etch goes under either edge of a line, um, once it has gone down by `etched`.

    `ratio` is lateral over vertical: 1 for an etch that knows no direction, more where the metal above draws current
    out of the seed (recalled: 1 to 3 for titanium-tungsten under copper).
    """
    return jnp.asarray(etched * ratio)


def above(thickness: Scalar, step: Scalar, planarisation: Scalar) -> Array:
    """What a spun film of `thickness` in the field has above a line of height `step`, um.

    `planarisation` is 1 less the step on top over the step beneath (the usual degree of planarisation): 0 follows the
    line, 1 is level over it.
    """
    return jnp.asarray(thickness - planarisation * step)
