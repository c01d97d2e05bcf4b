"""From a resolved study to the problem it asks about: the only file that knows both the study and the engine."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from yieldopt.box import Box
from yieldopt.errors import Mistake, UserError
from yieldopt.estimators.base import Precision
from yieldopt.nets import tolerate
from yieldopt.problem import Limit, Model, Problem
from yieldopt.region import Region
from yieldopt.study import claims
from yieldopt.study.config import ResolvedStudy

AWAY = 1e3
"""How far out of reach the limits of claims are moved where they do not count, base units."""
FROZEN = 1e-3
"""What is left of a spread whose level the window itself stands for: a law of no width has no normals to move along."""


@dataclass(frozen=True)
class Plan:
    """What is computed: a problem, the design it starts from, the knobs that move, and how exactly.

    `claimed` are the claims' limits on units as made, by claim: out of reach in `problem`, in force in `both`; a target
    applies to `goal`, one of these two. `region` is where they let the design go.
    """

    problem: Problem[Any]
    both: Problem[Any]
    goal: Problem[Any]
    claimed: dict[str, tuple[Limit, ...]]
    region: Region
    design: Any
    precision: Precision
    search: Box
    window: tuple[str, ...]
    drift: np.ndarray


def build(study: ResolvedStudy, model: type[Model[Any]]) -> Plan:
    """Build the plan of a study; raise UserError where knobs, drifts and levels do not go together."""
    inputs, asked = study.inputs, study.estimate
    made = model.build(inputs)
    design = model.Design(**{name: jnp.asarray(value, float) for name, value in inputs.design.items()})
    defects: dict[str, Any] = getattr(made, "defects", {})
    moving = [*asked_window(study), *(k for k in study.optimize.knobs if k not in study.optimize.window)]
    ranges = {name: inputs.ranges[name] for name in moving if inputs.ranges[name][1] > inputs.ranges[name][0]}
    precision, search = Precision(asked.absolute, asked.of_loss, asked.confidence), Box.of(ranges)
    bounds, problem = claims.bounds(study), _with_nets(_with_ranges(Problem.of(made, defects=defects), study), study)
    claimed: dict[str, tuple[Limit, ...]] = {}
    for bound in bounds:
        claimed[bound.claim] = (*claimed.get(bound.claim, ()), *made.claimed(bound))
    claimed = {claim: limits for claim, limits in claimed.items() if limits}
    problem, both = claims_away(problem, claimed), with_limits(problem, claimed)
    goal = both if claimed and study.claims.enforce == "every_unit" else problem
    region = Region.of(bounds, lambda at: model.drawn(at, inputs), design, search)
    return Plan(problem, both, goal, claimed, region, design, precision, search, asked_window(study), drifts(study))


def _with_ranges(problem: Problem[Any], study: ResolvedStudy) -> Problem[Any]:
    """The problem in which the elements of a unit may lie no further apart than a study says."""
    limits = problem.limits
    for name, most in study.ranges.items():
        population = study.card.responses[name].population
        if population not in problem.model.populations():
            got, do = f"{name} of {population}", "Limit it by `low` or `high`."
            raise UserError.of("a range over elements that this study has", got, do, f"limits.{name}.range")
        limits = (*limits, Limit.range(f"{name}_range", population, name, most))
    return replace(problem, limits=limits)


def _with_nets(problem: Problem[Any], study: ResolvedStudy) -> Problem[Any]:
    """The problem in which the nets of a study may lose bumps."""
    asked = study.nets
    if asked is None:
        return problem
    population = problem.model.populations().get(asked.population)
    bumps = study.inputs.bump_map
    if population is None or bumps is None or population.sites.x.shape != bumps.x.shape:
        do = "Name limits on the joints that the bump map places."
        raise UserError.of("limits on one joint a bump", ", ".join(asked.opens), do, "nets.opens")
    return tolerate(problem, asked.population, asked.opens, asked.groups)


def claims_away(problem: Problem[Any], claimed: Mapping[str, tuple[Limit, ...]]) -> Problem[Any]:
    """The problem with the claims' limits out of reach: a program that was compiled for the one serves the other."""
    far = {
        claim: tuple(replace(limit, low=limit.low - AWAY, high=limit.high + AWAY) for limit in limits)
        for claim, limits in claimed.items()
    }
    return with_limits(problem, far)


def with_limits(problem: Problem[Any], claimed: Mapping[str, tuple[Limit, ...]]) -> Problem[Any]:
    """The problem of units that work and conform."""
    return replace(problem, limits=(*problem.limits, *chain(*claimed.values())))


def asked_window(study: ResolvedStudy) -> tuple[str, ...]:
    """The knobs that the window spans."""
    return tuple(study.optimize.window) if study.optimize.goal == "window" else ()


def drifts(study: ResolvedStudy) -> np.ndarray:
    """One sigma of each window knob's own drift: as given, or the root sum of squares of its covered levels."""
    found: list[float] = []
    mistakes: list[Mistake] = []
    for name in asked_window(study):
        own = study.optimize.drift.get(name)
        if own is None:
            levels = [
                study.inputs.spreads[field]
                for field, spread in study.card.spreads.items()
                if spread.quantity.rpartition(".")[2] == name
                and spread.level in study.optimize.covers
                and spread.unit == study.card.knobs[name].unit
            ]
            own = float(np.sqrt(np.sum(np.square(levels)))) if levels else None
        if own is None:
            do = f"Add `optimize.drift: {{{name}: ...}}`, one sigma of what it drifts between corrections."
            mistakes.append(
                Mistake(
                    f"the drift of window knob {name}", "none, and no level in `covers` has one", do, "optimize.drift"
                )
            )
        found.append(own or 1.0)
    if mistakes:
        raise UserError(*mistakes)
    return np.array(found)


def covered(problem: Problem[Any], study: ResolvedStudy) -> Problem[Any]:
    """A problem inside a window: the levels that the window stands for are frozen, else they were paid twice."""
    fields = [f for f, s in study.card.spreads.items() if s.level in study.optimize.covers]
    if not fields or study.optimize.goal != "window":
        return problem
    kind = type(problem.model).Spreads or ()
    spreads = [x for x in _modules(problem.model) if isinstance(x, kind)]
    return eqx.tree_at(
        lambda p: [getattr(s, f) for s in _modules(p.model) if isinstance(s, kind) for f in fields],
        problem,
        [FROZEN * jnp.asarray(getattr(s, f)) for s in spreads for f in fields],
    )


def _modules(node: Any) -> list[Any]:
    """Every module inside a module."""
    inside = [node]
    for value in vars(node).values():
        if isinstance(value, eqx.Module):
            inside += _modules(value)
    return inside
