"""System G: the joint of system F with the making of its gold, plated through a resist or evaporated and lifted off.

Plated gold is as thick as current, time and efficiency make it (Faraday's law), thicker at the rim of a pattern, where
current gathers, and must stay below its resist; afterwards seed and adhesion layer are etched away between the lines,
which undercuts them. Evaporated gold needs no seed: no etch, no undercut, and as thick as it is set. The rest is as in
`gold_pad_joint`: an under-bump metal is undercut either way.
"""

from typing import Any, ClassVar

import equinox as eqx
import numpy as np
from jax import Array

from yieldopt.card import Choice, Inputs, Response
from yieldopt.errors import Mistake
from yieldopt.knob import knob
from yieldopt.typing import Measures, Scalar
from yieldopt_pillars.assemblies._gold_design import GoldDesign
from yieldopt_pillars.assemblies._gold_making import GoldMaking
from yieldopt_pillars.assemblies._making import Making
from yieldopt_pillars.assemblies.gold_pad_joint import GoldPadJoint
from yieldopt_pillars.parts import gold, pillar_height


class ProcessDesign(GoldDesign):
    """What the gold is made with."""

    gold_current: Array = knob(5e-5, 5e-6, 2e-4, "A/dm2", "recipe", "plated: current density of the gold")
    gold_time: Array = knob(780, 10, 2e4, "s", "recipe", "plated: time of the gold")
    gold_efficiency: Array = knob(0.97, 0.5, 1, "", "tolerance", "plated: share of the current that deposits gold")
    rim_excess: Array = knob(0.05, 0, 0.5, "", "tolerance", "plated: gold of the rim over that among the bumps, less 1")
    gold_resist: Array = knob(8, 0.5, 60, "um", "mask", "plated: resist for lines and pads")
    gold_evaporated: Array = knob(1.5, 0.1, 10, "um", "recipe", "evaporated: thickness of the gold")


class ProcessMaking(GoldMaking):
    """Gold by Faraday's law, or as evaporated."""

    @property
    def plated(self) -> bool:
        """Whether the gold is electroplated."""
        return self.option("gold_by") == "electroplated"

    def gold(self, design: ProcessDesign) -> Scalar:
        """What time and current plate, or what is evaporated, um."""
        if not self.plated:
            return design.gold_evaporated
        how = design.gold_time, design.gold_current, design.gold_efficiency
        return pillar_height.plated_height(gold.GOLD, *how)

    def rim(self, design: ProcessDesign) -> Scalar:
        """Where current gathers, plated gold is thicker."""
        return 1.0 + design.rim_excess if self.plated else 1.0

    def undercut(self, design: ProcessDesign) -> Scalar:
        """Lines that are lifted off see no etch."""
        return design.seed_undercut if self.plated else 0.0

    def side_etch(self, design: ProcessDesign) -> Scalar:
        """Nor do they lose gold to it."""
        return design.side_etch if self.plated else 0.0

    def rim_measures(self, design: ProcessDesign, thick: Array) -> Measures:
        """What the resist leaves where the gold is thickest, um."""
        return {"gold_headroom": design.gold_resist - thick} if self.plated else {}


class GoldPadProcess(GoldPadJoint):
    """Solder joints on gold pads, the gold plated or evaporated (claims P45-P74)."""

    Design: ClassVar[type[eqx.Module]] = ProcessDesign
    making: ClassVar[type[Making]] = ProcessMaking
    responses: ClassVar[dict[str, Response]] = GoldPadJoint.responses | {
        "gold_headroom": Response("wire_pad", "um", "resist left above the gold at the rim; below 0 lines mushroom"),
    }
    own_limits: ClassVar[dict[str, tuple[float, float]]] = GoldPadJoint.own_limits | {"gold_headroom": (0.0, np.inf)}
    options: ClassVar[dict[str, Choice]] = GoldPadJoint.options | {
        "gold_by": Choice(("electroplated", "evaporated"), "electroplated", "how lines and pads come by their gold"),
    }
    needs: ClassVar[dict[str, tuple[str, str]]] = GoldPadJoint.needs | {"gold_headroom": ("gold_by", "electroplated")}

    @classmethod
    def check(cls, inputs: Inputs) -> list[Any]:
        """What the joint is checked for, and gold plated above its resist."""
        making, design = cls._drawn(inputs)
        thick, resist = float(making.rim(design) * making.gold(design)), inputs.design["gold_resist"]
        found = super().check(inputs)
        if inputs.options.get("gold_by") != "electroplated" or thick <= resist:
            return found
        expected = f"gold within its resist of {resist:g} um, at the rim as well (claim P64)"
        do = "Lower design.gold_time or design.gold_current, or raise design.gold_resist."
        return [*found, Mistake(expected, f"{thick:.3g} um", do, "design.gold_time")]


MODEL = GoldPadProcess
