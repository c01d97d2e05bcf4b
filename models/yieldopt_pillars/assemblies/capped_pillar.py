"""System A: a pillar with a solder cap on chip 1, set on the pads of chip 2 (with paste or without) and reflowed."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from yieldopt.card import Choice, Inputs, Response
from yieldopt.knob import knob, spread
from yieldopt.typing import Measures
from yieldopt_pillars import materials
from yieldopt_pillars.assemblies._joint_design import PadDesign, PadSpreads
from yieldopt_pillars.assemblies._joints import Shared
from yieldopt_pillars.assemblies._making import Making, Own
from yieldopt_pillars.assemblies.pillar_joint import PillarJoint
from yieldopt_pillars.parts import pillar_height, solder_volume
from yieldopt_pillars.parts.draw import normal
from yieldopt_pillars.parts.pillar_height import mode_amplitudes


class CappedDesign(PadDesign):
    """A pillar with a plated cap, and perhaps paste on the pad that it meets."""

    cap_height: Array = knob(18, 1, 40, "um", "recipe", "solder plated on the pillar, before reflow")
    cap_correlation: Array = knob(
        0.3, 0, 0.95, "", "tolerance", "of cap with pillar height: one opening, one current map"
    )
    cap_current: Array = knob(4e-4, 1e-4, 2e-3, "A/dm2", "recipe", "current density of the cap; sets its time")
    paste_thickness: Array = knob(25, 5, 100, "um", "recipe", "stencil for paste on chip 2, where there is any")


class CappedSpreads(PadSpreads):
    """Of caps and paste besides."""

    cap_die: Array = spread(0.03, "%", "chip.cap_height.die", "cap of a die, relative")
    cap_bump: Array = spread(0.05, "%", "chip.cap_height.bump", "cap of a bump, relative")
    paste_pad: Array = spread(0.1, "%", "substrate.paste.pad", "printed paste of a pad, relative")


class CappedMaking(Making):
    """The cap grows on the pillar through the opening of both, under one current map; its height is what counts."""

    @property
    def carries(self) -> tuple[bool, bool]:
        """The cap on the pillar; paste on the pad where it is printed."""
        return True, self.option("chip2_solder") == "paste"

    def lot(self, design: CappedDesign, spreads: CappedSpreads) -> Array:
        """Draw a die's cap, relative, apart from what follows its pillars."""
        return solder_volume.follow(design.cap_correlation, 0.0, normal("cap_die", spreads.cap_die))

    def own_solder(self, design: CappedDesign, spreads: CappedSpreads, plated: Array) -> Array:
        """Draw a bump's cap, um."""
        return (
            spreads.cap_bump * design.cap_height * solder_volume.follow(design.cap_correlation, plated, normal("cap"))
        )

    def own_paste(self, spreads: CappedSpreads) -> Array:
        """Draw a pad's paste, relative."""
        return normal("paste", spreads.paste_pad) if self.carries[1] else jnp.zeros(())

    def average(self, design: CappedDesign, shared: Shared) -> Measures:
        """The cap as the die has it on average, um."""
        return {"solder": design.cap_height * (1.0 + shared.solder)}

    def solder(
        self, design: CappedDesign, spreads: CappedSpreads, shared: Shared, field: Float[Array, " modes"]
    ) -> Array:
        """The cap at a site, um."""
        return self.average(design, shared)["solder"] + self.top_modes(design, spreads, shared) @ field

    def top_modes(self, design: CappedDesign, spreads: CappedSpreads, shared: Shared) -> Float[Array, " modes"]:
        """What the cap's field owes to the current map that the pillars were plated under, um."""
        rms = design.cap_correlation * spreads.cap_die * design.cap_height
        return mode_amplitudes(rms, shared.heights.waves)

    def cap(self, state: Measures, own: Own) -> Array:
        """The cap as plated, um."""
        return state["solder"] + own.solder

    def cap_noise(self, own: Own) -> Array:
        """The bump's own, um."""
        return own.solder

    def contact(self, design: CappedDesign, shared: Shared) -> Array:
        """The average cap as plated, um."""
        return self.average(design, shared)["solder"]

    def carried(
        self, design: CappedDesign, state: Measures, own: Own, pillar: Array, pad: Array
    ) -> tuple[Array, Array]:
        """The cap, and the metal of the paste."""
        paste = jnp.zeros(())
        if self.carries[1]:
            paste = solder_volume.paste_volume(design.paste_thickness, pad) * (1.0 + own.paste)
        return solder_volume.cap_volume(self.cap(state, own), pillar), paste


class CappedPillar(PillarJoint):
    """Pillars with plated solder caps on chip 1, joined to the pads of chip 2 by reflow (claims P1-P6, P17-P20)."""

    Design: ClassVar[type[eqx.Module]] = CappedDesign
    Spreads: ClassVar[type[eqx.Module] | None] = CappedSpreads
    making: ClassVar[type[Making]] = CappedMaking
    plated: ClassVar[tuple[str, ...]] = ("pillar_height", "nickel_height", "cap_height")
    responses: ClassVar[dict[str, Response]] = PillarJoint.responses | {
        "headroom": Response("joint", "um", "resist left above copper, nickel and cap; below 0 plating mushrooms"),
        "cap_time": Response("", "s", "plating time of the cap at its current density"),
    }
    options: ClassVar[dict[str, Choice]] = {
        name: choice for name, choice in PillarJoint.options.items() if name not in ("standoff", "solder_on")
    } | {"chip2_solder": Choice(("none", "paste"), "none", "a second solder, printed on chip 2")}
    materials: ClassVar[dict[str, Choice]] = PillarJoint.materials | {
        "solder": Choice(materials.names("solder"), "SnAg3.5", "the cap"),
        "paste": Choice(materials.names("solder"), "SAC305", "the second solder, where there is one"),
    }

    @classmethod
    def thickness(cls, inputs: Inputs) -> float:
        """The cap as plated, um."""
        return inputs.design["cap_height"]

    def response(self, design: Any, shared: Shared, pose: Float[Array, " pose"]) -> Measures:
        """What any joint's unit measures, and how long the cap takes."""
        time = pillar_height.plating_time(pillar_height.TIN, design.cap_height, design.cap_current)
        return {**super().response(design, shared, pose), "cap_time": jnp.asarray(time)}


MODEL = CappedPillar
