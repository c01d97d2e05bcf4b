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
from yieldopt.estimators.base import Watch
from yieldopt.knob import knob, spread
from yieldopt.losses import LogLoss
from yieldopt.problem import Limit, Model, Population, Sites
from yieldopt.study import config, plan, windowing
from yieldopt.typing import Scalar

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
