"""System D: chip 2 on chip 1 by pillars, chip 1 on a carrier. Two stackings, which exclude each other.

`face_up`: chip 1's rear lies on the carrier, wires go to it from pads that chip 2 leaves free (`_wire_pads`).
`face_down`: bumps along chip 1's edges carry it, chip 2 hangs between them, over the carrier or in an opening through
it (`_peripheral_bumps`). The joints between the chips are made as in A, B or C (`joint`): chip 1's pillars, on chip 2
what those assemblies have on theirs. The weight on the pillars is counted as chip 1's, as there: either chip's is a
hundredth of a micrometre in a joint's height.
"""

from dataclasses import replace
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.card import Bound, Choice, Inputs, Response
from yieldopt.knob import knobs
from yieldopt.problem import Limit, Population, Sites
from yieldopt.typing import Measures
from yieldopt_pillars import materials
from yieldopt_pillars.assemblies import _checks, _module_checks, _module_fit, _peripheral_bumps, _wire_pads
from yieldopt_pillars.assemblies._carrier import Carrier
from yieldopt_pillars.assemblies._connections import Connections, Faces, InModule, chip2_halves, mean_height
from yieldopt_pillars.assemblies._heat import tooled
from yieldopt_pillars.assemblies._joints import Joints, Shared
from yieldopt_pillars.assemblies._making import Making
from yieldopt_pillars.assemblies._module_design import ModuleDesign, ModuleSpreads
from yieldopt_pillars.assemblies._peripheral_bumps import PeripheralBumps
from yieldopt_pillars.assemblies._support import bending
from yieldopt_pillars.assemblies._wire_pads import WirePads
from yieldopt_pillars.assemblies.capped_pillar import CappedPillar
from yieldopt_pillars.assemblies.pillar_into_solder import PillarIntoSolder
from yieldopt_pillars.assemblies.pillar_joint import PillarJoint
from yieldopt_pillars.parts import clearance
from yieldopt_pillars.parts.underfill import GRAINS, underfill_time

JOINTS: dict[str, type[PillarJoint]] = {"capped": CappedPillar, "into_solder": PillarIntoSolder, "plain": PillarJoint}
"""The assembly whose joints those of a module are, by `options.joint`."""
ORDERS = {
    "wire_pad_reach": "uncovered",
    "peripheral_bump_reach": "bump_uncovered",
    "carrier_opening_width": "opening_clearance",
}
"""What is to exceed chip 2 as drawn, and the response that says so of a unit as made."""


class Pillars(Joints):
    """The joints between the chips: the first part of a module's pose is theirs."""

    own: int = eqx.field(static=True, default=0)

    def state(self, design: Any, shared: Shared, pose: Float[Array, " pose"], site: Sites) -> Measures:
        """That of any joint."""
        return super().state(design, shared, pose[: self.own], site)


class Module(PillarJoint):
    """Two chips joined by pillars, on a carrier by wires or by bumps, encapsulated perhaps (claims P21-P28, P1-P20)."""

    Design: ClassVar[type[eqx.Module]] = ModuleDesign
    Spreads: ClassVar[type[eqx.Module] | None] = ModuleSpreads
    roles: ClassVar[tuple[str, str]] = ("chip1", "chip2")
    responses: ClassVar[dict[str, Response]] = (
        PillarIntoSolder.responses
        | _wire_pads.RESPONSES
        | _peripheral_bumps.RESPONSES
        | {
            "fill_left": Response("", "s", "encapsulant: pot life left once it has run between the chips"),
            "filler_room": Response("", "um", "encapsulant: narrowest gap beyond three of its largest grains"),
        }
    )
    options: ClassVar[dict[str, Choice]] = (
        {
            "stacking": Choice(("face_up", "face_down"), "face_up", "chip 1's rear on the carrier, or its bumps"),
            "joint": Choice(tuple(JOINTS), "capped", "between the chips: as in A, in B, or with its making left open"),
            "opening": Choice(("none", "through"), "none", "face down: through the carrier, for chip 2"),
            "order": Choice(("pillars_first", "carrier_first"), "pillars_first", "what chip 1 is joined to first"),
            "second_reflow": Choice(("solid", "held"), "solid", "how what was soldered first bears what comes after"),
            "encapsulant": Choice(("none", "underfill"), "none", "between the chips and around what joins the carrier"),
        }
        | PillarJoint.options
        | {"chip2_solder": Choice(("none", "paste", "bump", "ball"), "none", "solder on chip 2 before joining")}
    )
    materials: ClassVar[dict[str, Choice]] = {
        "pillar": PillarJoint.materials["pillar"],
        "solder": PillarJoint.materials["solder"],
        "paste": CappedPillar.materials["paste"],
        "chip1": Choice(materials.names("body"), "Si", "what chip 1 is made of"),
        "chip2": Choice(materials.names("body"), "Si", "what chip 2 is made of"),
        "chip_film": Choice(materials.films(), "polyimide", "stack: what lies over chip 1's face"),
        "substrate_film": Choice(materials.films(), "polyimide", "stack: what chip 2's face has more"),
        "carrier": Choice(_module_checks.CARRIERS, "laminate", "what chip 1 is mounted on"),
        "substrate": Choice(
            _module_checks.SUBSTRATES, "laminate", "the same, or none where the carrier is a lead frame"
        ),
        "bump_solder": Choice(materials.names("solder"), "SnBi58", "face down: the solder of the bumps"),
    }

    connections: Any = None
    carrier: Any = None
    encapsulated: bool = eqx.field(static=True, default=False)
    hanging: bool = eqx.field(static=True, default=False)

    @classmethod
    def makes(cls, inputs: Inputs) -> Making:
        """As the assembly does whose joints these are."""
        return JOINTS[inputs.options["joint"]].makes(inputs)

    @classmethod
    def build(cls, inputs: Inputs) -> "Module":
        """Lay out the joints, and along chip 1's edges what joins it to the carrier."""
        made: Any = super().build(inputs)
        making, heat = made.joints.making, made.joints.heat
        own = 0 if making.found else 12 if making.bends else 6
        carrier, spreads = Carrier.of(inputs, heat), made.joints.spreads
        if inputs.options["stacking"] == "face_up":
            around: Connections = WirePads.of(inputs, spreads, making.pressed)
        else:
            around = PeripheralBumps.of(inputs, spreads, making.pressed, carrier, own)
        encapsulated = inputs.options["encapsulant"] == "underfill"
        bounds = around.limits() | (dict.fromkeys(("fill_left", "filler_room"), (0.0, np.inf)) if encapsulated else {})
        more = {name: sides for name, sides in bounds.items() if name not in inputs.limits}
        return replace(
            made,
            joints=Pillars(**vars(made.joints), own=own),
            bounds=(*made.bounds, *(Limit.of(n, cls.responses[n].population, n, *s) for n, s in more.items())),
            connections=around,
            carrier=carrier,
            encapsulated=encapsulated,
            hanging=inputs.options["stacking"] == "face_down" and inputs.options["opening"] == "none",
        )

    @classmethod
    def check(cls, inputs: Inputs) -> list[Any]:
        """What A, B or C is checked for, and what of chips, carrier and encapsulant does not fit together."""
        kind = JOINTS[inputs.options["joint"]]
        if kind is not CappedPillar:  # no second solder then
            inputs = replace(inputs, materials={r: m for r, m in inputs.materials.items() if r != "paste"})
        found = [*_checks.plating(inputs, kind.plated), *_checks.layout(inputs, kind.widths)]
        found += [*materials.melting(inputs), *_module_checks.melting(inputs)]
        if chosen := _module_checks.choices(inputs):
            return [*chosen, *found]  # what follows counts on a making that there is
        found += [*bending(inputs, cls.thickness(inputs), cls.roles), *tooled(inputs)]
        return [*found, *_module_fit.geometry(inputs, cls.makes(inputs))]

    @classmethod
    def thickness(cls, inputs: Inputs) -> float:
        """That of the assembly whose joints these are."""
        kind = JOINTS[inputs.options["joint"]]
        return kind.thickness(replace(inputs, design={name: inputs.design[name] for name in knobs(kind.Design)}))

    def variation(self, design: Any) -> InModule:
        """Draw what the joints share, chip 2's outline, and what the stacking shares besides."""
        shared = super().variation(design)
        shared = replace(shared, warpage=shared.warpage + self.carrier.bow(design))
        return InModule.of(shared, self.connections.spreads, self.connections.shared(design))

    def populations(self) -> dict[str, Population[Any]]:
        """The joints between the chips, and wires or bumps along chip 1's edges."""
        return {**super().populations(), self.connections.name: self.connections}

    def rest(self, design: Any, shared: Any) -> Float[Array, " pose"]:
        """The pillars' part of the pose, then the bumps'."""
        return jnp.concatenate([super().rest(design, shared), self.connections.rest(design, shared.around)])

    def load(self, design: Any, shared: Any, pose: Float[Array, " pose"]) -> Float[Array, " pose"]:
        """Each part for itself: one chip rests on the other, both on the carrier."""
        pillars, bumps = self._parts(pose)
        return jnp.concatenate([super().load(design, shared, pillars), self.connections.load(design, bumps)])

    def response(self, design: Any, shared: Any, pose: Float[Array, " pose"]) -> Measures:
        """What any joint's unit measures, how chip 2 stands to what is around it, and how the encapsulant runs."""
        pillars, _ = self._parts(pose)
        faces = self._faces(design, shared, pose)
        found = {**super().response(design, shared, pillars), **self.connections.measures(design, shared, pose, faces)}
        if not self.encapsulated:
            return found
        mean, least = mean_height(shared, pillars), jnp.min(faces)
        if self.hanging:
            rear = found["rear_clearance"]
            mean, least = jnp.minimum(mean, rear), jnp.minimum(least, rear)
        way = jnp.minimum(design.chip2_width, design.chip2_length)
        time = underfill_time(design.viscosity, design.fill_tension, design.fill_angle, jnp.maximum(mean, 1e-3), way)
        return {**found, "fill_left": design.pot_life - time, "filler_room": least - GRAINS * design.filler_size}

    def _parts(self, pose: Array) -> tuple[Array, Array]:
        own: int = vars(self.joints)["own"]
        return pose[:own], pose[own:]

    def _faces(self, design: Any, shared: InModule, pose: Array) -> Faces:
        """Gap between the chips under the centre and the corners of chip 2, at the solidus."""
        centre = jnp.zeros((1, 2))
        places = jnp.concatenate([centre, clearance.corners(chip2_halves(design, shared))])
        states = [self.joints.state(design, shared, pose, Sites.at(*place)) for place in places]
        return jnp.stack([state["gap"] + state["height"] for state in states])

    @classmethod
    def drawn(cls, design: Any, inputs: Inputs) -> Measures:
        """What its joints are drawn as, and the reaches and widths that an order of D is of."""
        found = JOINTS[inputs.options["joint"]].drawn(design, inputs)
        up = inputs.options["stacking"] == "face_up"
        around: type[Connections] = WirePads if up else PeripheralBumps
        row, chip2 = around.reaches(design)
        found = {**found, f"{around.name}_reach": row, "chip2_reach": chip2}
        if inputs.options["opening"] != "through":
            return found
        size = jnp.stack([jnp.asarray(x, float) for x in (design.opening_width, design.opening_length)])
        chip = jnp.stack([jnp.asarray(x, float) for x in (design.chip2_width, design.chip2_length)])
        nearest = jnp.argmin(size - chip)
        return {**found, "carrier_opening_width": size[nearest], "chip2_width": chip[nearest]}

    def claimed(self, bound: Bound) -> tuple[Limit, ...]:
        """Orders are read as the room that is left on a unit as made."""
        if not bound.than:
            return super().claimed(bound)
        name = ORDERS[bound.quantity]
        return (Limit.of(f"{bound.claim} {name}", self.responses[name].population, name, bound.low, bound.high),)


MODEL = Module
