"""What a study asks, computed: an estimate, or a search for the design and its window; plain data in base units."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import jax.numpy as jnp
import numpy as np

from yieldopt import catalogue
from yieldopt.estimators.auto import method
from yieldopt.estimators.base import Watch
from yieldopt.losses import LogLoss
from yieldopt.optimize import optimize as descend
from yieldopt.problem import Model
from yieldopt.study import plan as plans
from yieldopt.study.auditing import SURE
from yieldopt.study.config import ResolvedStudy
from yieldopt.study.windowing import Checked, Windowing
from yieldopt.timing import Stopwatch

Progress = Callable[[str, float], Any]


def estimate(
    study: ResolvedStudy, model: type[Model[Any]], progress: Progress = lambda _p, _s: None, stop: Event | None = None
) -> dict[str, Any]:
    """The yield of a study's design, under the names of the JSON contract."""
    plan = plans.build(study, model)
    watch = Watch(progress, stop or Event())
    found = method(study.estimate.method, plan.precision, watch)(plan.problem, plan.design, study.seed)
    result = _with_claims(found.summary(), study) | {"claims": _claims(study)}
    return {**result, "seed": study.seed, "study_hash": study.hash, "units": study.units}


def optimize(
    study: ResolvedStudy, model: type[Model[Any]], progress: Progress = lambda _p, _s: None, stop: Event | None = None
) -> dict[str, Any]:
    """The best design of a study and, where asked for, the window around it; what was done is kept when stopped."""
    watch = Watch(progress, stop or Event())
    with Stopwatch() as timer:
        result = _search(study, model, watch)
    result["seconds"] = timer.seconds
    return result


def _search(study: ResolvedStudy, model: type[Model[Any]], watch: Watch) -> dict[str, Any]:
    plan = plans.build(study, model)
    ask = method(_quick(study), plan.precision, watch)
    result: dict[str, Any] = {
        "claims": _claims(study),
        "units": study.units,
        "target": study.optimize.target,
        "seed": study.seed,
    }
    result |= {"study_hash": study.hash, "status": "interrupted"}
    loss = LogLoss(plans.covered(plan, study), plan.design, plan.search, study.seed)
    start = np.asarray(plan.search.read(plan.design))
    with ThreadPoolExecutor(1) as beside:
        ready = beside.submit(loss.ready, start)
        first = ask(plan.problem, plan.design, study.seed)
        ready.result()
    result["start"] = _design(plan, start) | {"estimate": _with_claims(first.summary(), study)}
    if watch.stop.is_set():
        return result
    steps = 10 if plan.window else 40
    found = descend(loss, plan.search, start, steps, refit=loss.refit, watch=watch)
    point = found.point
    if plan.window and not watch.stop.is_set():
        window = Windowing(plan, loss, _quick(study), study.optimize.target, study.optimize.measure, study.seed, watch)
        checked = window(found.point)
        point = np.concatenate([0.5 * (checked.window.low + checked.window.high), checked.window.beside])
        result["window"] = _window_result(study, plan, checked)
    design = plan.search.place(plan.design, jnp.asarray(point))
    best = ask(plan.problem, design, study.seed + 1)
    result["optimum"] = _design(plan, point) | {"estimate": _with_claims(best.summary(), study)}
    result["searched"] = {"log_loss": found.losses, "evaluations": loss.evaluations}
    worst = result["window"]["worst"]["estimate"] if "window" in result else result["optimum"]["estimate"]
    met = worst["yield"] >= study.optimize.target
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


def _claims(study: ResolvedStudy) -> list[dict[str, Any]]:
    """Each claim in force with its verdict; these claims are about structure and materials, so they hold or do not."""
    rules = catalogue.rulebook(study.card.name)
    if rules is None or not study.claims.named:
        return []
    verdicts = rules.verdicts(study.card.name, list(study.claims.named), study.inputs)
    return [
        {
            "id": v["id"],
            "holds": v["holds"],
            "margin": v.get("margin"),
            "conform_probability": float(v["holds"]),
            "text": v.get("text", ""),
        }
        for v in verdicts
    ]


def _with_claims(found: dict[str, Any], study: ResolvedStudy) -> dict[str, Any]:
    conforms: Mapping[str, float] = {c["id"]: c["conform_probability"] for c in _claims(study)}
    share = min(conforms.values(), default=1.0)
    return found | {"claims": list(conforms), "conforms": share, "works_and_conforms": found["yield"] * share}
