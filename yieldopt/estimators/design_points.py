"""Where in the standard normals a problem is most likely to fail: design points, found from many starts.

Pilot points over and beyond the bulk are each carried to where their margin, taken as linear, would be zero; from
those that differ the nearest failing point is sought (Hasofer & Lind 1974, Rackwitz & Fiessler 1978, with the merit
function of Zhang & Der Kiureghian 1995), for as long as new ones turn up. Where there is no slope to go by, the rays to
pilot points that failed are followed inward.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.special import ndtri

from yieldopt.errors import UserError
from yieldopt.estimators.base import Watch
from yieldopt.estimators.crossings import on_the_ray
from yieldopt.limit_state import LimitState

PILOT, INSIDE = 64, 16
"""Points of a batch of pilots, and those of the first that are not spread out."""
OUT = 5.0
"""Distance that spread pilots reach beyond the bulk."""
ROUNDS, MOST = 10, 24
"""Batches of pilots at most, and starts from each."""
APART, START_APART = 0.8, 1.2
"""Distances below which two design points, or two starts, are one."""
BEYOND, NEW = 3.0, 1.5
"""Design points further out than the nearest by this count for nothing; by this, they are no reason to go on."""
STEPS, HALVED = 12, 4
"""Steps of a search, and how often each is shortened at most."""
LONGEST, STILL = 4.0, 0.05
"""Longest step of a search, and the step that ends it."""
ON = 0.1
"""Distance to the surface, by the slope, within which a search that ended is on it."""
FAR = 9.0
"""Distance up to which a linear guess is believed."""
LEAST = 0.1
"""Distance from the origin from which an end points anywhere."""
FARTHEST = 12.0
"""Distance beyond which nothing is looked for."""


class Found(NamedTuple):
    """Design points (points x normals); whether slopes are to be gone by; the share of pilots that alone point
    to one: about what more pilots would have pointed elsewhere (Good 1953).
    """

    points: np.ndarray
    smooth: bool
    unseen: float


def apart(points: np.ndarray, known: np.ndarray, distance: float) -> np.ndarray:
    """Of some points, the nearest to the origin first, those that are not near another or a known one."""
    kept: list[np.ndarray] = []
    for point in points[np.argsort((points**2).sum(1))]:
        others = np.concatenate([known, np.reshape(kept, (-1, points.shape[1]))])
        if np.linalg.norm(point) > 1e-9 and (np.linalg.norm(others - point, axis=1) > distance).all():
            kept.append(point)
    return np.reshape(kept, (-1, points.shape[1]))


def spread(size: int) -> float:
    """How much wider than the standard law pilots are drawn, so that they reach `OUT` beyond the bulk."""
    return float(np.sqrt(1.0 + OUT**2 / max(size, 1)))


def find(state: LimitState, seed: int, watch: Watch) -> Found:
    """Design points of a limit state, from as many starts as bring new ones; raise UserError for too many normals."""
    if state.size >= stats.qmc.Sobol.MAXDIM:
        do = "Use method sobol or monte_carlo."
        raise UserError.of(f"fewer than {stats.qmc.Sobol.MAXDIM} normals in all", f"{state.size}", do)
    size, engine = state.size, stats.qmc.Sobol(state.size, rng=np.random.default_rng([seed, 5]))
    points, smooth, pointed = np.zeros((0, size)), True, list[np.ndarray]()
    for turn in range(ROUNDS):
        pilots = ndtri(np.clip(engine.random(PILOT), 1e-15, 1 - 1e-15))
        pilots[0 if turn else INSIDE :] *= spread(size)
        if not turn:
            state.rescale(pilots)
        seen = state.slopes(pilots)
        if not turn:
            smooth = _smooth(state, pilots, seen.margin, seen.slope)
        starts = _linear(pilots, seen.margin, seen.slope) if smooth else pilots[seen.failed]
        pointed.append(starts)
        new = apart(starts, points, START_APART)[:MOST]
        row = np.full(len(new), -1)
        if turn == 0 and smooth:
            new, row = (
                np.concatenate([np.zeros((len(state.rows), size)), new]),
                np.append(np.arange(len(state.rows)), row),
            )
        ends = nearest(state, new, smooth, row) if len(new) else new
        fresh = apart(ends[np.linalg.norm(ends, axis=1) < FARTHEST], points, APART)
        points = np.concatenate([points, fresh])
        far = np.linalg.norm(points, axis=1) - np.linalg.norm(points, axis=1).min(initial=FARTHEST)
        lately = far[len(points) - len(fresh) :]
        points = points[far < BEYOND]
        watch.tell("looking for where it fails", (turn + 1) / ROUNDS)
        if watch.stop.is_set() or (turn and not (lately < NEW).any()):
            break
    return Found(points, smooth, _unseen(points, np.concatenate(pointed)))


def _unseen(points: np.ndarray, pointed: np.ndarray) -> float:
    """Of what pointed near any design point, the share that alone pointed to one."""
    if not len(points) or not len(pointed):
        return 0.0
    off = np.linalg.norm(pointed[:, None] - points, axis=2)
    hits = np.bincount(off.argmin(1)[off.min(1) < 2.0 * START_APART], minlength=len(points))
    return float((hits == 1).sum() / max(hits.sum(), 1))


def _linear(points: np.ndarray, margin: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """The nearest points at which the margins, taken as linear, would be zero; the points themselves where too far."""
    square = (slope**2).sum(1)
    there = ((slope * points).sum(1) - margin)[:, None] * slope / np.where(square > 1e-300, square, 1.0)[:, None]
    near = (square > 1e-300) & (np.linalg.norm(there, axis=1) < FAR)
    return np.where(near[:, None], there, points)


def _smooth(state: LimitState, points: np.ndarray, margin: np.ndarray, slope: np.ndarray) -> bool:
    """Whether slopes are there and right: along their own direction, margins change as they say."""
    length = np.linalg.norm(slope, axis=1)
    sloped = np.flatnonzero(length > 1e-300)[:INSIDE]
    if len(sloped) < min(8, len(points)):
        return False
    step = 1e-4
    moved = state.look(points[sloped] + step * slope[sloped] / length[sloped, None]).margin - margin[sloped]
    return bool(np.median(np.abs(moved / (step * length[sloped]) - 1.0)) < 0.05)


def nearest(state: LimitState, starts: np.ndarray, smooth: bool, row: np.ndarray | None = None) -> np.ndarray:
    """Where searches for the nearest failing point end, or the rays through their ends begin to fail.

    A search follows the least margin, or a given `row` (-1: the least).
    """
    if not smooth:
        return on_the_ray(state, starts, smooth)
    row = np.full(len(starts), -1) if row is None else row
    ends, distance = _search(state, starts, row)
    off = ends[(distance > ON) & (np.linalg.norm(ends, axis=1) > LEAST)]
    ends = ends[distance <= ON]
    # Where limits meet a search goes to and fro beside the surface: once more, from where the ray through it fails.
    again = on_the_ray(state, off, smooth) if len(off) else off
    if not len(again):
        return ends
    better, distance = _search(state, again, np.full(len(again), -1))
    return np.concatenate([ends, np.where((distance > ON)[:, None], again, better)])


def _search(state: LimitState, starts: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Searches for the nearest points with a margin of zero, side by side: where they end, and how far from zero."""
    at, seen = starts.copy(), state.slopes(starts, row)
    margin, slope = seen.margin.copy(), seen.slope.copy()
    going = np.ones(len(at), bool)
    for turn in range(STEPS):
        square = (slope**2).sum(1)
        flat = square < 1e-300
        square = np.where(flat, 1.0, square)
        move = (((slope * at).sum(1) - margin) / square)[:, None] * slope - at
        length = np.linalg.norm(move, axis=1)
        move *= np.minimum(1.0, LONGEST / np.maximum(length, 1e-300))[:, None]
        going &= ~flat & ~((length < STILL) & (turn > 0))
        worth = (2.0 * np.linalg.norm(at, axis=1) + 1.0) / np.sqrt(square)
        before = 0.5 * (at**2).sum(1) + worth * np.abs(margin)
        todo, share = np.flatnonzero(going), np.ones(len(at))
        for shorter in range(HALVED):
            if not len(todo):
                break
            trial = at[todo] + share[todo, None] * move[todo]
            seen = state.slopes(trial, row[todo])
            better = 0.5 * (trial**2).sum(1) + worth[todo] * np.abs(seen.margin) < before[todo]
            taken = better | (shorter + 1 == HALVED)
            i = todo[taken]
            at[i], margin[i], slope[i] = trial[taken], seen.margin[taken], seen.slope[taken]
            todo = todo[~taken]
            share[todo] *= 0.4
        if not going.any():
            break
    length = np.linalg.norm(slope, axis=1)
    return at, np.where(length > 1e-150, np.abs(margin) / np.maximum(length, 1e-150), np.inf)
