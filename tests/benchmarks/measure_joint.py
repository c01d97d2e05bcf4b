"""One joint's laws and one unit's balance, compiled and in plain NumPy: seconds of the quickest call, as JSON.

Run: python tests/benchmarks/measure_joint.py joint|unit
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import plain
from yieldopt_pillars.parts import bridge, joint

from yieldopt import catalogue, exact
from yieldopt.standard import standardise
from yieldopt.study import config
from yieldopt.study import plan as plans

STUDY = Path(__file__).parents[2] / "configs" / "capped_pillar" / "grid_80um.yaml"
COUNT, FEW = 100_000, 2_000


def best(call: Callable[[], Any], rounds: int = 20) -> float:
    """Seconds of the quickest call, not counting the first."""
    jax.block_until_ready(call())
    times: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - began)
    return min(times)


def crowd(number: int) -> tuple[np.ndarray, ...]:
    """Radii, volume and height of joints as the study of 10,000 scatters them, squeezed and stretched by a tenth."""
    normals = np.random.default_rng(0).standard_normal((4, number))
    a, b, natural = 22.0 + 0.4 * normals[0], 20.0 + 0.4 * normals[1], 12.0 * (1 + 0.06 * normals[2])
    volume = np.pi * natural * (3 * a**2 + 3 * b**2 + natural**2) / 6
    return a, b, volume, natural * (1 + 0.1 * np.clip(normals[3], -2, 3))


def one_joint() -> dict[str, float]:
    """Energy, force and bulge of one joint in batches of 1e5, and the exact bridge in batches of 2,000: us."""
    doubles = crowd(COUNT)
    singles = [np.asarray(x, np.float32) for x in doubles]

    @jax.jit
    def fast(*given: Any) -> Any:
        return tuple(jax.vmap(law)(*given) for law in (joint.energy, joint.force, joint.bulge_radius))

    def by_hand() -> tuple[np.ndarray, ...]:
        of = plain.shape(*doubles[:3])
        return plain.energy(of, doubles[3]), plain.force(of, doubles[3]), plain.bulge(of, doubles[3])

    for mine, other in zip(fast(*doubles), by_hand(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-9)
    solve, few = jax.jit(jax.vmap(bridge.solve)), [x[:FEW] for x in doubles]
    seconds = {
        "float32": best(lambda: fast(*singles)) / COUNT,
        "float64": best(lambda: fast(*doubles)) / COUNT,
        "NumPy": best(by_hand, 3) / COUNT,
        "exact bridge": best(lambda: solve(*few), 2) / FEW,
    }
    return {name: 1e6 * value for name, value in seconds.items()}


def unit() -> dict[str, float]:
    """Rest of 10,000 drawn joints, its gradient in the design and every draw, and the same balance by SciPy: s."""
    asked = config.read(STUDY)
    plan = plans.build(asked, catalogue.load(asked.card.name))
    model, design, normals = plan.problem.model, plan.design, exact.layout(plan.problem, plan.design)
    joints = model.populations()["joint"]
    count = joints.sites.x.shape[0]
    keys = jax.random.split(jax.random.key(0))
    shared = standardise(lambda: model.variation(design), jax.random.normal(keys[0], (normals.unit,)))
    draw = jax.jit(jax.vmap(lambda z: standardise(lambda: joints.variation(design), z)))
    own = draw(jax.random.normal(keys[1], (count, normals.element["joint"])))

    @jax.jit
    def settle(design: Any, shared: Any, own: Any) -> Any:
        return exact.settle(model, design, shared, {"joint": own})

    @jax.jit
    def gradient(design: Any, shared: Any, own: Any) -> Any:
        def level(of: Any) -> Any:
            return exact.settle(model, *of[:2], {"joint": of[2]})[0] @ jnp.arange(1.0, 7.0)

        return jax.value_and_grad(level)((design, shared, own))

    start = model.rest(design, shared)

    def ends(site: Any, own: Any) -> Any:
        state = joints.state(design, shared, start, site)
        made = joints.making.made(design, state, own)
        heights = jnp.stack([state["gap_melt"], state["gap"]]) - own.height - own.pad
        return made.pad_radius, made.pillar_radius, made.volume, heights

    pad, pillar, volume, heights = map(np.asarray, jax.jit(jax.vmap(ends))(joints.sites, own))
    half = joints.flatness.half
    levers = np.stack([np.ones(count), *(np.asarray(x) / half for x in (joints.sites.x, joints.sites.y))], 1)

    load = np.asarray(model.load(design, shared, start))[:3]  # of a floating chip its weight, wherever it is

    def by_hand() -> np.ndarray:
        of = plain.shape(pad, pillar, volume)
        return np.concatenate([plain.settle(of, height, levers, load) for height in heights.T])

    pose, settled = settle(design, shared, own)
    assert bool(settled)
    np.testing.assert_allclose(pose - start, by_hand(), atol=1e-8)
    return {
        "rest": best(lambda: settle(design, shared, own)),
        "gradient": best(lambda: gradient(design, shared, own)),
        "SciPy": best(by_hand, 3),
    }


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    sys.stdout.write(json.dumps({"joint": one_joint, "unit": unit}[sys.argv[1]]()) + "\n")
