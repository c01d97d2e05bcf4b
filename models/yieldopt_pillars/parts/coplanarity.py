"""How flat it is: bow, twist and smooth fields over the array, and what they leave off the least-squares plane."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from yieldopt.typing import Scalar

FIELD_MODES = 3
"""Smooth modes of a plated or etched field over a die: waves along x, along y, and a saddle."""


class Flatness(eqx.Module):
    """The array as a stage for smooth shapes: bow, twist and the field modes, each with zero mean over the sites.

    Bow is (r / r_corner)^2 and twist x y / half^2, so that their amplitudes read centre to corner; the field modes have
    unit rms over the sites, so that an amplitude is a standard deviation. `half` is half the array's larger side (um).
    """

    half: Float[Array, ""]
    corner: Float[Array, ""]
    mean: Float[Array, " shapes"]
    scale: Float[Array, " shapes"]
    plane: Float[Array, "shapes 3"]

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray) -> "Flatness":
        """Fit the means, scales and planes of the shapes on the sites (um); done once, on the host."""
        half = max(float(np.max(np.abs(x))), float(np.max(np.abs(y))), 1e-9)
        corner = max(float(np.max(np.hypot(x, y))), 1e-9)
        raw = _raw(np, x, y, half, corner)
        mean = raw.mean(axis=1)
        rms = raw.std(axis=1)
        scale = np.where((np.arange(len(raw)) < 2) | (rms < 1e-9), 1.0, rms)
        basis = np.stack([np.ones_like(x), x / half, y / half], axis=1)
        centred = (raw - mean[:, None]) / scale[:, None]
        plane = np.linalg.lstsq(basis.T @ basis, basis.T @ centred.T, rcond=None)[0].T
        return cls(*(jnp.asarray(part, float) for part in (half, corner, mean, scale, plane)))

    def shapes(self, x: Scalar, y: Scalar) -> Float[Array, " shapes"]:
        """Values of bow, twist and the field modes at one place."""
        return (_raw(jnp, x, y, self.half, self.corner) - self.mean) / self.scale

    def bow(self, x: Scalar, y: Scalar) -> Array:
        """The paraboloid: rises by one from the centre to the corner site."""
        return self.shapes(x, y)[0]

    def twist(self, x: Scalar, y: Scalar) -> Array:
        """The saddle x y: one at a corner of the array, minus one at the next."""
        return self.shapes(x, y)[1]

    def field(self, x: Scalar, y: Scalar) -> Float[Array, " modes"]:
        """The field modes, unit rms each."""
        return self.shapes(x, y)[2:]

    def off_plane(self, x: Scalar, y: Scalar) -> Float[Array, " shapes"]:
        """What is left of each shape above its own least-squares plane over the sites."""
        return self.shapes(x, y) - self.plane @ jnp.stack([jnp.ones_like(x), x / self.half, y / self.half])


def _raw(xp: Any, x: Any, y: Any, half: Any, corner: Any) -> Any:
    """The shapes by numpy on all sites at set-up, by jax.numpy on one site later."""
    u, v = x / half, y / half
    bow = (x**2 + y**2) / corner**2
    saddle = xp.sin(0.5 * xp.pi * u) * xp.sin(0.5 * xp.pi * v)
    return xp.stack([bow, u * v, xp.cos(xp.pi * u), xp.cos(xp.pi * v), saddle])
