"""System E: a pillar on each of two carriers, solder on the second, fused: sections alike, the first pillar the taller.

Sections may be circles, squares, octagons or rectangles. The liquid between two faces is that between discs of equal
area: volume and mean gap are right, corners are not; a square's face reaches .89 of its disc's radius along its axes
and 1.25 along its diagonals, so that the gap to a neighbour in a row of squares is understated.
"""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.card import Bound, Choice, Inputs, Response
from yieldopt.knob import knob, spread
from yieldopt.problem import Limit
from yieldopt.typing import Measures, Scalar
from yieldopt_pillars import materials
from yieldopt_pillars.assemblies import _checks
from yieldopt_pillars.assemblies._joint_design import JointDesign, JointSpreads
from yieldopt_pillars.assemblies._joints import Shared
from yieldopt_pillars.assemblies._making import Made, Making, Own
from yieldopt_pillars.assemblies.pillar_joint import PillarJoint
from yieldopt_pillars.parts import alignment_offset, pillar_height
from yieldopt_pillars.parts.coplanarity import FIELD_MODES
from yieldopt_pillars.parts.draw import normal, normals
from yieldopt_pillars.parts.pillar_height import ChipHeights
from yieldopt_pillars.parts.sections import SHAPES, area, equal_disc


class FacingDesign(JointDesign):
    """Two pillars that face each other; sides are diameters, widths across flats, or lengths, by the section."""

    pillar_height: Array = knob(40, 1, 100, "um", "recipe", "copper plated on the first carrier")
    pillar_diameter: Array = knob(60, 2, 150, "um", "mask", "side of the first pillar's section, or its length")
    second_height: Array = knob(15, 0.5, 100, "um", "recipe", "copper plated on the second carrier")
    solder_height: Array = knob(18, 1, 60, "um", "recipe", "solder plated on the second pillar, before it melts")
    second_resist: Array = knob(60, 2, 200, "um", "mask", "plating resist on the second carrier")
    pillar_width: Array = knob(40, 2, 150, "um", "mask", "rectangle: width of the first pillar's section")
    side_step: Array = knob(0, -40, 40, "um", "mask", "second section less the first, along its side or length")
    width_step: Array = knob(0, -40, 40, "um", "mask", "rectangle: second section less the first, along its width")


class FacingSpreads(JointSpreads):
    """Of the second pillar and its solder besides."""

    second_lot: Array = spread(0.2, "um", "substrate.pillar_height.lot", "second pillar, lot to lot")
    second_wafer: Array = spread(0.3, "um", "substrate.pillar_height.wafer", "second pillar, wafer or panel")
    second_position: Array = spread(0.3, "um", "substrate.pillar_height.position", "bowl, read at the sites")
    second_die: Array = spread(0.4, "um", "substrate.pillar_height.die", "smooth field over a site, rms")
    second_bump: Array = spread(0.6, "um", "substrate.pillar_height.bump", "second pillar against its neighbours")
    second_side: Array = spread(0.4, "um", "substrate.pillar_diameter.wafer", "second section, wafer or panel")
    second_own: Array = spread(0.45, "um", "substrate.pillar_diameter.bump", "second section, bump to bump")
    astigmatism: Array = spread(0.3, "um", "substrate.pillar_width.bump", "rectangle: widths against lengths")
    solder_die: Array = spread(0.03, "%", "substrate.solder_height.die", "solder of a site, relative")
    solder_bump: Array = spread(0.05, "%", "substrate.solder_height.bump", "solder of a bump, relative")


class FacingMaking(Making):
    """The solder is on the second pillar; its share that follows that pillar's own height is left out."""

    @property
    def carries(self) -> tuple[bool, bool]:
        """On the second pillar."""
        return False, True

    @property
    def shapes(self) -> tuple[str, str]:
        """Sections of the two pillars."""
        first, second = self.option("section"), self.option("second_section")
        return first, first if second == "alike" else second

    def nickel(self, design: FacingDesign) -> tuple[Scalar, Scalar]:
        """Nickel over the copper of both, um."""
        return (design.nickel_height, design.nickel_height) if self.nickel_on_pillar else (0.0, 0.0)

    def lot(self, design: FacingDesign, spreads: FacingSpreads) -> Array:
        """Draw a site's solder, relative."""
        return normal("solder_die", spreads.solder_die)

    def below(self, spreads: FacingSpreads) -> ChipHeights:
        """Draw the heights of the second pillars."""
        of = spreads
        return pillar_height.chip(
            of.second_lot, of.second_wafer, of.second_position, of.second_die, FIELD_MODES, "second_"
        )

    def lot_pad(self, spreads: FacingSpreads) -> Array:
        """Draw what the sections of the second pillars share, um."""
        return normal("second_side", spreads.second_side)

    def own_solder(self, design: FacingDesign, spreads: FacingSpreads, plated: Array) -> Array:
        """Draw a bump's solder, relative."""
        return normal("solder", spreads.solder_bump)

    def own_pad(self, spreads: FacingSpreads) -> tuple[Array, Array]:
        """Draw height and section of the second pillar, um; a rectangle's width against its length besides."""
        height = normal("pad", spreads.second_bump)
        if "rectangle" not in self.shapes:
            return height, normal("second_own", spreads.second_own)
        return height, normals("second_own", 2, jnp.stack([spreads.second_own, spreads.astigmatism]))

    def average(self, design: FacingDesign, shared: Shared) -> Measures:
        """The state of an average joint."""
        return {"solder": shared.solder, "second_side": jnp.asarray(shared.pad_diameter)}

    def state(self, design: FacingDesign, shared: Shared, field: Float[Array, " modes"]) -> Measures:
        """The second pillar at a site."""
        second = self.facing(design) + shared.below.at(field)
        return {"second": second, "second_side": jnp.asarray(shared.pad_diameter)}

    def facing(self, design: FacingDesign) -> Scalar:
        """The second pillar as drawn, copper and nickel, um."""
        return design.second_height + design.nickel_height

    def sides(self, design: FacingDesign, state: Measures, own: Own) -> Float[Array, "2 2"]:
        """Length and width of the two sections as made, um; they are one for all but rectangles."""
        first = state["diameter"] + own.diameter
        more, apart = jnp.broadcast_to(own.pad_diameter, (2,)) if own.pad_diameter.ndim else (own.pad_diameter, 0.0)
        second = design.pillar_diameter + design.side_step + state["second_side"] + more
        width = design.pillar_width + (first - design.pillar_diameter)
        other = design.pillar_width + design.width_step + state["second_side"] + more + apart
        return jnp.stack([jnp.stack([first, width]), jnp.stack([second, jnp.asarray(other)])])

    def ends(self, design: FacingDesign, state: Measures, own: Own) -> tuple[Array, Array]:
        """Diameters of discs as large as the two faces, um."""
        first, second = (
            equal_disc(area(shape, *sides))
            for shape, sides in zip(self.shapes, self.sides(design, state, own), strict=True)
        )
        return first, second

    def carried(
        self, design: FacingDesign, state: Measures, own: Own, pillar: Array, pad: Array
    ) -> tuple[Array, Array]:
        """The solder plated on the second pillar, a prism on its face."""
        height = design.solder_height * (1.0 + state["solder"] + own.solder)
        return jnp.zeros(()), height * 0.25 * jnp.pi * pad**2

    def contact(self, design: FacingDesign, shared: Shared) -> Array:
        """The average solder as plated, um."""
        return design.solder_height * (1.0 + shared.solder)

    def measures(self, design: FacingDesign, state: Measures, own: Own, made: Made) -> Measures:
        """Heights and sections of the two pillars as made, one against the other, and what the second resist leaves."""
        first, second = state["height"] + own.height, state["second"] + own.pad
        sides = self.sides(design, state, own)
        solder = design.solder_height * (1.0 + state["solder"] + own.solder)
        apart = alignment_offset.distance(state["offset"] + own.x, own.y)
        return {
            "overlap": alignment_offset.likeness(made.pad_radius, made.pillar_radius, apart),
            "first_height": first,
            "second_height": second,
            "taller_by": first - second,
            "length_difference": sides[1, 0] - sides[0, 0],
            "width_difference": sides[1, 1] - sides[0, 1],
            "second_headroom": design.second_resist - second - solder,
        }


class PillarToPillar(PillarJoint):
    """Pillars on both of two carriers, joined by solder on the second (claims P29-P44)."""

    Design: ClassVar[type[eqx.Module]] = FacingDesign
    Spreads: ClassVar[type[eqx.Module] | None] = FacingSpreads
    making: ClassVar[type[Making]] = FacingMaking
    roles: ClassVar[tuple[str, str]] = ("first_carrier", "second_carrier")
    widths: ClassVar[tuple[str, ...]] = ("pillar_diameter",)
    responses: ClassVar[dict[str, Response]] = PillarJoint.responses | {
        "standoff": Response("joint", "um", "first pillar and joint height together; the second pillar is below"),
        "overlap": Response(
            "joint", "", "area common to both sections over their mean: 1 for two alike, less otherwise"
        ),
        "first_height": Response("joint", "um", "first pillar as made, copper and nickel"),
        "second_height": Response("joint", "um", "second pillar as made, copper and nickel"),
        "taller_by": Response("joint", "um", "first pillar less the second, as made"),
        "length_difference": Response("joint", "um", "second section less the first along its side or length, as made"),
        "width_difference": Response("joint", "um", "rectangle: second section less the first along its width"),
        "second_headroom": Response("joint", "um", "resist left above what is plated on the second carrier"),
    }
    own_limits: ClassVar[dict[str, tuple[float, float]]] = PillarJoint.own_limits | {"second_headroom": (0.0, np.inf)}
    options: ClassVar[dict[str, Choice]] = {
        name: choice
        for name, choice in PillarJoint.options.items()
        if name not in ("standoff", "solder_on", "pad_finish")
    } | {
        "section": Choice(SHAPES, "circle", "of the first pillar, as drawn"),
        "second_section": Choice(("alike", *SHAPES), "alike", "of the second pillar, as drawn"),
    }
    materials: ClassVar[dict[str, Choice]] = {
        "first_pillar": Choice(materials.names("element"), "Cu", "the first pillar, which must not melt"),
        "second_pillar": Choice(materials.names("element"), "Cu", "the second pillar, which must not melt"),
        "solder": PillarJoint.materials["solder"],
        "first_carrier": Choice(materials.names("body"), "Si", "what carries the first pillars"),
        "second_carrier": Choice(materials.names("body"), "alumina", "what carries the second pillars"),
        "chip_film": Choice(materials.films(), "polyimide", "stack: what lies over the first carrier's face"),
        "substrate_film": Choice(materials.films(), "Cu", "stack: what the second carrier's face has more"),
    }

    @classmethod
    def check(cls, inputs: Inputs) -> list[Any]:
        """What any joint is checked for, and the second carrier's plating."""
        second = "second_height", "nickel_height", "solder_height"
        return [*super().check(inputs), *_checks.plating(inputs, second, "second_resist")]

    @classmethod
    def thickness(cls, inputs: Inputs) -> float:
        """The solder as plated, um."""
        return inputs.design["solder_height"]

    @classmethod
    def drawn(cls, design: Any, inputs: Inputs) -> Measures:
        """Heights, and how far the two sections are from being one, as drawn."""
        shapes = FacingMaking.of(inputs).shapes
        other = jnp.asarray(float(shapes[0] != shapes[1]))
        steps = jnp.abs(jnp.stack([design.side_step, design.width_step * (shapes[0] == "rectangle")]))
        return {
            "first_height": design.pillar_height + design.nickel_height,
            "second_height": design.second_height + design.nickel_height,
            "side_difference": jnp.max(steps),
            "shape_difference": other,
            "section_difference": jnp.max(steps) + other * design.pillar_diameter,
        }

    def claimed(self, bound: Bound) -> tuple[Limit, ...]:
        """Order and likeness are read as differences, side by side."""
        if bound.than:
            return (Limit.of(f"{bound.claim} taller_by", "joint", "taller_by", bound.low, bound.high),)
        if bound.quantity != "side_difference":
            return super().claimed(bound)
        rectangle = self.joints.making.option("section") == "rectangle"
        sides = ("length_difference", "width_difference") if rectangle else ("length_difference",)
        return tuple(Limit.of(f"{bound.claim} {side}", "joint", side, -bound.high, bound.high) for side in sides)


MODEL = PillarToPillar
