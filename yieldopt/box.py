"""All designs between two corners: a search space and a process window are one type."""

from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

D = TypeVar("D", bound=eqx.Module)


class Box(eqx.Module):
    """Ranges of some knobs of a design; the others keep their value. `low` and `high` are in base units."""

    names: tuple[str, ...] = eqx.field(static=True)
    low: Float[Array, " knobs"]
    high: Float[Array, " knobs"]

    @classmethod
    def of(cls, ranges: dict[str, tuple[float, float]]) -> "Box":
        """Make a box of named ranges."""
        lows, highs = zip(*ranges.values(), strict=True) if ranges else ((), ())
        return cls(tuple(ranges), jnp.asarray(lows, float), jnp.asarray(highs, float))

    @property
    def centre(self) -> Float[Array, " knobs"]:
        """The middle of the box."""
        return 0.5 * (self.low + self.high)

    @property
    def half(self) -> Float[Array, " knobs"]:
        """Half the widths."""
        return 0.5 * (self.high - self.low)

    def corners(self) -> Float[Array, "corners knobs"]:
        """Every corner, in binary order (first knob slowest)."""
        count = len(self.names)
        signs = jnp.stack(jnp.meshgrid(*[jnp.array([-1.0, 1.0])] * count, indexing="ij"), -1).reshape(-1, count)
        return self.centre + signs * self.half

    def inside(self, free: Float[Array, " knobs"]) -> Float[Array, " knobs"]:
        """Carry unbounded coordinates into the box (logistic)."""
        return self.low + (self.high - self.low) * jax.nn.sigmoid(free)

    def free(self, point: Float[Array, " knobs"]) -> Float[Array, " knobs"]:
        """Undo `inside`; points on a face are drawn in by a thousandth of the width so that they can move."""
        share = jnp.clip((point - self.low) / (self.high - self.low), 1e-3, 1 - 1e-3)
        return jnp.log(share) - jnp.log1p(-share)

    def place(self, design: D, point: Float[Array, " knobs"]) -> D:
        """The design with this box's knobs at `point`."""
        values = [point[i] for i in range(len(self.names))]
        return eqx.tree_at(lambda d: [getattr(d, n) for n in self.names], design, values)

    def read(self, design: eqx.Module) -> Float[Array, " knobs"]:
        """This box's knobs of a design."""
        return jnp.stack([jnp.asarray(getattr(design, name), float) for name in self.names])
