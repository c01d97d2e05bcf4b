"""One joint and its neighbours, whatever assembly it is of: what reaches it, what it draws, how it pulls and can fail.

The words between an assembly and one of its joints, the joint's state, are

    gap_melt, gap    height of the solder at melting and at the solidus, before the joint's own noise
    height           copper with nickel, as the chip has them at the site
    solder           as the assembly counts it (`Making.solder`), at the site
    diameter         of the pillar, as the wafer has it
    offset, capture  distance of the pillar from its pad at the solidus, and at placement
    top              bump top above the least-squares plane of the chip's bump tops, before the bump's own noise

and what an assembly adds (`Making.state`).
"""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int
from scipy.spatial import KDTree

from yieldopt.card import BumpMap
from yieldopt.problem import Pairs, Population, Sites
from yieldopt.typing import Measures, Scalar
from yieldopt_pillars.assemblies._heat import Heat
from yieldopt_pillars.assemblies._joint_design import JointDesign, JointSpreads
from yieldopt_pillars.assemblies._making import Making, Own
from yieldopt_pillars.parts import alignment_offset, equilibrium, joint, solder_volume, wetting_limits
from yieldopt_pillars.parts.coplanarity import Flatness
from yieldopt_pillars.parts.draw import normal
from yieldopt_pillars.parts.pillar_height import ChipHeights

NEIGHBOUR = 1.05
"""Joints within this many pitches are neighbours; a grid's diagonal, 1.41 pitches, is not."""


class Bonder(eqx.Module):
    """What one stroke of a bonder that presses has for itself: where its head stops (um), how it tilts (um at the
    array's edge), and the time that the solder takes to freeze, relative.
    """

    height: Array
    tilts: Float[Array, "2"]
    freezing: Array


class Shared(eqx.Module):
    """What the joints of one assembly share: pillars and what they face, `solder` as the assembly counts it.

    `warpage` at melting and at the solidus, `bonder` where a head presses, `pad_diameter` where that varies.
    """

    heights: ChipHeights
    below: ChipHeights
    solder: Array
    diameter: Array
    warpage: Float[Array, "2"]
    twist: Array
    chip_bow: Array
    alignment: alignment_offset.Alignment
    bonder: Bonder | None = None
    pad_diameter: Array | None = None
    found: Float[Array, "3"] | None = None


class Joints(Population[JointDesign]):
    """Pillar, solder and pad at every bump."""

    lengths: ClassVar[tuple[str, ...]] = ("offset", "capture")
    sites: Sites
    spreads: JointSpreads
    flatness: Flatness
    heat: Heat
    making: Making

    def variation(self, design: Any) -> Own:
        """Draw a joint's own noise; what is plated on a pillar follows its height through their common opening."""
        spreads, making = self.spreads, self.making
        plated = normal("height")
        solder = making.own_solder(design, spreads, plated)
        diameter = normal("diameter", spreads.diameter_bump)
        pad, pad_diameter = making.own_pad(spreads)
        return Own(
            height=spreads.height_bump * plated,
            solder=solder,
            diameter=diameter,
            pad=pad,
            pad_diameter=pad_diameter,
            x=normal("x", spreads.pattern_bump),
            y=normal("y", spreads.pattern_bump),
            paste=making.own_paste(spreads),
        )

    def average(self) -> Own:
        """The joint without noise of its own."""
        return Own.average()

    def state(self, design: Any, shared: Shared, pose: Float[Array, " pose"], site: Sites) -> Measures:
        """What the assembly makes of one site; affine in the pose."""
        flat, align = self.flatness, shared.alignment
        u, v = site.x / flat.half, site.y / flat.half
        field, place = flat.field(site.x, site.y), jnp.stack([site.x, site.y])
        aim = jnp.stack([jnp.asarray(design.placement_x), jnp.asarray(design.placement_y)])
        if shared.found is not None:
            pose = jnp.concatenate([shared.found, shared.found])
        height = self.making.stands(design) + self.making.raised(shared, field)
        modes = jnp.stack([flat.bow(site.x, site.y), flat.twist(site.x, site.y), u * u - v * v])
        twisted = shared.twist * modes[1]
        bent = [
            warped * modes[0] + twisted * left
            for warped, left in zip(shared.warpage, (1.0, design.solidus_ratio), strict=True)
        ]
        below = height + self.making.facing(design) + shared.below.at(field)
        melting, solid = self.heat.run_out(design)
        placed = align.placed(place, aim, melting)
        freed = align.aligned(place, aim, design.residual_fraction, solid)
        offset = align.placed(place, aim, solid) if self.making.pressed else freed
        return {
            "gap_melt": equilibrium.at_melting(pose, u, v, modes) + bent[0] - below,
            "gap": equilibrium.at_solidus(pose, u, v, modes) + bent[1] - below,
            "height": height,
            "solder": self.making.solder(design, self.spreads, shared, field),
            "diameter": self.making.width(design) + shared.diameter,
            "offset": alignment_offset.distance(*offset),
            "capture": alignment_offset.distance(*placed),
            "top": self._top(design, shared, site),
            **self.making.state(design, shared, field),
        }

    def _top(self, design: Any, shared: Shared, site: Sites) -> Array:
        modes = shared.heights.modes + self.making.top_modes(design, self.spreads, shared)
        still = jnp.zeros_like(shared.chip_bow)
        return self.flatness.off_plane(site.x, site.y) @ jnp.concatenate([jnp.stack([shared.chip_bow, still]), modes])

    def force(self, design: Any, state: Measures, element: Own) -> Measures:
        """Capillary force on the chip at melting and at the solidus, per surface tension (um), pulling positive.

        One solder in every joint: its tension cancels from the balance.
        """
        if self.making.found:
            return {}
        made, own = self.making.made(design, state, element), element.height + element.pad
        # One call each: what is stacked would seem to depend on both heights.
        return {
            name: joint.force(made.pad_radius, made.pillar_radius, made.volume, state[name] - own)
            for name in ("gap_melt", "gap")
        }

    def response(self, design: Any, state: Measures, element: Own) -> Measures:
        """Measure one joint in every way that it can fail."""
        made, own = self.making.made(design, state, element), element.height + element.pad
        ends = made.pad_radius, made.pillar_radius, made.volume
        height = state["gap"] - own
        apart = alignment_offset.distance(state["offset"] + element.x, element.y)
        caught = alignment_offset.distance(state["capture"] + element.x, element.y)
        cap = self.making.cap(state, element)
        return {
            "wetting": self.making.reach(made) - (state["gap_melt"] - own),
            "capture": made.pad_radius + made.pillar_radius - design.capture_margin - caught,
            "overlap": alignment_offset.overlap(made.pad_radius, made.pillar_radius, apart),
            "climb": wetting_limits.share_climbed(*ends, joint.overhang_height(*ends), height),
            "grip": wetting_limits.receding_height(*ends, design.receding_angle) - height,
            "headroom": design.resist_height - (state["height"] + element.height + cap),
            "intermetallic": solder_volume.eaten_fraction(
                made.aged, made.total, solder_volume.disc(2.0 * made.pad_radius)
            ),
            "coplanarity": state["top"] + element.height + self.making.cap_noise(element),
            "standoff": state["height"] + element.height + height,
            **self.making.measures(design, state, element, made),
        }


class Neighbours(Pairs[JointDesign]):
    """Joints side by side: the liquid of one must not touch that of the other."""

    of: str = eqx.field(static=True)
    first: Int[Array, " pairs"]
    second: Int[Array, " pairs"]
    sites: Sites
    making: Making
    pitch: Scalar

    @classmethod
    def of_map(cls, bumps: BumpMap, making: Making) -> "Neighbours":
        """Pairs about one pitch apart, found once on the host."""
        places = np.stack([bumps.x, bumps.y], axis=1)
        pairs = KDTree(places).query_pairs(NEIGHBOUR * bumps.pitch, output_type="ndarray")
        pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
        first, second = places[pairs[:, 0]], places[pairs[:, 1]]
        middle, along = 0.5 * (first + second), second - first
        axis = along / np.linalg.norm(along, axis=1, keepdims=True)
        sites = Sites(jnp.asarray(middle[:, 0], float), jnp.asarray(middle[:, 1], float), jnp.asarray(axis, float))
        indices = jnp.asarray(pairs[:, 0], int), jnp.asarray(pairs[:, 1], int)
        return cls("joint", *indices, sites, making, jnp.asarray(bumps.pitch, float))

    def response(self, design: Any, state: Measures, first: Own, second: Own, site: Sites) -> Measures:
        """Gap between the two liquid surfaces at melting, the hotter and the more warped of the two moments (um).

        The middle of a joint moves half as far as its pillar; an offset of the whole chip leans both joints alike.
        """
        apart = 0.5 * ((second.x - first.x) * site.axis[0] + (second.y - first.y) * site.axis[1])
        return {
            "neighbour_gap": self.pitch
            + apart
            - self._extent(design, state, first)
            - self._extent(design, state, second)
        }

    def _extent(self, design: Any, state: Measures, own: Own) -> Array:
        made = self.making.made(design, state, own)
        height = state["gap_melt"] - own.height - own.pad
        return joint.bulge_radius(made.pad_radius, made.pillar_radius, made.volume, height)
