"""What a study asks, computed: an estimate, or a search for the design and its window; plain data in base units."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import numpy as np

from yieldopt.estimators.auto import method
from yieldopt.estimators.base import Estimator, Watch
from yieldopt.losses import LogLoss
from yieldopt.optimize import optimize as descend
from yieldopt.problem import Model
from yieldopt.study import plan as plans
from yieldopt.study.auditing import SURE
from yieldopt.study.choosing import choose
from yieldopt.study.config import ResolvedStudy
from yieldopt.study.conforming import Conforming, corners, placed
from yieldopt.study.windowing import Checked, Windowing
from yieldopt.timing import Stopwatch

Progress = Callable[[str, float], Any]


def estimate(
    study: ResolvedStudy, model: type[Model[Any]], progress: Progress = lambda _p, _s: None, stop: Event | None = None
) -> dict[str, Any]:
    """The yield of a study's design, under the names of the JSON contract."""
    plan = plans.build(study, model)
    watch = Watch(progress, stop or Event())
    ask = method(study.estimate.method, plan.precision, watch)
    keeps = Conforming.of(plan, study, model, ask)
    result = keeps(ask(plan.problem, plan.design, study.seed), plan.design, study.seed)
    result["claims"] = _claims(plan, keeps, result)
    open_ = {role: study.inputs.materials[role] for role in study.inputs.open}
    taken = {"materials": open_} if open_ else {}
    return {**result, **taken, "seed": study.seed, "study_hash": study.hash, "units": study.units}


def claims(study: ResolvedStudy, model: type[Model[Any]]) -> list[dict[str, Any]]:
    """How a study stands to the claims that it works under; what units as made keep is estimated."""
    if not study.claims.named:
        return []
    plan = plans.build(study, model)
    keeps = Conforming.of(plan, study, model, method(_quick(study), plan.precision, Watch()))
    return _claims(plan, keeps, keeps.shares(plan.design, study.seed))


def optimize(
    study: ResolvedStudy, model: type[Model[Any]], progress: Progress = lambda _p, _s: None, stop: Event | None = None
) -> dict[str, Any]:
    """The best design of a study and, where asked for, the window around it; what was done is kept when stopped."""
    watch = Watch(progress, stop or Event())
    with Stopwatch() as timer:
        chosen, looked = choose(study, model, watch)
        result = _search(chosen, model, watch) | looked
    result["seconds"] = timer.seconds
    return result


def _search(study: ResolvedStudy, model: type[Model[Any]], watch: Watch) -> dict[str, Any]:
    plan = plans.build(study, model)
    ask = method(_quick(study), plan.precision, watch)
    keeps = Conforming.of(plan, study, model, ask)
    result: dict[str, Any] = {
        "claims": [],
        "units": study.units,
        "target": study.optimize.target,
        "counted": "yield" if plan.goal is plan.problem else "works_and_conforms",
        "seed": study.seed,
    }
    result |= {"study_hash": study.hash, "status": "interrupted"}
    loss = LogLoss(plans.covered(plan.goal, study), plan.design, plan.search, study.seed)
    start = plan.region.nearest(np.asarray(plan.search.read(plan.design)))
    with ThreadPoolExecutor(1) as beside:
        ready = beside.submit(loss.ready, start)
        first = ask(plan.problem, plan.design, study.seed)
        ready.result()
    result["start"] = _design(plan, start) | {"estimate": keeps(first, plan.design, study.seed)}
    result["claims"] = _claims(plan, keeps, result["start"]["estimate"])
    if watch.stop.is_set():
        return result
    steps = 10 if plan.window else 40
    found = descend(loss, plan.search, start, steps, refit=loss.refit, watch=watch, region=plan.region)
    point = found.point
    if plan.window and not watch.stop.is_set():
        window = Windowing(plan, loss, _quick(study), study.optimize.target, study.optimize.measure, study.seed, watch)
        checked = window(found.point)
        point = np.concatenate([0.5 * (checked.window.low + checked.window.high), checked.window.beside])
        result["window"] = _window_result(study, plan, checked)
        if plan.goal is not plan.problem:
            result["window"]["worst"]["estimate"] = _apart(study, plan, checked, ask)
    design = placed(plan, point)
    best = keeps(ask(plan.problem, design, study.seed + 1), design, study.seed + 1)
    result["optimum"] = _design(plan, point) | {"estimate": best}
    result["searched"] = {"log_loss": found.losses, "evaluations": loss.evaluations}
    result["claims"] = _claims(plan, keeps, best, result.get("window"), point)
    worst = result["window"]["worst"]["estimate"] if "window" in result else best
    met = worst[result["counted"]] >= study.optimize.target
    result["status"] = "interrupted" if watch.stop.is_set() else "done" if met else "target not met"
    return result


def _quick(study: ResolvedStudy) -> str:
    """The method inside a search: the referee takes a minute a point, so `auto` stays with the fast route there."""
    return "sobol" if study.estimate.method == "auto" else study.estimate.method


def _window_result(study: ResolvedStudy, plan: plans.Plan, found: Checked) -> dict[str, Any]:
    """The window with its worst point, under the names of the JSON contract."""
    window, names = found.window, plan.search.names[: len(plan.window)]
    return {
        "low": {name: float(v) for name, v in zip(names, window.low, strict=True)},
        "high": {name: float(v) for name, v in zip(names, window.high, strict=True)},
        "measure": study.optimize.measure,
        "capability": window.capability,
        "volume": window.volume,
        "drift": {name: float(v) for name, v in zip(names, plan.drift, strict=True)},
        "target": study.optimize.target,
        "bounded": [[names[k], side] for k, side in window.bounded],
        "worst": _design(plan, found.point) | {"estimate": found.worst.summary()},
        "audit": _audit_result(plan, found),
    }


def _apart(study: ResolvedStudy, plan: plans.Plan, found: Checked, ask: Estimator) -> dict[str, Any]:
    """The worst point where the target is of works and conforms: the yield, claims apart, and that beside it."""
    works = ask(plans.covered(plan.problem, study), placed(plan, found.point), study.seed + 2).summary()
    both = found.worst.summary()
    return works | {"works_and_conforms": both["yield"], "works_and_conforms_interval": both["interval"]}


def _audit_result(plan: plans.Plan, found: Checked) -> dict[str, Any]:
    """What an audit looked at, each point named with its yield and the bound that this exceeds one time in 1,000."""
    looked = [
        _design(plan, one.point)
        | {"place": one.place, "yield": one.value, "upper_bound": one.upper, "evaluations": one.evaluations}
        for one in sorted(found.looked, key=lambda one: one.value)
    ]
    return {
        "points": len(looked),
        "confidence": SURE,
        "below": sum(one.upper < found.worst.value for one in found.looked),
        "found_worse": found.beyond,
        "looked_at": looked,
    }


def _design(plan: plans.Plan, point: Any) -> dict[str, Any]:
    return {"design": {name: float(v) for name, v in zip(plan.search.names, np.asarray(point), strict=True)}}


def _claims(
    plan: plans.Plan,
    keeps: Conforming,
    estimate: Mapping[str, Any],
    window: Mapping[str, Any] | None = None,
    point: Any = None,
) -> list[dict[str, Any]]:
    """Each claim in force with its verdict, throughout the window found or the ranges that are searched for one."""
    start = np.asarray(plan.search.read(plan.design)) if point is None else np.asarray(point)
    return keeps.rows(estimate, *corners(plan, window, start))
