"""The log of the normal distribution function, right to 1e-10 of itself, at a tenth of the usual cost.

With t = |x| and u = (t - 2.5) / (t + 2.5), the scaled tail Q(t) exp(t^2 / 2) (1 + t) is smooth in u (Shepherd &
Laframboise 1981, for erfc), and so is -log Phi(-t) / (1 + t)^2; -log(1 - Q) / Q is a short series in Q. Three
polynomials, one exponential: no logarithm, and branches only between results, so that it runs as one loop.
"""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy import special

FAR = 14.0
"""Further out -log Phi(x) is held on the left to its value here times (t / FAR)^2, to a few per cent, where all is lost
anyway; on the right the exponential alone falls on.
"""
_MIDDLE = 2.5
_DEGREES = 20, 20, 15


@lru_cache
def _polynomials() -> tuple[list[float], ...]:
    """Coefficients, the highest first: scaled tail and scaled log over v in [-1, 1], -log(1 - Q) / Q over 4 Q - 1."""
    v = np.cos(np.pi * (np.arange(200) + 0.5) / 200)
    u = -1.0 + 0.5 * (v + 1.0) * (1.0 + _place(FAR))
    t = _MIDDLE * (1.0 + u) / (1.0 - u)
    q = 0.25 * (v + 1.0)
    values = (
        0.5 * special.erfcx(t / np.sqrt(2.0)) * (1.0 + t),
        -special.log_ndtr(-t) / (1.0 + t) ** 2,
        -np.log1p(-q) / q,
    )
    chebyshev = np.polynomial.chebyshev
    fitted = [chebyshev.chebfit(v, f, d) for f, d in zip(values, _DEGREES, strict=True)]
    return tuple([float(c) for c in chebyshev.cheb2poly(f)[::-1]] for f in fitted)


def _place(t: float) -> float:
    return (t - _MIDDLE) / (t + _MIDDLE)


def _horner(coefficients: list[float], x: Array) -> Array:
    total = jnp.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        total = total * x + c
    return total


@jax.custom_jvp
def log_ndtr(x: Array) -> Array:
    """log Phi(x)."""
    tail, lost, series = _polynomials()
    t = jnp.abs(x)
    held = jnp.minimum(t, FAR)
    v = 2.0 * (1.0 + (held - _MIDDLE) / (held + _MIDDLE)) / (1.0 + _place(FAR)) - 1.0
    q = _horner(tail, v) * jnp.exp(-0.5 * t * t) / (1.0 + t)
    right = q * _horner(series, 4.0 * q - 1.0)
    left = _horner(lost, v) * ((1.0 + held) * jnp.maximum(t / FAR, 1.0)) ** 2
    return -jnp.where(x > 0.0, right, left)


def hazard(x: Array) -> Array:
    """Slope of `log_ndtr`, the normal density over the distribution function: of what it is held to, far out."""
    return _slope(x, log_ndtr(x))


def _slope(x: Array, value: Array) -> Array:
    near = jnp.exp(-0.5 * x * x - jnp.where(x < -FAR, 0.0, value) - 0.5 * np.log(2.0 * np.pi))
    return jnp.where(x < -FAR, 2.0 * value / x, near)


@log_ndtr.defjvp
def _log_ndtr_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (d,) = primals, tangents
    value = log_ndtr(x)
    return value, d * _slope(x, value)
