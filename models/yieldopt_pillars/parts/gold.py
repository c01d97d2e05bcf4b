"""Gold under molten solder: how fast it dissolves, how much of it the solder takes, what share of the joint it then is.

Thicknesses in um over the face that the solder wets, temperatures in K, times in s, densities in g/cm3.
"""

import jax.numpy as jnp
from jax import Array

from yieldopt.typing import Scalar
from yieldopt_pillars.parts.intermetallic import GAS
from yieldopt_pillars.parts.pillar_height import GOLD

RATE, REFERENCE, ACTIVATION = 2.64, 505.37, 61.4e3
"""um/s at 232 degC, that temperature, J/mol: least squares through .90, 2.99 and 4.25 um/s at 199, 232 and 252 degC.

Bader (Welding Journal 48, 551, 1969) measured them on wires in molten 60Sn40Pb; his paper was not at hand, the three
numbers are recalled. The law misses the middle one by 13 %. Tin-rich solders dissolve gold as fast or faster.
"""

EUTECTIC, SOLUBLE, STEEPER = 490.15, 0.10, 0.0183
"""K, share by weight, 1/K: tin takes 10 % of gold at its eutectic of 217 degC and 19 % at 252 degC, where AuSn4 gives
way to AuSn2 (Au-Sn diagram of Okamoto and Massalski 1984, both points recalled); exponential between and beyond.
"""

MOST = 0.6
"""Share at which the solubility is held: no solder of this table is heated so far."""

BRITTLE = 0.03
"""Share by weight above which a joint of tin solder is brittle: 3 % by what failure laboratories report of bulk joints
(SEM Lab), 3 to 4 % by Glazer's review (1995, recalled).
"""

EDGE = 0.02
"""um over which gold that is just used up is rounded: a margin needs a slope."""


def rate(temperature: Scalar) -> Array:
    """How fast solder that has no gold yet dissolves it, um/s; for 190 to 260 degC."""
    return RATE * jnp.exp(ACTIVATION / GAS * (1.0 / REFERENCE - 1.0 / temperature))


def soluble(temperature: Scalar, tin: Scalar) -> Array:
    """Share by weight of gold in a saturated solder, `tin` the share of tin in it without gold.

    Lead, bismuth and the like are taken to hold none of it: the solubility is that of tin times its share. For 63Sn37Pb
    at 225 degC this is 7 % (5 to 8 reported, recalled). Not for high-lead solders, whose lead dissolves gold as well.
    """
    full = SOLUBLE * jnp.exp(STEEPER * (jnp.asarray(temperature) - EUTECTIC))
    return jnp.minimum(full, MOST) * tin


def capacity(share: Scalar, mass: Scalar, area: Scalar) -> Array:
    """Gold that saturates the solder of a joint, um over its face: `mass` in g/cm3 um3, `area` in um2."""
    return jnp.asarray(share / (1.0 - share) * mass / (GOLD.density * area))


def dissolving(fastest: Scalar, most: Scalar, time: Scalar) -> Array:
    """Gold that solder would dissolve in a time, were there no end of it, um.

    Nernst and Brunner's law for a stirred liquid, dx/dt = fastest (1 - x / most): the rate falls as the liquid fills.
    """
    return most * -jnp.expm1(-fastest * time / most)


def dissolved(thickness: Scalar, wanted: Scalar) -> Array:
    """Gold that is dissolved, um: what the solder wants, or all there is; rounded where the two are equal."""
    apart = jnp.asarray(thickness - wanted)
    return 0.5 * (thickness + wanted - jnp.sqrt(apart**2 + EDGE**2))


def share(thickness: Scalar, mass: Scalar, area: Scalar) -> Array:
    """Share by weight of gold in a joint that dissolved `thickness` um of it over `area`."""
    gold = GOLD.density * thickness * area
    return jnp.asarray(gold / (gold + mass))
