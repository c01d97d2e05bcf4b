"""What the fast route itself may have wrong, in units of loss: errors that more draws do not reduce.

They are estimates of size, not bounds; the referee (`monte_carlo`) is what decides where they exceed what is asked.
"""

from dataclasses import replace

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array

from yieldopt.conditional.chebyshev import terms
from yieldopt.conditional.integrand import evaluate
from yieldopt.conditional.log_pass import LogPass
from yieldopt.conditional.margins import STEEP
from yieldopt.conditional.prepare import Prepared
from yieldopt.conditional.stages import REACH
from yieldopt.conditional.structure import Family, sites_of
from yieldopt.problem import Sites, at

TYPICAL = 4.0
"""Hazard of a failure that matters: an index wrong by e is a probability wrong by about 4 e."""
CROWD = 0.5
"""Share of the finite crowd's effect that is doubted."""
BED = 0.25
"""Share that is doubted of what a rule of order 8 for the mean forces would change: what that of 12 left of its error
in the pose was a fifteenth to a third in three studies.
"""
PAIRED = 0.5
"""Share of what pairs alone lose that is doubted."""
FEW = 30
"""Elements below which their mean field is not trusted to hold a unit in its pose."""
POSE = 2.0
"""Limits that one scatter moves fail together: how much is not followed, and may be as much again."""
ROUND = 0.35
"""Curvature left to second order below which its answer is not to be trusted."""


def doubts(
    prepared: Prepared, draws: Array | np.ndarray, weights: np.ndarray | None = None, found: LogPass | None = None
) -> dict[str, float]:
    """Errors of `log_pass` by name, each in loss, over shared draws with importance weights (one each by default).

    `found` is what `evaluate` gave there, where that is known.

    `forces`: what the last quarter of the mean forces' series changes, by where the crowd comes to rest; `bed`: a
    quarter of what fewer nodes for them change; `series`: the fitted indices against design points, at other states
    too, and by how much a steep one misplaces its step; `couples`: the order beyond couples of margins; `rings`: limits
    that bend around the origin in more than the two directions that are integrated; `crowd`: half of what the crowd's
    finite number does (its first order was up to a half off where joints are crushed); `outside`: half of what draws
    beyond the series' boxes lose; `pairs`: half of what limits on pairs lose, kept from before the elements that they
    share were counted (`pairs`): more careful than the comparisons since then ask for; `ranges`: what a range
    over elements that the pose moves owes to each one's pull on it, and the most that it may fail together with other
    limits on them; `few`: everything, where too few
    elements carry a unit; `pose`: twice what the scatter of the pose changes of limits on what bears nothing, which
    is not followed (`LogPass.scattered`).
    """
    found = evaluate(prepared, jnp.asarray(draws)) if found is None else found
    total, by_limit = (np.asarray(value) for value in (found.total, found.by_limit))
    plain = (np.ones(len(total)) if weights is None else np.asarray(weights)) / len(total)
    share = plain * np.exp(np.where(np.isfinite(total), np.minimum(total, 0.0), -np.inf))
    fails = -np.where(np.isfinite(by_limit), by_limit, 0.0)
    lost = share @ fails
    misfit, shifted, rounded = _by_limit(prepared, len(prepared.problem.limits))
    gone = plain @ -np.expm1(np.minimum(np.nan_to_num(by_limit, nan=0.0), 0.0))

    def moved(other: Prepared) -> float:
        by_limit = np.asarray(evaluate(other, jnp.asarray(draws)).by_limit)
        change = np.where(np.isfinite(by_limit), np.exp(np.minimum(by_limit, 0.0)) - np.exp(-fails), 0.0)
        return float(np.abs(share @ change).sum())

    families = prepared.structure.families
    carries = {f.name: {own for own, _ in f.forces} for f in families}
    held = sum(
        lost[f.rows[0].limit] / len(sites_of(prepared.problem, f).x)
        for f in families
        if f.ranged and (carries.get(f.of, set()) | {*f.moved}) & {*f.rows[0].states}
    )
    shared_by = sum(float(share @ _both(families, f, fails)) for f in families if f.ranged)
    paired = {row.limit for family in prepared.structure.families if family.paired for row in family.rows}
    pairs = np.abs(np.asarray(found.together))
    carried = [
        t.sites.x.shape[0]
        for f, t in zip(prepared.structure.families, prepared.tables, strict=True)
        if f.forces and not f.paired
    ]
    third = pairs**2 / np.maximum(fails.sum(1), 1e-300)
    return {
        "series": float(lost @ np.minimum(TYPICAL * misfit, 1.0) + gone @ np.minimum(TYPICAL * shifted, 1.0)),
        "couples": float(share @ np.minimum(third, pairs)),
        "rings": float(lost @ rounded),
        "forces": moved(_coarser(prepared)),
        "bed": BED * moved(_sparser(prepared)),
        "crowd": CROWD * moved(eqx.tree_at(lambda p: p.finite, prepared, jnp.zeros(()))),
        "outside": 0.5 * float(share @ (np.asarray(found.outside) * -np.expm1(-fails.sum(1)))),
        "ranges": float(TYPICAL**2 * prepared.structure.pose * held) + shared_by,
        "few": float(0 < sum(carried) < FEW),
        "pose": min(1.0, POSE * float(plain @ np.nan_to_num(found.scattered))),
        "pairs": PAIRED
        * float(share @ np.expm1(np.minimum(sum((fails[:, i] for i in paired), np.zeros(len(total))), 30.0))),
    }


def _both(families: tuple[Family, ...], ranged: Family, fails: np.ndarray) -> np.ndarray:
    """The most by which a range and the other limits on its elements may fail together, by draws."""
    mine = ranged.rows[0].limit
    others = {row.limit for f in families if f.of == ranged.of for row in f.rows} - {mine}
    beside = sum((fails[:, i] for i in others), np.zeros(len(fails)))
    return -np.expm1(-np.minimum(fails[:, mine], beside))


def _coarser(prepared: Prepared) -> Prepared:
    """The same design with three quarters of the degrees of the mean forces' series."""

    def cut(series: Array) -> Array:
        degrees = tuple(size - 1 for size in series.shape[:-1])
        kept = np.zeros(series.shape[:-1])
        kept[tuple(terms(degrees).T)] = (terms(degrees) / np.maximum(degrees, 1)).sum(1) <= 0.75
        return series * kept[..., None]

    tables = tuple(replace(t, forces=tuple(cut(series) for series in t.forces)) for t in prepared.tables)
    return replace(prepared, tables=tables)


def _sparser(prepared: Prepared) -> Prepared:
    """The same design settled on fewer nodes; of as many as there were, those beyond weigh nothing."""

    def padded(sites: Sites, weight: Array, count: int) -> tuple[Sites, Array]:
        place = jnp.arange(count)
        index = jnp.minimum(place, len(weight) - 1)
        return at(sites, index), jnp.where(place < len(weight), weight[index], 0.0)

    tables = tuple(replace(t, bed=padded(*t.coarse, len(t.bed[1]))) for t in prepared.tables)
    return replace(prepared, tables=tables)


def _by_limit(prepared: Prepared, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Worst misfit of each limit's rows; how far that shifts the step of a steep one, in a state's standard deviations;
    and one where a row is round beyond help.
    """
    misfit, shifted, rounded = np.zeros(count), np.zeros(count), np.zeros(count)
    for family, tables in zip(prepared.structure.families, prepared.tables, strict=True):
        told = (np.asarray(numbers) for numbers in (tables.misfit, tables.eased, tables.roundness))
        for row, left, eased, bend in zip(family.rows, *told, strict=True):
            misfit[row.limit] = max(misfit[row.limit], float(left * eased))
            step = REACH / STEEP * left if eased > 1.0 else 0.0
            shifted[row.limit] = max(shifted[row.limit], float(step))
            rounded[row.limit] = max(rounded[row.limit], float(bend < ROUND))
        opens = [row.limit for row in family.rows if row.spared]
        for limit, _ in family.nets:  # so many must fail at once: their errors multiply
            many = 1.0 + float(prepared.problem.limits[limit].high)
            for found, times in ((misfit, many), (shifted, many), (rounded, 1.0)):
                found[limit] = times * found[opens].max(initial=0.0)
    return misfit, shifted, rounded
