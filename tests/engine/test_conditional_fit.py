"""Fitted indices between the points that they were fitted to, against the noncentral chi-squared; corners are found."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq
from yieldopt_pillars.parts import alignment_offset
from yieldopt_pillars.parts.draw import normal, normals

from yieldopt.conditional import local, points
from yieldopt.conditional.integrand import Route
from yieldopt.conditional.log_pass import plain
from yieldopt.conditional.prepare import frame
from yieldopt.errors import UserError
from yieldopt.problem import Limit, Model, Population, Problem, Sites

PATTERN, BUMP = 0.15, 0.25
"""Scatter of a pillar's own place, per axis, and of its diameter, um."""
LEAST = 0.7


class Placed(eqx.Module):
    """Opening on the substrate, um."""

    opening: jax.Array = eqx.field(default_factory=lambda: jnp.asarray(28.0))


class Discs(Population[Placed]):
    """Pillars over openings: all of a unit stand off by one distance, so that a joint's own scatter decides fast."""

    lengths: ClassVar[tuple[str, ...]] = ("offset",)
    sites: Sites

    def variation(self, design: Placed) -> dict[str, Any]:
        return {"place": normals("place", 2, PATTERN), "diameter": normal("diameter", BUMP)}

    def state(self, design: Placed, shared: Any, pose: Any, site: Sites) -> dict[str, Any]:
        return {"offset": alignment_offset.distance(*shared["offset"]), "diameter": 27.0 + shared["diameter"]}

    def response(self, design: Placed, state: Any, element: Any) -> dict[str, Any]:
        apart = alignment_offset.distance(state["offset"] + element["place"][0], element["place"][1])
        pillar = 0.5 * (state["diameter"] + element["diameter"])
        return {"overlap": alignment_offset.overlap(0.5 * design.opening, pillar, apart)}


class Assembly(Model[Placed]):
    """Four pillars under one registration."""

    Design: ClassVar[type[eqx.Module]] = Placed

    def variation(self, design: Placed) -> dict[str, Any]:
        return {"offset": normals("offset", 2, 1.6), "diameter": normal("diameter", 0.12)}

    def populations(self) -> dict[str, Population[Placed]]:
        return {"joint": Discs(Sites.at(jnp.array([-1.0, 1.0, 1.0, -1.0]), jnp.array([-1.0, -1.0, 1.0, 1.0])))}

    def limits(self) -> tuple[Limit, ...]:
        return (Limit.of("overlap", "joint", "overlap", low=LEAST),)


def lost(offset: float, diameter: float, opening: float) -> float:
    """Failure probability of one pillar: the offset is Rice's law, the diameter is integrated."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    found = 0.0
    for node, weight in zip(nodes, weights / np.sqrt(2.0 * np.pi), strict=True):
        a, b = 0.5 * (diameter + BUMP * node), 0.5 * opening
        common = LEAST * np.pi * min(a, b) ** 2
        between = abs(a - b) + 1e-9, a + b - 1e-9
        far = brentq(lambda d, a=a, b=b, area=common: alignment_offset.lens_area(a, b, d) - area, *between)
        found += weight * stats.ncx2.sf((far / PATTERN) ** 2, 2, (offset / PATTERN) ** 2)
    return found


@pytest.mark.parametrize("opening", [pytest.param(28.5, marks=pytest.mark.slow), 29.5])
def test_a_limit_steep_in_a_distance_is_right_between_the_points_it_was_fitted_to(opening):
    # Over the box of the offset the index falls from 40 to below zero: a series of what is cut at 14 would ring.
    problem, design = Problem.of(Assembly()), Placed(jnp.asarray(opening))
    prepared = Route(frame(problem, design)).prepare(problem, design)
    family, table = prepared.structure.families[0], prepared.tables[0]
    order = [family.states.index(name) for name in ("offset", "diameter")]
    centre, half = np.asarray(table.centre), np.asarray(table.half)
    assert centre[order[0]] - half[order[0]] == pytest.approx(0.0, abs=1e-9)
    states = np.random.default_rng(0).uniform(centre - half, centre + half, (250, 2))
    index = np.asarray(plain(family, table, jnp.asarray(states.T))[0][0])
    counts = (index < 6.5) & (index > -1.0)
    states, index = states[counts], index[counts]
    exact = np.array([-stats.norm.ppf(max(lost(*s[order], opening), 1e-300)) for s in states])
    assert counts.sum() > 20
    error = index - exact
    np.testing.assert_allclose(error[exact < 4.0], 0.0, atol=0.03)
    # Further out a pillar as wide as its opening is met, and overlap has a corner there: the fit says that it doubts.
    assert np.sqrt((error**2).mean()) < max(0.01, float(table.misfit[0]))


def test_fits_in_32_bits_are_refused_where_the_yield_would_be_nan() -> None:
    problem, design = Problem.of(Assembly()), Placed(jnp.asarray(29.5))
    route = Route(frame(problem, design))
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(UserError, match="64-bit floats for the fast route; got 32-bit ones"):
            route.prepare(problem, design)
    finally:
        jax.config.update("jax_enable_x64", True)


def test_a_corner_of_the_surface_is_found_and_said_to_be_one():
    # Both planes must be crossed: the nearest such point is where they meet, at 5; the planes alone are at 3 and 4.
    def margin(s, z):
        return jnp.maximum(3.0 + s[0] - z[0], 4.0 - z[1])

    point = jax.jit(lambda s: local.design_point(margin, s, 3))(jnp.zeros(1))
    assert float(point.residual) > local.SOUND
    assert float(point.beta) == pytest.approx(4.0)
    assert float(point.correction) == 0.0


class Posts(Population[Placed]):
    """Posts whose index is known: three states of their unit, a noise of one; `sharp` says how it bends along one."""

    sites: Sites
    sharp: jax.Array
    bent: int = eqx.field(static=True)

    def variation(self, design: Placed) -> Any:
        return normal("noise", 1.0)

    def state(self, design: Placed, shared: Any, pose: Any, site: Sites) -> dict[str, Any]:
        return dict(zip("abc", shared, strict=True))

    def response(self, design: Placed, state: Any, element: Any) -> dict[str, Any]:
        return {"spare": known(jnp.stack([state[k] for k in "abc"]), self.sharp, self.bent) - element}


class Rack(Model[Placed]):
    """Posts that share three normals."""

    Design: ClassVar[type[eqx.Module]] = Placed
    posts: Posts

    def variation(self, design: Placed) -> Any:
        return normals("shared", 3, 1.0)

    def populations(self) -> dict[str, Population[Placed]]:
        return {"post": self.posts}

    def limits(self) -> tuple[Limit, ...]:
        return (Limit.of("stands", "post", "spare", low=0.0),)


def known(s: Any, sharp: Any, bent: int) -> Any:
    first, second, third = (s[(bent + k) % 3] for k in range(3))
    return 3.0 + 2.0 * jnp.tanh(sharp * (first - 3.0)) + 0.3 * second + 0.2 * first * third


@pytest.mark.parametrize("bent", range(3))
@pytest.mark.parametrize(("sharp", "least", "most"), [(0.05, 0.0, 0.02), (0.8, 0.03, 0.4), (3.0, 0.1, 1.5)])
def test_a_series_that_cannot_follow_its_index_is_doubted(sharp: float, least: float, most: float, bent: int) -> None:
    """The misfit that it states is that at states which nobody asked about, whichever state the index bends along."""
    posts = Posts(Sites.at(jnp.arange(4.0), jnp.arange(4.0) ** 2), jnp.asarray(sharp), bent)
    problem, design = Problem.of(Rack(posts)), Placed()
    prepared = Route(frame(problem, design)).prepare(problem, design)
    family, table = prepared.structure.families[0], prepared.tables[0]
    assert family.states == ("a", "b", "c")
    inside = np.clip(np.repeat(points.WIDE, 1000)[:, None] * np.random.default_rng(1).normal(size=(2000, 3)), -1.0, 1.0)
    states = np.asarray(table.centre) + inside * np.asarray(table.half)
    exact = np.asarray(known(states.T, sharp, bent))
    error = (np.asarray(plain(family, table, jnp.asarray(states.T))[0][0]) - exact)[(exact > -1.0) & (exact < 7.0)]
    typical, stated = np.sqrt((error**2).mean()), float(table.misfit[0])
    assert least <= typical < most
    assert 1 / 3 < stated / typical < 3


@pytest.mark.parametrize("axes", [1, 2, 3, 4])
def test_both_halves_of_the_checks_lie_on_both_sides_along_every_state(axes: int) -> None:
    """Sobol points taken in turn would not: the second coordinate goes by whether the index is odd."""
    checks = points.places((3,) * axes)[-points.CHECKS :]
    for half in np.split(checks, 2):
        assert (np.sign(half) > 0).sum(0).tolist() == [points.CHECKS // 4] * axes
