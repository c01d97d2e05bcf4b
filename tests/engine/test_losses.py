"""The points of a search: aimed anew where one of them has most of the say; a design prepared once."""

from pathlib import Path
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from numpyro.distributions import Normal
from scipy.integrate import quad
from scipy.stats import norm

from yieldopt import catalogue
from yieldopt.box import Box
from yieldopt.knob import knob
from yieldopt.losses import KEPT, TURNS, LogLoss
from yieldopt.problem import Limit, Model, Population, Problem, Sites
from yieldopt.study.config import default_study

MODEL = Path(__file__).parents[2] / "configs" / "bolt_in_hole" / "bolt_in_hole.py"


@pytest.fixture(scope="module")
def loss() -> LogLoss:
    model = catalogue.from_file(MODEL)
    built = model.build(default_study(model.card(model.__name__)).inputs)
    return LogLoss(Problem.of(built), model.Design(), Box.of({"bolt_hole": (6200.0, 6400.0)}))


@pytest.mark.slow
def test_one_point_with_all_the_say_has_the_points_aimed_anew(loss: LogLoss) -> None:
    point = np.asarray(loss.box.read(loss.design))
    loss.refit(point)
    laws = [loss.aims[0]]

    def look(points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, None]:
        if loss.aims[0] is not laws[-1]:
            laws.append(loss.aims[0])
        alone = np.where(np.arange(len(points)) == 7, 1.0 / weights, 0.0)
        return (alone if len(laws) < TURNS else 1e-3 / weights), None

    assert loss._seen(look, point, 0, 64)[0] == pytest.approx(1e-3)
    assert len(laws) == TURNS


def test_a_design_is_prepared_once_and_few_are_kept(loss: LogLoss) -> None:
    point = np.asarray(loss.box.read(loss.design))
    first = loss._prepared(point)
    assert loss._prepared(point.copy()) is first
    for k in range(KEPT):
        loss._prepared(point + 1e-6 * (k + 1))
    assert len(loss._known) == KEPT
    assert loss._prepared(point) is not first


class Drawing(eqx.Module):
    """What the drawing says."""

    height: jax.Array = knob(0.0, -3.0, 3.0, "um", "recipe", "of a post, from the middle of its limits")


class Posts(Population[Drawing]):
    """Posts of which all vary together, and each a little."""

    sites: Sites

    def variation(self, design: Drawing) -> Any:
        return numpyro.sample("own", Normal(0.0, 0.2))

    def state(self, design: Drawing, shared: Any, pose: Any, site: Sites) -> dict[str, Any]:
        return {"height": design.height + shared[0], "side": shared[1]}

    def response(self, design: Drawing, state: Any, element: Any) -> dict[str, Any]:
        return {"height": state["height"] + element, "side": state["side"] + element}


class Rack(Model[Drawing]):
    """Twenty posts that must be neither too tall nor too low."""

    Design: ClassVar[type[eqx.Module]] = Drawing

    def variation(self, design: Drawing) -> Any:
        return numpyro.sample("shared", Normal(jnp.zeros(2), 1.0).to_event(1))

    def populations(self) -> dict[str, Population[Drawing]]:
        return {"post": Posts(Sites.at(jnp.arange(20.0), jnp.arange(20.0) ** 2))}

    def limits(self) -> tuple[Limit, ...]:
        return Limit.of("height", "post", "height", low=-5.0), Limit.of("side", "post", "side", high=5.0)


def test_a_point_is_judged_by_a_law_of_its_own() -> None:
    """From the law of where posts are too low, a lean that costs nothing there would be met by hardly a draw."""
    loss = LogLoss(Problem.of(Rack()), Drawing(), Box.of({"height": (-3.0, 3.0)}))
    loss.refit(np.array([-2.0]), "low")
    found, stderr, _ = loss.fresh(np.array([3.0]), "low", 11)

    def lost(limit: float) -> float:
        """Twenty posts of which one is beyond a limit: they share a normal, and .2 is each one's own."""
        return quad(lambda z: -np.expm1(20 * norm.logcdf((limit - z) / 0.2)) * norm.pdf(z), -9, 9, points=[limit])[0]

    both = lost(5.0) + lost(8.0)
    assert both < 1e-5
    assert abs(found - both) < 4.0 * stderr
    assert stderr < 0.2 * both
