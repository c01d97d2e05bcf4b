"""What a study asks, computed: an estimate, or a search for the design and its window; plain data in base units."""

from collections.abc import Callable, Mapping
from threading import Event
from typing import Any

import jax.numpy as jnp
import numpy as np

from yieldopt import catalogue
from yieldopt.estimators.auto import method
from yieldopt.estimators.base import Precision, Watch
from yieldopt.losses import LogLoss
from yieldopt.optimize import Descent
from yieldopt.optimize import optimize as descend
from yieldopt.problem import Model
from yieldopt.study import plan as plans
from yieldopt.study.config import ResolvedStudy
from yieldopt.timing import Stopwatch
from yieldopt.window import SLACK, Search, Window, audit

Progress = Callable[[str, float], Any]
AUDITED = 16
"""Points that the audit of a window scatters."""
ACTIVE = 8
"""Corners of a window looked at anew in a step."""


def estimate(
    study: ResolvedStudy, model: type[Model[Any]], progress: Progress = lambda _p, _s: None, stop: Event | None = None
) -> dict[str, Any]:
    """The yield of a study's design, under the names of the JSON contract."""
    plan = plans.build(study, model)
    watch = Watch(progress, stop or Event())
    found = method(study.estimate.method, plan.precision, watch)(plan.problem, plan.design, study.seed)
    return {**_with_claims(found.summary(), study), "seed": study.seed, "study_hash": study.hash, "units": study.units}


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
    result["start"] = _design(plan, plan.search.read(plan.design)) | {
        "estimate": _with_claims(ask(plan.problem, plan.design, study.seed).summary(), study)
    }
    if watch.stop.is_set():
        return result
    loss = LogLoss(plans.covered(plan, study), plan.design, plan.search, study.seed)
    start = np.asarray(plan.search.read(plan.design))
    steps = 10 if plan.window else 40
    found = descend(loss, plan.search, start, steps, refit=lambda: loss.refit(0), watch=watch)
    point = found.point
    if plan.window and not watch.stop.is_set():
        window = _window(study, plan, loss, found, watch)
        point = np.concatenate([0.5 * (window.low + window.high), window.beside])
        result["window"] = _window_result(study, plan, window, loss, watch)
    design = plan.search.place(plan.design, jnp.asarray(point))
    best = ask(plan.problem, design, study.seed + 1)
    result["optimum"] = _design(plan, point) | {"estimate": _with_claims(best.summary(), study)}
    result["searched"] = {"log_loss": found.losses, "evaluations": loss.evaluations}
    worst = result["window"]["worst"]["estimate"] if "window" in result else result["optimum"]["estimate"]
    met = worst["yield"] >= study.optimize.target
    result["status"] = "interrupted" if watch.stop.is_set() else "done" if met else "target not met"
    return result


def _window(study: ResolvedStudy, plan: plans.Plan, loss: LogLoss, found: Descent, watch: Watch) -> Window:
    """The widest window around the best design; narrowed until its worst corner, estimated afresh, meets the target."""
    low, high = np.asarray(plan.search.low), np.asarray(plan.search.high)
    allowed = np.log(_allowed(study, plan))

    def constraint(point: np.ndarray, slot: Any) -> tuple[np.ndarray, np.ndarray]:
        value, slope = loss(point, slot)
        return np.array([value - allowed - margin]), slope[None]

    def refit(_step: int) -> None:
        for slot in list(loss.aims):
            loss.refit(slot)

    inert = _inert(loss, found.point, low, high, len(plan.window))
    margin, window = 0.0, None
    half = 0.5 * plan.drift
    # Where a knob changes nothing the descent may have left it anywhere: it goes back to where the study has it.
    start = found.point.copy()
    start[list(inert)] = np.asarray(plan.search.read(plan.design))[list(inert)]
    for turn in range(4):
        # A narrower target for the search leaves room for what its few points and nodes did not see.
        search = Search(
            constraint,
            low,
            high,
            plan.drift,
            study.optimize.measure,
            10 if turn == 0 else 4,
            2e-3,
            watch,
            refit,
            ACTIVE,
            inert,
        )
        window = search(start, half)
        if watch.stop.is_set():
            break
        worst = _estimate_at(study, plan, window.worst, watch, study.seed + 10 + turn)
        excess = np.log(max(1.0 - worst.parametric, 1e-15)) - allowed
        if excess <= 0.0:
            break
        margin -= excess + 0.02
        start, half = (
            np.concatenate([0.5 * (window.low + window.high), window.beside]),
            3.0 * plan.drift * window.capability * 0.95,
        )
    assert window is not None
    return window


def _quick(study: ResolvedStudy) -> str:
    """The method inside a search: the referee takes a minute a point, so `auto` stays with the fast route there."""
    return "sobol" if study.estimate.method == "auto" else study.estimate.method


def _inert(loss: LogLoss, point: np.ndarray, low: np.ndarray, high: np.ndarray, count: int) -> tuple[int, ...]:
    """Window knobs that change nothing by themselves over nine tenths of their range (a placement that self-aligns)."""
    value, found = loss(point, "probe")[0], []
    for k in range(count):
        ends = []
        for share in (0.05, 0.95):
            moved = point.copy()
            moved[k] = low[k] + share * (high[k] - low[k])
            ends.append(abs(loss(moved, "probe")[0] - value))
        if max(ends) < 1e-3:
            found.append(k)
    return tuple(found)


def _allowed(study: ResolvedStudy, plan: plans.Plan) -> float:
    """Parametric loss that the target leaves once defects took theirs."""
    defects = float(jnp.exp(plan.problem.log_defects()))
    return max(1.0 - study.optimize.target / defects, 1e-12)


def _estimate_at(
    study: ResolvedStudy, plan: plans.Plan, point: np.ndarray, watch: Watch, seed: int, confidence: float = 0.0
) -> Any:
    # A surer interval is a wider one: the same points serve it.
    share = 0.3 if confidence else 0.12
    precision = Precision(plan.precision.absolute, share, confidence or plan.precision.confidence)
    design = plan.search.place(plan.design, jnp.asarray(point))
    return method(_quick(study), precision, watch)(plans.covered(plan, study), design, seed)


def _window_result(
    study: ResolvedStudy, plan: plans.Plan, window: Window, loss: LogLoss, watch: Watch
) -> dict[str, Any]:
    """The window with its worst point: the worse of the worst corner and of what the audit found, on fresh points."""
    names = plan.search.names[: len(plan.window)]
    points = AUDITED + 2 ** len(names)
    # The worst of many is quoted: its confidence is corrected for the choice (Bonferroni).
    sure = 1.0 - (1.0 - plan.precision.confidence) / points
    allowed = np.log(_allowed(study, plan))
    for slot in [s for s in loss.aims if s != 0]:
        loss.refit(slot)
    where, value = audit(
        lambda p, slot: (np.array([(found := loss(p, slot))[0] - allowed]), found[1][None]),
        window,
        AUDITED,
        study.seed + 7,
        watch,
    )
    corner = _estimate_at(study, plan, window.worst, watch, study.seed + 20, sure)
    worst, point = corner, window.worst
    if value > window.value - 0.3:
        other = _estimate_at(study, plan, where, watch, study.seed + 21, sure)
        worst, point = (other, where) if other.parametric < corner.parametric else (corner, window.worst)
    bounded = [[names[k], side] for k, side in window.bounded]
    return {
        "low": {name: float(v) for name, v in zip(names, window.low, strict=True)},
        "high": {name: float(v) for name, v in zip(names, window.high, strict=True)},
        "measure": study.optimize.measure,
        "capability": window.capability,
        "volume": window.volume,
        "drift": {name: float(v) for name, v in zip(names, plan.drift, strict=True)},
        "target": study.optimize.target,
        "bounded": bounded,
        "worst": _design(plan, point) | {"estimate": worst.summary()},
        "audit": {
            "points": points,
            "worst_found": float(1.0 - np.exp(value + allowed)),
            "lower_bound": worst.interval[0],
            "upper_bound": worst.interval[1],
            "confidence": sure,
            "beyond_corners": bool(value > window.value + SLACK),
        },
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
