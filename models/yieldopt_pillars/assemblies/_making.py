"""How the joints of an assembly come by their ends and their solder: what A, B, C and E do each in their own way.

`Making` is the pillar on a pad with copper faces or nickel ones, without solder of its own: an assembly says where its
solder sits before it melts, how much there is, and how that scatters.
"""

import abc
from typing import Any, Self

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from yieldopt.card import Inputs
from yieldopt.typing import Measures, Scalar
from yieldopt_pillars.parts import intermetallic, joint, solder_volume
from yieldopt_pillars.parts.coplanarity import FIELD_MODES
from yieldopt_pillars.parts.draw import normal, normals
from yieldopt_pillars.parts.pillar_height import ChipHeights

FINISH = 3.0
"""Nickel of a pad's finish, um: the least of IPC-4552 (3 to 6 um, recalled)."""


class Own(eqx.Module):
    """What one joint draws for itself: deviations in um; `solder` as the assembly counts it, `paste` relative."""

    height: Array
    solder: Array
    diameter: Array
    pad: Array
    x: Array
    y: Array
    paste: Array
    pad_diameter: Array

    @classmethod
    def average(cls) -> "Own":
        """The joint without noise of its own."""
        return cls(*(jnp.zeros(()) for _ in range(8)))


class Made(eqx.Module):
    """One joint as made: radii of its ends (um) and volumes (um3) of its solder, carried by the pillar and by what it
    faces; `eaten` by compounds in the reflow, `aged` by the end of its life.
    """

    pillar_radius: Array
    pad_radius: Array
    on_pillar: Array
    on_pad: Array
    eaten: Array
    aged: Array

    @property
    def total(self) -> Array:
        """Solder as put on."""
        return self.on_pillar + self.on_pad

    @property
    def volume(self) -> Array:
        """Solder that is still solder."""
        return self.total - self.eaten


class Making(eqx.Module):
    """What is chosen rather than tuned, fixed before any number flows, and the hooks that an assembly fills."""

    nickel_on_pillar: bool = eqx.field(static=True, default=True)
    nickel_on_pad: bool = eqx.field(static=True, default=False)
    pressed: bool = eqx.field(static=True, default=False)
    by_force: bool = eqx.field(static=True, default=False)
    bends: bool = eqx.field(static=True, default=False)
    chosen: tuple[tuple[str, str], ...] = eqx.field(static=True, default=())

    @classmethod
    def of(cls, inputs: Inputs) -> Self:
        """Read the options of a study."""
        options = inputs.options
        return cls(
            options.get("barrier", "nickel") == "nickel",
            options.get("pad_finish") == "nickel",
            options.get("join") == "thermocompression",
            options.get("head") == "force",
            options.get("bodies") == "bending",
            tuple(sorted(options.items())),
        )

    def option(self, name: str) -> str:
        """A choice of the study."""
        return dict(self.chosen).get(name, "")

    @property
    def carries(self) -> tuple[bool, bool]:
        """Whether solder sits, before it melts, on the pillar, and on what the pillar faces."""
        return True, False

    @property
    def found(self) -> bool:
        """Whether the joints are held at a standoff that was measured, and not where they would come to rest."""
        return False

    def lot(self, design: Any, spreads: Any) -> Array:
        """Draw what the joints of an assembly share of their solder (a NumPyro program)."""
        del design, spreads
        return jnp.zeros(())

    def below(self, spreads: Any) -> ChipHeights:
        """Draw the heights of what the pillars face (a NumPyro program): pads, a smooth field over their site."""
        return ChipHeights(jnp.zeros(()), spreads.pad_site, normals("pad_field", FIELD_MODES))

    def lot_pad(self, spreads: Any) -> Array | None:
        """Draw what the diameters of what pillars face share (a NumPyro program); None where they do not vary."""
        del spreads
        return None

    def own_solder(self, design: Any, spreads: Any, plated: Array) -> Array:
        """Draw a joint's own solder (a NumPyro program); `plated` is the noise of its pillar's height."""
        del design, spreads, plated
        return jnp.zeros(())

    def own_pad(self, spreads: Any) -> tuple[Array, Array]:
        """Draw height and diameter of what a pillar faces, um (a NumPyro program)."""
        return normal("pad", spreads.pad_pad), jnp.zeros(())

    def own_paste(self, spreads: Any) -> Array:
        """Draw a joint's own paste, relative (a NumPyro program)."""
        del spreads
        return jnp.zeros(())

    def solder(self, design: Any, spreads: Any, shared: Any, field: Float[Array, " modes"]) -> Array:
        """What a site has of the solder, before the joint's own noise."""
        del design, spreads, field
        return shared.solder

    def ends(self, design: Any, state: Measures, own: Own) -> tuple[Array, Array]:
        """Diameters of the pillar and of what it faces, um."""
        return state["diameter"] + own.diameter, jnp.asarray(design.pad_opening)

    @abc.abstractmethod
    def carried(self, design: Any, state: Measures, own: Own, pillar: Array, pad: Array) -> tuple[Array, Array]:
        """Solder on the pillar and on what it faces before it melts, um3."""

    def state(self, design: Any, shared: Any, field: Float[Array, " modes"]) -> Measures:
        """What else reaches a joint from what they share."""
        del design, shared, field
        return {}

    def average(self, design: Any, shared: Any) -> Measures:
        """The state of an average joint, its pillar's diameter apart."""
        del design
        return {"solder": shared.solder}

    def stands(self, design: Any) -> Scalar:
        """How tall what carries the solder is drawn above chip 1's face, um: the pillar with its nickel."""
        return design.pillar_height + design.nickel_height

    def width(self, design: Any) -> Scalar:
        """Diameter of that, as drawn, um."""
        return design.pillar_diameter

    def raised(self, shared: Any, field: Float[Array, " modes"]) -> Array:
        """How much taller it is at a site than drawn, um."""
        return shared.heights.at(field)

    def facing(self, design: Any) -> Scalar:
        """How tall what a pillar faces is drawn above the plane of its pads, um."""
        del design
        return 0.0

    def cap(self, state: Measures, own: Own) -> Array:
        """What is plated on the pillar over its nickel, um."""
        del state, own
        return jnp.zeros(())

    def cap_noise(self, own: Own) -> Array:
        """The joint's own part of it, um."""
        del own
        return jnp.zeros(())

    def top_modes(self, design: Any, spreads: Any, shared: Any) -> Float[Array, " modes"]:
        """What the smooth modes of the pillars' tops have besides their heights, um."""
        del design, spreads
        return jnp.zeros_like(shared.heights.waves)

    @abc.abstractmethod
    def contact(self, design: Any, shared: Any) -> Array:
        """Height of the average joint's solder as the two sides meet, before it melts, um."""

    def measures(self, design: Any, state: Measures, own: Own, made: Made) -> Measures:
        """What an assembly measures of a joint besides."""
        del design, state, own, made
        return {}

    def made(self, design: Any, state: Measures, own: Own) -> Made:
        """The joint's ends and solder."""
        pillar, pad = self.ends(design, state, own)
        on_pillar, on_pad = self.carried(design, state, own, pillar, pad)
        here, there = self.tins(design)
        eaten, aged = (solder_volume.eaten_volume(here[i], there[i], pillar, pad) for i in range(2))
        return Made(0.5 * pillar, 0.5 * pad, on_pillar, on_pad, eaten, aged)

    def reach(self, made: Made) -> Array:
        """Heights of the free liquid on either side together, um: what has to bridge the gap.

        The side with the pillar's own solder, or the only one, bears what compounds took.
        """
        pillar, pad = self.carries
        if pillar:
            own = joint.free_cap_height(made.pillar_radius, made.on_pillar - made.eaten)
            return own + joint.free_cap_height(made.pad_radius, made.on_pad) if pad else own
        return joint.free_cap_height(made.pad_radius, made.on_pad - made.eaten)

    def nickel(self, design: Any) -> tuple[Scalar, Scalar]:
        """Nickel over the copper of pillar and pad, um."""
        return design.nickel_height if self.nickel_on_pillar else 0.0, FINISH if self.nickel_on_pad else 0.0

    def tins(self, design: Any) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Tin that the faces of chip 1 and chip 2 take: `tin` of each."""
        here, there = self.nickel(design)
        return self.tin(design, here), self.tin(design, there)

    def tin(self, design: Any, nickel: Scalar) -> tuple[Array, Array]:
        """Tin that a face takes, um: after the reflow, at its peak temperature, and after the life in service."""
        fresh = intermetallic.after_reflow(nickel, design.time_above_liquidus, design.peak_temperature)
        old = intermetallic.after_service(fresh, nickel, design.ageing_time, design.ageing_temperature)
        return fresh, old
