"""Line sampling against closed forms and the zoo, and where there is no slope, no failure or nothing but failures."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from jax import Array
from numpyro.distributions import Normal
from scipy import stats

from yieldopt.errors import UserError
from yieldopt.estimators import Estimate, Precision, estimate
from yieldopt.estimators.line import Line
from yieldopt.knob import knob
from yieldopt.problem import Limit, Model, Population, Problem, Sites
from yieldopt.testing.zoo import zoo
from yieldopt.typing import Scalar

KNOWN = zoo()
QUICK = ["RP22", "RP31", "RP57", "FOURBRANCH", "PARALLEL5", "HAT", "GUMBELMAX20", "LINEAR1000"]


def plain(count: int, margins: Any) -> Problem[Any]:
    def program(design: Any) -> Any:
        return numpyro.sample("x", Normal(0.0, 1.0).expand([count]))

    return Problem.of(program, lambda design, x: margins(x) if design is None else margins(x, design))


def lines(problem: Problem[Any], seed: int = 1, of_loss: float = 0.03, most: int = 50_000) -> Estimate:
    return Line(Precision(None, of_loss), most)(problem, None, seed)


def agrees(found: Estimate, loss: float) -> bool:
    return abs(found.failure_probability - loss) <= 4.0 * found.stderr


@pytest.mark.parametrize(
    "name", [*QUICK, *(pytest.param(n, marks=pytest.mark.slow) for n in KNOWN if n not in {*QUICK, "RP55"})]
)
def test_it_agrees_with_known_answers_and_keeps_to_its_budget(name: str) -> None:
    known = KNOWN[name]
    found = lines(known.problem)
    assert agrees(found, known.failure_probability), found
    assert found.stderr < 0.02 * known.failure_probability
    assert found.status == "converged."
    assert found.gradient_evaluations <= found.evaluations <= 50_000


@pytest.mark.parametrize("most", [2_000, 4_000])
def test_no_batch_goes_beyond_the_looks_allowed(most: int) -> None:
    """Nor is a second method begun with what is left of a few thousand."""
    found = estimate(KNOWN["RP24"].problem, relative=1e-3, max_evaluations=most)
    assert 0.7 * most <= found.evaluations <= most
    assert agrees(found, KNOWN["RP24"].failure_probability)
    assert found.status.startswith("the precision asked for was not reached")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["RP22", "RP75", "RP89", "FOURBRANCH", "RP28", "LOGN_CORR3", "HAT", "RP33"])
def test_its_intervals_cover(name: str) -> None:
    known = KNOWN[name]
    found = [lines(known.problem, seed, 0.05) for seed in range(200)]
    inside = [1 - f.interval[1] <= known.failure_probability <= 1 - f.interval[0] for f in found]
    assert np.mean(inside) >= 0.88


def test_each_limit_has_its_share() -> None:
    """Three independent limits: how often each fails, and alone, is a product of normal tails."""
    at = np.array([2.0, 2.5, 3.0])
    found = lines(plain(3, lambda x: {name: a - x[k] for k, (name, a) in enumerate(zip("abc", at, strict=True))}))
    tail = stats.norm.sf(at)
    assert agrees(found, 1 - np.prod(1 - tail))
    for k, name in enumerate("abc"):
        alone = tail[k] * np.prod(np.delete(1 - tail, k))
        assert found.limits[name] == pytest.approx((tail[k], alone), rel=0.35)  # by one point a line
    assert list(found.by_limit) == ["a", "b", "c"]


def test_margins_in_other_units_change_nothing() -> None:
    """A limit told in 1e-6 of its unit and one in 1e6: the search is led astray by neither."""
    found = lines(plain(2, lambda x: {"small": 1e-6 * (3.0 - x[0]), "large": 1e6 * (3.2 - x[1])}))
    assert agrees(found, 1 - stats.norm.cdf(3.0) * stats.norm.cdf(3.2))


@jax.custom_jvp
def wrong(x: Array) -> Array:
    return 3.5 - (x[0] + x[1]) / np.sqrt(2.0)


@wrong.defjvp
def _(primals: Any, tangents: Any) -> Any:
    return wrong(*primals), 5.0 * tangents[0][0]


@pytest.mark.parametrize(
    "margin",
    [lambda x: jnp.where(x[0] > 3.5, -1.0, 1.0), lambda x: 3.5 - jax.lax.stop_gradient(x[0]), wrong],
    ids=["passes or fails", "no slope", "a wrong slope"],
)
def test_without_slopes_lines_are_followed_by_halving(margin: Any) -> None:
    found = lines(plain(2, lambda x: {"m": margin(x)}), of_loss=0.1)
    assert agrees(found, float(stats.norm.sf(3.5))), found
    assert found.stderr < 0.1 * stats.norm.sf(3.5)


@pytest.mark.parametrize(("at", "loss"), [(-2.0, stats.norm.cdf(2.0)), (0.5, stats.norm.sf(0.5))])
def test_where_much_is_lost(at: float, loss: float) -> None:
    assert agrees(lines(plain(2, lambda x: {"m": at - x[0] + 0.0 * x[1]})), float(loss))


def test_what_never_fails_has_an_upper_bound() -> None:
    found = estimate(plain(2, lambda x: {"m": 1.0 + x[0] ** 2 + 0.0 * x[1]}), max_evaluations=4096)
    assert found.value == 1.0
    assert found.interval == (pytest.approx(1.0, abs=2e-3), 1.0)
    assert found.interval[0] < 1.0
    assert found.stderr > 0.0
    assert "no place was found where it begins to fail" in found.status
    assert "loss is below" in found.status


def test_what_always_fails_says_so() -> None:
    found = estimate(plain(2, lambda x: {"m": -1.0 - x[0] ** 2 + 0.0 * x[1]}), max_evaluations=4096)
    assert found.value == 0.0
    assert 0.0 < found.interval[1] < 0.01


def test_a_margin_that_is_not_a_number_fails_and_is_named() -> None:
    found = lines(plain(2, lambda x: {"good": 4.0 - x[1], "root": jnp.sqrt(3.0 - x[0])}))
    assert agrees(found, float(1 - stats.norm.cdf(4.0) * stats.norm.cdf(3.0)))
    assert "root was not a number at" in found.status
    assert "good was not" not in found.status


def test_margins_that_are_never_a_number_are_named() -> None:
    found = estimate(plain(2, lambda x: {"m": jnp.nan * x.sum()}), max_evaluations=4096)
    assert found.value == 0.0
    assert "m was not a number at" in found.status


def test_a_design_is_handed_on_and_the_same_seed_gives_the_same_answer() -> None:
    problem = plain(2, lambda x, design: {"m": design - x[0] - 0.1 * x[1] ** 2})
    first, again, other = (Line(Precision(None, 0.1))(problem, jnp.asarray(3.0), seed) for seed in (1, 1, 2))
    assert (first.value, first.stderr, first.evaluations) == (again.value, again.stderr, again.evaluations)
    assert first.value != other.value
    apart = np.hypot(first.stderr, other.stderr)
    assert abs(first.value - other.value) <= 4.0 * apart


def test_methods_agree_with_one_another() -> None:
    known = KNOWN["RP53"]
    found = [
        estimate(known.problem, relative=0.1, max_evaluations=40_000, method=name)
        for name in ("line", "points", "monte_carlo", "auto")
    ]
    for one in found:
        assert agrees(one, known.failure_probability), one
    assert [one.method for one in found[:3]] == ["line", "points", "monte_carlo"]


def test_much_loss_is_left_to_points() -> None:
    known = KNOWN["RP55"]
    found = estimate(known.problem, relative=0.01, max_evaluations=50_000)
    assert found.method == "points"
    assert agrees(found, known.failure_probability)
    assert found.stderr < 0.005 * known.failure_probability


def test_what_makes_no_sense_is_refused() -> None:
    problem = plain(1, lambda x: {"m": x[0]})
    with pytest.raises(UserError, match=r"(?s)relative.*confidence"):
        estimate(problem, relative=-1.0, confidence=95.0)
    with pytest.raises(UserError, match="a method among"):
        estimate(problem, method="guess")
    with pytest.raises(UserError, match="margins beside a program"):
        Problem.of(lambda design: numpyro.sample("x", Normal()))
    with pytest.raises(UserError, match="margins by name"):
        estimate(Problem.of(lambda design: numpyro.sample("x", Normal()), lambda design, x: x))
    with pytest.raises(UserError, match="a program that draws something"):
        estimate(Problem.of(lambda design: jnp.ones(()), lambda design, x: {"m": x}))
    with pytest.raises(UserError, match="fewer than 21201 normals"):
        lines(plain(30_000, lambda x: {"m": x.sum()}))


class Drawing(eqx.Module):
    height: Scalar = knob(0.0, -1.0, 1.0, "um", "recipe", "height of the pins")


class Pins(Population[Drawing]):
    sites: Sites

    def variation(self, design: Drawing) -> Any:
        return numpyro.sample("own", Normal(0.0, 1.0))

    def state(self, design: Drawing, shared: Any, pose: Any, site: Sites) -> dict[str, Array]:
        return {"height": design.height + shared}

    def response(self, design: Drawing, state: Any, element: Any) -> dict[str, Array]:
        return {"height": state["height"] + element}


class Row(Model[Drawing]):
    """Five pins that share a height: each at most five above."""

    Design: ClassVar[type[eqx.Module]] = Drawing
    pins: Pins

    def variation(self, design: Drawing) -> Any:
        return numpyro.sample("shared", Normal(0.0, 0.5))

    def populations(self) -> dict[str, Population[Drawing]]:
        return {"pin": self.pins}

    def limits(self) -> tuple[Limit, ...]:
        return (Limit.of("height", "pin", "height", high=5.0),)


def test_few_elements_that_seldom_fail_are_told_by_lines() -> None:
    """Seven in a million: by quadrature over the shared height; 200,000 exact units see one or none."""
    problem = Problem.of(Row(Pins(Sites.at(np.arange(5), np.zeros(5)))))
    shared, weight = np.polynomial.hermite_e.hermegauss(80)
    loss = -float(weight @ np.expm1(5 * stats.norm.logcdf(5.0 - 0.5 * shared)) / weight.sum())
    found = estimate(problem, Drawing(), relative=0.05)
    assert found.method == "line"
    assert agrees(found, loss)
    assert found.stderr < 0.03 * loss
    assert "exact units agree" in found.status


def test_planes_and_bent_surfaces_at_the_design_point() -> None:
    """A plane exactly; a paraboloid by Hohenbichler & Rackwitz, whose curvatures are those of the margin."""
    plane = plain(3, lambda x: {"m": 3.0 - x.sum() / np.sqrt(3.0)})
    for name in ("first_order", "second_order"):
        found = estimate(plane, method=name)
        assert found.failure_probability == pytest.approx(stats.norm.sf(3.0), rel=1e-6)
        assert f"{name}: an approximation" in found.status
        assert found.interval == (0.0, 1.0)
    bent = plain(3, lambda x: {"m": 3.0 - x[0] + 0.1 * x[1] ** 2 - 0.05 * x[2] ** 2})
    hazard = stats.norm.pdf(3.0) / stats.norm.sf(3.0)
    expected = stats.norm.sf(3.0) / np.sqrt((1 + 0.2 * hazard) * (1 - 0.1 * hazard))
    assert estimate(bent, method="second_order").failure_probability == pytest.approx(
        expected, rel=1e-2
    )  # a search ends .05 from its point
    assert estimate(bent, method="first_order").failure_probability == pytest.approx(stats.norm.sf(3.0), rel=1e-2)
    with pytest.raises(UserError, match="margins with slopes"):
        estimate(plain(2, lambda x: {"m": jnp.where(x[0] > 3.5, -1.0, 1.0)}), method="first_order")


@pytest.mark.parametrize("name", ["RP8", "FOURBRANCH", "RP107"])
def test_subset_sampling_agrees_with_known_answers(name: str) -> None:
    known = KNOWN[name]
    found = estimate(known.problem, relative=0.2, max_evaluations=40_000, method="subset", seed=1)
    assert agrees(found, known.failure_probability), found
    assert 0.0 < found.stderr < 0.4 * known.failure_probability
    assert found.by_limit["margin"] == pytest.approx(found.failure_probability)


def test_subset_sampling_says_where_it_goes_nowhere() -> None:
    """What only tells pass from fail has no levels; what never fails has one that ends above zero."""
    for margin in (lambda x: jnp.where(x[0] > 5.0, -1.0, 1.0), lambda x: 1.0 + x[0] ** 2):
        found = estimate(
            plain(2, lambda x, m=margin: {"m": m(x) + 0.0 * x[1]}), method="subset", max_evaluations=20_000
        )
        assert found.value == 1.0
        assert 0.99 < found.interval[0] < 1.0
        assert "the loss is below" in found.status
