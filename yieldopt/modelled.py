"""The widest window on a stand-in for a dear constraint, looked at where it says that the window ends.

Every look sharpens the stand-in everywhere, so a few dozen serve however many corners the window has. The window keeps
clear of the limit by what is not known of it, and so goes only where it was seen; it widens as the looks accrue.
"""

from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np

from yieldopt.estimators.base import Watch
from yieldopt.kriging import Kriging, Seen
from yieldopt.region import INSIDE, Region
from yieldopt.window import SLACK, Search, Window

Guess = Callable[[np.ndarray], float]
TURNS = 12
"""Times that the stand-in is made and its window looked at."""
LOOKS = 2
"""Corners looked at in a turn."""
APART = 0.5
"""How far apart they are, in units of the stand-in."""
DOUBT = 1.0
"""Standard deviations of the stand-in by which a window keeps clear."""
RIGHT = 0.15
"""Difference between stand-in and look (log loss) at which the stand-in is believed."""
SETTLED = 0.03
"""Change of a window's capability from turn to turn at which it is taken."""


def modelled(
    search: Search,
    look: Callable[[np.ndarray, Any], Seen],
    seen: list[Seen],
    start: np.ndarray,
    half: np.ndarray,
    region: Region | None = None,
) -> tuple[Window, Guess]:
    """The window of a search whose value is looked at by `look(point, slot)`, some points having been `seen`, all of it
    inside a region; and how large the value at a point may be, a standard deviation above the most likely.
    """
    felt = np.setdiff1d(np.arange(len(search.low)), list(search.inert))
    widest = 0.25 * (search.high - search.low)[felt]
    model = Kriging.of([_part(s, felt) for s in seen], widest)
    window, size = _widest(search, model, felt, [start], half, region), 0.0
    for turn in range(TURNS):
        points = search.points(window.box)
        slots = _chosen(points[:, felt], model)
        fresh = [look(points[slot], slot) for slot in slots]
        wrong = max(abs(s.value - model(s.point[felt])[0]) for s in fresh)
        search.watch.tell("widening the window", (turn + 1) / TURNS)
        seen = [*seen, *fresh]
        model = Kriging.of([_part(s, felt) for s in seen], widest)
        settled = wrong < RIGHT and abs(window.capability - size) < SETTLED * size
        if settled or turn + 1 == TURNS or search.watch.stop.is_set():
            break
        size, here = window.capability, np.concatenate([0.5 * (window.low + window.high), window.beside])
        window = _widest(search, model, felt, [start, here], half, region)

    def guess(point: np.ndarray) -> float:
        return model(point[felt])[0] + DOUBT * model.error(point[felt])[0]

    return window, guess


def _part(seen: Seen, felt: np.ndarray) -> Seen:
    return seen._replace(point=seen.point[felt], slope=seen.slope[felt])


def _widest(
    search: Search, model: Kriging, felt: np.ndarray, starts: list[np.ndarray], half: np.ndarray, region: Region | None
) -> Window:
    """The widest window of a stand-in found from some starts, every corner of it inside a region."""

    def constraint(point: np.ndarray, _slot: object) -> tuple[np.ndarray, np.ndarray]:
        (value, slope), (error, more) = model(point[felt]), model.error(point[felt])
        whole = np.zeros(len(point))
        whole[felt] = slope + DOUBT * more
        values, slopes = np.array([value + DOUBT * error]), whole[None]
        if not region:
            return values, slopes
        margins, rises = region(point)
        # A search takes what exceeds by SLACK as met: a claim is to be met altogether.
        return np.append(values, SLACK + INSIDE - margins), np.append(slopes, -rises, 0)

    own = copy(search)  # with the places that it looks at by now: making another would forget what audits found
    own.constraint, own.watch = constraint, Watch()
    found = [own(start, half) for start in starts]
    return max(found, key=lambda w: (w.value <= SLACK, w.volume if w.value <= SLACK else -w.value))


def _chosen(points: np.ndarray, model: Kriging) -> list[int]:
    """Points that may be the worst as far as the stand-in can tell, apart from one another."""
    found: list[int] = []
    for i in np.argsort([-model(p)[0] - model.error(p)[0] for p in points]):
        if len(found) < LOOKS and all(np.linalg.norm((points[i] - points[k]) / model.unit) > APART for k in found):
            found.append(int(i))
    return found
