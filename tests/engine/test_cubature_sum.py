"""The sum over 10,000 joints by cubature against the sum over each of them, on shared draws far into their tails."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from yieldopt_pillars.assemblies.capped_pillar import MODEL

from yieldopt.conditional.integrand import Route, evaluate
from yieldopt.conditional.prepare import frame
from yieldopt.study import config, plan

STUDY = Path(__file__).parents[2] / "configs" / "capped_pillar" / "grid_80um.yaml"
DRAWS, FAR = 200, 4.0


@pytest.mark.slow
def test_cubature_is_the_sum_over_all_joints_with_four_sigma_bow_and_tilt() -> None:
    """Mean error below 1e-3 of the loss; every normal in turn is put four sigma out, so bow and every tilt are."""
    built = plan.build(config.read(STUDY), MODEL)
    few, all_of_them = (frame(built.problem, built.design, exact=count) for count in (1000, 50_000))
    size = few.structure.unit
    draws = np.array(jax.random.normal(jax.random.key(2), (DRAWS, size)))
    for k in range(2 * size):
        draws[k, k % size] = FAR if k < size else -FAR
    losses: list[np.ndarray] = []
    for route in (Route(few), Route(all_of_them)):
        found = evaluate(route.prepare(built.problem, built.design), jnp.asarray(draws))
        losses.append(-np.expm1(np.minimum(np.asarray(found.total), 0.0)))
    # The draws as they come say what the error is worth; the far ones that it stays small where a unit is bent most.
    error, loss = np.abs(losses[0] - losses[1]), losses[1]
    assert error.mean() < 1e-3 * loss.mean()
    assert error[2 * size :].mean() < 1e-3 * loss[2 * size :].mean()
