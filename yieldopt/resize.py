"""The size of a window whose centre is known: where the worst of its points just meets the target.

The search goes by few points and nodes; here a truer and dearer value is looked at, which needs no slope.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from yieldopt.window import Search, Window

FEW = 3
"""Points looked at while the size is sought: the worst ones; all are at the end."""
LOOKS = 6
"""Sizes looked at."""
ROOM = 0.05
"""How far below zero the worst value may stay (log loss: five per cent of the loss)."""


def resized(search: Search, window: Window, value: Callable[[np.ndarray, Any], float]) -> Window:
    """The window scaled about its centre until the largest `value(point, slot)` at its points is in [-ROOM, 0].

    The largest window found that meets it at every point; where none did, the smallest looked at.
    """
    free, every = len(search.low), range(len(search.places))

    def look(share: float, slots: Iterable[int]) -> dict[int, float]:
        points = search.points(scaled(window.box, free, share))
        return {slot: float(value(points[slot], slot)) for slot in slots}

    whole = {1.0: look(1.0, every)}
    known = {1.0: max(whole[1.0].values())}
    share, few = 1.0, _worst(whole[1.0])
    for _ in range(LOOKS):
        if (-ROOM <= known[share] <= 0.0 and share in whole) or search.watch.stop.is_set():
            break
        if not -ROOM <= known[share] <= 0.0:
            share = sought(known)
            known[share] = max(look(share, few).values())
        if -ROOM <= known[share] <= 0.0 and share not in whole:
            whole[share] = look(share, every)
            known[share], few = max(whole[share].values()), _worst(whole[share])
    met = [s for s in known if known[s] <= 0.0]
    share = max(met) if met else min(known)
    seen = whole.get(share) or look(share, every)
    return search.window(scaled(window.box, free, share), np.array([seen[slot] for slot in every]))


def scaled(box: np.ndarray, free: int, share: float) -> np.ndarray:
    """A window's box with its sizes, all behind the first `free` numbers, times a share."""
    return np.append(box[:free], share * box[free:])


def _worst(seen: dict[int, float]) -> list[int]:
    return sorted(seen, key=lambda slot: -seen[slot])[:FEW]


def sought(known: dict[float, float], goal: float = -0.5 * ROOM) -> float:
    """The next share to look at: where a line through two known ones reaches the goal, one on either side of it where
    there are such, else the nearest two.
    """
    (one, a), *others = sorted(known.items(), key=lambda item: abs(item[1] - goal))
    others.sort(key=lambda item: ((item[1] > goal) == (a > goal), abs(item[1] - goal)))
    slope = (others[0][1] - a) / (others[0][0] - one) if others else 0.0
    move = (goal - a) / slope if slope > 0.1 else 0.25 * (goal - a)
    return one * float(np.clip(1.0 + move / one, 0.6, 1.4))
