"""Units of ten thousand pillars with known joint yields: every one in its limits, or all within a range.

h_k = m + D + e_k with a draw D that all share and each pillar's own e_k. References: one-dimensional quadrature over D
of the product over all pillars; the law of the range of normals (Hartley 1942).
"""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax import Array

from yieldopt.knob import knob
from yieldopt.problem import Limit, Model, Population, Problem, Sites
from yieldopt.testing.zoo import Known
from yieldopt.typing import Measures, Scalar


class Height(eqx.Module):
    """What is designed."""

    height: Scalar = knob(30.2, 20, 40, "um", "recipe", "mean height of the pillars")


class Pillars(Population[Height]):
    """Pillars that differ by noise of their own."""

    sites: Sites
    own: Scalar

    def variation(self, design: Height) -> Any:
        """Draw a pillar's own."""
        del design
        return numpyro.sample("own", dist.Normal(0.0, self.own))

    def state(self, design: Height, shared: Any, pose: Array, site: Sites) -> Measures:
        """The height that all have."""
        del pose, site
        return {"height": jnp.asarray(design.height + shared)}

    def response(self, design: Height, state: Measures, element: Any) -> Measures:
        """The height that one has."""
        del design
        return {"height": state["height"] + element}


class Die(Model[Height]):
    """Pillars on a die."""

    Design: ClassVar[type[eqx.Module]] = Height
    pillars: Pillars
    shared: Scalar

    def variation(self, design: Height) -> Any:
        """Draw what all of a die's pillars share."""
        del design
        return numpyro.sample("die", dist.Normal(0.0, self.shared))

    def populations(self) -> dict[str, Population[Height]]:
        """The pillars."""
        return {"pillar": self.pillars}


def die(rows: int, columns: int, shared: float, own: float, *limits: Limit) -> Problem[Height]:
    """A grid of pillars under limits on `height` of the population `pillar`."""
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    return Problem(Die(Pillars(Sites.at(x.ravel(), y.ravel()), jnp.asarray(own)), jnp.asarray(shared)), limits, {})


def crowds() -> dict[str, Known]:
    """The problems by name; `PIL_HIER_OPT` at its best height, 30 um."""
    within = die(100, 100, 0.5, 0.35, Limit.of("height", "pillar", "height", 28.0, 32.4))
    apart = die(100, 100, 0.5, 0.25, Limit.range("coplanarity", "pillar", "height", 2.2))
    best = die(250, 400, 0.4, 0.3, Limit.of("height", "pillar", "height", 28.0, 32.0))
    return {
        "PIL_HIER_1e4": Known(within, 1.0 - 0.9039495703899487, 5e-3, Height(jnp.asarray(30.2))),
        "PIL_COPLAN_1e4": Known(apart, 1.0 - 0.9851929887571078, 5e-3, Height(jnp.asarray(30.0))),
        "PIL_HIER_OPT_1e5": Known(best, 1.0 - 0.906094635728286, 5e-3, Height(jnp.asarray(30.0))),
    }
