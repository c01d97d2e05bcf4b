"""Redistribution lines and wire-bond pads of a gold metal scheme: one line a joint, pads all around the joints."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.card import BumpMap
from yieldopt.problem import Population, Sites
from yieldopt.typing import Measures
from yieldopt_pillars.assemblies._gold_design import GoldDesign, GoldSpreads
from yieldopt_pillars.assemblies._gold_making import GoldMaking, GoldShared
from yieldopt_pillars.parts import metal_stack
from yieldopt_pillars.parts.coplanarity import Flatness
from yieldopt_pillars.parts.draw import normal


class LineOwn(eqx.Module):
    """What one line draws for itself, um."""

    gold: Array
    width: Array
    undercut: Array


class Lines(Population[GoldDesign]):
    """A line from an original pad to every bump pad; its gold is that at the bump.

    States: `gold` and `width` as the chip has them, `seat` of their adhesion layer (um).
    """

    sites: Sites
    spreads: GoldSpreads
    flatness: Flatness
    making: GoldMaking

    def variation(self, design: Any) -> LineOwn:
        """Draw a line's gold, width and undercut."""
        of = self.spreads
        return LineOwn(
            normal("gold", of.height_bump), normal("width", of.line_own), normal("undercut", of.undercut_line)
        )

    def state(self, design: Any, shared: GoldShared, pose: Float[Array, " pose"], site: Sites) -> Measures:
        """What a chip's gold, its resist and its etch make of a line."""
        making = self.making
        return {
            "gold": making.gold(design) + shared.heights.at(self.flatness.field(site.x, site.y)),
            "width": jnp.asarray(design.line_width + shared.line),
            "seat": jnp.asarray(
                metal_stack.seat(design.line_width + shared.line, making.undercut(design) * (1.0 + shared.undercut))
            ),
        }

    def response(self, design: Any, state: Measures, element: LineOwn) -> Measures:
        """Gold as made; resistance over that as drawn; adhesion layer that is left; room to the next line."""
        making, own = self.making, element.width - 2.0 * self.making.side_etch(design)
        thick, width = state["gold"] + element.gold, state["width"] + own
        drawn = making.resistance(design, design.line_width, making.gold(design))
        return {
            "gold_thickness": thick,
            "line_resistance": making.resistance(design, width, thick) / drawn,
            "line_seat": jnp.asarray(metal_stack.seat(state["seat"] + own, element.undercut)),
            "line_space": design.line_pitch - width,
        }


class WirePads(Population[GoldDesign]):
    """Bare pads for wire bonds, one bump pitch outside the joints; their gold goes with that at the nearest joint."""

    sites: Sites
    spreads: GoldSpreads
    flatness: Flatness
    making: GoldMaking

    @classmethod
    def around(cls, bumps: BumpMap, *how: Any) -> "WirePads":
        """Pads on the rectangle around a bump map, about a pitch apart (host work)."""
        half = [float(np.max(np.abs(axis))) + bumps.pitch for axis in (bumps.x, bumps.y)]
        x, y = np.meshgrid(*(np.linspace(-h, h, 1 + round(2.0 * h / bumps.pitch)) for h in half))
        rim = np.maximum(np.abs(x) / half[0], np.abs(y) / half[1]) > 1.0 - 1e-9
        x, y = x[rim], y[rim]
        return cls(Sites.at(x, y), *how)

    def variation(self, design: Any) -> Array:
        """Draw a pad's gold, um."""
        return normal("gold", self.spreads.height_bump)

    def state(self, design: Any, shared: GoldShared, pose: Float[Array, " pose"], site: Sites) -> Measures:
        """The gold at the edge of the joints."""
        edge = self.flatness.half
        field = self.flatness.field(jnp.clip(site.x, -edge, edge), jnp.clip(site.y, -edge, edge))
        return {"gold": self.making.rim(design) * (self.making.gold(design) + shared.heights.at(field))}

    def response(self, design: Any, state: Measures, element: Array) -> Measures:
        """Gold as made, to which a wire is bonded."""
        thick = state["gold"] + element
        return {"wire_gold": thick, **self.making.rim_measures(design, thick)}
