"""The materials that a study leaves open: each choice that keeps its claims is searched, the best of them is taken."""

from dataclasses import replace
from typing import Any

import numpy as np

from yieldopt.estimators.base import Watch
from yieldopt.losses import LogLoss
from yieldopt.optimize import optimize
from yieldopt.study import plan as plans
from yieldopt.study.config import ResolvedStudy

STEPS = 10
"""Evaluations of a search that only compares."""


def choose(study: ResolvedStudy, model: Any, watch: Watch) -> tuple[ResolvedStudy, dict[str, Any]]:
    """The study with its best materials, and what was looked at; the study itself where it leaves nothing open."""
    if len(study.variants) < 2:
        return study, {}
    looked: list[dict[str, Any]] = []
    studies = [replace(study, inputs=inputs, variants=(inputs,)) for inputs in study.variants]
    for one in studies:
        if watch.stop.is_set():
            break
        plan = plans.build(one, model)
        loss = LogLoss(plans.covered(plan.goal, one), plan.design, plan.search, one.seed)
        start = plan.region.nearest(np.asarray(plan.search.read(plan.design)))
        found = optimize(loss, plan.search, start, STEPS, loss.refit, watch, region=plan.region)
        materials = {role: one.inputs.materials[role] for role in study.inputs.open}
        # Points of the search's own are kept: a look at others tells whether the descent fitted them.
        value = loss.value(found.point)
        looked.append({"materials": materials, "loss": float(np.exp(value))})
    best = int(np.argmin([one["loss"] for one in looked])) if looked else 0
    return studies[best], {"choices": looked, "materials": looked[best]["materials"] if looked else {}}
