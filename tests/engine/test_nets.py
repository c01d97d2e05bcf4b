"""Nets with elements to spare: their law against the sum over every number that fails, and their yield counted."""

import dataclasses
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

from yieldopt.conditional import slope
from yieldopt.conditional.integrand import Route, evaluate
from yieldopt.conditional.prepare import frame
from yieldopt.conditional.spared import passed
from yieldopt.errors import UserError
from yieldopt.estimators.base import Precision
from yieldopt.estimators.monte_carlo import MonteCarlo
from yieldopt.estimators.sobol import Sobol
from yieldopt.nets import tolerate
from yieldopt.problem import Limit, Model, Population, Problem, Sites
from yieldopt.timing import Stopwatch


def by_convolution(q: np.ndarray) -> np.ndarray:
    """The law of how many of some elements fail."""
    law = np.ones(1)
    for one in q:
        law = np.convolve(law, [1.0 - one, one])
    return law


@pytest.mark.parametrize(("size", "spare", "often"), [(9, 0, 0.3), (9, 1, 0.9), (30, 3, 0.2), (200, 8, 0.03)])
def test_groups_pass_as_the_sum_over_every_number_that_fails(size: int, spare: int, often: float) -> None:
    q = np.random.default_rng(size).random((3, size)) * often
    within = np.ones((3, size))
    within[2, -2:] = 0.0  # a smaller group
    found = passed(jnp.log1p(-q), jnp.asarray(within), jnp.asarray(float(spare)), 8)
    for k in range(3):
        law = by_convolution(q[k][within[k] > 0])
        kept, last = law[: spare + 1].sum(), law[spare]
        before = law[spare - 1] if spare else 0.0
        assert float(found.log[k]) == pytest.approx(np.log(kept), rel=1e-11)
        assert float(found.last[k]) == pytest.approx(last / kept, rel=1e-11)
        assert float(found.bend[k]) == pytest.approx((last - before) / kept, rel=1e-9)


def test_nodes_that_stand_for_many_are_as_many() -> None:
    """20 elements alike on three nodes, whole numbers of them and not: the binomial law either way."""
    for number in ([10.0, 7.0, 3.0], [10.3, 6.7, 3.0]):
        found = passed(jnp.full((1, 3), np.log(0.99)), jnp.asarray([number]), jnp.asarray(2.0), 2)
        assert float(found.log[0]) == pytest.approx(stats.binom.logcdf(2, 20, 0.01), rel=1e-12)


def test_a_node_that_stands_for_a_million_is_lost_and_no_less_a_number() -> None:
    found = passed(jnp.full((1, 231), -0.3), jnp.full((1, 231), 4000.0), jnp.asarray(3.0), 4)
    assert -1e6 < float(found.log[0]) < -1e4
    assert np.isfinite([float(found.last[0]), float(found.bend[0])]).all()


class Design(eqx.Module):
    reach: Array


class Posts(Population[Design]):
    """Posts that carry a plate: one fails that does not reach, or that is off its place."""

    sites: Sites

    def variation(self, design: Design) -> Any:
        del design
        return 0.5 * numpyro.sample("height", dist.Normal()), numpyro.sample("place", dist.Normal())

    def state(self, design: Design, shared: Any, pose: Array, site: Sites) -> dict[str, Array]:
        del design
        bow, shift = shared
        return {"gap": pose[0] + pose[1] * site.x + 0.25 * bow * (site.x**2 - 0.4), "shift": 0.3 * shift + 0.2 * site.y}

    def response(self, design: Design, state: dict[str, Array], element: Any) -> dict[str, Array]:
        height, place = element
        return {"reach": design.reach + height - state["gap"], "off": state["shift"] + place + 0.2 * height}

    def force(self, design: Design, state: dict[str, Array], element: Any) -> dict[str, Array]:
        del design
        return {"gap": 2.0 * (state["gap"] - element[0])}


class Plate(Model[Design]):
    Design = Design
    posts: Posts
    limit: Array

    def variation(self, design: Design) -> Any:
        del design
        return numpyro.sample("bow", dist.Normal()), numpyro.sample("shift", dist.Normal())

    def populations(self) -> dict[str, Population[Design]]:
        return {"post": self.posts}

    def rest(self, design: Design, shared: Any) -> Array:
        del design, shared
        return jnp.zeros(2)

    def limits(self) -> tuple[Limit, ...]:
        return Limit.of("reach", "post", "reach", low=0.0), Limit.of("off", "post", "off", -9.0, 3.8)


SIDE = 10


def plate(reach: float = 1.2, spare: int = 2) -> tuple[Problem[Any], Design]:
    """A hundred posts: a supply through forty-eight of them, four lanes of nine in the other half, others alone."""
    x, y = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))
    problem = Problem.of(Plate(Posts(Sites.at(x.ravel(), y.ravel())), jnp.zeros(())))
    lanes = [range(50 + 9 * k, 59 + 9 * k) for k in range(4)]
    nets = {"supply": ([range(48)], spare), "lanes": (lanes, 1)}
    return tolerate(problem, "post", ["reach"], nets), Design(jnp.asarray(reach))


def test_the_fast_route_counts_what_exact_units_do() -> None:
    problem, design = plate()
    counted = MonteCarlo(Precision(absolute=1e-5), 1 << 15)(problem, design, 1)
    found = Sobol(Precision(absolute=1e-3))(problem, design)
    error = np.hypot(counted.stderr, found.stderr)
    assert error < 3e-3
    # The crowd's own errors are told (`doubts`): a linear bed leaves less than a hundredth of the loss.
    assert found.value == pytest.approx(counted.value, abs=4.0 * error + 0.01 * (1.0 - counted.value))
    for name in ("reach", "off", "supply", "lanes"):
        share = counted.limits[name][0]
        own = 4.0 * np.sqrt(share / counted.evaluations) + 4.0 * found.stderr
        assert found.limits[name][0] == pytest.approx(share, abs=own + 0.02 * share)
        assert share > 0.005


@pytest.mark.slow
def test_what_spares_are_worth() -> None:
    problem, design = plate()
    without = dataclasses.replace(problem, nets=(), limits=problem.limits[:2])
    some, none = (Sobol(Precision(absolute=1e-3))(one, design).value for one in (problem, without))
    assert none < some - 0.05


def test_more_to_spare_is_better_and_compiles_nothing_anew() -> None:
    found = []
    for spare in (2, 3):
        problem, design = plate(spare=spare)
        route = Route(frame(problem, design))
        with Stopwatch() as watch:
            found.append(float(evaluate(route.prepare(problem, design), jnp.zeros((64, 2))).total[0]))
        assert spare == 2 or watch.programs == 0
    assert found[0] < found[1] < 0.0


@pytest.mark.slow
def test_the_slope_of_the_loss_with_points_and_nodes_fixed() -> None:
    """In a random direction of the series that it reads, against central differences."""
    problem, design = plate()
    prepared = Route(frame(problem, design)).prepare(problem, design)
    points = jnp.asarray(stats.norm.ppf(stats.qmc.Sobol(2, rng=np.random.default_rng(0)).random(64)))
    weights, rng = jnp.full(64, 1.0 / 64), np.random.default_rng(1)
    moves = slope._moves(prepared)
    towards = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), moves)
    along = slope.slopes(prepared, points, weights)[1]
    expected = sum(float((a * b).sum()) for a, b in zip(*map(jax.tree.leaves, (along, towards)), strict=True))

    def loss(step: float) -> float:
        moved = slope._moved(prepared, jax.tree.map(lambda x, t: x + step * t, moves, towards))
        return float(weights @ slope.slopes(moved, points, weights)[0])

    norm = np.sqrt(sum(float((leaf**2).sum()) for leaf in jax.tree.leaves(along)))
    assert (loss(1e-6) - loss(-1e-6)) / 2e-6 == pytest.approx(expected, abs=1e-6 * norm)


def test_what_cannot_be_a_net_is_refused() -> None:
    problem, _ = plate()
    bare = dataclasses.replace(problem, nets=(), limits=problem.limits[:2])
    for by, nets, said in (
        (["nothing"], {"a": ([[1]], 0)}, "limits of post"),
        (["reach"], {"a": ([[1, 2]], 0), "b": ([[2]], 0)}, "one group"),
        (["reach"], {"a": ([[1, 2]], 40)}, "spare"),
        (["reach"], {"a": ([[1, 200]], 1)}, "elements 0 to 99"),
        (["reach"], {"post": ([[1, 2]], 1)}, "of their own"),
        (["reach"], {"a": ([], 1)}, "of their own"),
        (["reach"], {}, "of their own"),
    ):
        with pytest.raises(UserError, match=said):
            tolerate(bare, "post", by, nets)
    with pytest.raises(UserError, match="at once"):
        tolerate(problem, "post", ["reach"], {"a": ([[1, 2]], 1)})
