"""Does the fast force law show in the yield? The exact bridge takes its place wherever a joint is within its domain.

Both are carried through the same conditional route on the same shared draws, so that nothing else differs. Each law has
a process of its own and no kept programs: neither knows of the other's.
"""

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

os.environ["YIELDOPT_CACHE"] = "off"

from yieldopt.study import session

session.start()

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jax import Array  # noqa: E402
from yieldopt_pillars.parts import bridge, joint  # noqa: E402

from yieldopt import catalogue  # noqa: E402
from yieldopt.conditional.forces import sobol_normals  # noqa: E402
from yieldopt.conditional.integrand import Route, evaluate  # noqa: E402
from yieldopt.conditional.prepare import frame  # noqa: E402
from yieldopt.study import config, plan  # noqa: E402

DRAWS = 4096
FAST = joint.force


def exact(radius_bottom: Array, radius_top: Array, volume: Array, height: Array) -> Array:
    """The exact bridge's force from the overhang to 1.6 natural heights or where it meets a face; else the fast law."""
    natural = joint.natural_height(radius_bottom, radius_top, volume)
    low, high = joint.overhang_height(radius_bottom, radius_top, volume), 1.6 * natural
    inside = (height > low) & (height < high)
    solved = bridge.solve(radius_bottom, radius_top, volume, jnp.where(inside, height, natural))
    sound = inside & solved.exists & ~solved.recedes
    return jnp.where(sound, solved.force, FAST(radius_bottom, radius_top, volume, height))


def losses(name: str, law: str) -> np.ndarray:
    """Loss of a study's start design at the shared draws, under a law of the force."""
    joint.force = {"fast": FAST, "exact": exact}[law]
    study = config.read(Path("configs/capped_pillar") / f"{name}.yaml")
    built = plan.build(study, catalogue.load(study.card.name))
    prepared = Route(frame(built.problem, built.design)).prepare(built.problem, built.design)
    found = evaluate(prepared, jnp.asarray(sobol_normals(DRAWS, prepared.structure.unit, 7)))
    return -np.expm1(np.minimum(np.asarray(found.total), 0.0))


def main() -> None:
    """Print a line a study."""
    for name in sys.argv[1:] or ["blackparrot", "grid_80um", "pitch_45um"]:
        with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as alone:
            fast, true = (alone.submit(losses, name, law).result() for law in ("fast", "exact"))
        change = true - fast
        print(
            f"{name}: loss {fast.mean():.5f} fast, {true.mean():.5f} exact bridge, {change.mean():+.1e}"
            f" ({change.std() / np.sqrt(DRAWS):.0e}), largest of a unit {np.abs(change).max():.3f}"
        )


if __name__ == "__main__":
    main()
