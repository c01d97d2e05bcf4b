"""One capped joint and its neighbours: what reaches it, what it draws for itself, how it pulls and how it can fail.

The words between an assembly and one of its joints, the joint's state, are

    gap_melt, gap    height of the solder at melting and at the solidus, before the joint's own noise
    height, cap      copper with nickel, and solder cap, as the chip has them at the site
    diameter         of the pillar, as the wafer has it
    offset, capture  distance of the pillar from its pad at the solidus, and at placement
    top              bump top above the least-squares plane of the chip's bump tops, before the bump's own noise
"""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from yieldopt.problem import Pairs, Population, Sites
from yieldopt.typing import Measures, Scalar
from yieldopt_pillars.assemblies._capped_design import CappedDesign, CappedSpreads
from yieldopt_pillars.assemblies._heat import Heat
from yieldopt_pillars.parts import alignment_offset, equilibrium, intermetallic, joint, solder_volume, wetting_limits
from yieldopt_pillars.parts.coplanarity import Flatness
from yieldopt_pillars.parts.draw import normal
from yieldopt_pillars.parts.pillar_height import ChipHeights, mode_amplitudes

FINISH = 3.0
"""Nickel of a pad's finish, um: the least of IPC-4552 (3 to 6 um, recalled)."""


class Bonder(eqx.Module):
    """What one stroke of a bonder that presses has for itself: where its head stops (um), how it tilts (um at the
    array's edge), and the time that the solder takes to freeze, relative.
    """

    height: Array
    tilts: Float[Array, "2"]
    freezing: Array


class Shared(eqx.Module):
    """What the joints of one assembly share; `warpage` at melting and at the solidus, `bonder` where a head presses."""

    heights: ChipHeights
    cap: Array
    diameter: Array
    pad_modes: Float[Array, " modes"]
    warpage: Float[Array, "2"]
    twist: Array
    chip_bow: Array
    alignment: alignment_offset.Alignment
    bonder: Bonder | None = None


class Own(eqx.Module):
    """What one joint draws for itself: deviations in um, `paste` relative."""

    height: Array
    cap: Array
    diameter: Array
    pad: Array
    x: Array
    y: Array
    paste: Array


class Made(eqx.Module):
    """One joint as made: radii of its ends and volumes of its solder (um, um3); `aged`: eaten by its end of life."""

    pillar_radius: Array
    pad_radius: Array
    total: Array
    paste: Array
    eaten: Array
    aged: Array

    @property
    def volume(self) -> Array:
        """Solder that is still solder."""
        return self.total - self.eaten


class Process(eqx.Module):
    """What is chosen rather than tuned, fixed before any number flows."""

    paste: bool = eqx.field(static=True, default=False)
    nickel_on_pillar: bool = eqx.field(static=True, default=True)
    nickel_on_pad: bool = eqx.field(static=True, default=False)
    pressed: bool = eqx.field(static=True, default=False)
    by_force: bool = eqx.field(static=True, default=False)
    bends: bool = eqx.field(static=True, default=False)

    def made(self, design: CappedDesign, state: Measures, own: Own) -> Made:
        """The joint's ends and solder."""
        pillar, pad = state["diameter"] + own.diameter, design.pad_opening
        paste = jnp.zeros(())
        if self.paste:
            paste = solder_volume.paste_volume(design.paste_thickness, pad) * (1.0 + own.paste)
        total = solder_volume.cap_volume(state["cap"] + own.cap, pillar) + paste
        here, there = (self.tin(design, nickel) for nickel in self.nickel(design))
        eaten, aged = (solder_volume.eaten_volume(here[i], there[i], pillar, pad) for i in range(2))
        return Made(0.5 * pillar, 0.5 * pad, total, paste, eaten, aged)

    def nickel(self, design: CappedDesign) -> tuple[Scalar, Scalar]:
        """Nickel over the copper of pillar and pad, um."""
        return design.nickel_height if self.nickel_on_pillar else 0.0, FINISH if self.nickel_on_pad else 0.0

    def tin(self, design: CappedDesign, nickel: Scalar) -> tuple[Array, Array]:
        """Tin that a face takes, um: after the reflow, at its peak temperature, and after the life in service."""
        fresh = intermetallic.after_reflow(nickel, design.time_above_liquidus, design.peak_temperature)
        old = intermetallic.after_service(fresh, nickel, design.ageing_time, design.ageing_temperature)
        return fresh, old


class Joints(Population[CappedDesign]):
    """Pillar, solder and pad at every bump."""

    lengths: ClassVar[tuple[str, ...]] = ("offset", "capture")
    sites: Sites
    spreads: CappedSpreads
    flatness: Flatness
    heat: Heat
    process: Process = eqx.field(default_factory=Process)

    def variation(self, design: CappedDesign) -> Own:
        """Draw a joint's own noise; the cap follows the height through the opening that both are plated in."""
        spreads, still = self.spreads, jnp.zeros(())
        plated = normal("height")
        cap = solder_volume.follow(design.cap_correlation, plated, normal("cap"))
        return Own(
            height=spreads.height_bump * plated,
            cap=spreads.cap_bump * design.cap_height * cap,
            diameter=normal("diameter", spreads.diameter_bump),
            pad=normal("pad", spreads.pad_pad),
            x=normal("x", spreads.pattern_bump),
            y=normal("y", spreads.pattern_bump),
            paste=normal("paste", spreads.paste_pad) if self.process.paste else still,
        )

    def average(self) -> Own:
        """The joint without noise of its own."""
        return Own(*(jnp.zeros(()) for _ in range(7)))

    def state(self, design: CappedDesign, shared: Shared, pose: Float[Array, " pose"], site: Sites) -> Measures:
        """What the assembly makes of one site; affine in the pose."""
        flat, align = self.flatness, shared.alignment
        u, v = site.x / flat.half, site.y / flat.half
        field, place = flat.field(site.x, site.y), jnp.stack([site.x, site.y])
        aim = jnp.stack([jnp.asarray(design.placement_x), jnp.asarray(design.placement_y)])
        height = design.pillar_height + design.nickel_height + shared.heights.at(field)
        modes = jnp.stack([flat.bow(site.x, site.y), flat.twist(site.x, site.y), u * u - v * v])
        twisted = shared.twist * modes[1]
        bent = [
            warped * modes[0] + twisted * left
            for warped, left in zip(shared.warpage, (1.0, design.solidus_ratio), strict=True)
        ]
        below = height + shared.pad_modes @ field
        melting, solid = self.heat.run_out(design)
        placed = align.placed(place, aim, melting)
        freed = align.aligned(place, aim, design.residual_fraction, solid)
        offset = align.placed(place, aim, solid) if self.process.pressed else freed
        return {
            "gap_melt": equilibrium.at_melting(pose, u, v, modes) + bent[0] - below,
            "gap": equilibrium.at_solidus(pose, u, v, modes) + bent[1] - below,
            "height": height,
            "cap": design.cap_height * (1.0 + shared.cap) + self._cap_modes(design, shared) @ field,
            "diameter": design.pillar_diameter + shared.diameter,
            "offset": alignment_offset.distance(*offset),
            "capture": alignment_offset.distance(*placed),
            "top": self._top(design, shared, site),
        }

    def _cap_modes(self, design: CappedDesign, shared: Shared) -> Array:
        """What the cap's field owes to the current map that the pillars were plated under, um."""
        rms = design.cap_correlation * self.spreads.cap_die * design.cap_height
        return mode_amplitudes(rms, shared.heights.waves)

    def _top(self, design: CappedDesign, shared: Shared, site: Sites) -> Array:
        modes = shared.heights.modes + self._cap_modes(design, shared)
        still = jnp.zeros_like(shared.chip_bow)
        return self.flatness.off_plane(site.x, site.y) @ jnp.concatenate([jnp.stack([shared.chip_bow, still]), modes])

    def force(self, design: CappedDesign, state: Measures, element: Own) -> Measures:
        """Capillary force on the chip at melting and at the solidus, per surface tension (um), pulling positive.

        One solder in every joint: its tension cancels from the balance.
        """
        made, own = self.process.made(design, state, element), element.height + element.pad
        # One call each: what is stacked would seem to depend on both heights.
        return {
            name: joint.force(made.pad_radius, made.pillar_radius, made.volume, state[name] - own)
            for name in ("gap_melt", "gap")
        }

    def response(self, design: CappedDesign, state: Measures, element: Own) -> Measures:
        """Measure one joint in every way that it can fail."""
        made, own = self.process.made(design, state, element), element.height + element.pad
        ends = made.pad_radius, made.pillar_radius, made.volume
        height = state["gap"] - own
        apart = alignment_offset.distance(state["offset"] + element.x, element.y)
        caught = alignment_offset.distance(state["capture"] + element.x, element.y)
        reach = joint.free_cap_height(made.pillar_radius, made.volume - made.paste)
        if self.process.paste:
            reach = reach + joint.free_cap_height(made.pad_radius, made.paste)
        plated = state["height"] + element.height + state["cap"] + element.cap
        return {
            "wetting": reach - (state["gap_melt"] - own),
            "capture": made.pad_radius + made.pillar_radius - design.capture_margin - caught,
            "overlap": alignment_offset.overlap(made.pad_radius, made.pillar_radius, apart),
            "climb": wetting_limits.share_climbed(*ends, joint.overhang_height(*ends), height),
            "grip": wetting_limits.receding_height(*ends, design.receding_angle) - height,
            "headroom": design.resist_height - plated,
            "intermetallic": solder_volume.eaten_fraction(
                made.aged, made.total, solder_volume.disc(design.pad_opening)
            ),
            "coplanarity": state["top"] + element.height + element.cap,
            "standoff": state["height"] + element.height + height,
        }


class Neighbours(Pairs[CappedDesign]):
    """Joints side by side: the liquid of one must not touch that of the other."""

    of: str = eqx.field(static=True)
    first: Int[Array, " pairs"]
    second: Int[Array, " pairs"]
    sites: Sites
    process: Process
    pitch: Scalar

    def response(self, design: CappedDesign, state: Measures, first: Own, second: Own, site: Sites) -> Measures:
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

    def _extent(self, design: CappedDesign, state: Measures, own: Own) -> Array:
        made = self.process.made(design, state, own)
        height = state["gap_melt"] - own.height - own.pad
        return joint.bulge_radius(made.pad_radius, made.pillar_radius, made.volume, height)
