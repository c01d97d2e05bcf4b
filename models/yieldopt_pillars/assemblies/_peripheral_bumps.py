"""Face down: solder bumps from chip 1's edges to the carrier, with a balance of their own; chip 2 hangs between them.

Bumps are spheres cut off by two openings alike (`joint`), much taller than the pillars' joints, so that chip 2 stays
clear of what lies beneath it. Their pose is one height and two tilts, at melting, where warpage is largest: they freeze
nearly as tall. What compounds eat of them is a per cent, and is left out. Chip 1 is seen from one side throughout, so
that chip 2's shift on it and its own on the carrier add up.
"""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.card import Inputs, Response
from yieldopt.problem import Sites
from yieldopt.typing import Measures, Scalar
from yieldopt_pillars import materials
from yieldopt_pillars.assemblies import _connections
from yieldopt_pillars.assemblies._carrier import Carrier
from yieldopt_pillars.assemblies._connections import Connections, Faces, InModule, rows
from yieldopt_pillars.assemblies._module_design import ModuleSpreads
from yieldopt_pillars.parts import alignment_offset, clearance, equilibrium, joint, solder_volume
from yieldopt_pillars.parts.alignment_offset import Alignment
from yieldopt_pillars.parts.coplanarity import Flatness
from yieldopt_pillars.parts.draw import normal, normals

RESPONSES = {
    "bump_wetting": Response("peripheral_bump", "um", "reach of a molten bump beyond its gap; below 0 it stays open"),
    "bump_offset": Response("peripheral_bump", "", "distance of a bump from its pad as it melts, over its opening"),
    "bump_space": Response("peripheral_bump", "um", "pitch less twice the bulge of a bump: gap to a neighbour alike"),
    "bump_uncovered": Response("peripheral_bump", "um", "from chip 2's edge to the opening of the bump beside it"),
    "rear_clearance": Response("", "um", "from chip 2's rear down to the carrier; in an opening, to its far face"),
    "opening_clearance": Response(
        "", "um", "opening: from chip 2 to the nearest of its four walls, as put in and after"
    ),
}


class Bumped(eqx.Module):
    """What the bumps of a unit share: chip 1 on the carrier, its warpage against it (um), solder (relative), and the
    opening as cut (sides) against the pads (shift), um.
    """

    alignment: Alignment
    warpage: Array
    solder: Array
    cut: Float[Array, "2"]
    shift: Float[Array, "2"]


class Bump(eqx.Module):
    """One bump's own: solder (relative), its pad's height, its place (um)."""

    solder: Array
    pad: Array
    x: Array
    y: Array


class PeripheralBumps(Connections):
    """Bumps in a row along each edge of chip 1; `before` is how much of the pose is the pillars'."""

    name: ClassVar[str] = "peripheral_bump"
    inset_of: ClassVar[str] = "bump_inset"
    pitch_of: ClassVar[str] = "bump_pitch"
    width_of: ClassVar[str] = "bump_opening"
    sites: Sites
    spreads: ModuleSpreads
    pitch: Array
    pressed: bool = eqx.field(static=True)
    flatness: Flatness
    carrier: Carrier
    melting: Array
    tension: Array
    densities: Float[Array, "2"]
    opened: bool = eqx.field(static=True)
    first: bool = eqx.field(static=True)
    before: int = eqx.field(static=True)

    @classmethod
    def of(
        cls, inputs: Inputs, spreads: ModuleSpreads, pressed: bool, carrier: Carrier, before: int
    ) -> "PeripheralBumps":
        """Lay the bumps out along chip 1's edges."""
        size = [inputs.design[name] for name in ("chip1_width", "chip1_length", "bump_inset", "bump_pitch")]
        sites = rows(*size)
        solder, *chips = (materials.material(inputs.materials[role]) for role in ("bump_solder", "chip1", "chip2"))
        hot = max(inputs.design["bump_peak"], solder.solidus or 0.0)
        numbers = size[-1], solder.liquidus or 0.0, solder.tension_at(hot)
        pitch, melting, tension = (jnp.asarray(number, float) for number in numbers)
        flat = Flatness.of(np.asarray(sites.x), np.asarray(sites.y))
        densities = jnp.asarray([chip.density for chip in chips], float)
        opened, first = inputs.options["opening"] == "through", inputs.options["order"] == "carrier_first"
        return cls(sites, spreads, pitch, pressed, flat, carrier, melting, tension, densities, opened, first, before)

    def shared(self, design: Any) -> Bumped:
        """Draw how chip 1 sits on its carrier, the bumps' solder, and the opening where there is one."""
        of, none = self.spreads, jnp.zeros(2)
        lies = Alignment(
            normals("carrier_placement", 2, of.carrier_place),
            normal("carrier_rotation", of.carrier_turn),
            normals("carrier_registration", 2, of.carrier_pads),
            normals("carrier_residual", 2, of.carrier_residual),
            jnp.zeros(()),
        )
        warped, solder = normal("carrier_warpage", of.carrier_warp), normal("bump_lot", of.bump_lot)
        cut = normals("opening_size", 2, of.opening_size) if self.opened else none
        return Bumped(lies, warped, solder, cut, normals("opening_shift", 2, of.opening_shift) if self.opened else none)

    def variation(self, design: Any) -> Bump:
        """Draw one bump's own."""
        of = self.spreads
        place = normal("bump_x", of.bump_place), normal("bump_y", of.bump_place)
        return Bump(normal("bump_solder", of.bump_own), normal("bump_pad", of.bump_pad), *place)

    def rest(self, design: Any, around: Bumped) -> Float[Array, " pose"]:
        """Level, with the average bump at its natural height."""
        radius = 0.5 * design.bump_opening
        natural = joint.natural_height(radius, radius, self.volume(design, around.solder))
        return jnp.zeros(3).at[0].set(natural)

    def load(self, design: Any, pose: Float[Array, " pose"]) -> Float[Array, " pose"]:
        """Weight of chip 1, and of chip 2 where it already hangs on it, per surface tension (um)."""
        area, thick = design.chip1_width * design.chip1_length, design.chip_thickness
        weight = equilibrium.weight(self.densities[0], area, thick)
        if not self.first:
            area, thick = design.chip2_width * design.chip2_length, design.substrate_thickness
            weight = weight + equilibrium.weight(self.densities[1], area, thick)
        return jnp.zeros_like(pose).at[0].set(weight / self.tension)

    def volume(self, design: Any, varied: Scalar) -> Array:
        """Solder of a bump, um3."""
        return jnp.asarray(solder_volume.ball_volume(design.bump_ball)) * (1.0 + varied)

    def height(self, design: Any, around: Bumped, pose: Float[Array, " pose"], x: Scalar, y: Scalar) -> Array:
        """Chip 1's face above the carrier's mean pad plane at a place of chip 1, um."""
        flat, own = self.flatness, pose[self.before :]
        warped = (design.carrier_warpage + around.warpage) * flat.bow(jnp.asarray(x), jnp.asarray(y))
        return own[0] + own[1] * x / flat.half + own[2] * y / flat.half + warped

    def state(self, design: Any, shared: InModule, pose: Float[Array, " pose"], site: Sites) -> Measures:
        """Gap and solder of a bump, its distance from its pad as it melts, its room to chip 2."""
        around: Bumped = shared.around
        place, _ = self.place(design, site)
        off = around.alignment.placed(place, self.aim(design), self.carrier.run_out(self.melting))
        return {
            "bump_gap": self.height(design, around, pose, place[0], place[1]),
            "bump_lot": around.solder,
            "bump_away": alignment_offset.distance(off[0], off[1]),
            "bump_room": self.beyond(design, shared, site),
        }

    lengths: ClassVar[tuple[str, ...]] = ("bump_away",)

    def aim(self, design: Any) -> Array:
        """Mean placement offset of chip 1 on the carrier, um."""
        return jnp.stack([jnp.asarray(design.carrier_x, float), jnp.asarray(design.carrier_y, float)])

    def force(self, design: Any, state: Measures, element: Bump) -> Measures:
        """Capillary force on chip 1, per surface tension (um), pulling positive."""
        radius, volume = 0.5 * design.bump_opening, self.volume(design, state["bump_lot"] + element.solder)
        return {"bump_gap": joint.force(radius, radius, volume, state["bump_gap"] - element.pad)}

    def response(self, design: Any, state: Measures, element: Bump) -> Measures:
        """Measure one bump in every way that it can fail."""
        radius, gap = 0.5 * design.bump_opening, state["bump_gap"] - element.pad
        volume = self.volume(design, state["bump_lot"] + element.solder)
        away = alignment_offset.distance(state["bump_away"] + element.x, element.y)
        return {
            "bump_wetting": joint.free_cap_height(radius, volume) - gap,
            "bump_offset": away / design.bump_opening,
            "bump_space": design.bump_pitch - 2.0 * joint.bulge_radius(radius, radius, volume, gap),
            "bump_uncovered": state["bump_room"] + element.x - radius,
        }

    def measures(self, design: Any, shared: InModule, pose: Float[Array, " pose"], faces: Faces) -> Measures:
        """How far chip 2 stays from what is beneath it, and from the walls of its opening."""
        places = jnp.concatenate([jnp.zeros((1, 2)), clearance.corners(_connections.chip2_halves(design, shared))])
        heights = [self.height(design, shared.around, pose, *place) for place in places]
        rear = jnp.stack(heights) - faces - _connections.chip2_thickness(design, shared)
        if not self.opened:
            return {"rear_clearance": jnp.min(rear)}
        through = jnp.min(rear) + design.carrier_thickness
        return {"rear_clearance": through, "opening_clearance": jnp.min(self._walls(design, shared))}

    def _walls(self, design: Any, shared: InModule) -> Float[Array, "8"]:
        """Gaps to the four walls when the second of the two bodies is put in place, and when the liquid has pulled it.

        Chip 2 on chip 1 is the second where bumps were joined before, chip 1 on the carrier otherwise.
        """
        around, half = shared.around, _connections.chip2_halves(design, shared)
        opening = clearance.halves(design.opening_width, design.opening_length) + jnp.repeat(around.cut, 2) / 2.0
        opening = opening + jnp.asarray(clearance.NORMALS) @ around.shift
        chip2 = _connections.chip2_rests(design, shared, self.pressed)
        chip1 = clearance.freed(around.alignment, self.aim(design), design.residual_fraction)
        if self.first:
            put = _connections.chip2_put(design, shared).on(chip1)
        else:
            put = chip2.on(clearance.put(around.alignment, self.aim(design)))
        return jnp.concatenate([clearance.in_opening(opening, half, at) for at in (put, chip2.on(chip1))])

    def limits(self) -> dict[str, tuple[float, float]]:
        """Open, captured within half an opening, apart from the next, uncovered; chip 2 clear beneath and beside."""
        bounds = {"bump_wetting": (0.0, np.inf), "bump_offset": (-np.inf, 0.5), "bump_space": (20.0, np.inf)}
        bounds |= {"bump_uncovered": (0.0, np.inf), "rear_clearance": (10.0, np.inf)}
        return bounds | ({"opening_clearance": (0.0, np.inf)} if self.opened else {})
