"""A limit on elements that only shared draws move is refused by the fast route, and counted by the referee."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import numpy as np
import numpyro
import pytest
from numpyro.distributions import Normal
from scipy.stats import norm

from yieldopt.errors import UserError
from yieldopt.estimators.base import Precision
from yieldopt.estimators.monte_carlo import MonteCarlo
from yieldopt.estimators.sobol import Sobol
from yieldopt.knob import knob
from yieldopt.problem import Limit, Model, Population, Problem, Sites


class Drawing(eqx.Module):
    """What the drawing says."""

    height: jax.Array = knob(1.0, 0.0, 2.0, "um", "recipe", "of all posts")


class Posts(Population[Drawing]):
    """Posts whose height is their unit's; a nick is their own. The difference of two sums leaves rounding."""

    sites: Sites

    def variation(self, design):
        return numpyro.sample("nick", Normal(0.0, 0.1))

    def state(self, design, shared, pose, site):
        return {"height": design.height + shared}

    def response(self, design, state, element):
        own = 0.7 * element
        return {"height": (state["height"] + own + 0.1 * element) - own - 0.1 * element, "nick": element}


class Rack(Model[Drawing]):
    """Forty posts."""

    Design: ClassVar[type[eqx.Module]] = Drawing

    def variation(self, design):
        return numpyro.sample("shift", Normal(0.0, 1.0))

    def populations(self):
        x = np.arange(40) * 10.0
        return {"posts": Posts(Sites.at(x, 0.0 * x))}

    def limits(self):
        return Limit.of("nick", "posts", "nick", high=0.45), Limit.of("height", "posts", "height", low=0.0)


def test_it_is_refused_by_the_fast_route():
    with pytest.raises(UserError, match="height") as error:
        Sobol(Precision())(Problem.of(Rack()), Drawing(), 1)
    assert "monte_carlo" in error.value.mistakes[0].do


def test_it_is_counted_by_the_referee():
    """All posts of a rack are high enough, or none is: one normal; and no nick of forty is too deep."""
    found: Any = MonteCarlo(Precision(absolute=0.01))(Problem.of(Rack()), Drawing(), 1)
    assert found.value == pytest.approx(norm.cdf(1.0) * norm.cdf(4.5) ** 40, abs=4 * found.stderr)
