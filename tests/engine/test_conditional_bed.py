"""The bed that a unit settles on: mean forces that are no polynomial over the map, balanced in closed form.

A lid lies on elements that push the harder the less room they have, exp(-(gap - own)), over ground bowed far more than
an element varies of its own. Their mean is exp(-gap + SPREAD^2 / 2), so the height that balances a load is a logarithm.
"""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from jax import Array

from yieldopt.conditional import balance
from yieldopt.conditional.integrand import Route
from yieldopt.conditional.prepare import Prepared, frame
from yieldopt.problem import Limit, Model, Population, Problem, Sites
from yieldopt.standard import standardise

SPREAD, BOW, LOAD, SIDE = 0.1, 0.7, 3.0, 60


class Lid(eqx.Module):
    load: Array


class Cushions(Population[Lid]):
    sites: Sites

    def variation(self, design: Lid) -> Any:
        return SPREAD * numpyro.sample("height", dist.Normal())

    def state(self, design: Lid, shared: Any, pose: Array, site: Sites) -> dict[str, Array]:
        return {"gap": pose[0] + BOW * shared * (site.x**2 + site.y**2)}

    def response(self, design: Lid, state: dict[str, Array], element: Any) -> dict[str, Array]:
        return {"room": state["gap"] - element}

    def force(self, design: Lid, state: dict[str, Array], element: Any) -> dict[str, Array]:
        return {"gap": -jnp.exp(element - state["gap"])}


class Pressed(Model[Lid]):
    Design: ClassVar[type[eqx.Module]] = Lid
    cushions: Cushions

    def variation(self, design: Lid) -> Any:
        return numpyro.sample("bow", dist.Normal())

    def populations(self) -> dict[str, Population[Lid]]:
        return {"cushion": self.cushions}

    def rest(self, design: Lid, shared: Any) -> Array:
        return jnp.zeros(1)

    def load(self, design: Lid, shared: Any, pose: Array) -> Array:
        return jnp.stack([design.load * SIDE**2])

    def limits(self) -> tuple[Limit, ...]:
        return (Limit.of("room", "cushion", "room", low=-9.0),)


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    x, y = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))
    problem, design = Problem.of(Pressed(Cushions(Sites.at(x.ravel(), y.ravel())))), Lid(jnp.asarray(LOAD))
    return Route(frame(problem, design)).prepare(problem, design)


@pytest.mark.parametrize("shared", [-3.0, -1.5, 0.0, 1.5, 3.0])
def test_the_lid_rests_where_the_mean_forces_balance(prepared: Prepared, shared: float) -> None:
    """To a hundredth of what an element varies of its own; a rule of order 8 is a twentieth off at three sigma."""
    model, design, site = prepared.problem.model, prepared.design, prepared.problem.model.populations()["cushion"].sites
    expected = SPREAD**2 / 2 + np.log(np.mean(np.exp(-BOW * shared * (site.x**2 + site.y**2))) / LOAD)

    @jax.jit
    def height(z: Array) -> Array:
        drawn = standardise(lambda: model.variation(design), z)
        return balance.settle(prepared, drawn, model.rest(design, drawn)).pose[0]

    assert abs(float(height(jnp.array([shared]))) - expected) < 0.01 * SPREAD
