"""The fast joint and the balance of a unit in plain NumPy and SciPy, to time the compiled ones against.

The same formulas on whole arrays, as one would write them without a compiler; the coefficients are those of the fit.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import root
from yieldopt_pillars.parts import fitted, joint

X, W = np.polynomial.legendre.leggauss(6)
TABLE = np.zeros((fitted.DEGREES[0] + 1, fitted.DEGREES[1] + 1, fitted.table().shape[1]))
for (i, j), row in zip(fitted.TERMS, fitted.table(), strict=True):
    TABLE[i, j] = row


class Shape(NamedTuple):
    """What of many joints does not depend on their height."""

    a: np.ndarray
    b: np.ndarray
    volume: np.ndarray
    natural: np.ndarray
    stiffness: np.ndarray
    slender: np.ndarray
    overhang: np.ndarray
    own: np.ndarray


def shape(a: np.ndarray, b: np.ndarray, volume: np.ndarray) -> Shape:
    """Natural height, stiffness and coefficients."""
    scale = np.sqrt(a**2 + b**2)
    h = 2 * scale * np.sinh(np.arcsinh(3 * volume / np.pi / scale**3) / 3)
    wide = h**2 + a**2 + b**2
    turn = np.sqrt(h**4 + 2 * h**2 * (a**2 + b**2) + (b**2 - a**2) ** 2) / wide
    slender = h / (scale / np.sqrt(2))
    clipped = np.clip(slender, *fitted.SLENDER)
    square = ((a - b) / (a + b)) ** 2
    uneven, bend = np.minimum(square, fitted.UNEVEN), fitted.FLAT * clipped**2
    taper = uneven / (uneven + bend) * (fitted.UNEVEN + bend) / fitted.UNEVEN
    low, high = np.log(fitted.SLENDER)
    places = 2 * (np.log(clipped) - low) / (high - low) - 1, 2 * taper - 1
    own = np.polynomial.chebyshev.chebvander2d(*places, fitted.DEGREES) @ TABLE.reshape(-1, TABLE.shape[-1])
    x, root_ = np.log(np.clip(slender, 0.12, 2.0)), np.sqrt(square + 1e-6)
    y = root_ / (root_ + 0.3 * np.exp(x))
    overhang = h * np.exp(sum(c * x**i * y**j for c, (i, j) in zip(joint.OVERHANG, joint.POWERS, strict=True)))
    return Shape(a, b, volume, h, 2 * np.pi / (np.arctanh(turn) - turn), slender, overhang, own.T)


def stretch(of: Shape, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Stretch, and what it counts for."""
    first = -np.exp(of.own[fitted.LOW])
    cut = (1.05 * fitted.POWER * of.slender) ** -4.0 + (1 - fitted.REACH**-fitted.POWER) ** -4
    last = fitted.WIDER * cut**-0.25
    half, lean = 2 / (1 / last - 1 / first), (1 / last + 1 / first) / (1 / last - 1 / first)
    middle, width = 0.5 * (first + last), 0.5 * (last - first)
    z = (1 - (of.natural * inverse(of, height)) ** fitted.POWER - middle) / width
    inside = np.clip(z, -1, 1)
    beyond = (z - inside) / fitted.LEVEL
    x = middle + width * (inside + fitted.LEVEL * beyond / np.sqrt(1 + beyond**2))
    return x / (half - lean * x), half / fitted.POWER


def inverse(of: Shape, height: np.ndarray) -> np.ndarray:
    """1/height, its tangent below a tenth of the natural one."""
    floor = fitted.CRUSHED * of.natural
    return np.where(height > floor, 1 / np.maximum(height, floor), 2 / floor - height / floor**2)


def series(coefficients: np.ndarray, u: np.ndarray) -> np.ndarray:
    """A Chebyshev series of every joint's own."""
    return np.polynomial.chebyshev.chebval(u, coefficients, tensor=False)


def pinned(of: Shape, height: np.ndarray) -> np.ndarray:
    """Force of the pinned joint."""
    u, counts = stretch(of, height)
    rise, poles = (1 + u * series(of.own[part], u) for part in (fitted.RISE, fitted.POLES))
    return of.stiffness * of.natural * counts * u * rise / poles


def repulsion(of: Shape, height: np.ndarray) -> np.ndarray:
    """What the depinned joint pushes beyond that."""
    x = np.maximum(of.overhang * inverse(of, height) - 1, 0.0)
    return joint.REPULSION * 2 * of.volume / of.overhang**2 * (x**2 + 2 * x) * x**2 / (x**2 + joint.ONSET**2)


def force(of: Shape, height: np.ndarray) -> np.ndarray:
    """Vertical force."""
    return pinned(of, height) - repulsion(of, height)


def energy(of: Shape, height: np.ndarray) -> np.ndarray:
    """Free surface."""
    a, b, h = of.a, of.b, of.natural
    zone = np.pi * np.sqrt(h**4 + 2 * h**2 * (a**2 + b**2) + (b**2 - a**2) ** 2)
    low = np.minimum(height, of.overhang)
    work = (
        0.5
        * (height - h)
        * sum(w * pinned(of, 0.5 * (h + height + x * (height - h))) for x, w in zip(X, W, strict=True))
    )
    below = low - of.overhang
    past = 0.5 * below * sum(w * repulsion(of, of.overhang + 0.5 * (1 + x) * below) for x, w in zip(X, W, strict=True))
    return zone + work - past


def bulge(of: Shape, height: np.ndarray) -> np.ndarray:
    """Largest radius."""
    mean, step = (of.a**2 + of.b**2) / 2, of.b**2 - of.a**2
    u, _ = stretch(of, height)
    past = np.maximum(of.overhang * inverse(of, height) - 1, 0.0)
    factor = 1 + (0.5 + u * series(of.own[fitted.SWELL], u)) / (1 + joint.FLATTENING * past**2)
    swell = np.maximum(of.volume * inverse(of, height) / np.pi - mean, 0.0) * factor
    swell = np.maximum(swell, np.abs(step) / 4 + 1e-9 * mean)
    return np.sqrt(mean + swell + step**2 / (16 * swell))


def settle(of: Shape, height: np.ndarray, levers: np.ndarray) -> np.ndarray:
    """Travel of a rigid chip (sites x its freedoms) from these heights to where all forces balance."""
    found = root(lambda pose: levers.T @ force(of, height + levers @ pose), np.zeros(levers.shape[1]), tol=1e-12)
    return found.x
