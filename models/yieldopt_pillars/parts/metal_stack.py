"""Metals over a chip's passivation: the order of an under-bump metal, what solder leaves of it, and the seat of a line.

Thicknesses and widths in um. Layers are named from the pad up, as in "Ti/Cu/Ni".
"""

from itertools import permutations

from yieldopt.typing import Scalar
from yieldopt_pillars.parts.intermetallic import CU6SN5, tin_of

ADHESION = "Ti", "TiW", "Cr"
"""Layers that hold to gold and polymer and keep the metals above from them; solder wets none of them."""

STACKS = tuple("/".join(order) for first in ADHESION for order in permutations((first, "Cu", "Ni")))
"""Under-bump metals of an adhesion layer, copper and nickel in any order; only some can work (`ordered`)."""


def ordered(stack: str) -> str:
    """The order that works for the layers of a stack: adhesion on the pad, copper, nickel against the solder."""
    layers = stack.split("/")
    return "/".join(sorted(layers, key=lambda layer: (layer not in ADHESION, layer == "Ni")))


def metal_left(copper: Scalar, nickel: Scalar, tin: Scalar) -> Scalar:
    """Copper left under the solder after a face took `tin` um of tin, um; its nickel counts as the copper of that tin.

    Nickel is eaten first, then copper (`intermetallic`): once the nickel is gone it is the true copper, and where it is
    nothing the adhesion layer is bare and the solder lets go of it. Below zero by what was still wanted.
    """
    copper_of_tin = CU6SN5.metal / CU6SN5.tin
    return copper + (tin_of(nickel) - tin) * copper_of_tin


def seat(width: Scalar, undercut: Scalar) -> Scalar:
    """Adhesion layer left under a line, um: its etch goes in under both edges. At nothing the line lifts off."""
    return width - 2.0 * undercut
