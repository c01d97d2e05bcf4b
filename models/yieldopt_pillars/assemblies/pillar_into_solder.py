"""System B: a bare pillar on chip 1 that sinks into the solder of chip 2, printed as paste or there as bump or ball.

Bumps and balls are truncated spheres of their volume on their pad before joining (`joint.free_cap_height`). A pillar
that sinks deeper than the molten solder needs pushes it aside; what is squeezed past its face climbs its wall.
"""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from yieldopt.card import Choice, Inputs, Response
from yieldopt.knob import knob, spread
from yieldopt.typing import Measures
from yieldopt_pillars.assemblies._joint_design import PadDesign, PadSpreads
from yieldopt_pillars.assemblies._joints import Shared
from yieldopt_pillars.assemblies._making import Made, Making, Own
from yieldopt_pillars.assemblies.pillar_joint import PillarJoint
from yieldopt_pillars.parts import joint, solder_volume
from yieldopt_pillars.parts.draw import normal


class SunkDesign(PadDesign):
    """A pillar and the solder that waits for it on the pad."""

    pillar_diameter: Array = knob(75, 2, 150, "um", "mask", "diameter of the pillar, that of the resist opening")
    paste_thickness: Array = knob(40, 5, 100, "um", "recipe", "paste: of the stencil, its aperture as wide as the pad")
    bump_plating: Array = knob(20, 1, 100, "um", "recipe", "bump: solder plated through an opening as wide as the pad")
    ball_diameter: Array = knob(80, 5, 500, "um", "recipe", "ball: diameter before it is attached")


class SunkSpreads(PadSpreads):
    """Of the solder on chip 2 besides, by its form."""

    paste_print: Array = spread(0.05, "%", "substrate.paste.print", "paste: print to print, relative")
    paste_pad: Array = spread(0.1, "%", "substrate.paste.pad", "paste: a pad against the others, relative")
    bump_site: Array = spread(0.03, "%", "substrate.bump_plating.site", "bump: plated solder of a site, relative")
    bump_pad: Array = spread(0.05, "%", "substrate.bump_plating.pad", "bump: a pad against the others, relative")
    ball_lot: Array = spread(0.5, "um", "substrate.ball_diameter.lot", "ball: diameter, lot to lot")
    ball_pad: Array = spread(3.3, "um", "substrate.ball_diameter.pad", "ball: diameter, ball to ball (10 um, 3 sigma)")


class SunkMaking(Making):
    """All solder is on the pad: paste and bump vary by a share of their volume, a ball by its diameter (um)."""

    @property
    def carries(self) -> tuple[bool, bool]:
        """On the pad alone."""
        return False, True

    def lot(self, design: SunkDesign, spreads: SunkSpreads) -> Array:
        """Draw what the solder of a print, a site or a lot of balls has in common."""
        shared = {"paste": spreads.paste_print, "bump": spreads.bump_site, "ball": spreads.ball_lot}
        return normal("solder_lot", shared[self.option("chip2_solder")])

    def own_solder(self, design: SunkDesign, spreads: SunkSpreads, plated: Array) -> Array:
        """Draw a pad's own."""
        own = {"paste": spreads.paste_pad, "bump": spreads.bump_pad, "ball": spreads.ball_pad}
        return normal("solder", own[self.option("chip2_solder")])

    def volume(self, design: SunkDesign, varied: Any) -> Array:
        """Solder on a pad, um3, with what its form varies by."""
        form, pad = self.option("chip2_solder"), design.pad_opening
        if form == "ball":
            return jnp.asarray(solder_volume.ball_volume(design.ball_diameter + varied))
        if form == "bump":
            return solder_volume.cap_volume(design.bump_plating, pad) * (1.0 + varied)
        return solder_volume.paste_volume(design.paste_thickness, pad) * (1.0 + varied)

    def carried(self, design: SunkDesign, state: Measures, own: Own, pillar: Array, pad: Array) -> tuple[Array, Array]:
        """All of it on the pad."""
        return jnp.zeros(()), self.volume(design, state["solder"] + own.solder)

    def contact(self, design: SunkDesign, shared: Shared) -> Array:
        """The average free solder on its pad, um: paste is soft, and gives way until it melts."""
        return joint.free_cap_height(0.5 * design.pad_opening, self.volume(design, shared.solder))

    def measures(self, design: SunkDesign, state: Measures, own: Own, made: Made) -> Measures:
        """Height of bump or ball before joining; how deep the pillar sinks, and how much solder it pushes aside."""
        free = joint.free_cap_height(made.pad_radius, made.on_pad)
        sunk = free - (state["gap_melt"] - own.height - own.pad)
        form = self.option("chip2_solder")
        heights = {f"{form}_height": free} if form != "paste" else {}
        return heights | {"sink": sunk, "displaced": sunk * jnp.pi * made.pillar_radius**2 / made.on_pad}


class PillarIntoSolder(PillarJoint):
    """Bare pillars on chip 1 that sink into paste, bumps or balls on chip 2 (claims P7-P16, P17-P20)."""

    Design: ClassVar[type[eqx.Module]] = SunkDesign
    Spreads: ClassVar[type[eqx.Module] | None] = SunkSpreads
    making: ClassVar[type[Making]] = SunkMaking
    responses: ClassVar[dict[str, Response]] = PillarJoint.responses | {
        "bump_height": Response("joint", "um", "bump: height on its pad before joining"),
        "ball_height": Response("joint", "um", "ball: height on its pad before joining"),
        "sink": Response("joint", "um", "depth to which the pillar's face goes below the free solder's top"),
        "displaced": Response("joint", "", "solder that the sunk pillar pushes aside, over all of it"),
    }
    options: ClassVar[dict[str, Choice]] = {
        name: choice for name, choice in PillarJoint.options.items() if name not in ("standoff", "solder_on")
    } | {"chip2_solder": Choice(("paste", "bump", "ball"), "paste", "the form of the solder on chip 2 before joining")}

    @classmethod
    def thickness(cls, inputs: Inputs) -> float:
        """The free solder on its pad, um."""
        design = SunkDesign(**{name: jnp.asarray(value) for name, value in inputs.design.items()})
        return float(cls.drawn(design, inputs)["free_height"])

    @classmethod
    def drawn(cls, design: Any, inputs: Inputs) -> Measures:
        """Height of the solder on its pad before joining, under the name of its form too."""
        making = SunkMaking.of(inputs)
        free = joint.free_cap_height(0.5 * design.pad_opening, making.volume(design, 0.0))
        form = making.option("chip2_solder")
        return {"free_height": free} | ({f"{form}_height": free} if form != "paste" else {})


MODEL = PillarIntoSolder
