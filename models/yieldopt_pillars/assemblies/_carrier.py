"""What chip 1 is mounted on, read from a study: how it bends chip 1, and how its pattern grows away with heat."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from yieldopt.card import Inputs
from yieldopt_pillars import materials
from yieldopt_pillars.assemblies._heat import Heat
from yieldopt_pillars.parts import bodies, warpage

DRAWN = 293.15
"""Where patterns are drawn alike, K: that of `bodies.relative_expansion`."""


class Carrier(eqx.Module):
    """Young's modulus (MPa), Poisson's ratio and expansion (1/K) of the carrier, and the heat of the joints.

    `bends` is whether chip 1 is bonded to it, face up and over its whole rear, when the chips are joined.
    """

    layer: Float[Array, "3"]
    heat: Heat
    bends: bool = eqx.field(static=True)

    @classmethod
    def of(cls, inputs: Inputs, heat: Heat) -> "Carrier":
        """Read a study."""
        found = materials.material(inputs.materials["carrier"], "materials.carrier")
        layer = jnp.asarray([found.modulus, found.poisson or 0.0, found.expansion], float)
        first = inputs.options["order"] == "carrier_first"
        return cls(layer, heat, first and inputs.options["stacking"] == "face_up")

    def bow(self, design: Any) -> Float[Array, "2"]:
        """What the carrier adds to the gap at the corner of the array, at melting and at the solidus, um.

        Chip 1 and carrier as a free plate of two layers, flat where the die attach cured (`warpage.laminate`): the die
        attach neither gives way nor relaxes, so that a soft one leaves less. Chip 1's edges rising close the gap.
        """
        if not self.bends:
            return jnp.zeros(2)
        rows = (design.carrier_thickness, *self.layer), (design.chip_thickness, *self.heat.layers["chip"])
        both = bodies.body(rows, design.mount_temperature)
        curved = [bodies.curvature(both, moment) for moment in self.heat.moments]
        return -jnp.stack([jnp.asarray(warpage.bow(one, 2.0 * self.heat.corner)) for one in curved])

    def run_out(self, temperature: Array) -> Array:
        """How much larger chip 1's pattern is than the carrier's at a temperature (K), relative; both free.

        Nothing where patterns are drawn for the heat (`options.growth: compensated`).
        """
        if not self.heat.free:
            return jnp.zeros(())
        return (self.heat.layers["chip"][2] - self.layer[2]) * (temperature - DRAWN)
