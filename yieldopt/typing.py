"""The shared array types: what a scalar, a key and a vector of standard normals are called."""

from collections.abc import Mapping
from typing import TypeAlias

from jax import Array
from jaxtyping import Float

Scalar: TypeAlias = Float[Array, ""] | float
"""One real number, traced or plain."""

Normals: TypeAlias = Float[Array, " dimension"]
"""Independent standard normals, the coordinates in which every program is re-read."""

Draws: TypeAlias = Mapping[str, Array]
"""What a NumPyro program returns: named draws."""

Measures: TypeAlias = Mapping[str, Array]
"""Named responses of a unit or of one element."""
