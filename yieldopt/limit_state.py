"""A problem as a limit state: its margins over one vector of standard normals, looked at in batches and counted.

What is shared and what every element has for itself stand behind each other in one vector. Margins are told each in a
scale of its own, so that the least of them is near to what fails first; a point fails where one is negative, where one
is not a number, and where the unit comes to no rest.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from yieldopt import batches
from yieldopt.compiler import plainly
from yieldopt.errors import UserError
from yieldopt.exact import layout, margins, rows
from yieldopt.problem import Problem
from yieldopt.programs import program
from yieldopt.standard import dimension, standardise

AT_ONCE = 2_000_000
"""Normals in one compiled call at most."""
REMEMBERED = 1_000_000
"""Normals of failing points that are remembered."""
LEAST, MOST = 64, 4096
"""Points in one compiled call: powers of two between these, so that few programs are made."""


class Seen(NamedTuple):
    """Points looked at: the least margin of each, which rows fail (points x rows), and the slope, where asked for."""

    margin: np.ndarray
    fails: np.ndarray
    slope: np.ndarray

    @property
    def failed(self) -> np.ndarray:
        """Which points fail."""
        return np.asarray(self.fails.any(1))


class LimitState:
    """The margins of a problem at a design over `size` standard normals; `evaluations` counts the points looked at.

    `scale` divides each margin (rows); `unclear` counts the points at which a margin was not a number, by limit, and
    `unsettled` those without a rest. `failing` holds the points that failed, the first `REMEMBERED` of them.
    """

    def __init__(self, problem: Problem[Any], design: Any):
        _possible(lambda: problem.model.variation(design))
        self.problem, self.design = problem.named(design), design
        sizes = layout(self.problem, design)
        elements = {name: p.sites.x.shape[0] for name, p in self.problem.model.populations().items()}
        self.size = sizes.unit + sum(count * sizes.element[name] for name, count in elements.items())
        if not self.size:
            do = "Draw one with numpyro.sample: without, there is nothing to estimate."
            raise UserError.of("a program that draws something", "none that does", do)
        self.rows = rows(self.problem)
        if not self.rows:
            raise UserError.of("a problem with limits", "none", "Name one: what is never asked never fails.", "limits")
        self.scale = np.ones(len(self.rows))
        self.evaluations, self.gradient_evaluations = 0, 0
        self.unclear, self.unsettled = Counter[str](), 0
        self.failing = np.zeros((0, self.size))

    def owners(self) -> dict[str, list[int]]:
        """Which rows each limit has: its sides."""
        return {
            limit.name: [k for k, (name, _) in enumerate(self.rows) if name == limit.name]
            for limit in self.problem.limits
        }

    def rescale(self, points: np.ndarray) -> None:
        """Tell each margin from now on by how much it varies over some points; one alone is left as it is."""
        if len(self.rows) > 1:
            margin = np.asarray(self._measured(points)[0])
            self.evaluations += len(points)
            spread = np.nanstd(np.where(np.isfinite(margin), margin, np.nan), 0)
            self.scale = np.where(np.isfinite(spread) & (spread > 0.0), spread, 1.0)

    def margins(self, points: np.ndarray) -> np.ndarray:
        """Every row's margin at some points, each in its scale."""
        found = self._measured(points)
        self.evaluations += len(points)
        return np.asarray(found[0]) / self.scale

    def look(self, points: np.ndarray) -> Seen:
        """The margins at some points (points x normals)."""
        found = self._measured(points)
        return self._seen(points, np.array(found[0]), found[1], np.zeros((len(points), 0)))

    def slopes(self, points: np.ndarray, row: np.ndarray | None = None) -> Seen:
        """The margins with the slope of the least one, or of a given `row` of each point, in the scale of that row.

        Where the slope is not a number it is zero: nothing says where to go.
        """
        own = np.full(len(points), -1) if row is None else row
        found = self._batched(
            "points with slopes",
            np.concatenate([points, own[:, None]], 1),
            lambda part: _slopes_of(
                self.problem, self.design, part[:, :-1], part[:, -1].astype(int), jnp.asarray(self.scale)
            ),
        )
        self.gradient_evaluations += len(points)
        slope = np.nan_to_num(found[2], posinf=0.0, neginf=0.0)
        return self._seen(points, np.array(found[0]), found[1], slope, row)

    def _seen(
        self,
        points: np.ndarray,
        margin: np.ndarray,
        settled: np.ndarray,
        slope: np.ndarray,
        row: np.ndarray | None = None,
    ) -> Seen:
        self.evaluations += len(margin)
        for (name, _), lost in zip(self.rows, np.isnan(margin).sum(0), strict=True):
            self.unclear += Counter({name: int(lost)}) if lost else Counter()
        self.unsettled += int((~settled).sum())
        fails = ~(margin >= 0.0) | ~settled[:, None]
        room = max(REMEMBERED // max(self.size, 1) - len(self.failing), 0)
        if room and fails.any():
            self.failing = np.concatenate([self.failing, points[fails.any(1)][:room]])
        scaled = np.where(fails & ~(margin < 0.0), -1.0, margin / jnp.asarray(self.scale))
        least = scaled.min(1) if row is None else scaled[np.arange(len(row)), row]
        return Seen(least, fails, slope)

    def _measured(self, points: np.ndarray) -> list[np.ndarray]:
        return self._batched("points", points, lambda part: _margins(self.problem, self.design, part))

    def _batched(self, work: str, points: np.ndarray, run: Any) -> list[np.ndarray]:
        usual = int(np.clip(2 ** int(np.log2(max(AT_ONCE // max(self.size, 1), 1))), LEAST, MOST))
        return batches.fitted(work, self.size, lambda most: _in_parts(points, run, most), usual)


def _in_parts(points: np.ndarray, run: Callable[[Array], Iterable[Array]], most: int) -> list[np.ndarray]:
    """What `run` makes of points, `most` at a time, a part filled up with zeros to a power of two."""
    parts: list[list[np.ndarray]] = []
    for start in range(0, len(points), most):
        part = points[start : start + most]
        padded = np.zeros((min(most, max(LEAST, 1 << (len(part) - 1).bit_length())), points.shape[1]))
        padded[: len(part)] = part
        parts.append([np.asarray(leaf)[: len(part)] for leaf in run(jnp.asarray(padded))])
    return [np.concatenate(leaves) for leaves in zip(*parts, strict=True)]


def _possible(program: Callable[[], Any]) -> None:
    """Run a program once as it is: compiled, a law that cannot be makes everything not a number without a word."""
    try:
        standardise(program, jnp.zeros(dimension(program)))
    except ValueError as error:
        if "got invalid" not in str(error):  # NumPyro's words for a parameter that its law cannot have
            raise
        do = "Check it: a matrix that was put together by pairs need not be possible as a whole."
        raise UserError.of("laws with parameters that they can have", str(error).rstrip("."), do) from error


def _unit(problem: Problem[Any], design: Any, normals: Array) -> tuple[Array, Array]:
    sizes, taken = layout(problem, design), 0
    elements: dict[str, Array] = {}
    start = sizes.unit
    for name, p in problem.model.populations().items():
        taken = p.sites.x.shape[0] * sizes.element[name]
        elements[name], start = normals[start : start + taken].reshape(-1, sizes.element[name]), start + taken
    found = margins(problem, design, normals[: sizes.unit], elements)
    return found.margins, found.settled


def least(problem: Problem[Any], design: Any, normals: Array, scale: Array) -> Array:
    """The least margin at one point, each in its scale."""
    scaled = _unit(problem, design, normals)[0] / scale
    return scaled[jnp.nanargmin(scaled)]


@program
def _margins(problem: Problem[Any], design: Any, points: Array) -> tuple[Array, Array]:
    return jax.vmap(lambda z: _unit(problem, design, z))(points)


def _sloped(problem: Problem[Any], design: Any, points: Array, row: Array, scale: Array) -> tuple[Array, Array, Array]:
    def one(z: Array, own: Array) -> Any:
        def chosen(normals: Array) -> tuple[Array, tuple[Array, Array]]:
            margin, settled = _unit(problem, design, normals)
            scaled = margin / scale
            which = jnp.where(own >= 0, own, jnp.nanargmin(scaled))
            return scaled[which], (margin, settled)

        (_, (margin, settled)), slope = jax.value_and_grad(chosen, has_aux=True)(z)
        return margin, settled, slope

    return jax.vmap(one)(points, row)


_slopes_of = program(_sloped, plainly())
