"""What the figures draw: the joint and the chip of configs/capped_pillar/blackparrot.yaml."""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from yieldopt_pillars.materials import material

from yieldopt import catalogue
from yieldopt.exact import layout, settle
from yieldopt.standard import standardise
from yieldopt.study import config
from yieldopt.study import plan as plans

STUDY = Path(__file__).parents[2] / "configs" / "capped_pillar" / "blackparrot.yaml"
SEED = 1


class Joint(NamedTuple):
    """Radii of the opening over the pad and of the pillar, and the solder left between them (um, um3)."""

    pad: float
    pillar: float
    volume: float


class Chip(NamedTuple):
    """One drawn unit at rest: its sites (um), pose, what reaches each joint, and each joint's own draws."""

    x: np.ndarray
    y: np.ndarray
    pose: np.ndarray
    states: dict[str, Any]
    own: Any


@cache
def study() -> tuple[Any, Any, Any]:
    """The study's problem and design, and the surface tension of its solder (uN/um)."""
    found = config.read(STUDY)
    plan = plans.build(found, catalogue.load(found.card.name))
    return plan.problem, plan.design, material(found.inputs.materials["solder"]).tension


def average() -> Joint:
    """The joint without scatter."""
    problem, design, _ = study()
    joints = problem.model.joints
    nominal = {"solder": design.cap_height, "diameter": design.pillar_diameter}
    made = joints.making.made(design, nominal, joints.average())
    return Joint(float(made.pad_radius), float(made.pillar_radius), float(made.volume))


def sites() -> tuple[np.ndarray, np.ndarray]:
    """Where the bumps are, um."""
    joints = study()[0].model.joints
    return np.asarray(joints.sites.x), np.asarray(joints.sites.y)


@cache
def chip() -> Chip:
    """Draw one unit with every joint in it and settle it, as the referee does."""
    problem, design, _ = study()
    model, joints = problem.model, problem.model.joints
    sizes, keys = layout(problem, design), jax.random.split(jax.random.key(SEED))
    x, y = sites()

    @jax.jit
    def drawn(unit: Any, elements: Any) -> Any:
        shared = standardise(lambda: model.variation(design), unit)
        own = jax.vmap(lambda z: standardise(lambda: joints.variation(design), z))(elements)
        pose, settled = settle(model, design, shared, {"joint": own})
        return settled, pose, jax.vmap(lambda site: joints.state(design, shared, pose, site))(joints.sites), own

    settled, pose, states, own = drawn(
        jax.random.normal(keys[0], (sizes.unit,)), jax.random.normal(keys[1], (len(x), sizes.element["joint"]))
    )
    assert settled
    return Chip(x, y, np.asarray(pose), states, own)
