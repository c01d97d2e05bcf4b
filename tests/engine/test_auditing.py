"""The audit of a window: its bounds cover, what refutes is estimated whole; the main job, point by point (slow)."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from yieldopt import catalogue
from yieldopt.estimators import sobol
from yieldopt.estimators.base import Estimate, Precision, Watch
from yieldopt.estimators.sobol import BATCH, REPLICATES, Sobol
from yieldopt.study import config, plan, run
from yieldopt.study.auditing import SURE, Auditor, Looked, settled
from yieldopt.window import Search, Window

BLACKPARROT = Path(__file__).parents[2] / "configs/capped_pillar/blackparrot.yaml"


def whole(value: float, stderr: float = 1e-5) -> Estimate:
    return Estimate(value, stderr, (value, value), 0.95, value, 1.0, {}, 1024, "sobol", "converged.")


def looked(value: float, upper: float) -> Looked:
    return Looked(np.array([value]), "scattered", value, upper, 512)


def test_what_refutes_the_quoted_yield_is_estimated_whole_and_then_quoted() -> None:
    truth = {0.9975: 0.9976, 0.9970: 0.9992, 0.9985: 0.9985, 0.9999: 0.9999}
    asked = list[float]()

    def verify(one: Looked) -> Estimate:
        asked.append(one.value)
        return whole(truth[one.value])

    points = [looked(0.9999, 1.0), looked(0.9975, 0.9980), looked(0.9970, 0.9978), looked(0.9985, 0.9993)]
    found, seen = settled(points, 0.9990, verify, 0.02, 0)
    assert asked == [0.9970, 0.9975], "both lie below .9990 by their bounds; the first proved a fluke"
    quoted = min(0.9990, *(estimate.value for _, estimate in seen))
    assert quoted == 0.9976
    assert [one.value for one in found] == [0.9992, 0.9976, 0.9985, 0.9999]
    assert all(one.upper >= quoted for one in found)


def test_what_only_seems_worse_is_estimated_whole_up_to_a_number() -> None:
    points = [looked(value, 1.0) for value in (0.9980, 0.9981, 0.9982, 0.99895)]
    found, seen = settled(points, 0.9990, lambda one: whole(one.value + 0.0015), 0.1, 2)
    assert [float(point[0]) for point, _ in seen] == [0.9980, 0.9981]
    assert len(found) == 4


class Bowl:
    """What an audit asks of a loss whose log rises from a point by its distance squared, times so much."""

    def __init__(self, centre: tuple[float, float], rise: float) -> None:
        self.aims, self.asked, self.centre, self.rise = {0: "law", 3: "law"}, list[np.ndarray](), centre, rise

    def log(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        off = point - self.centre
        return np.array([self.rise * (off @ off) - 6.0]), 2.0 * self.rise * off[None]

    def fresh(self, point: np.ndarray, _slot: Any, _seed: int) -> tuple[float, float, int]:
        self.asked.append(point)
        return float(np.exp(self.log(point)[0][0])), 1e-6, 512


@pytest.mark.parametrize(("rise", "known"), [(1.0, 0), (1.0, 2), (-1.0, 1), (0.0, 4)])
def test_an_audit_looks_at_what_is_not_known_and_at_nothing_twice(rise: float, known: int) -> None:
    """A climb that ends at a corner, or where it began, ends where it was before; one within is a point of its own."""
    centre = (0.3, -0.2)
    loss: Any = Bowl(centre, rise)
    search = Search(lambda p, _: loss.log(p), np.full(2, -1.0), np.full(2, 1.0), np.ones(2))
    window = Window(-np.ones(2), np.ones(2), np.zeros(0), 1.0, np.ones(2), 0.0, (), np.array([0.0, 0.0, 1.0 / 3.0]))
    corners = search.points(window.box)
    found = Auditor(loss, 1.0, 1, Watch())(search, window, {p.tobytes() for p in corners[:known]}, 0)
    places = [one.place for one in found]
    assert places == ["corner"] * (4 - known) + ["scattered"] * 16 + ["uphill"] * (rise < 0.0)
    assert len(np.unique(np.round(loss.asked, 9), axis=0)) == len(loss.asked) == len(found)
    if rise < 0.0:
        assert found[-1].point == pytest.approx(centre, abs=1e-4)


def test_points_that_are_asked_for_again_are_those_made_anew() -> None:
    first, anew = sobol._begun(3, 7), sobol._next(sobol._engines(3, 7), BATCH // REPLICATES, 3)  # pyright: ignore[reportPrivateUsage]
    other = sobol._begun(3, 8)  # pyright: ignore[reportPrivateUsage]
    for one, two, far in zip(first, anew, other, strict=True):
        np.testing.assert_array_equal(one, two)
        assert not np.any(one == far)
    assert sobol._begun(3, 7) is first  # pyright: ignore[reportPrivateUsage]


@pytest.mark.slow
def test_the_bound_of_a_whole_estimate_is_exceeded_one_time_in_a_thousand() -> None:
    """Replicates of a known mean: the share of bounds below it is .1 %, by Student's law over 16 replicates."""
    draw, count = np.random.default_rng(5), 40_000
    replicates = 0.99 + 0.004 * draw.normal(size=(count, REPLICATES))
    stderr = replicates.std(1, ddof=1) / np.sqrt(REPLICATES)
    below = sum(
        Looked.of(np.zeros(1), "corner", whole(float(m), float(s))).upper < 0.99
        for m, s in zip(replicates.mean(1), stderr, strict=True)
    )
    assert abs(below - 0.001 * count) < 4.0 * np.sqrt(0.001 * count)


@pytest.mark.slow
def test_no_point_that_the_main_job_audits_has_a_fresh_bound_below_its_worst_yield() -> None:
    """Each named point again by a whole estimate with points and laws of its own: its 99.9 % bound is not below."""
    study = config.read(BLACKPARROT)
    model: Any = catalogue.load(study.card.name)
    window = run.optimize(study, model)["window"]
    quoted, named = window["worst"]["estimate"]["yield"], window["audit"]["looked_at"]
    assert len(named) >= 20
    assert window["audit"]["below"] == 0
    built = plan.build(study, model)
    problem, ask = plan.covered(built.goal, study), Sobol(Precision(None, 0.1, 0.95))
    for seed, one in enumerate(named, 900):
        design = built.search.place(built.design, jnp.asarray([one["design"][name] for name in built.search.names]))
        found = ask(problem, design, seed)
        upper = found.value + stats.t.ppf(SURE, REPLICATES - 1) * found.stderr
        assert upper >= quoted, one
