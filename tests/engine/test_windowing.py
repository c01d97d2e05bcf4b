"""A study's window where a knob seems inert and is not: what the audit finds is felt, and the target met."""

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

from yieldopt.card import Inputs, Response
from yieldopt.estimators.base import Estimate, Watch
from yieldopt.knob import knob, spread
from yieldopt.losses import LogLoss
from yieldopt.problem import Limit, Model, Population, Sites
from yieldopt.study import config, plan, windowing
from yieldopt.typing import Scalar
from yieldopt.window import Search

PINS = 40


class Design(eqx.Module):
    depth: Scalar = knob(10.0, 0.0, 20.0, "um", "recipe", "how deep a pin goes in")
    lean: Scalar = knob(0.0, -20.0, 20.0, "um", "recipe", "how far the plate leans; below -8 um it lifts the pins")


class Spreads(eqx.Module):
    drift: Scalar = spread(0.3, "um", "line.depth.lot", "between lots")
    own: Scalar = spread(0.5, "um", "line.depth.pin", "between pins")


class Pins(Population[Design]):
    sites: Sites
    spreads: Spreads

    def variation(self, design: Design) -> Any:
        return numpyro.sample("own", Normal(0.0, self.spreads.own))

    def state(self, design: Design, shared: Any, pose: Array, site: Sites) -> dict[str, Array]:
        return {"depth": design.depth + shared - jax.nn.softplus(2.0 * (-design.lean - 8.0))}

    def response(self, design: Design, state: Any, element: Any) -> dict[str, Array]:
        return {"depth": state["depth"] + element}


class Plate(Model[Design]):
    """Forty pins on a plate."""

    Design: ClassVar[type[eqx.Module]] = Design
    Spreads: ClassVar[type[eqx.Module] | None] = Spreads
    responses: ClassVar[dict[str, Response]] = {"depth": Response("pin", "um", "how deep it is")}
    pins: Pins
    spreads: Spreads

    @classmethod
    def build(cls, inputs: Inputs) -> "Plate":
        spreads = Spreads(**{name: jnp.asarray(value) for name, value in inputs.spreads.items()})
        return cls(Pins(Sites.at(np.arange(PINS), np.zeros(PINS)), spreads), spreads)

    def variation(self, design: Design) -> Any:
        return numpyro.sample("lot", Normal(0.0, self.spreads.drift))

    def populations(self) -> dict[str, Population[Design]]:
        return {"pin": self.pins}

    def limits(self) -> tuple[Limit, ...]:
        return (Limit.of("depth", "pin", "depth", 4.0, 16.0),)


def lost(depth: float, lean: float) -> float:
    """Loss of the plate by quadrature over the lot: nothing of the engine."""
    lot, weight = np.polynomial.hermite_e.hermegauss(60)
    at = depth + 0.3 * lot - np.logaddexp(0.0, 2.0 * (-lean - 8.0))
    passed = (stats.norm.cdf((16.0 - at) / 0.5) - stats.norm.cdf((4.0 - at) / 0.5)) ** PINS
    return float(1.0 - weight @ passed / weight.sum())


def asked(target: str, *more: str) -> tuple[windowing.Windowing, np.ndarray]:
    study = config.default_study(
        Plate.card("plate"),
        [
            f"optimize={{goal: window, target: {target}, knobs: [depth, lean], window: [depth, lean], "
            "drift: {depth: 0.2 um, lean: 0.5 um}}",
            *more,
        ],
    )
    made = plan.build(study, Plate)
    loss = LogLoss(plan.covered(made.goal, study), made.design, made.search, 1)
    start = np.array([10.0, 0.0])
    loss.look(start)
    goal = float(target.split()[0]) / 100.0
    return windowing.Windowing(made, loss, "sobol", goal, "capability", 1, Watch()), start


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [2, 1])
def test_a_knob_that_is_inert_at_first_is_felt_where_the_audit_finds_it(
    rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one search only, the window is narrowed; with two, the second looks at both sides of the knob."""
    monkeypatch.setattr(windowing, "ROUNDS", rounds)
    sought, start = asked("99 %")
    found = sought(start)
    window = found.window
    assert found.worst.value >= 0.99
    corners = [(d, n) for d in (window.low[0], window.high[0]) for n in (window.low[1], window.high[1])]
    assert max(lost(*corner) for corner in corners) <= 0.01 * 1.05
    assert window.capability > 4.0  # a knob is taken as inert by what it does up to twice three drifts


@pytest.mark.slow
def test_a_window_whose_very_centre_misses_the_target_is_not_narrowed(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = list[windowing.Window]()
    sought, start = asked("99 %", "variation.line.depth.pin=2.5 um")
    search = sought._search(start)  # pyright: ignore[reportPrivateUsage]
    window = search(start, np.array([0.3, 0.75]))
    found = sought._verified(window.worst, 4, 0)  # pyright: ignore[reportPrivateUsage]
    failed = windowing.Checked(window, window.worst, found, (), True)
    assert found.value < 0.99
    monkeypatch.setattr(windowing.Windowing, "_sized", lambda _self, _search, window, *_: tried.append(window))
    assert sought._narrowed(search, failed, lambda _: 0.0) is failed  # pyright: ignore[reportPrivateUsage]
    assert not tried


def test_a_corner_of_which_little_is_known_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guess is one standard deviation above the likely: a corner never looked at seems worst, and is not."""
    sought, _ = asked("99 %")
    asked_of = list[int]()
    corners = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    truth = np.array([-1.0, -0.1, -2.0, 0.2])

    def verified(point: np.ndarray, among: int, turn: int) -> Estimate:
        asked_of.append(int(np.argmax(np.all(corners == point, axis=1))))
        loss = np.exp(truth[asked_of[-1]] + sought.allowed)
        return Estimate(1.0 - loss, 0.0, (0.0, 1.0), 0.95, 1.0 - loss, 1.0, {}, 1024, "sobol", "converged.")

    monkeypatch.setattr(sought, "_verified", verified)
    guessed, off = np.array([0.6, 0.0, -1.9, -0.1]), dict[int, float]()
    found = sought._verified_of(corners, guessed, off, [], 0)  # pyright: ignore[reportPrivateUsage]
    assert list(found) == [0, 1, 3]
    # At another size what was found of each corrects what is guessed of it.
    found = sought._verified_of(corners, guessed + 0.3, off, [], 1)  # pyright: ignore[reportPrivateUsage]
    assert list(found) == [3, 1]
    assert off == pytest.approx({0: -1.6, 1: -0.4, 3: 0.0})
    # Guesses that are too good are so of a corner never looked at as well: it is not left out for one that was.
    found = sought._verified_of(corners, truth - [0.0, 0.6, 0.0, 0.6], {1: 0.6}, [], 1)  # pyright: ignore[reportPrivateUsage]
    assert list(found) == [3, 1]
    # One that an audit found is looked at, whatever is guessed of it.
    found = sought._verified_of(corners, guessed, dict[int, float](), [2], 2)  # pyright: ignore[reportPrivateUsage]
    assert list(found) == [2, 0, 1]


def test_no_audit_looks_at_points_that_something_was_verified_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quote that is lucky on its points would meet the same luck there."""
    sought, _ = asked("99 %")
    verified, audited = list[int](), list[int]()

    def whole(_problem: Any, _design: Any, seed: int) -> Estimate:
        verified.append(seed)
        return Estimate(0.995, 1e-5, (0.99, 1.0), 0.95, 0.995, 1.0, {}, 1024, "sobol", "converged.")

    def fresh(_point: np.ndarray, _slot: Any, seed: int) -> tuple[float, float, int]:
        audited.append(seed)
        return 0.001, 1e-6, 512

    monkeypatch.setattr(windowing, "method", lambda *_: whole)
    monkeypatch.setattr(sought.loss, "fresh", fresh)
    low, high = np.array([0.0, -20.0]), np.array([20.0, 20.0])
    search = Search(lambda _p, _s: (np.array([-1.0]), np.zeros((1, 2))), low, high, np.array([0.2, 0.5]))
    window = search(np.array([10.0, 0.0]), np.array([0.3, 0.75]))
    for turn in range(windowing.ROUNDS + windowing.NARROWED):
        for size in (None, *range(windowing.SIZES)):
            found = sought._verified(window.worst, 4, windowing._fresh(turn, size))  # pyright: ignore[reportPrivateUsage]
        sought._audited(search, windowing.Checked(window, window.worst, found, (), False), turn)  # pyright: ignore[reportPrivateUsage]
    assert len(verified) == len(set(verified))
    assert len(set(audited)) == windowing.ROUNDS + windowing.NARROWED
    assert not set(audited) & set(verified)
