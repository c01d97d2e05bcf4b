"""What holds a chip beside its joints, read from a study: its solder's tension, weight and stiffness of both bodies."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array

from yieldopt.card import Inputs
from yieldopt.errors import Mistake
from yieldopt_pillars import materials
from yieldopt_pillars.parts import equilibrium

CERAMIC = 320e3
"""Young's modulus of the aluminium nitride that heads and stages are faced with, MPa (handbooks: 310 to 330)."""
FELT = 0.05
"""Bending over the height of the solder, above which bodies may no longer be called rigid."""
TRACTION = 4.0
"""Pull of a joint near its natural height, over radius and tension: squeezed ones push, stretched ones pull so much."""


class Support(eqx.Module):
    """Tension (N/m) of the solder at its hottest; area of the bodies (um2), counted as wide as the array with half a
    pitch around it, half of the array's side and its farthest joint (um); density (g/cm3) of the chip, moduli (MPa).
    """

    tension: Array
    area: Array
    half: Array
    corner: Array
    density: Array
    chip: Array
    substrate: Array

    @classmethod
    def of(cls, inputs: Inputs, roles: tuple[str, str] = ("chip", "substrate")) -> "Support":
        """Read a study; materials that it leaves open are the model's own. `roles` are those of the two bodies."""
        bumps = inputs.bump_map
        assert bumps is not None
        half = max(float(np.max(np.abs(bumps.x))), float(np.max(np.abs(bumps.y))), 1e-9)
        area = (np.ptp(bumps.x) + bumps.pitch) * (np.ptp(bumps.y) + bumps.pitch)
        corner = max(float(np.max(np.hypot(bumps.x, bumps.y))), 1e-9)
        chip, substrate = (_of(inputs, role) for role in roles)
        hot = inputs.design["peak_temperature"]
        # Of two solders that mix, the one of lower tension gathers at the surface.
        tension = min(solder.tension_at(max(hot, solder.solidus or 0.0)) for solder in materials.solders(inputs))
        numbers = tension, area, half, corner, chip.density, chip.modulus, substrate.modulus
        return cls(*(jnp.asarray(number, float) for number in numbers))

    def weight(self, design: Any) -> Array:
        """What the chip weighs, uN."""
        return jnp.asarray(equilibrium.weight(self.density, self.area, design.chip_thickness))

    def plates(self, design: Any, pressed: bool) -> equilibrium.Modes:
        """Stiffness of chip against substrate (uN/um); a head and a stage hold both down and bend with them."""
        place = self.area, self.half, self.corner
        chip = equilibrium.plate(self.chip, design.chip_thickness, *place)
        substrate = equilibrium.plate(self.substrate, design.substrate_thickness, *place)
        tool = equilibrium.plate(CERAMIC, design.tool_thickness if pressed else 0.0, *place)
        return equilibrium.against(chip + tool, substrate + tool)


def bending(
    inputs: Inputs,
    solder_height: float,
    roles: tuple[str, str] = ("chip", "substrate"),
    width: str = "pillar_diameter",
) -> list[Mistake]:
    """Refuse bodies called rigid that their joints would bend: by over a twentieth of the solder's height.

    `width` is the knob of a joint's diameter on chip 1.

    A traction of 4 gamma r / pitch^2 over the middle of a simply supported square plate bends it by .004 q L^4 / D
    (Timoshenko and Woinowsky-Krieger 1959, table 8); chip and substrate together. A head's tool keeps both flat.
    """
    bumps, pressed = inputs.bump_map, inputs.options.get("join") == "thermocompression"
    if bumps is None or pressed or inputs.options.get("bodies") == "bending" or len(bumps.x) < 3:
        return []
    design, tensions = inputs.design, [solder.tension for solder in materials.solders(inputs)]
    known = [tension for tension in tensions if tension is not None]
    if len(known) < len(tensions):
        return []
    traction = TRACTION * min(known) * 0.5 * design[width] / bumps.pitch**2
    span = max(float(np.ptp(bumps.x)), float(np.ptp(bumps.y))) + bumps.pitch
    bent = 0.0
    for body, role in zip(("chip", "substrate"), roles, strict=True):
        thickness = design[f"{body}_thickness"]
        rigidity = _of(inputs, role).modulus * thickness**3 / (12.0 * (1.0 - equilibrium.POISSON**2))
        bent += 0.004 * traction * span**4 / rigidity
    if bent <= FELT * solder_height:
        return []
    return [
        Mistake(
            f"bodies that their joints bend by less than {FELT:.0%} of the solder, where they are called rigid",
            f"about {bent:.2g} um of bending over {span / 1000:.3g} mm",
            "Write options.bodies: bending, or give the true design.chip_thickness and design.substrate_thickness.",
            "options.bodies",
        )
    ]


def _of(inputs: Inputs, role: str) -> materials.Material:
    default = {"chip": "Si", "substrate": "laminate"}.get(role, "Si")
    return materials.material(inputs.materials.get(role, default), f"materials.{role}")
