"""Where joints pressed by a force come to rest on average: the fast route's height against all of them, point by point.

Nothing but the joints holds that height, and they push far harder where they are squeezed than they pull.
"""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from yieldopt_pillars.assemblies.capped_pillar import MODEL

from yieldopt.conditional import balance
from yieldopt.conditional.forces import sobol_normals
from yieldopt.conditional.integrand import Route
from yieldopt.conditional.prepare import frame
from yieldopt.standard import standardise
from yieldopt.study import config, plan

STUDY = Path(__file__).parents[2] / "configs" / "capped_pillar" / "pitch_10um.yaml"
FORCED = (
    "bump_map={grid: {rows: 20, columns: 20, pitch: 10 um}}",
    "options.head=force",
    "design.bond_force=1 mN",
    "design.warpage=1 um",
    "design.cap_height=2 um",
)
OWN = 0.076
"""What a joint's height varies of its own, um: .06 of the pillar and .046 of the pad."""


@pytest.mark.slow
def test_joints_pressed_by_a_force_rest_where_all_their_forces_balance() -> None:
    """To a thirtieth of what a joint's height varies of its own, over shared draws as they come."""
    built = plan.build(config.read(STUDY, FORCED), MODEL)
    problem, design = built.problem, built.design
    model, joints = problem.model, problem.model.populations()["joint"]
    prepared = Route(frame(problem, design)).prepare(problem, design)
    size, own = prepared.structure.unit, prepared.structure.families[0].normals
    normals = jnp.asarray(sobol_normals(512, own, 7))
    elements = jax.vmap(lambda z: standardise(lambda: joints.variation(design), z))(normals)

    @jax.jit
    def off(z: Array) -> Array:
        shared = standardise(lambda: model.variation(design), z)
        crowd = balance.settle(prepared, shared, model.rest(design, shared))

        def pushed(site: Any) -> Array:
            state = joints.state(design, shared, crowd.pose, site)
            lever = jax.jacfwd(lambda q: joints.state(design, shared, q, site))(crowd.pose)
            force = jax.vmap(lambda e: joints.force(design, state, e))(elements)
            return sum((force[name].mean() * lever[name] for name in force), jnp.zeros_like(crowd.pose))

        left = model.load(design, shared, crowd.pose) + jax.lax.map(pushed, joints.sites, batch_size=16).sum(0)
        return crowd.compliance @ left

    draws = np.random.default_rng(3).normal(size=(24, size))
    height = np.array([off(jnp.asarray(z))[0] for z in draws])
    assert np.sqrt((height**2).mean()) < OWN / 30
