"""Where lines through the standard normals begin to fail: Newton steps held within what is known of each line."""

from typing import NamedTuple

import numpy as np

from yieldopt.limit_state import LimitState

STEPS = 9
"""Looks at a line at most."""
FAR = 9.0
"""How far along its direction a line is followed, either way."""
LONGEST = 2.5
"""Longest step, standard deviations."""
NEAR = 0.1
"""A step of Newton's below this over the distance is the last: what it leaves is its square, of the loss."""
BRACKET = 1e-3
"""A crossing known to this is known."""


class Crossings(NamedTuple):
    """Of each line: the distance at which it begins to fail (+-inf: never, always), and the slope of that across it."""

    distance: np.ndarray
    slope: np.ndarray


def crossings(
    state: LimitState, feet: np.ndarray, along: np.ndarray, guess: np.ndarray, smooth: bool, near: float = NEAR
) -> Crossings:
    """Follow lines `feet + t along` (points x normals; unit directions across the feet) from a guess of t.

    Lines that fail more than once have one of their crossings found. Where the limit state is not `smooth` the
    crossing is bracketed and halved; else a step of Newton's below `near`, over the distance, is the last.
    """
    count = len(feet)
    t = np.clip(guess, -FAR, FAR)
    low, high = np.full(count, -np.inf), np.full(count, np.inf)
    found, slope, going = t.copy(), np.zeros_like(feet), np.ones(count, bool)
    for _ in range(STEPS if smooth else 2 * STEPS):
        i = np.flatnonzero(going)
        if not len(i):
            break
        points = feet[i] + t[i, None] * along[i]
        seen = state.slopes(points) if smooth else state.look(points)
        failed = seen.failed
        high[i], low[i] = np.where(failed, t[i], high[i]), np.where(failed, low[i], t[i])
        crossed = low[i] >= high[i]  # fails and passes in turn: what was known on the other side is let go
        high[i], low[i] = np.where(crossed & ~failed, np.inf, high[i]), np.where(crossed & failed, -np.inf, low[i])
        rate = (seen.slope * along[i]).sum(1) if smooth else np.zeros(len(i))
        down = rate < -1e-300
        step = np.where(down, -seen.margin / np.where(down, rate, -1.0), np.where(failed, -1.0, 1.0))
        new = t[i] + np.clip(step, -LONGEST, LONGEST)
        middle = np.where(np.isfinite(low[i] + high[i]), 0.5 * (low[i] + high[i]), new)
        new = np.where(down & (new >= low[i]) & (new <= high[i]), new, middle)
        if smooth:
            across = seen.slope - rate[:, None] * along[i]
            slope[i] = np.where(down[:, None], across / np.where(down, -rate, 1.0)[:, None], 0.0)
        never, always = low[i] >= FAR, high[i] <= -FAR
        last = (down & (np.abs(new - t[i]) * (1.0 + np.abs(new)) < near)) | (high[i] - low[i] < BRACKET)
        found[i] = np.where(never, np.inf, np.where(always, -np.inf, new))
        t[i] = np.clip(new, -FAR, FAR)
        going[i] = ~(last | never | always)
    return Crossings(found, slope)


def off(state: LimitState, feet: np.ndarray, along: np.ndarray, distance: np.ndarray) -> float:
    """How far crossings are off in the middle, of the loss, by one more step of Newton's; inf where none can be taken.

    Those of margins that are flat or steep without end beside zero are, whatever the last step said.
    """
    i = np.flatnonzero(np.isfinite(distance))
    if not len(i):
        return 0.0
    seen = state.slopes(feet[i] + distance[i, None] * along[i])
    rate = (seen.slope * along[i]).sum(1)
    step = np.where(rate < -1e-300, np.abs(seen.margin / np.where(rate < -1e-300, rate, -1.0)), np.inf)
    return float(np.median(step * (1.0 + np.abs(distance[i]))))


def on_the_ray(state: LimitState, points: np.ndarray, smooth: bool) -> np.ndarray:
    """Where the rays from the origin through some points begin to fail; fewer, where some never do."""
    distance = np.linalg.norm(points, axis=1)
    along = points / np.maximum(distance, 1e-300)[:, None]
    t = crossings(state, np.zeros_like(points), along, distance, smooth).distance
    good = np.isfinite(t) & (t > 0.0)
    return t[good, None] * along[good]
