"""System A: a pillar with a solder cap on chip 1, set on the pads of chip 2 (with paste or without) and reflowed."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from scipy.spatial import KDTree

from yieldopt.card import BumpMap, Choice, Inputs, Response
from yieldopt.errors import Mistake
from yieldopt.problem import Defects, Limit, Model, Pairs, Population, Sites
from yieldopt.typing import Measures, Scalar
from yieldopt_pillars import materials
from yieldopt_pillars.assemblies._capped_design import CappedDesign, CappedSpreads
from yieldopt_pillars.assemblies._capped_joint import Bonder, Joints, Neighbours, Process, Shared
from yieldopt_pillars.assemblies._heat import Heat, tooled
from yieldopt_pillars.assemblies._support import Support, bending
from yieldopt_pillars.parts import alignment_offset, equilibrium, intermetallic, joint, pillar_height, solder_volume
from yieldopt_pillars.parts.coplanarity import FIELD_MODES, Flatness
from yieldopt_pillars.parts.draw import normal, normals

NEIGHBOUR = 1.05
"""Joints within this many pitches are neighbours; a grid's diagonal, 1.41 pitches, is not."""

DEFECTS = 50e-9
"""Random defects a joint where a study names none: particles, missing pillars, resist scum; 1-50 ppb is usual."""


class CappedPillar(Model[CappedDesign]):
    """Pillars with plated solder caps on chip 1, joined to the pads of chip 2 by reflow (claims P1-P6)."""

    Design: ClassVar[type[eqx.Module]] = CappedDesign
    Spreads: ClassVar[type[eqx.Module] | None] = CappedSpreads
    needs_bump_map: ClassVar[bool] = True
    responses: ClassVar[dict[str, Response]] = {
        "wetting": Response("joint", "um", "reach of the molten cap beyond its pad; below 0 the joint stays open"),
        "capture": Response("joint", "um", "meeting of pillar and opening at placement beyond what capture needs"),
        "overlap": Response("joint", "", "area common to pillar and opening over the smaller; over 1, well inside"),
        "climb": Response("joint", "", "share of the solder squeezed past the faces, up the side wall; below 0, none"),
        "grip": Response("joint", "um", "height left before a stretched joint recedes from a rim or necks"),
        "headroom": Response("joint", "um", "resist left above copper, nickel and cap; below 0 plating mushrooms"),
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
        "cap_time": Response("", "s", "plating time of the cap at its current density"),
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
        "chip2_solder": Choice(("none", "paste"), "none", "a second solder, printed on chip 2"),
        "barrier": Choice(("nickel", "none"), "nickel", "between the pillar's copper and the cap"),
        "pad_finish": Choice(("copper", "nickel"), "copper", "what the solder meets on chip 2 (nickel: ENEPIG, ENIG)"),
    }
    materials: ClassVar[dict[str, Choice]] = {
        "pillar": Choice(materials.names("element"), "Cu", "the pillar, which must not melt"),
        "solder": Choice(materials.names("solder"), "SnAg3.5", "the cap"),
        "paste": Choice(materials.names("solder"), "SAC305", "the second solder, where there is one"),
        "chip": Choice(materials.names("body"), "Si", "what the chip is made of"),
        "substrate": Choice(materials.names("body"), "laminate", "what the substrate is made of"),
        "chip_film": Choice((*materials.names("body"), "Cu"), "polyimide", "stack: what lies over the chip's face"),
        "substrate_film": Choice((*materials.names("body"), "Cu"), "Cu", "stack: what the substrate's face has more"),
    }

    joints: Joints
    neighbours: Neighbours
    support: Support
    bounds: tuple[Limit, ...]
    defects: dict[str, Defects]

    @classmethod
    def build(cls, inputs: Inputs) -> "CappedPillar":
        """Lay out the joints and their neighbours on the bump map, under the study's limits over the model's own."""
        bumps = _bumps(inputs)
        spreads = CappedSpreads(**{name: jnp.asarray(value, float) for name, value in inputs.spreads.items()})
        process = Process(
            inputs.options.get("chip2_solder") == "paste",
            inputs.options.get("barrier", "nickel") == "nickel",
            inputs.options.get("pad_finish") == "nickel",
            inputs.options.get("join") == "thermocompression",
            inputs.options.get("head") == "force",
            inputs.options.get("bodies") == "bending",
        )
        sites, heat = Sites.at(bumps.x, bumps.y), Heat.of(inputs)
        joints = Joints(sites, spreads, Flatness.of(bumps.x, bumps.y), heat, process)
        struck = {"joint": (DEFECTS, np.inf)} | inputs.defects
        bounds = {name: sides for name, sides in cls.own_limits.items() if process.pressed or name != "hold"}
        return cls(
            joints,
            _neighbours(bumps, process),
            Support.of(inputs),
            tuple(_limit(name, *sides) for name, sides in (bounds | inputs.limits).items()),
            {name: Defects(*(jnp.asarray(number, float) for number in numbers)) for name, numbers in struck.items()},
        )

    @classmethod
    def check(cls, inputs: Inputs) -> list[Any]:
        """What only the domain can see: plating above the resist, overlapping pads, too few joints, melting."""
        return [*_plating(inputs), *_layout(inputs), *materials.melting(inputs), *bending(inputs), *tooled(inputs)]

    def variation(self, design: CappedDesign) -> Shared:
        """Draw a chip (lot, wafer, place, die), a substrate (panel, site) and their placement; crossed, not nested."""
        of = self.joints.spreads
        apart = solder_volume.follow(design.cap_correlation, 0.0, normal("cap_die", of.cap_die))
        pads = pillar_height.mode_amplitudes(of.pad_site, normals("pad_field", FIELD_MODES))
        warped = normal("warpage", of.warpage)
        return Shared(
            heights=pillar_height.chip(of.height_lot, of.height_wafer, of.height_position, of.height_die, FIELD_MODES),
            cap=apart,
            diameter=normal("diameter_wafer", of.diameter_wafer),
            pad_modes=pads,
            warpage=self.joints.heat.warpage(design) + jnp.stack([warped, design.solidus_ratio * warped]),
            twist=normal("twist", of.twist),
            chip_bow=normal("chip_bow", of.bow_die),
            alignment=alignment_offset.chip_on_substrate(
                of.placement_x, of.placement_y, of.rotation, of.registration, of.residual, of.expansion
            ),
            bonder=self._stroke() if self.joints.process.pressed else None,
        )

    def _stroke(self) -> Bonder:
        of = self.joints.spreads
        return Bonder(
            normal("head_height", of.head_height),
            normals("head_tilt", 2, of.head_tilt),
            normal("freezing", of.freezing),
        )

    def populations(self) -> dict[str, Population[CappedDesign]]:
        """The joints."""
        return {"joint": self.joints}

    def pairs(self) -> dict[str, Pairs[CappedDesign]]:
        """Joints side by side."""
        return {"neighbours": self.neighbours}

    def rest(self, design: CappedDesign, shared: Shared) -> Float[Array, " pose"]:
        """Level, with the average joint at its natural height; fields and bow are counted from their means.

        Where a head keeps its position, level at that.
        """
        process = self.joints.process
        if process.pressed and not process.by_force:
            return equilibrium.rest(self._contact(design, shared) - design.melt_travel, process.bends)
        pillars = design.pillar_height + design.nickel_height + shared.heights.offset
        state = {"cap": design.cap_height * (1.0 + shared.cap), "diameter": design.pillar_diameter + shared.diameter}
        made = process.made(design, state, self.joints.average())
        natural = joint.natural_height(made.pad_radius, made.pillar_radius, made.volume)
        return equilibrium.rest(pillars + natural, process.bends)

    def _contact(self, design: CappedDesign, shared: Shared) -> Array:
        """Clearance at which the average cap, as plated, meets its pad: from there a head counts its way."""
        pillars = design.pillar_height + design.nickel_height + shared.heights.offset
        return pillars + design.cap_height * (1.0 + shared.cap)

    def load(self, design: CappedDesign, shared: Shared, pose: Float[Array, " pose"]) -> Float[Array, " pose"]:
        """Weight, plates and head, per surface tension of the solder as the joints' forces are (um)."""
        support, process = self.support, self.joints.process
        plates = support.plates(design, process.pressed)
        moments: list[Array] = []
        for moment, rise in zip(jnp.split(pose, 2), (0.0, design.cooling_travel), strict=True):
            held = self._held(design, shared, rise) if shared.bonder is not None else None
            moments.append(equilibrium.push(moment, support.weight(design), plates, held))
        return jnp.concatenate(moments) / support.tension

    def _held(self, design: CappedDesign, shared: Shared, rise: Scalar) -> equilibrium.Held:
        stroke = shared.bonder
        assert stroke is not None
        stiff = jnp.ones(3).at[0].set(0.0 if self.joints.process.by_force else 1.0)
        height = self._contact(design, shared) - design.melt_travel + rise + stroke.height
        return equilibrium.Held(height, stroke.tilts, stiff * design.head_stiffness, design.bond_force)

    def response(self, design: CappedDesign, shared: Shared, pose: Float[Array, " pose"]) -> Measures:
        """How the chip stands and was held, what nickel is left, and how long the two platings take."""
        process = self.joints.process
        nickel = process.nickel(design)[0]
        copper, tin = pillar_height.COPPER, pillar_height.TIN
        freezing = shared.bonder.freezing if shared.bonder is not None else 0.0
        _, along, across = equilibrium.level(pose)
        return {
            "tilt": 2.0 * alignment_offset.distance(along, across),
            "hold": design.hold_time - design.freezing_time * (1.0 + freezing),
            "nickel_left": jnp.asarray(intermetallic.nickel_left(nickel, process.tin(design, nickel)[1])),
            "pillar_time": jnp.asarray(pillar_height.plating_time(copper, design.pillar_height, design.pillar_current)),
            "cap_time": jnp.asarray(pillar_height.plating_time(tin, design.cap_height, design.cap_current)),
        }

    def limits(self) -> tuple[Limit, ...]:
        """The model's own failure modes, each replaced by the study's where it has one."""
        return self.bounds


def _limit(name: str, low: float, high: float) -> Limit:
    return Limit.of(name, CappedPillar.responses[name].population, name, low, high)


def _bumps(inputs: Inputs) -> BumpMap:
    if inputs.bump_map is None:
        raise ValueError("a capped pillar needs a bump map: Inputs.bump_map is None")
    return inputs.bump_map


def _neighbours(bumps: BumpMap, process: Process) -> Neighbours:
    """Pairs about one pitch apart, found once on the host."""
    places = np.stack([bumps.x, bumps.y], axis=1)
    pairs = KDTree(places).query_pairs(NEIGHBOUR * bumps.pitch, output_type="ndarray")
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    first, second = places[pairs[:, 0]], places[pairs[:, 1]]
    middle, along = 0.5 * (first + second), second - first
    axis = along / np.linalg.norm(along, axis=1, keepdims=True)
    sites = Sites(jnp.asarray(middle[:, 0], float), jnp.asarray(middle[:, 1], float), jnp.asarray(axis, float))
    indices = jnp.asarray(pairs[:, 0], int), jnp.asarray(pairs[:, 1], int)
    return Neighbours("joint", *indices, sites, process, jnp.asarray(bumps.pitch, float))


def _plating(inputs: Inputs) -> list[Mistake]:
    plated = sum(inputs.design[name] for name in ("pillar_height", "nickel_height", "cap_height"))
    resist = inputs.design["resist_height"]
    if plated <= resist:
        return []
    return [
        Mistake(
            f"copper, nickel and cap within the resist of {resist:g} um",
            f"{plated:g} um together",
            "Lower design.pillar_height or design.cap_height, or raise design.resist_height.",
            "design.pillar_height",
        )
    ]


def _layout(inputs: Inputs) -> list[Mistake]:
    bumps = inputs.bump_map
    if bumps is None:
        return []
    found = [
        Mistake(
            f"a diameter below the pitch of {bumps.pitch:g} um, so that neighbours stay apart",
            f"{inputs.design[name]:g} um",
            f"Lower design.{name} or widen the bump map's pitch.",
            f"design.{name}",
        )
        for name in ("pad_opening", "pillar_diameter")
        if inputs.design[name] >= bumps.pitch
    ]
    if len(bumps.x) < 3:
        few = f"{len(bumps.x)} joint" + ("s" if len(bumps.x) != 1 else "")
        found.append(Mistake("three joints at least, to hold a chip level", few, "Add bumps.", "bump_map"))
    elif np.linalg.svd(np.stack([bumps.x, bumps.y]), compute_uv=False)[1] < 1e-3 * bumps.pitch:
        got = f"{len(bumps.x)} joints in one line"
        found.append(Mistake("joints in more than one line, to hold a chip level", got, "Add a row.", "bump_map"))
    return found


MODEL = CappedPillar
