"""System C: the finished joint, a pillar on chip 1 and solder from it to a pad of chip 2; A, B and E build on it.

By itself it is asked of joints whose making is left open (so much solder, wherever it came from), or as they were
found: held at a standoff that was measured in cross-sections.
"""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.card import BumpMap, Choice, Inputs, Response
from yieldopt.knob import knob, spread
from yieldopt.problem import Defects, Limit, Model, Pairs, Population, Sites
from yieldopt.typing import Measures
from yieldopt_pillars import materials
from yieldopt_pillars.assemblies import _checks
from yieldopt_pillars.assemblies._heat import Heat, tooled
from yieldopt_pillars.assemblies._joint_design import JointDesign, PadDesign, PadSpreads
from yieldopt_pillars.assemblies._joints import Bonder, Joints, Neighbours, Shared
from yieldopt_pillars.assemblies._making import Making, Own
from yieldopt_pillars.assemblies._support import Support, bending
from yieldopt_pillars.parts import alignment_offset, equilibrium, intermetallic, joint, pillar_height, solder_volume
from yieldopt_pillars.parts.coplanarity import FIELD_MODES, Flatness
from yieldopt_pillars.parts.draw import normal, normals

DEFECTS = 50e-9
"""Random defects a joint where a study names none: particles, missing pillars, resist scum; 1-50 ppb is usual."""


class FoundDesign(PadDesign):
    """A joint of so much solder; the standoff is what it comes to, or what was measured."""

    solder_volume: Array = knob(9e4, 1, 1e7, "um^3", "recipe", "solder of a joint, from whichever side it came")
    found_standoff: Array = knob(60, 1, 500, "um", "tolerance", "found: chip's face above the pads, mean of a unit")


class FoundSpreads(PadSpreads):
    """Of the solder, and of the standoff that was measured."""

    solder_unit: Array = spread(0.03, "%", "joint.solder_volume.unit", "solder of a unit, relative")
    solder_joint: Array = spread(0.05, "%", "joint.solder_volume.joint", "solder of a joint, relative")
    found_unit: Array = spread(1.0, "um", "assembly.found_standoff.unit", "found: of a unit, measuring it included")
    found_tilt: Array = spread(1.0, "um", "assembly.found_tilt.unit", "found: rise at the array's edge, per axis")


class FoundMaking(Making):
    """So much solder, on the pillar or on chip 2 before it melts."""

    @property
    def carries(self) -> tuple[bool, bool]:
        """On one side, as the study says."""
        on_pillar = self.option("solder_on") != "chip2"
        return on_pillar, not on_pillar

    @property
    def found(self) -> bool:
        """Whether the standoff is what was measured."""
        return self.option("standoff") == "found"

    def lot(self, design: Any, spreads: Any) -> Array:
        """Draw a unit's solder, relative."""
        return normal("solder_unit", spreads.solder_unit)

    def own_solder(self, design: Any, spreads: Any, plated: Array) -> Array:
        """Draw a joint's solder, relative."""
        return normal("solder", spreads.solder_joint)

    def carried(self, design: Any, state: Measures, own: Own, pillar: Array, pad: Array) -> tuple[Array, Array]:
        """All of it on one side."""
        volume, none = design.solder_volume * (1.0 + state["solder"] + own.solder), jnp.zeros(())
        return (volume, none) if self.carries[0] else (none, volume)

    def contact(self, design: Any, shared: Any) -> Array:
        """A disc on the pillar, or a cap on the pad."""
        volume = design.solder_volume * (1.0 + shared.solder)
        if self.carries[0]:
            return volume / solder_volume.disc(design.pillar_diameter + shared.diameter)
        return joint.free_cap_height(0.5 * design.pad_opening, volume)


class PillarJoint(Model[JointDesign]):
    """Finished joints of pillar and solder between two chips, as made or as found (claims P17-P20)."""

    Design: ClassVar[type[eqx.Module]] = FoundDesign
    Spreads: ClassVar[type[eqx.Module] | None] = FoundSpreads
    making: ClassVar[type[Making]] = FoundMaking
    needs_bump_map: ClassVar[bool] = True
    widths: ClassVar[tuple[str, ...]] = ("pad_opening", "pillar_diameter")
    plated: ClassVar[tuple[str, ...]] = ("pillar_height", "nickel_height")
    roles: ClassVar[tuple[str, str]] = ("chip", "substrate")
    responses: ClassVar[dict[str, Response]] = {
        "wetting": Response("joint", "um", "reach of the molten solder beyond its gap; below 0 the joint stays open"),
        "capture": Response("joint", "um", "meeting of pillar and opening at placement beyond what capture needs"),
        "overlap": Response("joint", "", "area common to pillar and opening over the smaller; over 1, well inside"),
        "climb": Response("joint", "", "share of the solder squeezed past the faces, up the side wall; below 0, none"),
        "grip": Response("joint", "um", "height left before a stretched joint recedes from a rim or necks"),
        "headroom": Response("joint", "um", "resist left above what is plated in it; below 0 plating mushrooms"),
        "intermetallic": Response("joint", "", "share of the solder eaten by intermetallics, by the end of its life"),
        "coplanarity": Response("joint", "um", "bump top off the least-squares plane of the chip's bump tops"),
        "standoff": Response("joint", "um", "pillar and joint height together"),
        "neighbour_gap": Response("neighbours", "um", "between the liquid surfaces of neighbours"),
        "tilt": Response("", "um", "difference in joint height between opposite edges, tilt along both axes together"),
        "hold": Response("", "s", "solder frozen before the head lets go; below 0 the chip floats off its place"),
        "nickel_left": Response(
            "", "um", "nickel left on the pillar by the end of its life; below 0 its copper is open"
        ),
        "pillar_time": Response("", "s", "plating time of the copper at its current density"),
    }
    own_limits: ClassVar[dict[str, tuple[float, float]]] = {
        "wetting": (0.0, np.inf),
        "capture": (0.0, np.inf),
        "overlap": (0.75, np.inf),
        "climb": (-np.inf, 0.6),
        "headroom": (0.0, np.inf),
        "intermetallic": (-np.inf, 0.5),
        "coplanarity": (-12.0, 12.0),
        "standoff": (20.0, np.inf),
        "neighbour_gap": (5.0, np.inf),
        "hold": (0.0, np.inf),
    }
    options: ClassVar[dict[str, Choice]] = {
        "join": Choice(("mass_reflow", "thermocompression"), "mass_reflow", "the chip floats, or a head presses it"),
        "head": Choice(("position", "force"), "position", "what a head that presses keeps while the solder is liquid"),
        "warpage": Choice(("given", "stack"), "given", "mean warpage as given, or by the layers of chip and substrate"),
        "growth": Choice(("compensated", "free"), "compensated", "of the patterns with heat: drawn into the masks?"),
        "bodies": Choice(("rigid", "bending"), "rigid", "whether the joints may bend chip and substrate"),
        "barrier": Choice(("nickel", "none"), "nickel", "between the pillar's copper and the solder"),
        "pad_finish": Choice(("copper", "nickel"), "copper", "what the solder meets on chip 2 (nickel: ENEPIG, ENIG)"),
        "standoff": Choice(("made", "found"), "made", "what the joints come to, or what cross-sections showed"),
        "solder_on": Choice(("pillar", "chip2"), "pillar", "which side carries the solder before it melts"),
    }
    materials: ClassVar[dict[str, Choice]] = {
        "pillar": Choice(materials.names("element"), "Cu", "the pillar, which must not melt"),
        "solder": Choice(materials.names("solder"), "SnAg3.5", "the solder"),
        "chip": Choice(materials.names("body"), "Si", "what the chip is made of"),
        "substrate": Choice(materials.names("body"), "laminate", "what the substrate is made of"),
        "chip_film": Choice(materials.films(), "polyimide", "stack: what lies over the chip's face"),
        "substrate_film": Choice(materials.films(), "Cu", "stack: what the substrate's face has more"),
    }

    joints: Joints
    neighbours: Neighbours
    support: Support
    bounds: tuple[Limit, ...]
    defects: dict[str, Defects]

    @classmethod
    def build(cls, inputs: Inputs) -> "PillarJoint":
        """Lay out the joints and their neighbours on the bump map, under the study's limits over the model's own."""
        bumps = _bumps(inputs)
        assert cls.Spreads is not None
        spreads: Any = cls.Spreads(**{name: jnp.asarray(value, float) for name, value in inputs.spreads.items()})
        making, heat = cls.makes(inputs), Heat.of(inputs, cls.roles)
        sites = Sites.at(bumps.x, bumps.y)
        struck = {"joint": (DEFECTS, np.inf)} | inputs.defects
        off = {"hold"} - ({"hold"} if making.pressed else set()) | ({"capture", "headroom"} if making.found else set())
        bounds = {name: sides for name, sides in cls.own_limits.items() if name not in off} | inputs.limits
        return cls(
            Joints(sites, spreads, Flatness.of(bumps.x, bumps.y), heat, making),
            Neighbours.of_map(bumps, making),
            Support.of(inputs, cls.roles),
            tuple(Limit.of(name, cls.responses[name].population, name, *sides) for name, sides in bounds.items()),
            {name: Defects(*(jnp.asarray(number, float) for number in numbers)) for name, numbers in struck.items()},
        )

    @classmethod
    def makes(cls, inputs: Inputs) -> Making:
        """How the joints of a study are made."""
        return cls.making.of(inputs)

    @classmethod
    def check(cls, inputs: Inputs) -> list[Any]:
        """What only the domain can see: plating above the resist, overlapping pads, too few joints, melting."""
        found = [*_checks.plating(inputs, cls.plated), *_checks.layout(inputs, cls.widths), *materials.melting(inputs)]
        return [*found, *bending(inputs, cls.thickness(inputs), cls.roles), *tooled(inputs)]

    @classmethod
    def thickness(cls, inputs: Inputs) -> float:
        """How high the solder stands before it melts, um: what the bending of bodies is held against."""
        return inputs.design["solder_volume"] / (0.25 * np.pi * inputs.design["pillar_diameter"] ** 2)

    def variation(self, design: Any) -> Shared:
        """Draw a chip (lot, wafer, place, die), a substrate (panel, site) and their placement; crossed, not nested."""
        of, making = self.joints.spreads, self.joints.making
        solder = making.lot(design, of)
        below = making.below(of)
        warped = normal("warpage", of.warpage)
        return Shared(
            heights=pillar_height.chip(of.height_lot, of.height_wafer, of.height_position, of.height_die, FIELD_MODES),
            below=below,
            solder=solder,
            diameter=normal("diameter_wafer", of.diameter_wafer),
            warpage=self.joints.heat.warpage(design) + jnp.stack([warped, design.solidus_ratio * warped]),
            twist=normal("twist", of.twist),
            chip_bow=normal("chip_bow", of.bow_die),
            alignment=alignment_offset.chip_on_substrate(
                of.placement_x, of.placement_y, of.rotation, of.registration, of.residual, of.expansion
            ),
            bonder=self._stroke() if making.pressed else None,
            pad_diameter=making.lot_pad(of),
            found=self._found(design) if making.found else None,
        )

    def _stroke(self) -> Bonder:
        of = self.joints.spreads
        return Bonder(
            normal("head_height", of.head_height),
            normals("head_tilt", 2, of.head_tilt),
            normal("freezing", of.freezing),
        )

    def _found(self, design: Any) -> Float[Array, "3"]:
        """Draw height and tilts at which a unit was found."""
        of: Any = self.joints.spreads
        height = design.found_standoff + normal("found_unit", of.found_unit)
        return jnp.concatenate([height[None], normals("found_tilt", 2, of.found_tilt)])

    def populations(self) -> dict[str, Population[JointDesign]]:
        """The joints."""
        return {"joint": self.joints}

    def pairs(self) -> dict[str, Pairs[JointDesign]]:
        """Joints side by side."""
        return {"neighbours": self.neighbours}

    def rest(self, design: Any, shared: Shared) -> Float[Array, " pose"]:
        """Level, with the average joint at its natural height; fields and bow are counted from their means.

        Where a head keeps its position, level at that; nothing to find where the standoff was found.
        """
        making = self.joints.making
        if making.found:
            return jnp.zeros(0)
        if making.pressed and not making.by_force:
            return equilibrium.rest(self._contact(design, shared) - design.melt_travel, making.bends)
        state: Measures = {"diameter": making.width(design) + shared.diameter, **making.average(design, shared)}
        made = making.made(design, state, self.joints.average())
        natural = joint.natural_height(made.pad_radius, made.pillar_radius, made.volume)
        return equilibrium.rest(self._pillars(design, shared) + natural, making.bends)

    def _pillars(self, design: Any, shared: Shared) -> Array:
        """What stands between the bodies besides solder, on average."""
        making = self.joints.making
        return making.stands(design) + shared.heights.offset + making.facing(design) + shared.below.offset

    def _contact(self, design: Any, shared: Shared) -> Array:
        """Clearance at which the average joint's solder meets the other side: from there a head counts its way."""
        return self._pillars(design, shared) + self.joints.making.contact(design, shared)

    def load(self, design: Any, shared: Shared, pose: Float[Array, " pose"]) -> Float[Array, " pose"]:
        """Weight, plates and head, per surface tension of the solder as the joints' forces are (um)."""
        support, making = self.support, self.joints.making
        if making.found:
            return jnp.zeros_like(pose)
        plates = support.plates(design, making.pressed)
        moments: list[Array] = []
        for moment, rise in zip(jnp.split(pose, 2), (0.0, design.cooling_travel), strict=True):
            held = self._held(design, shared, rise) if shared.bonder is not None else None
            moments.append(equilibrium.push(moment, support.weight(design), plates, held))
        return jnp.concatenate(moments) / support.tension

    def _held(self, design: Any, shared: Shared, rise: Any) -> equilibrium.Held:
        stroke = shared.bonder
        assert stroke is not None
        stiff = jnp.ones(3).at[0].set(0.0 if self.joints.making.by_force else 1.0)
        height = self._contact(design, shared) - design.melt_travel + rise + stroke.height
        return equilibrium.Held(height, stroke.tilts, stiff * design.head_stiffness, design.bond_force)

    def response(self, design: Any, shared: Shared, pose: Float[Array, " pose"]) -> Measures:
        """How the chip stands and was held, what nickel is left, and how long the plating takes."""
        making = self.joints.making
        nickel = making.nickel(design)[0]
        copper = pillar_height.COPPER
        return {
            **self._stands(design, shared, pose),
            "nickel_left": jnp.asarray(intermetallic.nickel_left(nickel, making.tin(design, nickel)[1])),
            "pillar_time": jnp.asarray(pillar_height.plating_time(copper, design.pillar_height, design.pillar_current)),
        }

    def _stands(self, design: Any, shared: Shared, pose: Float[Array, " pose"]) -> Measures:
        freezing = shared.bonder.freezing if shared.bonder is not None else 0.0
        _, along, across = equilibrium.level(pose) if shared.found is None else shared.found
        return {
            "tilt": 2.0 * alignment_offset.distance(along, across),
            "hold": design.hold_time - design.freezing_time * (1.0 + freezing),
        }

    def limits(self) -> tuple[Limit, ...]:
        """The model's own failure modes, each replaced by the study's where it has one."""
        return self.bounds


def _bumps(inputs: Inputs) -> BumpMap:
    if inputs.bump_map is None:
        raise ValueError("pillars need a bump map: Inputs.bump_map is None")
    return inputs.bump_map


MODEL = PillarJoint
