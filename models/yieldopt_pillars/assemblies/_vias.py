"""What a level of metal stands on and is reached through: vias, and openings in the dielectric over the last."""

from typing import Any, ClassVar

import jax.numpy as jnp
from jax import Array

from yieldopt.problem import Sites
from yieldopt.typing import Measures, Scalar
from yieldopt_pillars.assemblies._traces import Elements
from yieldopt_pillars.parts import trace
from yieldopt_pillars.parts.alignment_offset import distance
from yieldopt_pillars.parts.draw import normal


class Vias(Elements):
    """From a level to what lies below it: on a passivation opening, or on the land of the level underneath."""

    lengths: ClassVar[tuple[str, ...]] = ("below", "above")

    @property
    def measures(self) -> tuple[str, ...]:
        """Of any via, of one in a dielectric, and of one over the passivation's opening."""
        opened = ("landing", "via_width", "via_section") if self.metal.opened else ()
        lowest = ("via_excess",) if self.metal.opened and not self.metal.rank else ()
        return "enclosure", "wall_seed", *opened, *lowest

    def variation(self, design: Any) -> Measures:
        """Draw a via's place, per axis, and its width, um."""
        of = self.metal.spreads
        hole = normal("hole", of.hole_via) if self.metal.opened else jnp.zeros(())
        return {"x": normal("x", of.place_via), "y": normal("y", of.place_via), "hole": hole}

    def state(self, design: Any, shared: Any, pose: Array, site: Sites) -> Measures:
        """What the level brings to a via; without a dielectric under its seed, the passivation's opening is the via."""
        metal, level = self.metal, shared.levels[self.metal.rank]
        via, line = level.overlay
        bare = not metal.opened
        if bare:
            hole, depth, line = jnp.asarray(design.passivation_opening_width), design.passivation_thickness, via
        elif metal.rank:
            below = metal.plated(design, shared.levels[metal.rank - 1], site)
            film = design.dielectric_thickness * (1.0 + level.dielectric)
            hole, depth = design.upper_via_width + level.hole, trace.above(film, below, design.planarisation)
        else:
            hole, depth = design.via_width + level.hole, design.undercoat_thickness * (1.0 + level.dielectric)
        return {
            "hole": hole,
            "depth": jnp.asarray(depth),
            "seed": metal.seed(design, level),
            "below": jnp.zeros(()) if bare else distance(via[0], via[1]),
            "above": distance(line[0], line[1]),
            "land": design.land_width + level.width,
        }

    def response(self, design: Any, state: Measures, element: Measures) -> Measures:
        """Measure one via: `landing` on what is below, `enclosure` by its own metal, seed at the foot of its wall."""
        hole = state["hole"] + element["hole"]
        above = distance(state["above"] + element["x"], element["y"])
        share = trace.wall_coverage(state["depth"], 0.5 * hole) if self.metal.sputtered else 1.0
        own = {
            "enclosure": 0.5 * (state["land"] - hole) - above,
            "wall_seed": state["seed"] * share,
        }
        if self.metal.opened:
            below = distance(state["below"] + element["x"], element["y"])
            own |= {"landing": self._play(design, hole) - below, "via_width": hole}
            own |= {"via_section": 0.25 * jnp.pi * jnp.square(hole)}
        if self.metal.opened and not self.metal.rank:
            own["via_excess"] = hole - design.passivation_opening_width
        return own

    def _play(self, design: Any, hole: Scalar) -> Scalar:
        """By how much the wider of via and what it lands on is larger, each side, um."""
        if self.metal.rank:
            return 0.5 * (design.land_width - hole)
        return 0.5 * (hole - design.passivation_opening_width)


class Nodes(Elements):
    """Openings through the last dielectric, each down to a land of the last level."""

    lengths: ClassVar[tuple[str, ...]] = ("node",)

    @property
    def measures(self) -> tuple[str, ...]:
        """Of any opening."""
        return ("node_landing",)

    def variation(self, design: Any) -> Measures:
        """Draw a node opening's place, per axis, and its width, um."""
        of = self.metal.spreads
        return {"x": normal("x", of.place_via), "y": normal("y", of.place_via), "hole": normal("hole", of.hole_via)}

    def state(self, design: Any, shared: Any, pose: Array, site: Sites) -> Measures:
        """Where the mask of the openings lies over the last level's."""
        return {"node": distance(shared.node[0], shared.node[1])}

    def response(self, design: Any, state: Measures, element: Measures) -> Measures:
        """Measure one opening."""
        play = 0.5 * (design.node_land - design.node_opening - element["hole"])
        return {"node_landing": play - distance(state["node"] + element["x"], element["y"])}
