"""What heat does to a chip and its substrate, read from a study: how they bow apart, and how their patterns grow."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.card import Inputs
from yieldopt.errors import Mistake
from yieldopt_pillars import materials
from yieldopt_pillars.assemblies._joint_design import JoinedDesign
from yieldopt_pillars.parts import bodies

FILM = (("chip_film", "chip_film"),)
"""Films on the chip's face, the outermost first: the role of its material and the knob of its thickness."""
DEFAULTS = {
    "chip": "Si",
    "chip_film": "polyimide",
    "substrate": "laminate",
    "substrate_film": "Cu",
}


class Heat(eqx.Module):
    """Layers by role (Young's modulus in MPa, Poisson's ratio, expansion in 1/K), and the temperatures (K) of the two
    moments that count: the solder melts, by its liquidus at the latest; it is solid again below its solidus. Of two
    solders in one joint these are the higher liquidus and the lower solidus.

    The chip lies face down, its `films` lowest, the substrate with its film on top.
    """

    layers: dict[str, Float[Array, "3"]]
    moments: Float[Array, "2"]
    corner: Array
    stacked: bool = eqx.field(static=True)
    free: bool = eqx.field(static=True)
    pressed: bool = eqx.field(static=True)
    films: tuple[tuple[str, str], ...] = eqx.field(static=True, default=FILM)

    @classmethod
    def of(
        cls,
        inputs: Inputs,
        roles: tuple[str, str] = ("chip", "substrate"),
        films: tuple[tuple[str, str], ...] = FILM,
    ) -> "Heat":
        """Read a study; materials that it leaves open are the model's own. `roles` are those of the two bodies."""
        assert inputs.bump_map is not None
        called: dict[str, str] = {"chip": roles[0], "substrate": roles[1]}
        known = DEFAULTS | {role: "polyimide" for role, _ in films}
        found = {
            role: materials.material(inputs.materials.get(called.get(role, role), name)) for role, name in known.items()
        }
        liquidus, solidus = materials.fusion(inputs)
        options = inputs.options
        numbers = {role: (one.modulus, one.poisson or 0.0, one.expansion) for role, one in found.items()}
        return cls(
            {role: jnp.asarray(row, float) for role, row in numbers.items()},
            jnp.asarray([liquidus, solidus], float),
            jnp.asarray(max(float(np.max(np.hypot(inputs.bump_map.x, inputs.bump_map.y))), 1e-9), float),
            options.get("warpage") == "stack",
            options.get("growth") == "free",
            options.get("join") == "thermocompression",
            films,
        )

    def bodies(self, design: JoinedDesign) -> tuple[bodies.Body, bodies.Body]:
        """Chip and substrate as stacks."""
        films = [(getattr(design, knob), *self.layers[role]) for role, knob in self.films]
        chip = bodies.body([*films, (design.chip_thickness, *self.layers["chip"])], design.chip_flat)
        below = (design.substrate_thickness, *self.layers["substrate"])
        film = (design.substrate_film, *self.layers["substrate_film"])
        return chip, bodies.body([below, film], design.substrate_flat)

    def warpage(self, design: JoinedDesign) -> Float[Array, "2"]:
        """Mean warpage of chip against substrate at melting and at the solidus (um), by their stacks or as given."""
        if not self.stacked:
            return design.warpage * jnp.stack([jnp.ones(()), jnp.asarray(design.solidus_ratio)])
        chip, substrate = self.bodies(design)
        return jnp.stack([jnp.asarray(bodies.relative_warpage(chip, substrate, t, self.corner)) for t in self.moments])

    def run_out(self, design: JoinedDesign) -> Float[Array, "2"]:
        """How much larger the chip's pattern is than the substrate's at the two moments, relative.

        What was drawn into the masks, or left by them, and where the patterns were drawn alike what heat adds. A
        bonder's stage keeps the substrate at a temperature of its own; in an oven both are as hot as the solder.
        """
        drawn = jnp.full(2, 1.0) * design.run_out
        if not self.free:
            return drawn
        chip, substrate = self.bodies(design)
        at = [(t, design.stage_temperature if self.pressed else t) for t in self.moments]
        return drawn + jnp.stack([jnp.asarray(bodies.relative_expansion(chip, substrate, pair)) for pair in at])


def tooled(inputs: Inputs) -> list[Mistake]:
    """Refuse the stacks' own warpage under a head, which presses both bodies flat against its tooling."""
    if (inputs.options.get("warpage"), inputs.options.get("join")) != ("stack", "thermocompression"):
        return []
    do = "Write options.warpage: given, and in design.warpage what the tooling leaves."
    return [Mistake("bodies that bow freely, as in an oven", "options.join: thermocompression", do, "options.warpage")]
