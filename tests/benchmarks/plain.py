"""The fast joint and the balance of a unit in plain NumPy and SciPy, to time the compiled ones against.

The same formulas on whole arrays, as one would write them without a compiler; the coefficients are those of the fit.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import root
from yieldopt_pillars.parts import fitted, joint, wetting_limits

ABOVE, BELOW = (np.polynomial.legendre.leggauss(nodes) for nodes in (6, 3))
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


def depinned(of: Shape, name: str, height: np.ndarray) -> Any:
    """What the joint that climbs its pillar does below the overhang, over its radius."""
    slender, uneven = np.log(of.slender), np.sqrt(((of.a - of.b) / (of.a + of.b)) ** 2 + 1e-6)
    uneven = uneven / (uneven + 0.6 * of.slender)
    scaled = [
        2 * (np.clip(value, *span) - span[0]) / (span[1] - span[0]) - 1
        for value, span in ((slender, wetting_limits.SLENDER), (uneven, wetting_limits.UNEVEN))
    ]
    below = np.clip(np.maximum(height, wetting_limits.CRUSHED * of.natural) / of.overhang, 0.0, 1.0)
    x, y, z = *scaled, 8 / 3 / (4 - 3 * below) - 5 / 3
    return sum(c * x**i * y**j * z**k for i, j, k, c in wetting_limits.table()[name])


def over_all(of: Shape, height: np.ndarray, above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """One law above the overhang, another below it."""
    t = np.clip((1 - height / of.overhang) / wetting_limits.ONSET, 0.0, 1.0)
    return above + t**3 * (10 - 15 * t + 6 * t**2) * (below - above)


def force(of: Shape, height: np.ndarray) -> np.ndarray:
    """Vertical force."""
    return over_all(of, height, pinned(of, height), pushed(of, height))


def pushed(of: Shape, height: np.ndarray) -> np.ndarray:
    """Force of the depinned joint."""
    return -np.minimum(of.a, of.b) * depinned(of, "push", height)


def energy(of: Shape, height: np.ndarray) -> np.ndarray:
    """Free surface."""
    a, b, h = of.a, of.b, of.natural
    zone = np.pi * np.sqrt(h**4 + 2 * h**2 * (a**2 + b**2) + (b**2 - a**2) ** 2)

    def work(law: Any, start: np.ndarray, end: np.ndarray, rule: Any) -> np.ndarray:
        middle, half = 0.5 * (start + end), 0.5 * (end - start)
        return half * sum(w * law(of, middle + x * half) for x, w in zip(*rule, strict=True))

    low = of.overhang
    return zone + work(pinned, h, np.maximum(height, low), ABOVE) + work(pushed, low, np.minimum(height, low), BELOW)


def bulge(of: Shape, height: np.ndarray) -> np.ndarray:
    """Largest radius."""
    mean, step = (of.a**2 + of.b**2) / 2, of.b**2 - of.a**2
    u, _ = stretch(of, height)
    factor = 1.5 + u * series(of.own[fitted.SWELL], u)
    swell = np.maximum(of.volume * inverse(of, height) / np.pi - mean, 0.0) * factor
    swell = np.maximum(swell, np.abs(step) / 4 + 1e-9 * mean)
    above = np.sqrt(mean + swell + step**2 / (16 * swell))
    return over_all(of, height, above, np.maximum(of.a, of.b) * depinned(of, "round", height))


def settle(of: Shape, height: np.ndarray, levers: np.ndarray, load: np.ndarray) -> np.ndarray:
    """Travel of a rigid chip (sites x its freedoms) from these heights to where the joints carry its load."""
    found = root(lambda pose: levers.T @ force(of, height + levers @ pose) + load, np.zeros(levers.shape[1]), tol=1e-12)
    return found.x
