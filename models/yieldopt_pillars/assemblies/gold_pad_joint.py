"""System F: chip 1 with gold lines and pads over its passivation, solder on its bump pads and on chip 2's contacts.

Solder 1 and solder 2 become one joint between two round faces (`pillar_joint`); what is new is the stack under it, how
it eats gold or under-bump metal, and the lines and wire-bond pads of the same gold. Past its overhang a joint of pads
lies on polymer and mask, where the law of `pillar_joint` has it climb a wall: such joints are to be few, and `climb` is
held lower here. How the gold is made is system G's (`gold_pad_process`).
"""

from dataclasses import replace
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.card import Choice, Inputs, Response
from yieldopt.errors import Mistake
from yieldopt.knob import knob
from yieldopt.problem import Population
from yieldopt.typing import Measures
from yieldopt_pillars import materials
from yieldopt_pillars.assemblies import _checks, _gold_checks
from yieldopt_pillars.assemblies._gold_design import GoldDesign, GoldSpreads
from yieldopt_pillars.assemblies._gold_lines import Lines, WirePads
from yieldopt_pillars.assemblies._gold_making import GoldMaking, GoldShared
from yieldopt_pillars.assemblies._heat import Heat, tooled
from yieldopt_pillars.assemblies._joints import Shared
from yieldopt_pillars.assemblies._making import Making
from yieldopt_pillars.assemblies._support import bending
from yieldopt_pillars.assemblies.pillar_joint import PillarJoint
from yieldopt_pillars.parts import gold, metal_stack, solder_volume
from yieldopt_pillars.parts.coplanarity import FIELD_MODES
from yieldopt_pillars.parts.draw import normal, normals
from yieldopt_pillars.parts.pillar_height import ChipHeights

POLYMERS = tuple(
    name
    for name in materials.names("film")
    if {"macromolecule polymer", "porous dielectric"} & {*materials.material(name).classes}
)
"""What the layers between metals may be made of; solder mask is meant to be on top."""


class PadJointDesign(GoldDesign):
    """Gold of a thickness that is given, whatever put it there."""

    gold_thickness: Array = knob(4, 0.1, 30, "um", "recipe", "gold of lines and pads, on its adhesion layer")


class GoldPadJoint(PillarJoint):
    """Solder joints on the gold pads of a post-passivation metal scheme (claims P45-P74)."""

    Design: ClassVar[type[eqx.Module]] = PadJointDesign
    Spreads: ClassVar[type[eqx.Module] | None] = GoldSpreads
    making: ClassVar[type[Making]] = GoldMaking
    widths: ClassVar[tuple[str, ...]] = ("pad_diameter", "pad_opening")
    responses: ClassVar[dict[str, Response]] = {
        name: response for name, response in PillarJoint.responses.items() if name not in ("nickel_left", "pillar_time")
    } | {
        "climb": Response("joint", "", "share of the solder squeezed past the faces onto polymer; below 0, none"),
        "headroom": Response("joint", "um", "resist left above under-bump metal and plated solder 1"),
        "standoff": Response("joint", "um", "chip's passivation above the contacts: metals, polymers and joint"),
        "clearance": Response("joint", "um", "from the polymers of chip 1 to the contacts' plane: room for underfill"),
        "gold_left": Response("joint", "um", "gold under the joint after all reflows; below 0 it is gone"),
        "gold_share": Response("joint", "", "share by weight of gold in the joint; without under-bump metal"),
        "solder1_pad_height": Response("joint", "um", "solder 1 as a pad: height before joining"),
        "solder1_ball_height": Response("joint", "um", "solder 1 as a ball: height on its pad before joining"),
        "solder2_pad_height": Response("joint", "um", "solder 2 as a pad: height before joining"),
        "solder2_ball_height": Response("joint", "um", "solder 2 as a ball: height on its contact before joining"),
        "gold_thickness": Response("line", "um", "gold of a line as made"),
        "line_resistance": Response("line", "", "resistance of a line over that as drawn"),
        "line_seat": Response("line", "um", "adhesion layer left under a line; below 0 the line lifts off"),
        "line_space": Response("line", "um", "between a line's gold and that of the next"),
        "wire_gold": Response("wire_pad", "um", "gold of a wire-bond pad as made"),
        "ubm_left": Response("", "um", "copper of the under-bump metal left by the end of its life, nickel counted in"),
    }
    own_limits: ClassVar[dict[str, tuple[float, float]]] = {
        name: sides for name, sides in PillarJoint.own_limits.items() if name != "standoff"
    } | {
        "climb": (-np.inf, 0.2),
        "clearance": (15.0, np.inf),
        "gold_left": (0.0, np.inf),
        "gold_share": (-np.inf, gold.BRITTLE),
        "ubm_left": (0.0, np.inf),
        "line_resistance": (-np.inf, 1.25),
        "line_seat": (0.0, np.inf),
        "line_space": (2.0, np.inf),
        "wire_gold": (0.5, np.inf),
    }
    options: ClassVar[dict[str, Choice]] = {
        name: choice for name, choice in PillarJoint.options.items() if name not in ("standoff", "solder_on", "barrier")
    } | {
        "under_bump": Choice(("metal", "none"), "metal", "between solder 1 and the gold of its pad"),
        "undercoat": Choice(("polymer", "none"), "polymer", "between passivation and metal scheme"),
        "overcoat": Choice(("polymer", "none"), "polymer", "over the metal scheme, its pads left open"),
        "further_metal": Choice(("none", "copper"), "none", "below the gold, with a polymer between"),
        "solder1_shape": Choice(("pad", "ball"), "pad", "of solder 1 on its bump pad before joining"),
        "solder2_shape": Choice(("pad", "ball"), "pad", "of solder 2 on its contact before joining"),
    }
    materials: ClassVar[dict[str, Choice]] = {
        "solder1": Choice(materials.names("solder"), "SnAg3.5", "solder on the bump pads of chip 1"),
        "solder2": Choice(materials.names("solder"), "SnAg3.5", "solder on the contacts of chip 2"),
        "under_bump_metal": Choice(metal_stack.STACKS, "TiW/Cu/Ni", "layers from the pad up: adhesion, copper, nickel"),
        "barrier": Choice(("TiW", "Ti", "TiN", "TaN", "Cr"), "TiW", "adhesion layer under the gold"),
        "undercoat": Choice(POLYMERS, "polyimide", "polymer under the metal scheme"),
        "overcoat": Choice(POLYMERS, "polyimide", "polymer over the metal scheme"),
        "polymer": Choice(POLYMERS, "polyimide", "polymer between the gold and further metal"),
        "chip": PillarJoint.materials["chip"],
        "substrate": PillarJoint.materials["substrate"],
        "substrate_film": PillarJoint.materials["substrate_film"],
    }

    needs: ClassVar[dict[str, tuple[str, str]]] = {
        "gold_left": ("under_bump", "none"),
        "gold_share": ("under_bump", "none"),
        "ubm_left": ("under_bump", "metal"),
        "headroom": ("solder1_shape", "pad"),
        "solder1_pad_height": ("solder1_shape", "pad"),
        "solder1_ball_height": ("solder1_shape", "ball"),
        "solder2_pad_height": ("solder2_shape", "pad"),
        "solder2_ball_height": ("solder2_shape", "ball"),
    }
    """Responses that mean something under one choice of an option alone: which."""

    wires: WirePads | None = None

    @classmethod
    def build(cls, inputs: Inputs) -> "GoldPadJoint":
        """Lay out joints, lines and wire-bond pads; limits on what is not there are left out."""
        made = super().build(inputs)
        assert isinstance(made, GoldPadJoint)
        assert inputs.bump_map is not None
        joints, making = made.joints, cls.making.of(inputs)
        assert isinstance(making, GoldMaking)
        wires = WirePads.around(inputs.bump_map, joints.spreads, joints.flatness, making)
        bounds = tuple(limit for limit in made.bounds if limit.name not in cls.idle(inputs))
        heat = Heat.of(inputs, cls.roles, making.films)
        return replace(made, joints=replace(joints, heat=heat), bounds=bounds, wires=wires)

    @classmethod
    def check(cls, inputs: Inputs) -> list[Any]:
        """What only the domain can see: stacks out of order, what touches or does not fit, what melts too soon."""
        joined = [*_checks.layout(inputs, cls.widths), *materials.melting(inputs), *tooled(inputs)]
        stiff = bending(inputs, cls.thickness(inputs), cls.roles, "bump_diameter")
        return [*joined, *stiff, *_gold_checks.scheme(inputs), *cls._absent(inputs)]

    @classmethod
    def idle(cls, inputs: Inputs) -> set[str]:
        """Responses that a study's options leave without meaning."""
        return {name for name, (option, choice) in cls.needs.items() if inputs.options.get(option) != choice}

    @classmethod
    def _absent(cls, inputs: Inputs) -> list[Mistake]:
        """Refuse limits on them."""
        found: list[Mistake] = []
        for name in sorted(cls.idle(inputs) & {*inputs.limits}):
            option, choice = cls.needs[name]
            do = f"Write options.{option}: {choice}, or remove limits.{name}."
            got = inputs.options.get(option, "")
            found.append(Mistake(f"options.{option}: {choice} beside a limit on {name}", got, do, f"limits.{name}"))
        return found

    @classmethod
    def thickness(cls, inputs: Inputs) -> float:
        """Both solders over what solder 1 wets, um."""
        making, design = cls._drawn(inputs)
        return float(sum(making.drawn(design)) / solder_volume.disc(making.width(design)))

    @classmethod
    def _drawn(cls, inputs: Inputs) -> tuple[GoldMaking, Any]:
        making = cls.making.of(inputs)
        assert isinstance(making, GoldMaking)
        return making, cls.Design(**{name: jnp.asarray(value, float) for name, value in inputs.design.items()})

    @classmethod
    def drawn(cls, design: Any, inputs: Inputs) -> Measures:
        """The gold, and the height of both solders under the names of their shapes."""
        making = cls.making.of(inputs)
        assert isinstance(making, GoldMaking)
        faces = making.width(design), design.pad_opening
        return {"gold_thickness": jnp.asarray(making.gold(design)), **making.heights(making.drawn(design), faces)}

    @property
    def _gold(self) -> tuple[GoldSpreads, GoldMaking]:
        spreads, making = self.joints.spreads, self.joints.making
        assert isinstance(spreads, GoldSpreads)
        assert isinstance(making, GoldMaking)
        return spreads, making

    def variation(self, design: Any) -> Shared:
        """Draw what any two bodies share, and besides the polymers' field, undercut, lines and under-bump metal."""
        of, making = self._gold
        base = vars(super().variation(design))
        undercut = normal("undercut", of.undercut_wafer)
        narrower = 2.0 * undercut * design.seed_undercut if making.under_bump else 0.0
        uneven = normals("polymer_field", FIELD_MODES) if making.beneath else None
        return GoldShared(
            **base | {"diameter": base["diameter"] - narrower},
            polymer=None if uneven is None else ChipHeights(jnp.zeros(()), of.undercoat_die, uneven),
            undercut=undercut,
            line=normal("line_width", of.line_wafer),
            ubm=normal("under_bump_metal", of.ubm_wafer) if making.under_bump else 0.0,
        )

    def populations(self) -> dict[str, Population[Any]]:
        """Joints, a line to each, and the wire-bond pads around them."""
        spreads, making = self._gold
        assert self.wires is not None
        lines = Lines(self.joints.sites, spreads, self.joints.flatness, making)
        return {"joint": self.joints, "line": lines, "wire_pad": self.wires}

    def response(self, design: Any, shared: Any, pose: Float[Array, " pose"]) -> Measures:
        """How the chip stands and was held, and what is left of the under-bump metal."""
        _, making = self._gold
        if not making.under_bump:
            return self._stands(design, shared, pose)
        layers = design.ubm_copper * (1.0 + shared.ubm), design.ubm_nickel * (1.0 + shared.ubm)
        left = metal_stack.metal_left(*layers, making.tins(design)[0][1])
        return {**self._stands(design, shared, pose), "ubm_left": jnp.asarray(left)}


MODEL = GoldPadJoint
