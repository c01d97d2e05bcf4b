"""Estimators against closed forms: a unit with one shared height and many elements of its own."""

from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special, stats

from yieldopt.errors import UserError
from yieldopt.estimators import proposal
from yieldopt.estimators.auto import method
from yieldopt.estimators.base import Precision, Watch, binomial_interval
from yieldopt.estimators.counting import Counts, count
from yieldopt.estimators.monte_carlo import MonteCarlo
from yieldopt.estimators.sobol import BATCH, LEAST, Sobol
from yieldopt.problem import Defects, Limit, Problem
from yieldopt.testing.crowds import Die, Height, Pillars, crowds, die
from yieldopt.testing.zoo import zoo


def chip(rows: int, sides: tuple[float, float] = (28.0, 32.4), kind: type[Pillars] = Pillars) -> Problem[Height]:
    """h_k = 30.2 + .5 D + .35 e_k within the sides for all k."""
    problem = die(rows, rows, 0.5, 0.35, Limit.of("height", "pillar", "height", *sides))
    found = problem.model.pillars  # type: ignore[attr-defined]
    return Problem(Die(kind(found.sites, found.own), problem.model.shared), problem.limits, {})  # type: ignore[attr-defined]


def exact(
    count: int, low: float = 28.0, high: float = 32.4, law: tuple[float, float, float] = (30.2, 0.5, 0.35)
) -> float:
    mean, shared, own = law

    def given(d: float) -> float:
        inside = stats.norm.cdf((high - mean - shared * d) / own) - stats.norm.cdf((low - mean - shared * d) / own)
        return float(stats.norm.pdf(d) * inside**count)

    return float(integrate.quad(given, -9, 9, epsabs=1e-12, limit=400)[0])


@pytest.mark.parametrize("name", ["PIL_HIER_1e4", pytest.param("PIL_HIER_OPT_1e5", marks=pytest.mark.slow)])
def test_the_joint_yield_of_many_pillars(name: str) -> None:
    known = crowds()[name]
    found = Sobol(Precision(1e-4, None))(known.problem, known.design, 3)
    assert found.failure_probability == pytest.approx(known.failure_probability, abs=4.0 * found.stderr)
    assert found.stderr < 1e-4
    assert found.interval[0] < found.value < found.interval[1]


def test_references_of_many_pillars() -> None:
    """By quadrature over what they share."""
    assert crowds()["PIL_HIER_1e4"].failure_probability == pytest.approx(1.0 - exact(10_000), abs=1e-9)
    best = exact(100_000, 28.0, 32.0, (30.0, 0.4, 0.3))
    assert crowds()["PIL_HIER_OPT_1e5"].failure_probability == pytest.approx(1.0 - best, abs=1e-9)
    for height in (29.98, 30.02):
        assert exact(100_000, 28.0, 32.0, (height, 0.4, 0.3)) < best


def test_a_rare_loss_is_found_with_relative_precision() -> None:
    found = Sobol(Precision(None, 0.05))(chip(10, sides=(27.0, 33.4)), Height(), 1)
    truth = 1 - exact(100, 27.0, 33.4)
    assert truth < 1e-4
    assert abs(found.failure_probability - truth) <= max(4 * found.stderr, 0.01 * truth)


def test_one_batch_does_not_end_an_estimate() -> None:
    """However small the error that it states: that is drawn from the same few points as the loss."""
    found = Sobol(Precision(0.5, None))(chip(10), Height(), 1)
    assert found.evaluations == LEAST * BATCH > BATCH


def test_a_loss_beyond_the_tables_is_doubted() -> None:
    found = Sobol(Precision(None, 0.05))(chip(10, sides=(26.0, 34.4)), Height(), 1)
    truth = 1 - exact(100, 26.0, 34.4)
    assert truth < 1e-9
    assert abs(found.failure_probability - truth) <= 4 * found.stderr or found.doubt > 0.05 * found.failure_probability


@pytest.mark.parametrize("own", [0.05, 0.01, 1e-3])
def test_elements_with_next_to_no_noise_of_their_own_fail_where_the_unit_carries_them(own: float) -> None:
    """Their index passes from one end to the other within a sliver of what the die scatters by."""

    class Stiff(Pillars):
        def response(self, design: Height, state: Any, element: Any) -> dict[str, Any]:
            return {"height": state["height"] + element * own / 0.35}

    def inside(d: float) -> float:
        low, high = (stats.norm.cdf((side - 30.2 - 0.5 * d) / own) for side in (28.0, 31.4))
        return float(high - low) ** 100

    truth = integrate.quad(lambda d: stats.norm.pdf(d) * inside(d), -9, 9, points=[-4.4, 2.4, 2.3], limit=2000)[0]
    found = Sobol(Precision(None, 0.05))(chip(10, (28.0, 31.4), Stiff), Height(), 1)
    assert abs(found.value - truth) <= 4 * found.stderr + found.doubt
    assert found.doubt <= 0.1 * found.failure_probability


def test_a_limit_that_nothing_fails_is_met_for_good() -> None:
    """Its loss is zero to the last digit, and so are the error of that and what is asked of it."""
    found = Sobol(Precision(None, 0.1))(chip(10, sides=(-1e3, 1e3)), Height(), 1)
    assert (found.value, found.failure_probability, found.status) == (1.0, 0.0, "converged.")


def test_a_limit_that_no_shared_draw_reaches() -> None:
    """Its margin depends on the element alone: the series is a constant."""

    class Loose(Pillars):
        def response(self, design: Height, state: Any, element: Any) -> dict[str, Any]:
            return {"height": element}

    found = Sobol(Precision(1e-3, None))(chip(10, (-1.2, 9.0), Loose), Height(), 1)
    assert found.value == pytest.approx(stats.norm.sf(-1.2 / 0.35) ** 100, rel=1e-3)


def test_counting_agrees_with_the_closed_form() -> None:
    found = MonteCarlo(Precision(5e-3, None))(chip(10), Height(), 7)
    assert abs(found.value - exact(100)) <= 4 * found.stderr


@pytest.mark.parametrize("name", ["chip", "FOURBRANCH"])
def test_counts_are_the_same_for_any_batch_and_after_a_break(name: str) -> None:
    """Bit for bit: units are drawn by their own number."""
    problem, design = (chip(5), Height()) if name == "chip" else (zoo()[name].problem.named(None), None)
    key, most = jax.random.key(7), 8192
    whole = count(problem, design, key, 0, most)
    assert 0 < int(whole.passed) < most
    for batch in (64, 512, 4096):
        parts = [count(problem, design, key, start, start + batch) for start in range(0, most, batch)]
        for part, all_of_them in zip(reduce(Counts.plus, parts), whole, strict=True):
            np.testing.assert_array_equal(part, all_of_them)
        found = MonteCarlo(Precision(1e-9, None), most, batch=batch)(problem, design, 7)
        assert (found.evaluations, found.value) == (most, int(whole.passed) / most)


def test_no_more_units_are_drawn_than_are_wanted() -> None:
    """As many as the precision asks for, to a tenth; and not one beyond the most that may be."""
    problem = zoo()["FOURBRANCH"].problem
    found = MonteCarlo(Precision(None, 0.05), 1 << 24)(problem, None, 1)
    half = 0.5 * (found.interval[1] - found.interval[0])
    assert 0.95 < half / (0.05 * found.failure_probability) <= 1.0
    assert MonteCarlo(Precision(None, 0.05), 6400)(problem, None, 1).evaluations == 6400


def test_few_units_of_many_elements_are_counted_before_the_first_look() -> None:
    """Of 90,000 elements no 512 units are drawn before a run can tell of itself, or end."""
    problem = die(300, 300, 0.5, 0.35, Limit.of("h", "pillar", "height", 28.0))
    found = MonteCarlo(Precision(0.4, None))(problem, Height(), 1)
    assert found.evaluations == 64


def test_without_limits_every_unit_passes() -> None:
    plain = chip(4)
    found = MonteCarlo(Precision(1e-2, None), 640)(Problem(plain.model, (), plain.defects), Height(), 1)
    assert (found.value, found.evaluations) == (1.0, 512)


def test_no_failure_is_an_upper_bound_and_says_so() -> None:
    found = MonteCarlo(Precision(1e-2, None))(chip(4, sides=(0.0, 90.0)), Height(), 1)
    assert found.value == 1.0
    assert found.interval[0] < 1.0
    assert "no unit" in found.status


def test_defects_are_reported_apart() -> None:
    plain = chip(10)
    problem = Problem(plain.model, plain.limits, {"pillar": Defects(jnp.array(1e-4), jnp.array(2.0))})
    found = Sobol(Precision(2e-3, None))(problem, Height(), 3)
    assert found.defects == pytest.approx((1 - 100 * np.log1p(-1e-4) / 2) ** -2, rel=1e-12)
    assert found.value == pytest.approx(found.parametric * found.defects)


def test_auto_counts_where_elements_are_few() -> None:
    found = method("auto", Precision(2e-2, None), Watch())(chip(3), Height(), 1)
    assert found.method == "monte_carlo"
    assert "fewer than" in found.status
    with pytest.raises(UserError, match="a method among"):
        method("guess", Precision(), Watch())


def test_auto_counts_few_units_where_many_would_settle_nothing() -> None:
    """One in a thousand million is lost and the tables end there: 200,000 units would lose none."""
    problem = chip(10, sides=(26.0, 34.4))
    found = method("auto", Precision(None, 0.05), Watch())(problem, Height(), 1)
    assert found.method == "sobol"
    assert found.doubt > 0.05 * found.failure_probability
    assert "; 12544 exact units agree" in found.status


def test_a_stopped_run_keeps_what_it_has() -> None:
    watch = Watch()
    watch.stop.set()
    found = MonteCarlo(Precision(1e-6, None), watch=watch)(chip(4), Height(), 1)
    assert found.evaluations == 512
    assert "not reached" in found.status


@pytest.mark.parametrize(("passed", "count"), [(90, 100), (1, 50), (100, 100), (0, 10)])
def test_the_binomial_interval_covers_exactly(passed: int, count: int) -> None:
    low, high = binomial_interval(passed, count, 0.95)
    if passed not in (0, count):
        assert stats.binom.sf(passed - 1, count, low) == pytest.approx(0.025)
        assert stats.binom.cdf(passed, count, high) == pytest.approx(0.025)
    else:
        assert high - low == pytest.approx(1 - 0.05 ** (1 / count))


def test_a_proposal_leaves_the_estimate_unbiased() -> None:
    """A linear loss far out: weights average to one and the aimed law finds the failure plane of beta 4."""

    def losses(z: np.ndarray) -> np.ndarray:
        return np.repeat(stats.norm.cdf((z @ [0.6, 0.8, 0.0] - 4.0) / 0.3)[:, None], 2, 1)

    law = proposal.aim(losses, 3, 1024, 5)
    draws = stats.qmc.Sobol(3, rng=np.random.default_rng(1)).random(4096)
    points = law.points(draws)
    weights = law.weights(points)
    assert weights.max() <= 8.0
    assert weights.mean() == pytest.approx(1.0, abs=0.05)
    truth = stats.norm.sf(4.0 / np.sqrt(1 + 0.09))
    assert weights @ losses(points)[:, 0] / len(points) == pytest.approx(truth, rel=0.02)


def test_a_limit_that_no_pilot_saw_is_approached() -> None:
    """A ring of radius 4.2 with a sharp edge beside a common plane: Rayleigh's tail adds 1.5e-4."""

    def losses(z: np.ndarray) -> np.ndarray:
        index = np.stack([(z[:, 0] - 3.0) / 0.3, (np.hypot(z[:, 3], z[:, 4]) - 4.2) / 0.1], 1)
        each = special.ndtr(14.0 * np.tanh(index / 14.0))  # as the engine's own series are bounded
        return np.concatenate([1.0 - (1.0 - each).prod(1, keepdims=True), each], 1)

    law = proposal.aim(losses, 20, 512, 5)
    points = law.points(stats.qmc.Sobol(20, rng=np.random.default_rng(1)).random(8192))
    terms = law.weights(points) * losses(points)[:, 2]
    radii = np.linspace(0.0, 12.0, 200_001)
    truth = integrate.trapezoid(radii * np.exp(-0.5 * radii**2) * special.ndtr((radii - 4.2) / 0.1), radii)
    stderr = terms.std() / np.sqrt(len(terms))
    assert abs(terms.mean() - truth) < 4.0 * stderr
    assert stderr < np.sqrt(truth / len(terms)) / 8.0  # an eighth of what plain draws leave


@pytest.mark.slow
def test_replicates_converge_faster_than_plain_draws() -> None:
    """Eight times the points leave less than a third of the error: every part has a sequence of its own."""
    errors = [
        np.mean([Sobol(Precision(1e-9, None), points=count)(chip(100), Height(), seed).stderr for seed in range(4)])
        for count in (1024, 8192)
    ]
    assert errors[1] < errors[0] / 3.0
