"""What one level of metal over the passivation is made of: its lines, the spaces between them, its vias, its nodes.

The words between a level and one of its elements, their states, are

    width, wall        of a line as the resist has it, and of the resist between two lines, um
    plated, seed       thickness of the plated metal at the site, and of the seed on open faces, um
    resist             height of the resist, um
    undercut           how far the seed's etch goes under either edge, um
    residue            seed that the etch would still have to take, um; below 0 it is gone
    hole, depth        width of a via at its level, and how deep its seed has to go, um
    below, above       centre of the via off what it lands on, and of the land off its via, um
    node, cover        centre of a node opening off its land, and dielectric over the line, um
"""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.card import BumpMap, Inputs
from yieldopt.problem import Population, Sites
from yieldopt.typing import Measures, Scalar
from yieldopt_pillars.parts import trace
from yieldopt_pillars.parts.coplanarity import FIELD_MODES, Flatness
from yieldopt_pillars.parts.draw import normal, normals
from yieldopt_pillars.parts.pillar_height import mode_amplitudes, plating_rate

LEVELS = "one", "two", "three"
"""Of metal: what a study calls their number."""


class Level(eqx.Module):
    """What the elements of one level share, deviations in um: `overlay` is of its vias, then of its lines, per axis."""

    width: Array
    plated: Array
    field: Float[Array, " modes"]
    seed: Array
    resist: Array
    etched: Array
    hole: Array
    dielectric: Array
    overlay: Float[Array, "2 2"]

    @classmethod
    def draw(cls, of: Any, name: str) -> "Level":
        """Draw one level as it passes down the line (a NumPyro program); `name` keeps levels apart."""
        return cls(
            width=normal(f"{name}width", of.width_level),
            plated=normal(f"{name}plated_lot", of.plated_lot) + normal(f"{name}plated", of.plated_level),
            field=mode_amplitudes(of.plated_die, normals(f"{name}plated_die", FIELD_MODES)),
            seed=normal(f"{name}seed", of.seed_level),
            resist=normal(f"{name}resist", of.resist_level),
            etched=normal(f"{name}etched", of.etch_level),
            hole=normal(f"{name}hole", of.hole_level),
            dielectric=normal(f"{name}dielectric", of.dielectric_level),
            overlay=normals(f"{name}overlay", 4, of.overlay_level).reshape(2, 2),
        )


class Place(eqx.Module):
    """The die as the processes see it: its smooth modes, and the rectangle that the pattern fills (half sides, um)."""

    flatness: Flatness
    half_x: Array
    half_y: Array

    @classmethod
    def of(cls, bumps: BumpMap) -> "Place":
        """Of a map, whose sites are taken to fill their bounding box evenly."""
        half = (0.5 * (float(np.ptp(side)) + bumps.pitch) for side in (bumps.x, bumps.y))
        return cls(Flatness.of(bumps.x, bumps.y), *(jnp.asarray(side, float) for side in half))

    def alone(self, site: Sites, reach: Scalar) -> Array:
        """Share of the even pattern that a site lacks within the `reach` of a plating current: 1/2 at an edge."""
        return 1.0 - trace.loading(site.x, site.y, self.half_x, self.half_y, reach)


class Metal(eqx.Module):
    """One level of metal: its `rank` from 0 below, and how it is made (static, for it shapes what is computed).

    `resistivity` in ohm um; `rate` of plating in um/s at 1 uA/um2.
    """

    spreads: Any
    place: Place
    resistivity: Array
    rate: Array
    rank: int = eqx.field(static=True)
    electroplated: bool = eqx.field(static=True)
    sputtered: bool = eqx.field(static=True)
    opened: bool = eqx.field(static=True)
    overcoat: str = eqx.field(static=True)

    @classmethod
    def of(cls, inputs: Inputs, spreads: Any) -> "tuple[Metal, ...]":
        """The levels of a study; `opened` where a dielectric has openings under the seed, `overcoat` over the last."""
        assert inputs.bump_map is not None
        place, options = Place.of(inputs.bump_map), inputs.options
        line, levels = trace.LINES[inputs.materials["plated_metal"]], 1 + LEVELS.index(options["levels"])
        return tuple(
            cls(
                spreads,
                place,
                jnp.asarray(line.resistivity),
                jnp.asarray(plating_rate(line.metal, 1.0)),
                rank,
                options["plating"] == "electroplated",
                options["seed_process"] == "sputtered",
                rank > 0 or options["undercoat"] == "opened",
                options["overcoat"] if rank == levels - 1 else "none",
            )
            for rank in range(levels)
        )

    def plated(self, design: Any, level: Level, site: Sites) -> Array:
        """Thickness of the plated metal at a site, um: what a current plates is more where lines stand alone."""
        field = level.field @ self.place.flatness.field(site.x, site.y)
        crowded = design.loading * self.place.alone(site, design.crowding_reach) if self.electroplated else 0.0
        return design.plated_thickness * (1.0 + crowded) + level.plated + field

    def seed(self, design: Any, level: Level) -> Array:
        """Thickness of the seed on open faces, um."""
        return design.seed_thickness * (1.0 + level.seed)

    def etched(self, design: Any, level: Level) -> Array:
        """How far down the etch goes, um."""
        return design.seed_thickness * design.over_etch * (1.0 + level.etched)


class Elements(Population[Any]):
    """Like elements of one level; `measures` says which responses they have there."""

    sites: Sites
    metal: Metal

    @property
    @abc.abstractmethod
    def measures(self) -> tuple[str, ...]:
        """Names of the responses."""


class Traces(Elements):
    """One line from every node: open, lifted, of the wrong resistance, plated over its resist, or not covered."""

    @property
    def measures(self) -> tuple[str, ...]:
        """Of a line, and of the dielectric over it where there is one."""
        own = "trace_width", "trace_thickness", "trace_section", "resistance", "opening_ratio", "foot", "headroom"
        return own if self.metal.overcoat == "none" else (*own, "cover")

    def variation(self, design: Any) -> Measures:
        """Draw a line's mean width and its narrowest place, its thickness, and the dielectric over it, um."""
        of = self.metal.spreads
        return {
            "width": normal("width", of.width_trace),
            "narrow": normal("narrow", of.narrow_trace),
            "plated": normal("plated", of.plated_trace),
            "cover": normal("cover", of.cover_trace),
        }

    def state(self, design: Any, shared: Any, pose: Array, site: Sites) -> Measures:
        """What the level brings to a line."""
        metal, level = self.metal, shared.levels[self.metal.rank]
        plated = metal.plated(design, level, site)
        return {
            "width": design.trace_width + level.width,
            "plated": plated,
            "seed": metal.seed(design, level),
            "resist": design.resist_height + level.resist,
            "undercut": trace.undercut(metal.etched(design, level), design.undercut_ratio),
            "cover": trace.above(design.overcoat_thickness + shared.cover, plated, design.planarisation),
        }

    def response(self, design: Any, state: Measures, element: Measures) -> Measures:
        """Measure one line."""
        width, plated = state["width"] + element["width"], state["plated"] + element["plated"]
        narrow, thickness = width + element["narrow"], plated + state["seed"]
        covered = {"cover": state["cover"] - design.planarisation * element["plated"] + element["cover"]}
        return {
            "trace_width": width,
            "trace_thickness": thickness,
            "trace_section": width * thickness,
            "resistance": trace.resistance(self.metal.resistivity, design.trace_length, width, plated),
            "opening_ratio": narrow / state["resist"],
            "foot": narrow - 2.0 * state["undercut"],
            "headroom": state["resist"] - plated,
        } | (covered if self.metal.overcoat != "none" else {})


class Spaces(Elements):
    """Between two lines side by side: resist that stands, seed that is etched away."""

    @property
    def measures(self) -> tuple[str, ...]:
        """Of any space."""
        return "space", "wall_ratio", "residue"

    def variation(self, design: Any) -> Measures:
        """Draw the narrowest place of the resist's wall, um, and the seed that the slowest place keeps, relative."""
        of = self.metal.spreads
        return {"wall": normal("wall", of.narrow_trace), "seed": normal("seed", of.seed_space)}

    def state(self, design: Any, shared: Any, pose: Array, site: Sites) -> Measures:
        """What the level brings to a space."""
        metal, level = self.metal, shared.levels[self.metal.rank]
        return {
            "wall": design.trace_pitch - design.trace_width - level.width,
            "resist": design.resist_height + level.resist,
            "residue": metal.seed(design, level) - metal.etched(design, level),
        }

    def response(self, design: Any, state: Measures, element: Measures) -> Measures:
        """Measure one space."""
        wall = state["wall"] + element["wall"]
        return {
            "space": wall,
            "wall_ratio": wall / state["resist"],
            "residue": state["residue"] + design.seed_thickness * element["seed"],
        }
