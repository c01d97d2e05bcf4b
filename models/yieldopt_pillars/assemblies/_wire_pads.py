"""Face up: chip 1's rear on the carrier, wires from pads along its edges. Chip 2 must leave room for all of it.

Chip 2 covers no pad, and nor does what bleeds out beneath it; the capillary comes down beside it; the loop clears the
edge of chip 1. Shared draws reach a wire by three numbers, one to each way of failing.
"""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from yieldopt.card import Inputs, Response
from yieldopt.problem import Sites
from yieldopt.typing import Measures
from yieldopt_pillars.assemblies._connections import Connections, InModule, by_side, chip2_thickness, mean_height, rows
from yieldopt_pillars.assemblies._module_design import ModuleSpreads
from yieldopt_pillars.parts import clearance
from yieldopt_pillars.parts.clearance import Sides
from yieldopt_pillars.parts.draw import normal, normals

RESPONSES = {
    "uncovered": Response("wire_pad", "um", "from chip 2's edge to the pad beside it; below 0 the pad is covered"),
    "tool_clear": Response("wire_pad", "um", "between capillary and chip 2's upper edge as it bonds the pad"),
    "loop_clear": Response("wire_pad", "um", "between wire and chip 1's edge under it"),
    "bleed_clear": Response("wire_pad", "um", "encapsulant: from the fillet and bleed around chip 2 to the pad"),
}


class Wired(eqx.Module):
    """What the wires of a unit share: chip 1's sides as cut, and how far more the fillet bleeds (um)."""

    cut1: Sides
    bleed: Array


class WireBond(eqx.Module):
    """One wire's own (um): chip 2's edge beside it, its ball's place across the edge, its loop's height, the bleed."""

    edge: Array
    place: Array
    loop: Array
    bleed: Array


class WirePads(Connections):
    """Pads in a row along each edge of chip 1."""

    name: ClassVar[str] = "wire_pad"
    inset_of: ClassVar[str] = "wire_inset"
    pitch_of: ClassVar[str] = "wire_pitch"
    width_of: ClassVar[str] = "wire_pad"
    sites: Sites
    spreads: ModuleSpreads
    pitch: Array
    pressed: bool = eqx.field(static=True)
    bleeds: bool = eqx.field(static=True)

    @classmethod
    def of(cls, inputs: Inputs, spreads: ModuleSpreads, pressed: bool) -> "WirePads":
        """Lay the pads out along chip 1's edges."""
        size = [inputs.design[name] for name in ("chip1_width", "chip1_length", "wire_inset", "wire_pitch")]
        bleeds = inputs.options["encapsulant"] == "underfill"
        return cls(rows(*size), spreads, jnp.asarray(size[-1], float), pressed, bleeds)

    def shared(self, design: Any) -> Wired:
        """Draw chip 1's outline and the bleed of a unit."""
        cut = normals("cut1", 4, self.spreads.cut1)
        return Wired(cut, normal("bleed_unit", self.spreads.bleed_unit) if self.bleeds else jnp.zeros(()))

    def variation(self, design: Any) -> WireBond:
        """Draw one wire's own."""
        of = self.spreads
        return WireBond(
            normal("edge2", of.edge2),
            normal("bond_place", of.bond_place),
            normal("loop", of.loop),
            normal("bleed_pad", of.bleed_pad) if self.bleeds else jnp.zeros(()),
        )

    def state(self, design: Any, shared: InModule, pose: Float[Array, " pose"], site: Sites) -> Measures:
        """Room from pad to chip 2, to its upper edge as the capillary's cone narrows it, and to chip 1's own edge."""
        wired: Wired = shared.around
        room = self.beyond(design, shared, site)
        top = mean_height(shared, pose) + chip2_thickness(design, shared)
        found = {
            "room": room,
            "tool_room": room - clearance.tool_radius(design.capillary_tip, design.capillary_cone, top),
            "outer_room": design.wire_inset + by_side(wired.cut1, site),
        }
        return found | ({"bleed_room": room - design.bleed - wired.bleed} if self.bleeds else {})

    def response(self, design: Any, state: Measures, element: WireBond) -> Measures:
        """Measure one wire."""
        drop = design.chip_thickness + design.attach_thickness
        out = state["outer_room"] - element.place
        loop = clearance.loop_height(design.loop_height + element.loop, drop, design.wire_span, out)
        found = {
            "uncovered": state["room"] - element.edge - 0.5 * design.wire_pad,
            "tool_clear": state["tool_room"] - element.edge + element.place,
            "loop_clear": loop - 0.5 * design.wire_diameter,
        }
        if self.bleeds:
            found["bleed_clear"] = state["bleed_room"] - element.edge - element.bleed - 0.5 * design.wire_pad
        return found

    def limits(self) -> dict[str, tuple[float, float]]:
        """No pad covered, nothing touched."""
        low = (0.0, jnp.inf)
        return dict.fromkeys(("uncovered", "tool_clear", "loop_clear", *(["bleed_clear"] if self.bleeds else [])), low)
