"""How tall a pillar gets: its mean by Faraday's law; its scatter by lot, wafer, place on the wafer, die and bump."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array
from jaxtyping import Float

from yieldopt.typing import Scalar
from yieldopt_pillars.parts.draw import normal, normals

FARADAY = 96485.33212
"""Charge of one mole of electrons, C."""


class Metal(NamedTuple):
    """What Faraday's law needs: molar mass (g/mol), density (g/cm3), electrons an atom."""

    molar_mass: float
    density: float
    electrons: int


COPPER = Metal(63.546, 8.96, 2)
NICKEL = Metal(58.693, 8.90, 2)
GOLD = Metal(196.967, 19.30, 1)
"""Au(I), as in sulfite and cyanide baths."""
TIN = Metal(118.71, 7.29, 2)
"""The SnAg cap, taken as tin: 2 % of silver moves the rate by less than 2 %."""


def plating_rate(metal: Metal, current_density: Scalar, efficiency: Scalar = 1.0) -> Scalar:
    """Growth in um/s at a current density in uA/um2 (10 A/dm2 = 1e-3 uA/um2), by Faraday's law on the open area."""
    volume_per_charge = metal.molar_mass / (metal.electrons * FARADAY * metal.density) * 1e6
    return volume_per_charge * current_density * efficiency


def plating_time(metal: Metal, height: Scalar, current_density: Scalar, efficiency: Scalar = 1.0) -> Scalar:
    """Seconds to plate `height` (um) at a current density in uA/um2."""
    return height / plating_rate(metal, current_density, efficiency)


def plated_height(metal: Metal, time: Scalar, current_density: Scalar, efficiency: Scalar = 1.0) -> Scalar:
    """Height (um) after `time` (s) at a current density in uA/um2: the inverse of `plating_time`."""
    return time * plating_rate(metal, current_density, efficiency)


def mode_amplitudes(rms: Scalar, waves: Float[Array, " modes"]) -> Float[Array, " modes"]:
    """Amplitudes (um) of smooth modes of unit rms that make a field of the given rms, `waves` standard normals."""
    return rms * waves / jnp.sqrt(waves.shape[-1])


class ChipHeights(eqx.Module):
    """What the pillars of one chip share: an offset and a field of rms `die` (um), `waves` its standard normals."""

    offset: Float[Array, ""]
    die: Scalar
    waves: Float[Array, " modes"]

    @property
    def modes(self) -> Float[Array, " modes"]:
        """Amplitudes of the die's smooth modes, um."""
        return mode_amplitudes(self.die, self.waves)

    def at(self, shapes: Float[Array, " modes"]) -> Float[Array, ""]:
        """Deviation from nominal where the modes take the values `shapes`, um."""
        return self.offset + self.modes @ shapes


def chip(lot: Scalar, wafer: Scalar, position: Scalar, die: Scalar, modes: int, whose: str = "") -> ChipHeights:
    """Draw one chip's heights (a NumPyro program); every argument is one sigma in um. `whose` keeps two chips apart.

    Dies lie evenly over the wafer's disc, so the square of their relative radius is uniform; the bowl 2 rho^2 - 1 then
    has mean 0 and variance 1/3. The `die` field has `modes` modes of unit rms over the sites, so `die` is the rms of
    the field at an average site.
    """
    shift = normal(f"{whose}pillar_lot", lot) + normal(f"{whose}pillar_wafer", wafer)
    rho_squared = jnp.asarray(numpyro.sample(f"{whose}wafer_position", dist.Uniform(0.0, 1.0)))
    bowl = jnp.sqrt(3.0) * position * (2.0 * rho_squared - 1.0)
    return ChipHeights(shift + bowl, die, normals(f"{whose}pillar_field", modes))
