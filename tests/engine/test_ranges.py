"""Limits on a range over a population: against the law of the range, against counting, and what may not be asked."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from jax import Array
from scipy import integrate, stats

from yieldopt.conditional.integrand import Route, evaluate
from yieldopt.conditional.prepare import frame
from yieldopt.conditional.slope import sample
from yieldopt.estimators.base import Precision
from yieldopt.estimators.monte_carlo import MonteCarlo
from yieldopt.estimators.sobol import Sobol
from yieldopt.problem import Limit, Model, Population, Problem, Sites
from yieldopt.testing.crowds import crowds
from yieldopt.typing import Scalar

OWN = 0.25
"""Spread of each post's own height."""


class Nominal(eqx.Module):
    height: Scalar = 30.0


class Posts(Population[Nominal]):
    """Posts of a die that is thick or thin as a whole, and bowed."""

    sites: Sites
    bow: Scalar

    def variation(self, design: Nominal) -> Any:
        del design
        return numpyro.sample("own", dist.Normal(0.0, OWN))

    def state(self, design: Nominal, shared: Any, pose: Array, site: Sites) -> dict[str, Array]:
        del pose
        die, bow = shared
        return {"height": design.height + die + self.bow * bow * (site.x**2 + site.y**2 - 2 / 3)}

    def response(self, design: Nominal, state: dict[str, Array], element: Any) -> dict[str, Array]:
        del design
        return {"height": state["height"] + element}


class Die(Model[Nominal]):
    Design = Nominal
    posts: Posts

    def variation(self, design: Nominal) -> Any:
        del design
        return numpyro.sample("die", dist.Normal(0.0, 0.5)), numpyro.sample("bow", dist.Normal(0.0, 1.0))

    def populations(self) -> dict[str, Population[Nominal]]:
        return {"post": self.posts}


def die(side: int, allowed: float, bow: float = 0.0, low: float | None = None) -> Problem[Any]:
    x, y = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    model = Die(Posts(Sites.at(x.ravel(), y.ravel()), jnp.asarray(bow)))
    limits = (Limit.range("coplanarity", "post", "height", allowed),)
    limits += () if low is None else (Limit.of("height", "post", "height", low=low),)
    return Problem(model, limits, {})


def of_alike(count: int, allowed: float) -> float:
    """The chance that so many alike normals lie within `allowed` of one another: one integral."""

    def lies(a: float) -> float:
        within = stats.norm.cdf(a + allowed / OWN) - stats.norm.cdf(a)
        return count * stats.norm.pdf(a) * within ** (count - 1)

    return float(integrate.quad(lies, -9.0, 1.0, epsabs=1e-13, limit=400)[0])


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("side", "allowed"), [(6, 1.2), *(pytest.param(*case, marks=SLOW) for case in ((100, 2.2), (20, 2.8), (20, 1.6)))]
)
def test_posts_alike_have_the_law_of_the_range(side: int, allowed: float) -> None:
    """Four hundred of them, ten thousand, and few, whatever their die's height; losses of a half down to 2e-10."""
    problem, design = die(side, allowed), Nominal()
    prepared = Route(frame(problem, design)).prepare(problem, design)
    found = -np.expm1(np.asarray(evaluate(prepared, jnp.asarray([[0.0, 0.0], [1.5, 0.0]])).total))
    assert found == pytest.approx(1.0 - of_alike(side**2, allowed), rel=2e-3)


@SLOW
@pytest.mark.parametrize("bow", [1.0, 10.0, 100.0])
def test_where_medians_lie_far_apart_few_elements_decide(bow: float) -> None:
    """Four to four hundred times their own spread; counted by hand on 40,000 dies of one bow."""
    problem, design = die(17, 1.0, bow), Nominal()
    sites = problem.model.posts.sites  # type: ignore[attr-defined]
    middle = bow * (np.asarray(sites.x) ** 2 + np.asarray(sites.y) ** 2)
    heights = middle + OWN * np.random.default_rng(0).standard_normal((40_000, 289))
    spread = heights.max(1) - heights.min(1)
    for share in (0.5, 0.02):
        allowed = float(np.quantile(spread, 1.0 - share))
        other = die(17, allowed, bow)
        prepared = Route(frame(other, design)).prepare(other, design)
        found = -np.expm1(float(evaluate(prepared, jnp.asarray([[0.0, 1.0]])).total[0]))
        assert found == pytest.approx(share, abs=4.0 * np.sqrt(share / 40_000))


@SLOW
def test_where_they_lie_too_far_apart_it_says_so() -> None:
    problem, design = die(17, 2000.0, 1000.0), Nominal()
    prepared = Route(frame(problem, design)).prepare(problem, design)
    assert bool(evaluate(prepared, jnp.asarray([[0.0, 1.0]])).outside[0])


@SLOW
def test_their_yield_is_estimated() -> None:
    known = crowds()["PIL_COPLAN_1e4"]
    found = Sobol(Precision(1e-4, None))(known.problem, known.design, 1)
    assert found.failure_probability == pytest.approx(known.failure_probability, rel=2e-3)
    assert found.limits["coplanarity"][0] == pytest.approx(known.failure_probability, rel=2e-3)
    assert found.stderr < 1e-4


def test_the_reference_of_the_zoo() -> None:
    known = crowds()["PIL_COPLAN_1e4"]
    assert known.failure_probability == pytest.approx(1.0 - of_alike(10_000, 2.2), abs=1e-9)


@SLOW
def test_bowed_dies_are_lost_as_counted() -> None:
    problem = die(12, 2.1, 0.3, 28.2)
    counted = MonteCarlo(Precision(1e-5, None), 1 << 17)(problem, Nominal(), 1)
    found = Sobol(Precision(3e-3, None))(problem, Nominal())
    error = np.hypot(counted.stderr, found.stderr)
    assert error < 2.5e-3
    assert found.value == pytest.approx(counted.value, abs=4.0 * error)
    for name in ("coplanarity", "height"):
        share = counted.limits[name][0]
        assert share > 0.005
        own = 4.0 * np.sqrt(share / counted.evaluations) + 4.0 * found.stderr
        assert found.limits[name][0] == pytest.approx(share, abs=own)


@SLOW
def test_the_slope_in_what_is_designed() -> None:
    """Taller posts lie no further apart; with a limit on height besides, they are lost less."""
    for low, expected in ((None, 0.0), (28.0, None)):
        problem, design = die(6, 1.2, 0.3, low), Nominal(jnp.asarray(30.0))
        route = Route(frame(problem, design))
        points = jnp.asarray(stats.norm.ppf(stats.qmc.Sobol(2, rng=np.random.default_rng(0)).random(64)))
        weights = jnp.full(64, 1.0 / 64)

        def loss(height: float, route: Any = route, problem: Any = problem, points: Any = points) -> Any:
            return sample(route.prepare(problem, Nominal(jnp.asarray(height))), points, jnp.full(64, 1.0 / 64))

        slope = float(sample(route.prepare(problem, design), points, weights).design.height)
        ahead, behind = (float(loss(30.0 + step).loss.mean()) for step in (1e-3, -1e-3))
        if expected is not None:
            assert abs(slope) < 2e-5
        else:
            assert slope == pytest.approx((ahead - behind) / 2e-3, rel=1e-2)
