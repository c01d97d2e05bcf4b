"""How much tin a face takes from the solder: growth of compounds in reflow and in service, on copper and on nickel.

Counted in tin taken, um over the face, which is what the solder loses; a layer is as much thinner or thicker as its
compound says. Layers grow by x^n = x0^n + k^n t, n = 3 under liquid solder (ripening scallops) and n = 2 in the solid
(diffusion through the layer), k by an Arrhenius factor about a reference. Times in s, temperatures in K.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from yieldopt.typing import Scalar

GAS = 8.314462618
"""J/mol/K."""


class Compound(NamedTuple):
    """What 1 um of a layer takes: um of tin and um of the metal below, by counting moles."""

    tin: float
    metal: float


class Growth(NamedTuple):
    """A law of growth: exponent, Cu6Sn5 or its like on copper in um / s^(1/n) at a reference (K), J/mol of thickness.

    `barrier` is the tin that nickel takes over that which copper takes, in a time.
    """

    exponent: float
    layer: float
    reference: float
    activation: float
    barrier: float

    def rate(self, temperature: Scalar) -> Array:
        """Tin taken on copper, um / s^(1/n)."""
        hotter = self.activation / GAS * (1.0 / self.reference - 1.0 / temperature)
        return CU6SN5.tin * self.layer * jnp.exp(hotter)


CU6SN5, NI3SN4 = Compound(0.692, 0.361), Compound(0.865, 0.262)
"""Densities 8.28 and 8.64 g/cm3, of tin 7.29, copper 8.96, nickel 8.90."""

LIQUID = Growth(3.0, 0.383, 518.15, 20e3, 0.1)
"""1.5 um in 60 s of a reflow with a peak of 245 degC, in the usual 1 to 3 um; on nickel about a tenth (both recalled).

The peak stands for the temperatures of the whole time that the solder is liquid. For 20 to 300 s, 20 to 60 K above the
liquidus. Activation of the thickness: 33 kJ/mol where 65.7 found at 250 to 325 degC for Sn3.5Ag0.5Cu on copper (Tsao
et al. 2009) are those of its square, which its abstract leaves open; 23 to 28 found for Sn-Sb on nickel at 270 to 500
degC (Chen and Chen 2012, of the rate constant, power not stated there); about 10 for ripening, recalled. 20 is between:
30 K more grow 29 % more, by the others 13 to 52 %.
"""

SOLID = Growth(2.0, 9.0 / (60 * 86400.0) ** 0.5, 423.15, 32.7e3, 0.60)
"""9 um of Cu6Sn5 and Cu3Sn together after 60 days at 150 degC under Sn3.5Ag, 65.4 kJ/mol, taken as of the square.

Measured at 70 to 200 degC and up to 60 days (Metals and Materials International 9, 193, 2003). The 9 um hold what the
reflow had left, some 3 % of the square; Cu3Sn takes two thirds of the tin of Cu6Sn5: both err to more tin taken. In
SnPb joints D = 1.61e-4 m2/s exp(-1.09 eV / kT) (Chan, So and Lai 1998) is 1.68e-17 m2/s at 150 degC, where this is
1.56e-17. On nickel: D of 1.71e-17 against 7.46e-17 m2/s, .48 of the thickness, on 5 um pillars (Chen et al. 2018, with
.67 or 1.12 um of nickel: its abstract leaves out one of four values); a quarter or less elsewhere, recalled. So nickel
takes rather too much tin here.
"""


def tin_of(nickel: Scalar) -> Scalar:
    """Tin that a layer of nickel (um) takes before it is gone, um."""
    return nickel * NI3SN4.tin / NI3SN4.metal


def nickel_left(nickel: Scalar, tin: Scalar) -> Scalar:
    """Nickel under its compound after `tin` was taken, um; below zero, gone, by what copper has taken since."""
    return nickel - tin * NI3SN4.metal / NI3SN4.tin


def tin_taken(law: Growth, before: Scalar, nickel: Scalar, time: Scalar, temperature: Scalar) -> Array:
    """Tin taken in all by a face that had taken `before`, um: slowly while its `nickel` (um) lasts, then as copper.

    No nickel, 0, is copper from the start. What grew on nickel goes on resisting as the same tin in Cu6Sn5 would: once
    the nickel is gone growth is as on copper (seen by Chen et al. 2018). Solder without end: see `eaten_fraction`.
    """
    n = law.exponent
    copper = law.rate(temperature) ** n
    slow = copper * law.barrier**n
    lasts = (tin_of(nickel) ** n - before**n) / slow
    lasts = jnp.where(lasts > 0.0, jnp.minimum(lasts, time), 0.0)  # a clip would halve the slope at time 0
    return (before**n + slow * lasts + copper * (time - lasts)) ** (1.0 / n)


def after_reflow(nickel: Scalar, time: Scalar, peak: Scalar) -> Array:
    """Tin taken by a face of `nickel` um over copper after a time above the liquidus, um."""
    return tin_taken(LIQUID, 0.0, nickel, time, peak)


def after_service(before: Scalar, nickel: Scalar, time: Scalar, temperature: Scalar) -> Array:
    """Tin taken by a face that had taken `before` in reflow, after a time in the solid at a temperature, um."""
    return tin_taken(SOLID, before, nickel, time, temperature)
