"""What is foretold of lines: polynomials against NumPy's own, and means that stay true whatever is foretold."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from numpyro.distributions import Normal
from scipy import integrate, stats

from yieldopt.estimators import estimate
from yieldopt.estimators.base import Watch
from yieldopt.estimators.design_points import find
from yieldopt.estimators.laying import Laying
from yieldopt.estimators.levelling import levelled, summed
from yieldopt.estimators.surface import Seen, degrees, fit, values
from yieldopt.limit_state import LimitState
from yieldopt.problem import Problem
from yieldopt.testing.zoo import zoo

KNOWN = zoo()
LOOKS = {1e-3: 2_000, 1e-6: 4_000, 1e-9: 6_000}


def seen(size: int, count: int, slopes: bool, function: Any, steep: Any) -> Seen:
    place = np.random.default_rng(2).normal(size=(count, size))
    slope = np.stack([step(place) for step in steep], 1) if slopes else np.zeros((count, 0))
    return Seen(place, function(place), slope, np.ones(count))


@pytest.mark.parametrize("slopes", [False, True])
def test_a_polynomial_is_found_again(slopes: bool) -> None:
    def cubic(x: np.ndarray) -> np.ndarray:
        return np.asarray(1.0 + x[:, 0] - 0.3 * x[:, 1] ** 2 + 0.2 * x[:, 0] ** 2 * x[:, 1])

    steep = [lambda x: 1.0 + 0.4 * x[:, 0] * x[:, 1], lambda x: -0.6 * x[:, 1] + 0.2 * x[:, 0] ** 2]
    known = seen(2, 4 if slopes else 20, slopes, cubic, steep)
    elsewhere = np.random.default_rng(3).normal(size=(50, 2))
    assert values([fit(known, 3)], elsewhere, 3)[0] == pytest.approx(cubic(elsewhere), abs=1e-4)


def test_least_squares_are_those_of_numpy() -> None:
    place = np.random.default_rng(4).normal(size=(30, 1))
    weight = np.random.default_rng(5).uniform(0.2, 2.0, 30)
    found = fit(Seen(place, np.sin(2.0 * place[:, 0]), np.zeros((30, 0)), weight), 4)
    theirs = np.polynomial.Polynomial.fit(place[:, 0], np.sin(2.0 * place[:, 0]), 4, w=np.sqrt(weight))
    assert values([found], place, 4)[0] == pytest.approx(theirs(place[:, 0]), abs=1e-6)


def test_no_more_coefficients_are_fitted_than_lines_can_bear() -> None:
    assert degrees(1, 30, True) == [2, 3, 4, 6, 8]
    assert degrees(1, 9, False) == [2]
    assert degrees(4, 40, True) == [2, 3]  # 200 equations: 15 and 35 coefficients, not 70
    assert degrees(30, 10_000, True) == degrees(0, 100, True) == []


def plain(margin: Any, size: int) -> Problem[Any]:
    def program(design: Any) -> Any:
        return numpyro.sample("x", Normal(0.0, 1.0).expand([size]))

    return Problem.of(program, lambda design, x: {"m": margin(x)})


def laid(problem: Problem[Any], seed: int, batches: int = 2) -> tuple[Laying, list[Any]]:
    state = LimitState(problem, None)
    laying = Laying(state, find(state, seed, Watch()), seed)
    drawn = laying.batch()
    for _ in range(batches - 1):
        drawn = [one.and_(more) for one, more in zip(drawn, laying.batch(), strict=True)]
    return laying, drawn


def test_what_is_foretold_is_taken_out() -> None:
    """A curved limit in four variables: next to nothing is left of why lines differ, and the loss is the same."""
    problem = plain(lambda x: 3.4 - x[0] + 0.15 * x[1] ** 2 + 0.1 * x[2] * x[3] - 0.02 * x[1] ** 3, 4)
    laying, drawn = laid(problem, 1)
    raw, told = levelled(drawn[0], None)[0], levelled(drawn[0], laying.foretold[0])[0]
    assert told.std() < 0.1 * raw.std()
    assert abs(told.mean() - raw.mean()) < 4.0 * raw.std() / np.sqrt(len(raw))


def kinked(x: Any) -> Any:
    return 3.0 - abs(x[0]) - 0.8 * abs(x[1])


def half_bent(x: Any) -> Any:
    return 2.8 - x[0] + 0.5 * abs(x[1] - 0.7) * x[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("margin", "beyond"),
    [
        (kinked, lambda y: 2.0 * stats.norm.sf(3.0 - 0.8 * abs(y)) if abs(y) < 3.75 else 1.0),
        (half_bent, lambda y: stats.norm.sf(2.8 + 0.5 * abs(y - 0.7) * y)),
    ],
    ids=["kinks", "a kink and a bend"],
)
def test_the_mean_is_true_whatever_is_foretold(margin: Any, beyond: Any) -> None:
    """Polynomials through kinks are wrong, and the mean over 200 seeds is the integral all the same."""
    truth = integrate.quad(lambda y: stats.norm.pdf(y) * beyond(y), -9, 9, points=[-3.75, 0.0, 0.7, 3.75], limit=400)[0]
    problem = plain(margin, 2)
    losses = [summed(drawn, laying.foretold).loss for laying, drawn in (laid(problem, s) for s in range(200))]
    assert abs(np.mean(losses) - truth) < 4.0 * np.std(losses, ddof=1) / np.sqrt(200) + 5e-4 * truth


def test_what_is_told_of_lines_knows_nothing_of_them() -> None:
    """Whatever lines of their own half of the replicates came to, the polynomials are the same to the last bit."""
    laying, (drawn, *_) = laid(plain(half_bent, 2), 1)
    odd, foretold = drawn.replicate % 2 == 1, laying.foretold[0]
    assert foretold
    half = drawn.replicate // 2 % 2 == 1
    other = drawn.laid._replace(
        distance=np.where(odd, drawn.laid.distance + 1.0, drawn.laid.distance),
        slope=np.where(odd[:, None], 0.5, drawn.laid.slope),
    )
    mine = foretold.best(foretold.lines(drawn.laid), drawn.value, ~odd & half, ~odd & ~half)
    value = np.where(odd, 7.0 * drawn.value, drawn.value)
    its = foretold.best(foretold.lines(other), value, ~odd & half, ~odd & ~half)
    assert mine
    assert its
    assert (mine[0].degree, mine[0].most) == (its[0].degree, its[0].most)
    np.testing.assert_array_equal(mine[0].through, its[0].through)


def test_lines_that_never_fail_and_several_parts_are_foretold_too() -> None:
    """A disc fails beside a half plane: lines laid across the disc miss it."""

    def either(x: Any) -> Any:
        return jnp.minimum((x[0] - 3.6) ** 2 + x[1] ** 2 - 0.25, 3.3 + x[0])

    def chord(y: float) -> float:
        low, high = stats.norm.cdf(3.6 + np.sqrt(0.25 - y * y) * np.array([-1.0, 1.0]))
        return float(stats.norm.pdf(y) * (high - low))

    laying, drawn = laid(plain(either, 2), 1, 4)
    assert len(laying.parts) > 1
    assert any(np.isinf(part.laid.distance).any() for part in drawn)
    found, truth = summed(drawn, laying.foretold), stats.norm.sf(3.3) + integrate.quad(chord, -0.5, 0.5)[0]
    assert abs(found.loss - truth) < 4.0 * found.stderr
    assert found.stderr < 0.1 * found.loss


def test_without_slopes_values_alone_foretell() -> None:
    laying, drawn = laid(plain(lambda x: jnp.sign(jnp.minimum(3.3 + x[0], 3.5 - x[1])), 2), 1, 4)
    assert all(laying.foretold)
    assert not laying.smooth
    found = summed(drawn, laying.foretold)
    assert abs(found.loss - (1.0 - stats.norm.cdf(3.3) * stats.norm.cdf(3.5))) < 4.0 * found.stderr
    assert found.stderr < 0.03 * found.loss


def test_one_line_in_all_stays_in_doubt() -> None:
    """Where a polynomial foretells all, the error is that of the points that might have spoken against it."""
    laying, drawn = laid(plain(lambda x: 3.0 - x[0], 3), 1)
    found = summed(drawn, laying.foretold)
    assert found.loss == pytest.approx(stats.norm.sf(3.0), rel=1e-6)
    assert found.stderr == pytest.approx(found.loss * np.hypot(1.0 / len(drawn[0].value), 5e-4), rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["RP8", "RP14", "RP22", "RP24", "RP31", "RP38", "RP75", "RP89", "FOURBRANCH", "FOURBRANCH_k6", "ROOFTRUSS", "RP28",
     "RP107", "OSC_F0.6", "IRWINHALL8", "LINEAR1000"],
)  # fmt: skip
def test_one_per_cent_in_few_looks(name: str) -> None:
    """Root mean square over 20 seeds, in the looks that a loss of about so much is allowed."""
    loss = KNOWN[name].failure_probability
    most = LOOKS[min(LOOKS, key=lambda size: abs(np.log(size / loss)))]
    found = [estimate(KNOWN[name].problem, relative=0.02, max_evaluations=most, seed=seed) for seed in range(20)]
    assert np.sqrt(np.mean([(one.failure_probability / loss - 1.0) ** 2 for one in found])) < 0.01
    assert np.mean([one.evaluations for one in found]) <= most
    assert all(one.gradient_evaluations <= one.evaluations for one in found)
