"""The size of a window whose centre is known: where the worst of its points just meets the target."""

import numpy as np


def scaled(box: np.ndarray, free: int, share: float) -> np.ndarray:
    """A window's box with its sizes, all behind the first `free` numbers, times a share."""
    return np.append(box[:free], share * box[free:])


def sought(known: dict[float, float], goal: float) -> float:
    """The next share to look at: where a line through two known ones reaches the goal, one on either side of it where
    there are such, else the nearest two. Of several alike too large (all units are lost), the smallest.
    """

    def away(item: tuple[float, float]) -> tuple[float, float]:
        return abs(item[1] - goal), item[0] if item[1] > goal else -item[0]

    (one, a), *others = sorted(known.items(), key=away)
    others.sort(key=lambda item: ((item[1] > goal) == (a > goal), abs(item[1] - goal)))
    slope = (others[0][1] - a) / (others[0][0] - one) if others else 0.0
    move = (goal - a) / slope if slope > 0.1 else 0.25 * (goal - a)
    return one * float(np.clip(1.0 + move / one, 0.6, 1.4))
