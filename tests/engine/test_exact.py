"""The exact unit on springs, where the pose is known in closed form.

A rigid plate z + u x + v y rests on springs of stiffness k_i and natural height n_i under a load w: the virtual work is
zero where A' K (A pose - n) + load = 0, so the pose is the stiffness-weighted least-squares plane of the natural
heights, pressed down. NumPy solves that system; margins follow by arithmetic. Newton solves a linear system in one
step, so what is left is rounding: 1e-10 of heights of about 10.
"""

from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

from yieldopt.exact import Unit, layout, margins, rows
from yieldopt.knob import knob
from yieldopt.problem import Limit, Model, Pairs, Population, Problem, Sites

COUNT = 30
WEIGHT = 7.0


class Height(eqx.Module):
    height: jax.Array = knob(10.0, 5.0, 15.0, "um", "recipe", "mean natural height")


class Springs(Population[Height]):
    """A spring at every site: its height above natural is its stretch, and `pull` its force a unit of stiffness."""

    sites: Sites
    pull: Callable[[jax.Array], jax.Array] = eqx.field(static=True)

    def variation(self, design):
        return {"own": numpyro.sample("own", dist.Normal(0.0, 0.3))}

    def state(self, design, shared, pose, site):
        gap = pose[0] + pose[1] * site.x + pose[2] * site.y - shared["bow"] * (site.x**2 + site.y**2)
        return {"gap": gap, "stiffness": 1.0 + 0.2 * jnp.cos(site.x)}

    def response(self, design, state, element):
        return {"stretch": state["gap"] - design.height - element["own"]}

    def force(self, design, state, element):
        stretch = state["gap"] - design.height - element["own"]
        return {"gap": state["stiffness"] * self.pull(stretch)}


class Neighbours(Pairs[Height]):
    of: str = eqx.field(static=True)
    first: jax.Array
    second: jax.Array
    sites: Sites

    def response(self, design, state, first, second, site):
        return {"step": jnp.abs(first["own"] - second["own"])}


class Plate(Model[Height]):
    """A plate on springs."""

    Design: ClassVar[type[eqx.Module]] = Height
    springs: Springs
    weight: jax.Array

    def variation(self, design):
        return {"bow": numpyro.sample("bow", dist.Normal(0.0, 0.01))}

    def populations(self):
        return {"springs": self.springs}

    def pairs(self):
        ends = jnp.arange(COUNT - 1)
        middle = Sites.at(jnp.zeros(COUNT - 1), jnp.zeros(COUNT - 1))
        return {"neighbours": Neighbours("springs", ends, ends + 1, middle)}

    def rest(self, design, shared):
        return jnp.stack([design.height, 0.0 * design.height, 0.0 * design.height])

    def load(self, design, shared, pose):
        return jnp.zeros(3).at[0].set(self.weight)

    def response(self, design, shared, pose):
        return {"level": pose[0]}

    def limits(self):
        return (
            Limit.of("seating", "", "level", 5.0, 12.0),
            Limit.of("stretch", "springs", "stretch", -2.0, 1.5),
            Limit.of("step", "neighbours", "step", high=3.0),
        )


def linear(stretch: jax.Array) -> jax.Array:
    return stretch


def stiffening(stretch: jax.Array) -> jax.Array:
    return stretch * (1.0 + 2.0 * stretch**2)


settled_unit = eqx.filter_jit(margins)


def problem(pull: Callable[[jax.Array], jax.Array] = linear, weight: float = WEIGHT) -> Problem[Height]:
    x, y = jax.random.uniform(jax.random.key(3), (2, COUNT), minval=-2.0, maxval=2.0)
    return Problem.of(Plate(Springs(Sites.at(x, y), pull), jnp.asarray(weight)))


def normals(seed: int = 4) -> tuple[jax.Array, dict[str, jax.Array]]:
    keys = jax.random.split(jax.random.key(seed))
    return jax.random.normal(keys[0], (1,)), {"springs": jax.random.normal(keys[1], (COUNT, 1))}


def closed_form(given: Problem[Height], unit: jax.Array, elements: dict[str, jax.Array]) -> tuple[np.ndarray, ...]:
    """Pose and margins by the normal equations, in NumPy."""
    sites = given.model.populations()["springs"].sites
    x, y = np.asarray(sites.x), np.asarray(sites.y)
    own, bow = 0.3 * np.asarray(elements["springs"])[:, 0], 0.01 * float(unit[0])
    natural, k = 10.0 + own + bow * (x**2 + y**2), 1.0 + 0.2 * np.cos(x)
    plane = np.stack([np.ones_like(x), x, y], 1)
    pose = np.linalg.solve(plane.T @ (k[:, None] * plane), plane.T @ (k * natural) - np.array([WEIGHT, 0.0, 0.0]))
    stretch = plane @ pose - natural
    step = np.abs(np.diff(own)).max()
    expected = [pose[0] - 5.0, 12.0 - pose[0], stretch.min() + 2.0, 1.5 - stretch.max(), 3.0 - step]
    return pose, np.array(expected)


@pytest.mark.parametrize("seed", [4, 5, 6])
def test_the_pose_is_the_weighted_plane_and_margins_follow(seed: int):
    given, (unit, elements) = problem(), normals(seed)
    pose, expected = closed_form(given, unit, elements)
    found = settled_unit(given, Height(), unit, elements)
    assert bool(found.settled)
    np.testing.assert_allclose(found.pose, pose, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.margins, expected, rtol=0, atol=1e-10)


def test_rows_and_layout_name_what_there_is():
    given = problem()
    sides = [("seating", "low"), ("seating", "high"), ("stretch", "low"), ("stretch", "high"), ("step", "high")]
    assert rows(given) == sides
    assert layout(given, Height()) == (1, {"springs": 1})


def test_relabelling_sites_changes_nothing():
    """But for the pairs, which are neighbours in the order of the sites."""
    given, (unit, elements) = problem(), normals()
    order = jax.random.permutation(jax.random.key(9), COUNT)
    sites = given.model.populations()["springs"].sites
    moved = Sites(sites.x[order], sites.y[order], sites.axis[order])
    other = eqx.tree_at(lambda p: p.model.springs.sites, given, moved)
    first = settled_unit(given, Height(), unit, elements)
    second = settled_unit(other, Height(), unit, {"springs": elements["springs"][order]})
    np.testing.assert_allclose(second.margins[:4], first.margins[:4], rtol=0, atol=1e-10)


def test_a_stiffening_crowd_balances_the_load():
    given, (unit, elements) = problem(stiffening, 60.0), normals()
    found = settled_unit(given, Height(), unit, elements)
    assert bool(found.settled)
    sites = given.model.populations()["springs"].sites
    x, y = np.asarray(sites.x), np.asarray(sites.y)
    own, bow = 0.3 * np.asarray(elements["springs"])[:, 0], 0.01 * float(unit[0])
    stretch = np.asarray(found.pose) @ np.stack([np.ones_like(x), x, y]) - 10.0 - own - bow * (x**2 + y**2)
    force = (1.0 + 0.2 * np.cos(x)) * stretch * (1.0 + 2.0 * stretch**2)
    balance = [force.sum() + 60.0, (force * x).sum(), (force * y).sum()]
    # The last Newton step is below 1e-6 and the iteration quadratic: what is left is rounding of forces of 60.
    np.testing.assert_allclose(balance, 0.0, atol=1e-9)


def test_a_crowd_that_cannot_hold_its_load_has_not_settled():
    """No spring carries more than its stiffness, all of them together some thirty."""
    given, (unit, elements) = problem(jnp.tanh, 1e3), normals()
    assert not bool(settled_unit(given, Height(), unit, elements).settled)


def test_gradients_pass_through_the_settling():
    """Raised springs raise the plate as much: the level's margins move by one, the stretches' not at all."""
    given, (unit, elements) = problem(), normals()

    def at(height: jax.Array) -> jax.Array:
        found: Unit = margins(given, Height(height), unit, elements)
        return found.margins

    np.testing.assert_allclose(jax.jit(jax.jacfwd(at))(jnp.asarray(10.0)), [1.0, -1.0, 0.0, 0.0, 0.0], atol=1e-10)


def test_a_unit_without_populations_is_its_own_only_element():
    class Alone(Model[Height]):
        Design: ClassVar[type[eqx.Module]] = Height

        def variation(self, design):
            return {"drawn": numpyro.sample("drawn", dist.Normal(design.height, 1.0))}

        def response(self, design, shared, pose):
            return {"height": shared["drawn"]}

        def limits(self):
            return (Limit.of("height", "", "height", 8.0),)

    found = margins(Problem.of(Alone()), Height(), jnp.asarray([1.5]), {})
    assert (float(found.margins[0]), bool(found.settled), found.pose.shape) == (3.5, True, (0,))


def test_a_balance_on_a_knife_edge_is_no_rest():
    """Springs that push where they should pull balance at the weighted plane too, but the least push upsets them."""
    given, (unit, elements) = problem(lambda stretch: -stretch), normals()
    found = settled_unit(given, Height(), unit, elements)
    assert np.isfinite(np.asarray(found.pose)).all()
    assert not bool(found.settled)
