"""The part of a search that claims leave: where quantities of the drawn design stay between their bounds.

A row is one side of one bound: positive inside, scaled so that one is about what the ranges of the searched knobs can
change it by. An optimizer is held inside by an augmented Lagrangian, and what little it still lacks by a last step to
the nearest point.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy import optimize, stats

from yieldopt.box import Box
from yieldopt.card import ROUNDING, Bound
from yieldopt.errors import Mistake, UserError
from yieldopt.typing import Measures

INSIDE = 1e-6
"""Scaled margin kept from a bound: it is met beyond doubt, and costs a window nothing."""
STIFF = 2000.0
"""Curvature of the penalty outside, in log loss over scaled margin squared."""
ASIDE = 0.381966
"""Share of the ranges at which slopes are taken for scales: away from the middle, where a difference may turn."""
STARTS = 64
"""Points of a box from which its least margins are looked for, besides its middle."""


@dataclass(frozen=True)
class Region:
    """Rows of margins over the knobs of a box; `claims` names the claim of each, `scale` undoes the scaling."""

    box: Box
    rows: Callable[[Array], Array]
    claims: tuple[str, ...]
    scale: np.ndarray
    _slopes: Callable[[Array], Array] = field(repr=False)

    @classmethod
    def of(cls, bounds: Sequence[Bound], drawn: Callable[[Any], Measures], design: Any, box: Box) -> "Region":
        """The rows that the searched knobs move; raise `UserError` where they would part what a claim ties together."""
        sides = [(b, sign, end) for b in bounds for sign, end in ((1.0, b.low), (-1.0, b.high)) if math.isfinite(end)]

        def every(point: Array) -> Array:
            known = drawn(box.place(design, point))
            values = [known[b.quantity] - (known[b.than] if b.than else 0.0) for b, _, _ in sides]
            return jnp.stack([sign * (v - end) for v, (_, sign, end) in zip(values, sides, strict=True)])

        sides = [side for side in sides if side[0].quantity in drawn(design)]
        if not sides or not box.names:
            return cls(box, lambda _: jnp.zeros(0), (), np.zeros(0), lambda _: jnp.zeros((0, len(box.names))))
        aside = box.low + ASIDE * (box.high - box.low)
        slopes = np.asarray(jax.jacfwd(every)(aside))
        felt = np.abs(slopes) @ np.asarray(box.high - box.low)
        _untied(sides, slopes, box)
        moved = np.flatnonzero((felt > 0.0) & np.array([not b.equality for b, _, _ in sides]))
        edge = np.array([ROUNDING * abs(end) * b.strict for b, _, end in sides])

        def rows(point: Array) -> Array:
            return ((every(point) - edge) / np.where(felt > 0.0, felt, 1.0))[moved]

        claims = tuple(sides[i][0].claim for i in moved)
        return cls(box, jax.jit(rows), claims, felt[moved], jax.jit(jax.jacfwd(rows)))

    def __bool__(self) -> bool:
        """Whether anything is bounded."""
        return bool(self.claims)

    def __call__(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scaled margins at a point, and their slopes (rows x knobs)."""
        at = jnp.asarray(point)
        return np.asarray(self.rows(at)), np.asarray(self._slopes(at))

    def least(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """The least scaled margin of each row in a box of all knobs: from scattered starts and corners, downhill."""
        draws = stats.qmc.Sobol(len(low), rng=np.random.default_rng(0)).random(STARTS)
        starts = low + np.concatenate([np.round(draws), draws]) * (high - low)
        values = np.stack([np.asarray(self.rows(jnp.asarray(point))) for point in starts])
        found = values.min(0)
        for row, start in enumerate(starts[values.argmin(0)]):

            def look(point: np.ndarray, row: int = row) -> tuple[float, np.ndarray]:
                value, slope = self(point)
                return float(value[row]), slope[row]

            inside = list(zip(low, high, strict=True))
            down = optimize.minimize(look, start, jac=True, bounds=inside, method="L-BFGS-B")
            found[row] = min(found[row], float(down.fun))
        return found

    def nearest(self, point: np.ndarray) -> np.ndarray:
        """The point inside that is nearest, over the ranges; the point itself where it is inside already."""
        if not self or self(point)[0].min() >= INSIDE:
            return point
        low, wide = np.asarray(self.box.low), np.asarray(self.box.high - self.box.low)
        own = (point - low) / wide
        found = optimize.minimize(
            lambda x: (0.5 * np.sum((x - own) ** 2), x - own), np.clip(own, 0.0, 1.0), jac=True, method="SLSQP",
            bounds=[(0.0, 1.0)] * len(own),
            constraints={
                "type": "ineq",
                "fun": lambda x: self(low + x * wide)[0] - 2.0 * INSIDE,
                "jac": lambda x: self(low + x * wide)[1] * wide,
            },
        )  # fmt: skip
        nearest = low + found.x * wide
        if self(nearest)[0].min() < 0.0:
            do = "Widen the ranges of the knobs in `optimize.knobs`, or remove a claim."
            named = ", ".join(dict.fromkeys(self.claims))
            raise UserError.of("ranges in which the claims can be kept", f"none found for {named}", do, "claims")
        return nearest


@dataclass
class Augmented:
    """An augmented Lagrangian of a region's rows: what is added to a loss, and multipliers that learn (Powell 1969)."""

    region: Region

    def __post_init__(self) -> None:
        self.multipliers = np.zeros(len(self.region.claims))

    def __call__(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient of what is added at a point."""
        lacking, slopes = self._lacking(point)
        push = np.maximum(self.multipliers + STIFF * lacking, 0.0)
        value = float(np.sum(push**2 - self.multipliers**2)) / (2.0 * STIFF)
        return value, -push @ slopes

    def learn(self, point: np.ndarray) -> float:
        """Take the push at a point for the multipliers; how far it lay from where rows are met, or push nothing."""
        before = self.multipliers
        self.multipliers = np.maximum(before + STIFF * self._lacking(point)[0], 0.0)
        return float(np.max(np.abs(self.multipliers - before))) / STIFF

    def _lacking(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        margins, slopes = self.region(point)
        return 2.0 * INSIDE - margins, slopes


def _untied(sides: Sequence[tuple[Bound, float, float]], slopes: np.ndarray, box: Box) -> None:
    """Refuse knobs that would move what a claim holds equal."""
    mistakes = [
        Mistake(
            f"drawn dimensions that stay as claim {bound.claim} ties them",
            f"{name} among the knobs that may move",
            f"Leave {name} out of optimize.knobs, or remove claim {bound.claim}.",
            "optimize.knobs",
        )
        for row, (bound, sign, _) in enumerate(sides)
        if bound.equality and sign > 0
        for name, slope in zip(box.names, slopes[row], strict=True)
        if slope != 0.0
    ]
    if mistakes:
        raise UserError(*mistakes)
