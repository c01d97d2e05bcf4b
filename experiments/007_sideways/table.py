"""The laws of balance.py on a grid about one joint type: millions of joints for the price of 18,032 solved.

Linear between the nodes of pillar radius, volume, height over the natural one and offset over the pad's radius. A cell
with a node at which a law declines counts as declining, and so does whatever lies off the grid.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from balance import Springs, reach, springs
from jax import Array
from jax.scipy.ndimage import map_coordinates
from yieldopt_pillars.parts import joint

PILLAR = 0.94, 1.06, 7
VOLUME = 0.65, 1.40, 16
HEIGHT = 0.40, 2.00, 161
OFFSET = -0.5, 0.5, 81
"""Ends of each axis, over the nominal joint's, and nodes."""
AT_ONCE = 1024


class Table(eqx.Module):
    """Springs and reaches of the joints about one nominal joint of pad radius, pillar radius (um) and volume (um3)."""

    pad: Array
    pillar: Array
    volume: Array
    springs: Springs
    reaches: Array

    def spring(self, pillar: Array, volume: Array, height: Array) -> Springs:
        """Springs of one joint."""
        at, inside = self._at(pillar, volume, height)
        found = Springs(*(map_coordinates(leaf, at, 1, cval=jnp.nan) for leaf in self.springs))
        outside = 0.0, jnp.nan, jnp.nan
        return Springs(*(jnp.where(inside, leaf, off) for leaf, off in zip(found, outside, strict=True)))

    def reach(self, pillar: Array, volume: Array, height: Array, along: Array) -> Array:
        """How far one joint reaches towards the side that its pillar is `along` (um) nearer to."""
        at, inside = self._at(pillar, volume, height)
        last = _place(along / self.pad, OFFSET)
        found = map_coordinates(self.reaches, [*at, last], 1, cval=jnp.nan)
        return jnp.where(inside & (last >= 0) & (last <= OFFSET[2] - 1), found, jnp.nan)

    def _at(self, pillar: Array, volume: Array, height: Array) -> tuple[list[Array], Array]:
        relative = height / joint.natural_height(self.pad, pillar, volume)
        axes = (pillar / self.pillar, PILLAR), (volume / self.volume, VOLUME), (relative, HEIGHT)
        at = [_place(x, axis) for x, axis in axes]
        inside = [(place >= 0) & (place <= axis[2] - 1) for place, (_, axis) in zip(at, axes, strict=True)]
        return at, inside[0] & inside[1] & inside[2]


class _Node(NamedTuple):
    pillar: Array
    volume: Array
    height: Array


def tabulate(pad: float, pillar: float, volume: float) -> Table:
    """Solve every node."""
    axes = [np.linspace(*axis) for axis in (PILLAR, VOLUME, HEIGHT)]
    b, v, h = (nodes.ravel() for nodes in np.meshgrid(*axes, indexing="ij"))
    b, v = b * pillar, v * volume
    h = h * np.asarray(jax.vmap(joint.natural_height)(np.full_like(b, pad), b, v))
    along = pad * jnp.linspace(*OFFSET)

    def node(n: _Node) -> tuple[Springs, Array]:
        given = jnp.asarray(pad), n.pillar, n.volume, n.height
        return springs(*given), jax.vmap(lambda c: reach(*given, c))(along)

    found = jax.jit(lambda n: jax.lax.map(node, n, batch_size=AT_ONCE))(_Node(*map(jnp.asarray, (b, v, h))))
    shape = PILLAR[2], VOLUME[2], HEIGHT[2]
    laws, reaches = jax.tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), found)
    return Table(jnp.asarray(pad), jnp.asarray(pillar), jnp.asarray(volume), laws, reaches)


def _place(x: Array, axis: tuple[float, float, int]) -> Array:
    """Index of `x` among the nodes, broken."""
    return (x - axis[0]) / (axis[1] - axis[0]) * (axis[2] - 1)


def main() -> None:
    """Print what the table is wrong by, for joints of 31 um pads and 27 um pillars drawn at random."""
    jax.config.update("jax_enable_x64", True)
    table, draw = tabulate(15.5, 13.5, 13_000.0), np.random.default_rng(1).standard_normal((4, 4096))
    pillar, volume = 13.5 * (1 + 0.012 * draw[0]), 13_000.0 * (1 + 0.07 * draw[1])
    natural = np.asarray(jax.vmap(joint.natural_height)(np.full_like(pillar, 15.5), pillar, volume))
    given = pillar, volume, natural * (1 + 0.12 * draw[2])
    pad, along = jnp.asarray(15.5), 1.5 * draw[3]
    exact = jax.jit(jax.vmap(lambda b, v, h, c: (springs(pad, b, v, h).stiffness, reach(pad, b, v, h, c))))
    stiffness, far = exact(*given, along)
    told("stiffness over its mean", (jax.vmap(table.spring)(*given).stiffness - stiffness) / stiffness.mean())
    told("reach, um", jax.vmap(table.reach)(*given, along) - far)
    print(f"the reach declines {np.isnan(far).mean():.4f}")


def told(name: str, error: Array) -> None:
    """Print how large errors are."""
    half, most, largest = np.nanquantile(np.abs(error), [0.5, 0.99, 1.0])
    print(
        f"{name}: half within {half:.1e}, 99 % {most:.1e}, largest {largest:.1e}; {np.isnan(error).mean():.4f} decline"
    )


if __name__ == "__main__":
    main()
