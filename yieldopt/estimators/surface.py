"""Polynomials of several variables by least squares of values and slopes, several side by side."""

from functools import lru_cache
from itertools import combinations_with_replacement
from math import comb
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve

DEGREES = 2, 3, 4, 6, 8
"""Degrees that are tried."""
ROOM, MOST = 3, 150
"""Equations that each coefficient is to have at least, and coefficients at most."""
RIDGE = 1e-9
"""Share of each coefficient's equations that is added to it."""
STEEP = 10.0
"""Slopes from which on they are left out."""
LENGTH = 2.0
"""Unit of length."""


class Terms(NamedTuple):
    """Monomials, lowest degree first: each is an earlier one, `parent`, times the variable `last`; along each variable
    (columns) its slope is its `power` times the monomial `below`.
    """

    parent: np.ndarray
    last: np.ndarray
    power: np.ndarray
    below: np.ndarray


class Seen(NamedTuple):
    """Values and slopes (no columns: none) at places (places x variables), each with its weight."""

    place: np.ndarray
    value: np.ndarray
    slope: np.ndarray
    weight: np.ndarray


def degrees(size: int, places: int, slopes: bool) -> list[int]:
    """Degrees for which so many places are enough, with slopes or without."""
    equations = places * (1 + size * slopes)
    return [p for p in DEGREES if size and comb(size + p, p) <= min(equations / ROOM, MOST)]


def fit(seen: Seen, degree: int) -> np.ndarray:
    """The coefficients of the polynomial of some degree that is nearest to what was seen."""
    terms, root = _terms(seen.place.shape[1], degree), np.sqrt(seen.weight / max(seen.weight.mean(), 1e-300))
    table = _monomials(seen.place, terms)
    steep = [table[terms.below[:, i]] * terms.power[:, i, None] / LENGTH for i in range(seen.slope.shape[1])]
    # One slope without bound would decide alone.
    told = np.where(np.abs(seen.slope).max(1, initial=0.0) < STEEP, root, 0.0)
    root = np.concatenate([root, np.tile(told, len(steep))])
    every = np.concatenate([table, *steep], 1) * root
    wanted = np.concatenate([seen.value, *np.nan_to_num(np.clip(seen.slope.T, -STEEP, STEEP))]) * root
    square = every @ every.T
    scale = 1.0 / np.sqrt(np.maximum(square.diagonal(), 1e-300))
    square = square * scale[:, None] * scale + RIDGE * np.eye(len(square))
    # NumPy's own `solve` takes a thousand times as long where other processes keep the cores busy.
    return scale * cho_solve(cho_factor(square), scale * (every @ wanted))


def values(coefficients: list[np.ndarray], place: np.ndarray, degree: int) -> np.ndarray:
    """The values of polynomials of one degree (polynomials x places)."""
    return np.stack(coefficients) @ _monomials(place, _terms(place.shape[1], degree))


def _monomials(place: np.ndarray, terms: Terms) -> np.ndarray:
    table, across = np.ones((len(terms.parent), len(place))), np.ascontiguousarray(place.T) / LENGTH
    for k in range(1, len(table)):
        np.multiply(table[terms.parent[k]], across[terms.last[k]], out=table[k])
    return table


@lru_cache(32)
def _terms(size: int, degree: int) -> Terms:
    every = [term for p in range(degree + 1) for term in combinations_with_replacement(range(size), p)]
    number = {term: k for k, term in enumerate(every)}
    power, below = np.zeros((len(every), size), int), np.zeros((len(every), size), int)
    for k, term in enumerate(every):
        for i in set(term):
            at = term.index(i)
            power[k, i], below[k, i] = term.count(i), number[term[:at] + term[at + 1 :]]
    parent, last = [number[term[:-1]] for term in every], [term[-1] if term else 0 for term in every]
    return Terms(np.array(parent), np.array(last), power, below)
