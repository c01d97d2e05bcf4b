"""What joins chip 1 to its carrier along its edges, and the two chips as it sees them: the ground of both stackings."""

import abc
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.problem import Population, Sites
from yieldopt.typing import Measures, Scalar
from yieldopt_pillars.assemblies._joints import Shared
from yieldopt_pillars.assemblies._module_design import ModuleSpreads
from yieldopt_pillars.parts import clearance, equilibrium
from yieldopt_pillars.parts.clearance import Placed, Sides, Vector
from yieldopt_pillars.parts.draw import normal, normals

Faces = Float[Array, "5"]
"""Height of chip 2's pads over chip 1's face under the centre and the four corners of chip 2 (`clearance.corners`)."""


class InModule(Shared):
    """What a module shares besides its joints: chip 2's sides as cut and its thickness (deviations, um), and `around`,
    what its stacking draws.
    """

    cut2: Sides = eqx.field(default_factory=lambda: jnp.zeros(4))
    thickness2: Array = eqx.field(default_factory=lambda: jnp.zeros(()))
    around: Any = None

    @classmethod
    def of(cls, shared: Shared, spreads: ModuleSpreads, around: Any) -> "InModule":
        """Draw chip 2's outline beside what the joints share (a NumPyro program)."""
        joints: dict[str, Any] = vars(shared)
        cut2, thickness2 = normals("cut2", 4, spreads.cut2), normal("thickness2", spreads.thickness2)
        return cls(**joints, cut2=cut2, thickness2=thickness2, around=around)


def chip2_halves(design: Any, shared: InModule) -> Sides:
    """Half sides of chip 2 as cut, um."""
    return clearance.halves(design.chip2_width, design.chip2_length) + shared.cut2


def chip2_thickness(design: Any, shared: InModule) -> Array:
    """As ground, um."""
    return design.substrate_thickness + shared.thickness2


def chip2_put(design: Any, shared: InModule) -> Placed:
    """Chip 2 on chip 1 as it is set down."""
    return clearance.put(shared.alignment, aim(design))


def chip2_rests(design: Any, shared: InModule, pressed: bool) -> Placed:
    """Chip 2 on chip 1 once joined: a head that presses keeps it where it was set down."""
    if pressed:
        return chip2_put(design, shared)
    return clearance.freed(shared.alignment, aim(design), design.residual_fraction)


def aim(design: Any) -> Vector:
    """Mean placement offset of chip 2 on chip 1, um."""
    return jnp.stack([jnp.asarray(design.placement_x, float), jnp.asarray(design.placement_y, float)])


def mean_height(shared: InModule, pose: Array) -> Array:
    """Chip 2's pads over chip 1's face at the middle of the array, um; `pose` is that of the pillars."""
    return equilibrium.level(pose)[0] if shared.found is None else shared.found[0]


def rows(width: float, length: float, inset: float, pitch: float) -> Sites:
    """A row along each edge of a chip, `inset` from it, with the outward normal as `axis` (host work).

    As many at one pitch as stay that pitch clear of the rows beside; centred.
    """
    x: list[float] = []
    y: list[float] = []
    axes: list[np.ndarray] = []
    for out in clearance.NORMALS:
        across, along = (width, length) if out[0] else (length, width)
        count = max(int(np.floor((along - 2.0 * (inset + pitch)) / pitch)) + 1, 0)
        for place in (np.arange(count) - 0.5 * (count - 1)) * pitch:
            at = (0.5 * across - inset) * out + place * np.array([-out[1], out[0]])
            x.append(at[0])
            y.append(at[1])
            axes.append(out)
    return Sites(jnp.asarray(x, float), jnp.asarray(y, float), jnp.asarray(np.reshape(axes, (-1, 2)), float))


class Connections(Population[Any]):
    """Pads or bumps along chip 1's edges, one at each site; `pitch` is the one that the sites were laid out at (um)."""

    name: ClassVar[str]
    inset_of: ClassVar[str]
    pitch_of: ClassVar[str]
    width_of: ClassVar[str]
    sites: eqx.AbstractVar[Sites]
    spreads: eqx.AbstractVar[ModuleSpreads]
    pitch: eqx.AbstractVar[Array]
    pressed: eqx.AbstractVar[bool]

    @abc.abstractmethod
    def shared(self, design: Any) -> Any:
        """Draw what the stacking shares (a NumPyro program)."""

    def rest(self, design: Any, around: Any) -> Float[Array, " pose"]:
        """First guess of this population's own part of the pose; none."""
        del design, around
        return jnp.zeros(0)

    def load(self, design: Any, pose: Float[Array, " pose"]) -> Float[Array, " pose"]:
        """Force on it beside that of the elements."""
        del design
        return jnp.zeros_like(pose)

    def measures(self, design: Any, shared: InModule, pose: Float[Array, " pose"], faces: Faces) -> Measures:
        """What the stacking measures of the unit."""
        del design, shared, pose, faces
        return {}

    def limits(self) -> dict[str, tuple[float, float]]:
        """Its own failure modes: (low, high) by response."""
        return {}

    def place(self, design: Any, site: Sites) -> tuple[Vector, Scalar]:
        """Centre of the element at a site (um) as the design has it, and how far along its edge that is."""
        out, pitch = site.axis, getattr(design, self.pitch_of)
        along = (site.y * out[0] - site.x * out[1]) * pitch / self.pitch
        half = 0.5 * (jnp.abs(out[0]) * design.chip1_width + jnp.abs(out[1]) * design.chip1_length)
        side = jnp.stack([-out[1], out[0]])
        return (half - getattr(design, self.inset_of)) * out + along * side, along

    def beyond(self, design: Any, shared: InModule, site: Sites) -> Array:
        """From chip 2's edge out to the middle of the element, across the edge, um."""
        place, along = self.place(design, site)
        half = by_side(chip2_halves(design, shared), site)
        lies = chip2_rests(design, shared, self.pressed)
        return place @ site.axis - clearance.edge(half, lies, site.axis, along)

    @classmethod
    def reaches(cls, design: Any) -> tuple[Array, Array]:
        """Inner edge of the row, and chip 2's edge, from chip 1's middle as drawn; on the axis that is tighter, um."""
        chip1 = 0.5 * jnp.stack([jnp.asarray(design.chip1_width, float), jnp.asarray(design.chip1_length, float)])
        chip2 = 0.5 * jnp.stack([jnp.asarray(design.chip2_width, float), jnp.asarray(design.chip2_length, float)])
        inner = chip1 - getattr(design, cls.inset_of) - 0.5 * getattr(design, cls.width_of)
        nearest = jnp.argmin(inner - chip2)
        return inner[nearest], chip2[nearest]


def by_side(values: Sides, site: Sites) -> Array:
    """Of four numbers the one of the side that a site stands on."""
    return values @ jnp.maximum(jnp.asarray(clearance.NORMALS) @ site.axis, 0.0)
