"""What the gradient of the loss in all knobs costs, over the loss alone: preparation included, on the same draws."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from yieldopt import catalogue
from yieldopt.conditional.integrand import Route, evaluate
from yieldopt.conditional.prepare import frame
from yieldopt.conditional.slope import sample
from yieldopt.losses import ORDER, POINTS
from yieldopt.study import config
from yieldopt.study import plan as plans

STUDY = Path(__file__).parents[2] / "configs" / "capped_pillar" / "blackparrot.yaml"
ALLOWED = 2.5


def best(call: Callable[[], Any], rounds: int = 5) -> float:
    """Seconds of the quickest call."""
    times: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - began)
    return min(times)


@pytest.mark.slow
def test_the_gradient_costs_little_more_than_the_value(benchmark: Any, note: Any) -> None:
    asked = config.read(STUDY)
    plan = plans.build(asked, catalogue.load(asked.card.name))
    route = Route(frame(plan.problem, plan.design, ORDER, exact=0))
    z = jax.random.normal(jax.random.key(1), (POINTS, route.frame.structure.unit))
    weights = jnp.full(POINTS, 1.0 / POINTS)

    def value() -> Any:
        return evaluate(route.prepare(plan.problem, plan.design), z).total

    def gradient() -> Any:
        return sample(route.prepare(plan.problem, plan.design), z, weights)

    loss = np.asarray(gradient().loss)
    np.testing.assert_allclose(loss, -np.expm1(np.minimum(value(), 0.0)), rtol=1e-8, atol=1e-12)
    alone = best(value)
    benchmark.pedantic(lambda: jax.block_until_ready(gradient()), rounds=5)
    both = benchmark.stats.stats.min
    benchmark.extra_info.update(value=alone, ratio=both / alone)
    note(f"blackparrot, {POINTS} draws: loss", alone, "s", None)
    note(f"blackparrot, {POINTS} draws: loss and gradient", both, "s", None)
    note("gradient over value", both / alone, "", ALLOWED)
