"""How a joint on a gold pad comes by its ends and its solder, and what the solder does to the gold; for F and G.

Chip 1's end is the under-bump metal where there is one; else the opening in the polymer over the gold; else the whole
gold pad, over which solder then runs. Solder dissolves gold that it touches: what goes into the liquid makes it as much
more as the pad loses, so that the joint's geometry is counted as if the gold had stayed.

Of two solders one deviation reaches a joint from its unit: that of both volumes together, borne by each in proportion.
Each solder's own height is read from its own deviation.
"""

from dataclasses import replace
from typing import Any, Self

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from yieldopt.card import Inputs
from yieldopt.typing import Measures, Scalar
from yieldopt_pillars import materials
from yieldopt_pillars.assemblies._joints import Shared
from yieldopt_pillars.assemblies._making import FINISH, Made, Making, Own
from yieldopt_pillars.parts import gold, intermetallic, joint, solder_volume, trace
from yieldopt_pillars.parts.draw import normal
from yieldopt_pillars.parts.pillar_height import ChipHeights
from yieldopt_pillars.parts.trace import LINES

POLYMERS = {"undercoat": "undercoat_thickness", "polymer": "polymer_thickness", "overcoat": "overcoat_thickness"}
"""Polymers over the passivation from below up, by role, and the knobs of their thickness."""


class GoldShared(Shared):
    """What a chip of gold pads shares besides; `heights` are those of the gold, `solder` has two numbers.

    `polymer` is a field that each polymer under the gold has; `undercut` and `ubm` are relative, `line` is in um.
    """

    polymer: ChipHeights | None = None
    undercut: Scalar = 0.0
    line: Scalar = 0.0
    ubm: Scalar = 0.0


class GoldMaking(Making):
    """Solder on both sides, a plated pad or a ball each; density (g/cm3) and share of tin by weight of both."""

    density: Float[Array, "2"] = eqx.field(default_factory=lambda: jnp.full(2, 7.4))
    tin_share: Float[Array, "2"] = eqx.field(default_factory=lambda: jnp.full(2, 0.96))

    @classmethod
    def of(cls, inputs: Inputs) -> Self:
        """Read options and solders of a study."""
        both = materials.solders(inputs)
        rows = [one.density for one in both], [one.composition.get("Sn", 0.0) for one in both]
        density, tin = (jnp.asarray(row, float) for row in rows)
        return replace(super().of(inputs), density=density, tin_share=tin)

    @property
    def carries(self) -> tuple[bool, bool]:
        """On both sides."""
        return True, True

    @property
    def under_bump(self) -> bool:
        """Whether a metal keeps the solder off the gold."""
        return self.option("under_bump") == "metal"

    @property
    def films(self) -> tuple[tuple[str, str], ...]:
        """Polymers that are there, the outermost first: role and knob."""
        there = {
            "undercoat": self.option("undercoat") == "polymer",
            "polymer": self.option("further_metal") == "copper",
            "overcoat": self.option("overcoat") == "polymer",
        }
        return tuple((role, knob) for role, knob in reversed(POLYMERS.items()) if there[role])

    @property
    def beneath(self) -> tuple[str, ...]:
        """Knobs of the polymers under the gold."""
        return tuple(knob for role, knob in self.films if role != "overcoat")

    def gold(self, design: Any) -> Scalar:
        """How thick the gold is drawn or set, um."""
        return design.gold_thickness

    def rim(self, design: Any) -> Scalar:
        """Gold of the wire-bond pads around the bumps over that among them."""
        del design
        return 1.0

    def undercut(self, design: Any) -> Scalar:
        """How far the etch of the adhesion layer goes in under a line, um a side."""
        return design.seed_undercut

    def side_etch(self, design: Any) -> Scalar:
        """Gold that the etch of the seed takes off each side of a line, um."""
        return design.side_etch

    def stands(self, design: Any) -> Scalar:
        """What stands over the passivation under solder 1, um."""
        metal = design.ubm_copper + design.ubm_nickel if self.under_bump else 0.0
        polymers = sum(getattr(design, knob) for knob in self.beneath)
        return self.gold(design) + metal + polymers + self._further(design)

    def covered(self, design: Any) -> Scalar:
        """How high polymers and further metal stand over the passivation beside the bumps, um."""
        return self._further(design) + sum(getattr(design, knob) for _, knob in self.films)

    def _further(self, design: Any) -> Scalar:
        return design.metal_thickness if self.option("further_metal") == "copper" else 0.0

    def width(self, design: Any) -> Scalar:
        """Diameter of what solder 1 wets, um."""
        if self.under_bump:
            return design.bump_diameter - 2.0 * design.seed_undercut
        return design.bump_diameter if self.option("overcoat") == "polymer" else design.pad_diameter

    def raised(self, shared: Any, field: Float[Array, " modes"]) -> Array:
        """Of gold and polymers at a site, um."""
        return shared.heights.at(field) + self._uneven(shared) @ field

    def _uneven(self, shared: Any) -> Float[Array, " modes"]:
        """Modes of the polymers under the gold, each as uneven as the other and for itself, um."""
        if shared.polymer is None:
            return jnp.zeros_like(shared.heights.waves)
        return len(self.beneath) ** 0.5 * shared.polymer.modes

    def top_modes(self, design: Any, spreads: Any, shared: Any) -> Float[Array, " modes"]:
        """Of the polymers, um."""
        return self._uneven(shared)

    def lot(self, design: Any, spreads: Any) -> Array:
        """Draw what both solders of a unit have in common, relative."""
        return jnp.stack([normal("solder1_die", spreads.solder1_die), normal("solder2_site", spreads.solder2_site)])

    def own_solder(self, design: Any, spreads: Any, plated: Array) -> Array:
        """Draw a bump's solder 1, relative."""
        return normal("solder", spreads.solder1_bump)

    def own_paste(self, spreads: Any) -> Array:
        """Draw a contact's solder 2, relative."""
        return normal("paste", spreads.solder2_pad)

    def volumes(self, design: Any, one: Scalar, other: Scalar, bump: Scalar, contact: Scalar) -> tuple[Array, Array]:
        """Solder 1 and 2, um3, with their relative deviations, on faces of these diameters (um)."""
        return (
            self._volume("solder1", design.solder1_height, design.solder1_ball, bump) * (1.0 + one),
            self._volume("solder2", design.solder2_height, design.solder2_ball, contact) * (1.0 + other),
        )

    def _volume(self, which: str, height: Scalar, ball: Scalar, face: Scalar) -> Array:
        if self.option(f"{which}_shape") == "ball":
            return jnp.asarray(solder_volume.ball_volume(ball))
        return solder_volume.cap_volume(height, face)

    def formed(self, which: str, volume: Array, face: Scalar) -> Array:
        """Height of a solder before joining, um: a plated pad is flat, a ball a truncated sphere on its face."""
        if self.option(f"{which}_shape") == "ball":
            return joint.free_cap_height(0.5 * face, volume)
        return volume / solder_volume.disc(face)

    def heights(self, volumes: tuple[Array, Array], faces: tuple[Scalar, Scalar]) -> Measures:
        """Heights of both solders before joining (um), under the names of their shapes."""
        return {
            f"{which}_{self.option(f'{which}_shape')}_height": self.formed(which, volume, face)
            for which, volume, face in zip(("solder1", "solder2"), volumes, faces, strict=True)
        }

    def drawn(self, design: Any) -> tuple[Array, Array]:
        """Volumes of both solders as drawn, um3."""
        return self.volumes(design, 0.0, 0.0, self.width(design), design.pad_opening)

    def average(self, design: Any, shared: Any) -> Measures:
        """Deviations of both solders together, and of each, relative."""
        one, other = self.drawn(design)
        both = (one * shared.solder[0] + other * shared.solder[1]) / (one + other)
        return {"solder": both, "solder1": shared.solder[0], "solder2": shared.solder[1]}

    def solder(self, design: Any, spreads: Any, shared: Any, field: Float[Array, " modes"]) -> Array:
        """Deviation of both solders together, relative."""
        return self.average(design, shared)["solder"]

    def state(self, design: Any, shared: Any, field: Float[Array, " modes"]) -> Measures:
        """The deviation of each solder, and the gold at a site, um."""
        apart = self.average(design, shared)
        thick = self.gold(design) + shared.heights.at(field)
        return {"solder1": apart["solder1"], "solder2": apart["solder2"], "gold": jnp.asarray(thick)}

    def ends(self, design: Any, state: Measures, own: Own) -> tuple[Array, Array]:
        """Diameters of what solder 1 and solder 2 wet, um."""
        return state["diameter"] + own.diameter, jnp.asarray(design.pad_opening)

    def carried(self, design: Any, state: Measures, own: Own, pillar: Array, pad: Array) -> tuple[Array, Array]:
        """Solder 1 and solder 2 before joining."""
        both = state["solder"]
        return self.volumes(design, both + own.solder, both + own.paste, pillar, pad)

    def contact(self, design: Any, shared: Any) -> Array:
        """Both solders of the average joint as they meet, um."""
        faces = self.width(design) + shared.diameter, design.pad_opening
        one, other = self.volumes(design, shared.solder[0], shared.solder[1], *faces)
        return self.formed("solder1", one, faces[0]) + self.formed("solder2", other, faces[1])

    def nickel(self, design: Any) -> tuple[Scalar, Scalar]:
        """Nickel of the under-bump metal and of the contact's finish, um."""
        return design.ubm_nickel if self.under_bump else 0.0, FINISH if self.nickel_on_pad else 0.0

    def tins(self, design: Any) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """As anywhere; bare gold dissolves and takes no tin until the solder is solid."""
        here, there = super().tins(design)
        return here if self.under_bump else (jnp.zeros(()), jnp.zeros(())), there

    def tin(self, design: Any, nickel: Scalar) -> tuple[Array, Array]:
        """Tin that a face takes, um: after all reflows, as long as they are together, and after the life in service."""
        liquid = design.reflows * design.time_above_liquidus
        fresh = intermetallic.after_reflow(nickel, liquid, design.peak_temperature)
        return fresh, intermetallic.after_service(fresh, nickel, design.ageing_time, design.ageing_temperature)

    def measures(self, design: Any, state: Measures, own: Own, made: Made) -> Measures:
        """Heights of the solders as formed, bump tops, what the resist leaves, and what becomes of the gold."""
        bump, contact = 2.0 * made.pillar_radius, 2.0 * made.pad_radius
        each = self.volumes(design, state["solder1"] + own.solder, state["solder2"] + own.paste, bump, contact)
        heights = self.heights(each, (bump, contact))
        plated = (design.ubm_copper + design.ubm_nickel) if self.under_bump else 0.0
        if self.option("solder1_shape") == "pad":
            plated = plated + heights["solder1_pad_height"]
        first, face = self.drawn(design)[0], self.width(design)
        top = self.formed("solder1", first * (1.0 + own.solder), face) - self.formed("solder1", first, face)
        return {
            **heights,
            "coplanarity": state["top"] + own.height + top,
            "headroom": jnp.asarray(design.resist_height - plated),
            "clearance": state["height"] + state["gap"] - own.pad - self.covered(design),
            **self._gold(design, state["gold"] + own.height, made),
        }

    def _gold(self, design: Any, thick: Array, made: Made) -> Measures:
        """Gold left under the joint (um; below 0 by what solder still wanted), and its share of the joint by weight."""
        if self.under_bump:
            return {"gold_left": thick}
        volumes, area = jnp.stack([made.on_pillar, made.on_pad]), solder_volume.disc(2.0 * made.pillar_radius)
        each = self.density * volumes
        peak, mass = design.peak_temperature, each.sum()
        most = gold.capacity(gold.soluble(peak, (self.tin_share * each).sum() / mass), mass, area)
        wanted = gold.dissolving(gold.rate(peak), most, design.reflows * design.time_above_liquidus)
        return {"gold_left": thick - wanted, "gold_share": gold.share(gold.dissolved(thick, wanted), mass, area)}

    def rim_measures(self, design: Any, thick: Array) -> Measures:
        """What an assembly measures of a wire-bond pad besides, its gold `thick`, um."""
        del design, thick
        return {}

    def resistance(self, design: Any, width: Scalar, thick: Scalar) -> Array:
        """Of a redistribution line, ohm: in gold, or partly in the further metal, as wide as the gold."""
        apart = design.metal_share if self.option("further_metal") == "copper" else 0.0
        own = trace.resistance(LINES["Au"].resistivity, (1.0 - apart) * design.line_length, width, thick)
        below = trace.resistance(LINES["Cu"].resistivity, apart * design.line_length, width, design.metal_thickness)
        return own + below
