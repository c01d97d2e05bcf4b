"""The finite crowd: a linear bed of springs on which every element's law is known, so the corrected law is too.

N springs of unequal stiffness carry a plate that can rise and tilt; each has its own natural height. The margins
are linear in Gaussians, so the exact probability of each element's failure is a half-space's with the full response of
the pose; the union is counted on many exact plates.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from jax import Array
from scipy import stats

from yieldopt import exact
from yieldopt.conditional.balance import Crowd
from yieldopt.conditional.crowd import Felt, in_common
from yieldopt.conditional.integrand import Route, evaluate
from yieldopt.conditional.prepare import frame
from yieldopt.conditional.tails import log_ndtr
from yieldopt.estimators.base import Precision
from yieldopt.estimators.sobol import Sobol
from yieldopt.problem import Limit, Model, Population, Problem, Sites

SPREAD, LOW = 0.5, -1.6


class Plate(eqx.Module):
    stiffness: Array


class Springs(Population[Plate]):
    sites: Sites

    def variation(self, design: Plate) -> Any:
        return SPREAD * numpyro.sample("height", dist.Normal())

    def state(self, design: Plate, shared: Any, pose: Array, site: Sites) -> dict[str, Array]:
        return {
            "gap": pose[0] + pose[1] * site.x + 0.3 * shared * (site.x**2 - 0.4),
            "grip": 1.0 + 0.5 * site.x + 0.0 * shared,
        }

    def response(self, design: Plate, state: dict[str, Array], element: Any) -> dict[str, Array]:
        # It names the grip, so that what failing elements pull is known at each grip and not at the middling one.
        return {"stretch": state["gap"] - element + 0.0 * state["grip"]}

    def force(self, design: Plate, state: dict[str, Array], element: Any) -> dict[str, Array]:
        return {"gap": design.stiffness * state["grip"] * (state["gap"] - element)}


class Bed(Model[Plate]):
    Design = Plate
    springs: Springs

    def variation(self, design: Plate) -> Any:
        return numpyro.sample("bow", dist.Normal())

    def populations(self) -> dict[str, Population[Plate]]:
        return {"spring": self.springs}

    def rest(self, design: Plate, shared: Any) -> Array:
        return jnp.zeros(2)

    def limits(self) -> tuple[Limit, ...]:
        return (Limit.of("stretch", "spring", "stretch", low=LOW),)


def bed(side: int) -> tuple[Problem[Any], Plate]:
    x, y = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    return Problem.of(Bed(Springs(Sites.at(x.ravel(), y.ravel())))), Plate(jnp.asarray(2.0))


def linear_law(problem: Problem[Any], bow: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread of every element's stretch, by linear algebra on the whole bed."""
    x = np.asarray(problem.model.springs.sites.x)
    k, lever = 1.0 + 0.5 * x, np.stack([np.ones_like(x), x], 1)
    natural = 0.3 * bow * (x**2 - 0.4)
    answer = -lever @ np.linalg.solve(lever.T @ (k[:, None] * lever), lever.T * k)
    return natural + answer @ natural, SPREAD * np.sqrt(((np.eye(len(x)) + answer) ** 2).sum(1))


@pytest.mark.parametrize("side", [7, pytest.param(16, marks=pytest.mark.slow)])
def test_each_element_has_its_exact_marginal_law(side):
    problem, design = bed(side)
    route = Route(frame(problem, design))
    prepared, bows = route.prepare(problem, design), np.array([-2.0, 0.0, 1.5])
    found = evaluate(prepared, jnp.asarray(bows)[:, None])
    for bow, log_pass in zip(bows, np.asarray(found.by_limit)[:, 0], strict=True):
        mean, spread = linear_law(problem, bow)
        assert log_pass == pytest.approx(stats.norm.logcdf((mean - LOW) / spread).sum(), rel=4e-3)


@pytest.mark.slow
def test_the_product_of_marginals_is_what_counting_finds():
    # What the marginals leave out is the weak correlation between elements: below a per cent of the loss at N = 49.
    problem, design = bed(7)
    prepared = Route(frame(problem, design)).prepare(problem, design)
    bow = jnp.asarray([1.0])
    loss = 1.0 - float(jnp.exp(evaluate(prepared, bow[None]).total[0]))

    @jax.jit
    def count(keys: Array) -> Array:
        def draw(key: Array) -> Array:
            return exact.margins(problem, design, bow, {"spring": jax.random.normal(key, (49, 1))}).margins[0]

        return jax.vmap(draw)(keys)

    fails = np.concatenate([np.asarray(count(keys)) < 0 for keys in jax.random.split(jax.random.key(0), (20, 2000))])
    error = fails.std() / np.sqrt(len(fails))
    assert 0.02 < fails.mean() < 0.5
    assert loss == pytest.approx(fails.mean(), abs=4 * error + 0.01 * fails.mean())
    mean, _ = linear_law(problem, 1.0)
    alone = 1.0 - np.exp(stats.norm.logcdf((mean - LOW) / SPREAD).sum())
    assert abs(alone - fails.mean()) > 4 * error  # without the correction the test would fail


@pytest.mark.parametrize(("side", "few"), [(7, False), pytest.param(5, True, marks=pytest.mark.slow)])
def test_a_bed_that_pushes_where_it_should_pull_is_lost_to_no_limit(side, few):
    """The least push upsets it: every draw is lost, named, no number is none. Few springs are doubted altogether."""
    problem, _ = bed(side)
    found = Sobol(Precision())(problem, Plate(jnp.asarray(-2.0)))
    assert found.value == 0.0
    assert 0.0 < found.interval[1] < 0.01
    assert found.limits == {"stretch": (0.0, 0.0)}
    assert "found no equilibrium and count as failed" in found.status
    assert found.doubt == (1.0 if few else 0.0)


def test_what_is_lost_by_hundreds_of_sigmas_owes_something_finite() -> None:
    """Far out log Phi is held to a few per cent: of what it is held to the slope is no density over a probability."""
    beta, steep = jnp.array([[-280.0, -90.0, 1.0]]), jnp.array([[[0.0, 1.0, 1.0]]])
    felt = Felt(beta, steep, jnp.ones((1, 1, 3)))
    crowd = Crowd(jnp.zeros(1), jnp.ones((1, 1)), jnp.ones((1, 1)), jnp.ones((), bool))
    both, leaning = in_common(felt, jnp.ones((1, 1, 3)), crowd, jnp.ones((1, 3)))
    assert np.isfinite([float(both), *np.asarray(leaning)]).all()
    hazard = 2.0 * float(log_ndtr(beta[0, 1])) / -90.0 + stats.norm.pdf(1.0) / stats.norm.cdf(1.0)
    rates = -float(log_ndtr(beta).sum())
    assert float(leaning[0]) == pytest.approx(rates + hazard, rel=1e-9)
