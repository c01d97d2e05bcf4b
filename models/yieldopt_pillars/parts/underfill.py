"""How long underfill takes to run under a chip: capillary flow between two plates."""

import jax.numpy as jnp
from jax import Array

from yieldopt.typing import Scalar

GRAINS = 3.0
"""Of its largest grains that a gap must hold side by side for the filler to run in (rule of thumb, recalled)."""


def underfill_time(viscosity: Scalar, tension: Scalar, angle: Scalar, gap: Scalar, length: Scalar) -> Array:
    """Seconds to run `length` (um) from one side under a chip over a `gap` (um): 3 mu L^2 / (h gamma cos theta).

    Viscosity in MPa s (1 Pa s is 1e-6 MPa s), tension in N/m, contact angle in rad and below a right angle, the same
    on both faces. Washburn's law (Phys. Rev. 17, 273, 1921) between parallel plates, as Schwiebert and Leong use it
    (IEEE Trans. CPMT C 19, 133, 1996): Newtonian liquid, no inertia, one straight front, a gap of at least three of
    the largest filler's grains. A shortest time: joints narrow the way, the viscosity rises with the cure, the angle is
    larger while the front moves.
    """
    return 3.0 * viscosity * jnp.square(length) / (gap * tension * jnp.cos(angle))
