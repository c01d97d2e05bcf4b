"""A smooth stand-in for a dear function, from the values and slopes seen of it: gradient-enhanced kriging.

A quadratic with wide normal coefficients, and on it a Gaussian process with a squared-exponential covariance; slopes
are seen along with values (Morris, Mitchell and Ylvisaker 1993; Rasmussen and Williams 2006, 2.7 and 9.4). A knob's
unit is what changes the function by about one, so that one length serves all; that length, the height of the process
and how much of the stated errors is real are those of the largest likelihood on a grid.
"""

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

QUADRATIC = 3.0
"""Standard deviation of the quadratic's coefficients."""
LENGTHS, HEIGHTS = (0.7, 1.0, 1.5, 2.2), (0.5, 1.0, 2.0, 4.0)
"""Lengths and heights of the process that are tried."""
REAL, SLANT = (0.3, 0.6, 1.2, 2.5), (0.3, 1.0, 3.0, 10.0)
"""Multiples of the stated errors that are tried, for values and for slopes. A limit on the unit itself (an overlap
under one registration) is lost or not: few points stand on its edge and carry its slope, which then says little.
"""
JITTER = 1e-9
"""Share of each variance that is added to it, so that points seen twice do no harm."""


class Seen(NamedTuple):
    """What was seen at a point: value, slope, and standard error of the value."""

    point: np.ndarray
    value: float
    slope: np.ndarray
    error: float


@dataclass(frozen=True)
class Kriging:
    """What is known of a function from what was `seen`; no knob's unit is larger than its `widest`."""

    centre: np.ndarray
    unit: np.ndarray
    mean: float
    at: np.ndarray
    length: float
    height: float
    factor: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, seen: list[Seen], widest: np.ndarray) -> "Kriging":
        """Fit to what was seen."""
        points, slopes = np.array([s.point for s in seen]), np.array([s.slope for s in seen])
        unit = np.minimum(1.0 / np.maximum(slopes.std(0), 1e-300), widest)
        centre, values = points.mean(0), np.array([s.value for s in seen])
        at, mean = (points - centre) / unit, float(values.mean())
        data = np.concatenate([(values - mean)[:, None], slopes * unit], 1).ravel()
        error = np.array([s.error for s in seen])[:, None]
        found: tuple[float, float, np.ndarray, np.ndarray] | None = None
        most = -np.inf
        for length, height in product(LENGTHS, HEIGHTS):
            whole = covariance(at, at, length, height)
            own = whole.diagonal().copy()
            for real, slant in product(REAL, SLANT):
                noise = np.concatenate([real * error, slant * np.repeat(error / length, at.shape[1], 1)], 1).ravel()
                whole[np.diag_indices_from(whole)] = (1.0 + JITTER) * own + noise**2
                factor = cho_factor(whole, lower=True)[0]
                weight = cho_solve((factor, True), data)
                likely = -0.5 * data @ weight - np.log(np.diag(factor)).sum()
                if likely > most:
                    most, found = likely, (length, height, factor, weight)
        assert found is not None
        return cls(centre, unit, mean, at, found[0], found[1], np.tril(found[2]), found[3])

    def __call__(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """The most likely value and slope at a point."""
        place = ((point - self.centre) / self.unit)[None]
        value, *slope = covariance(place, self.at, self.length, self.height) @ self.weight
        return self.mean + float(value), np.array(slope) / self.unit

    def error(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """Standard deviation of the value at a point, and its slope."""
        place = ((point - self.centre) / self.unit)[None]
        cross = covariance(place, self.at, self.length, self.height)
        own = covariance(place, place, self.length, self.height)
        part = solve_triangular(self.factor, cross.T, lower=True)
        left = own[0] - part[:, 0] @ part  # covariance of the value with itself and with the slopes
        spread = float(np.sqrt(max(left[0], JITTER * own[0, 0])))
        return spread, left[1:] / (spread * self.unit)


def covariance(one: np.ndarray, other: np.ndarray, length: float, height: float) -> np.ndarray:
    """Covariances of values and slopes (value first, point by point) at some points with those at others."""
    (n, knobs), m = one.shape, len(other)
    apart = (one[:, None] - other[None]) / length
    process = height**2 * np.exp(-0.5 * (apart**2).sum(-1))
    line = 1.0 + one @ other.T
    out = np.empty((n, 1 + knobs, m, 1 + knobs))
    out[:, 0, :, 0] = process + QUADRATIC**2 * line**2
    out[:, 0, :, 1:] = process[..., None] * apart / length + 2.0 * QUADRATIC**2 * line[..., None] * one[:, None]
    back = -process[..., None] * apart / length + 2.0 * QUADRATIC**2 * line[..., None] * other[None]
    out[:, 1:, :, 0] = back.transpose(0, 2, 1)
    same, across = np.eye(knobs), apart[..., :, None] * apart[..., None, :]
    both = process[..., None, None] * (same - across) / length**2
    both += 2.0 * QUADRATIC**2 * (line[..., None, None] * same + other[None, :, :, None] * one[:, None, None, :])
    out[:, 1:, :, 1:] = both.transpose(0, 2, 1, 3)
    return out.reshape(n * (1 + knobs), m * (1 + knobs))
