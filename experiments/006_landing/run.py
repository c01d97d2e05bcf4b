"""Does a chip that lands joint by joint end where the balance of all its joints has it? Counted, unit by unit.

Run: python experiments/006_landing/run.py [--case NAME] [--units N]                            (ten minutes; float64)
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float
from scipy.optimize import linprog
from yieldopt_pillars.parts import joint

from yieldopt import catalogue, compiler, exact
from yieldopt.problem import Model
from yieldopt.standard import dimension, standardise
from yieldopt.study import config
from yieldopt.study import plan as plans

CONFIGS = Path(__file__).parents[2] / "configs" / "capped_pillar"
CASES = {
    "blackparrot": ("blackparrot", ()),
    "cap 12 um": ("blackparrot", ("design.cap_height=12 um",)),
    "warpage 9 um": ("blackparrot", ("design.warpage=9 um",)),
    "pads twice as uneven": ("blackparrot", ("variation.substrate.pad_height.pad=3.4 um",)),
    "pitch_45um": ("pitch_45um", ()),
}
STRIDE = 0.1
"""Farthest that any gap changes between two looks for new contacts, um."""
STEPS = 2000
"""Strides at most; what has not come to rest by then is counted as such."""
AT_ONCE = 64
"""Units of one call at 276 joints; fewer where there are more joints."""


class Landed(NamedTuple):
    """A chip that has landed: its pose, which joints have wetted, whether it lies still."""

    pose: Float[Array, "3"]
    wetted: Bool[Array, " joints"]
    still: Bool[Array, ""]


class Molten(NamedTuple):
    """A unit's joints at melting: radii and volume of each, how far its cap stands out when free and as plated, its gap
    at the pose zero and how the pose changes that; the chip's weight by pose, over the tension (um).
    """

    ends: tuple[Array, Array, Array]
    reach: Float[Array, " joints"]
    plated: Float[Array, " joints"]
    clearance: Float[Array, " joints"]
    levers: Float[Array, "joints 3"]
    weight: Float[Array, "3"]


class Compared(NamedTuple):
    """One unit both ways: joints that stay open by either, and how far apart the two chips lie at most (um)."""

    open_balanced: Array
    open_landed: Array
    apart: Array
    still: Array


def land(unit: Molten, start: Float[Array, "3"]) -> Landed:
    """Follow a chip from where it lay when its solder melts: a joint pulls from when its cap touches, and from then on.

    Flux resists every gap's change alike, so that the way down is steepest in the gaps; a stride is Newton's own where
    that is no longer.
    """
    ends, reach, _, clearance, levers, weight = unit
    drag = levers.T @ levers
    pull, slope = jax.vmap(joint.force), jax.vmap(jax.grad(joint.force, 3))

    def stride(at: tuple[Any, ...]) -> tuple[Any, ...]:
        pose, wetted, _, count = at
        gap = clearance + levers @ pose
        wetted = wetted | (gap <= reach)
        force = -levers.T @ jnp.where(wetted, pull(*ends, gap), 0.0) - weight
        stiffness = levers.T @ (jnp.where(wetted, slope(*ends, gap), 0.0)[:, None] * levers)
        down = jnp.linalg.solve(drag, force)
        down = down * STRIDE / jnp.max(jnp.abs(levers @ down))
        firm = jnp.linalg.eigvalsh(stiffness)[0] > 1e-6 * jnp.max(jnp.abs(stiffness))
        newton = jnp.linalg.solve(jnp.where(firm, stiffness, drag), force)
        near = firm & (jnp.max(jnp.abs(levers @ newton)) <= STRIDE)
        move = jnp.where(near, newton, down)
        return pose + move, wetted, jnp.max(jnp.abs(levers @ move)), count + 1

    begin = start, jnp.zeros(len(reach), bool), jnp.asarray(jnp.inf), jnp.asarray(0)
    pose, wetted, moved, _ = jax.lax.while_loop(lambda at: (at[2] > 1e-9) & (at[3] < STEPS), stride, begin)
    return Landed(pose, wetted | (clearance + levers @ pose <= reach), moved <= 1e-9)


def molten(model: Any, design: Any, shared: Any, own: Any) -> Molten:
    """What `land` takes of a unit."""
    sites, size = model.joints.sites, model.rest(design, shared).shape[0]

    def gaps(pose: Array) -> tuple[Array, Any]:
        states = jax.vmap(lambda site: model.joints.state(design, shared, pose, site))(sites)
        return states["gap_melt"] - own.height - own.pad, states

    clearance, states = gaps(jnp.zeros(size))
    made = jax.vmap(lambda state, one: model.joints.making.made(design, state, one))(states, own)
    ends = made.pad_radius + jnp.zeros_like(made.pillar_radius), made.pillar_radius, made.volume
    reach = jax.vmap(joint.free_cap_height)(made.pillar_radius, made.volume)
    levers = jax.jacfwd(lambda pose: gaps(pose)[0])(jnp.zeros(size))[:, :3]
    return Molten(
        ends, reach, states["solder"] + own.solder, clearance, levers, model.load(design, shared, jnp.zeros(size))[:3]
    )


def seat(unit: Molten) -> np.ndarray:
    """Where a chip lies before its solder melts: as low as its caps, as plated, let it (three of them, as a rule)."""
    found = linprog(
        np.asarray([1.0, 0.0, 0.0]),
        -np.asarray(unit.levers),
        np.asarray(unit.clearance - unit.plated),
        bounds=(None, None),
    )
    if found.status:
        raise RuntimeError(f"a chip finds no seat: {found.message}")
    return found.x


@eqx.filter_jit
def draw(model: Model[Any], design: Any, keys: Array) -> tuple[Molten, Array, Array]:
    """Units at melting, the pose in which all their joints balance, and whether that was found."""
    joints = model.populations()["joint"]

    def one(key: Array) -> tuple[Molten, Array, Array]:
        first, second = jax.random.split(key)
        unit = jax.random.normal(first, (dimension(lambda: model.variation(design)),))
        shared = standardise(lambda: model.variation(design), unit)
        normals = jax.random.normal(second, (joints.sites.x.shape[0], dimension(lambda: joints.variation(design))))
        own = jax.vmap(lambda z: standardise(lambda: joints.variation(design), z))(normals)
        pose, settled = exact.settle(model, design, shared, {"joint": own})
        return molten(model, design, shared, own), pose[:3], settled

    return jax.vmap(one)(keys)


@eqx.filter_jit
def compare(units: Molten, poses: Array, settled: Array, seats: Array) -> Compared:
    """Joints that stay open in the balance of all, and in a chip landed from its seat."""

    def one(unit: Molten, pose: Array, found: Array, start: Array) -> Compared:
        landed = land(unit, start)
        return Compared(
            (unit.clearance + unit.levers @ pose > unit.reach).sum(),
            (~landed.wetted).sum(),
            jnp.max(jnp.abs(unit.levers @ (landed.pose - pose))),
            landed.still & found,
        )

    return jax.vmap(one)(units, poses, settled, seats)


def group(model: Any, design: Any, keys: Array) -> Compared:
    """Some units: drawn, seated, landed."""
    units, poses, settled = draw(model, design, keys)
    seats = [seat(jax.tree.map(lambda leaf, k=k: leaf[k], units)) for k in range(len(keys))]
    return compare(units, poses, settled, jnp.asarray(seats))


def row(name: str, count: int, seed: int) -> str:
    """One line of the table."""
    study, overrides = CASES[name]
    found = config.read(CONFIGS / f"{study}.yaml", overrides)
    plan = plans.build(found, catalogue.load(found.card.name))
    joints = plan.problem.model.populations()["joint"].sites.x.shape[0]
    lanes = max(1, AT_ONCE * 276 // joints)
    keys = jax.random.split(jax.random.key(seed), -(-count // lanes) * lanes).reshape(-1, lanes)
    groups = [jax.tree.map(np.asarray, group(plan.problem.model, plan.design, some)) for some in keys]
    each = Compared(*(np.concatenate(parts) for parts in zip(*groups, strict=True)))
    balanced, landed = each.open_balanced > 0, each.open_landed > 0
    missed, found_more = int((landed & ~balanced).sum()), int((balanced & ~landed).sum())
    whole = ~balanced & ~landed & each.still
    apart = float(each.apart[whole].max()) if whole.any() else 0.0
    joints_open = each.open_balanced[balanced].mean() if balanced.any() else 0.0
    joints_left = each.open_landed[balanced].mean() if balanced.any() else 0.0
    return (
        f"| {name} | {joints:,} | {len(balanced):,} | {balanced.mean():.5f} | {missed} | {found_more} "
        f"| {joints_open:.3f} | {joints_left:.3f} | {apart:.0e} | {int((~each.still).sum())} |"
    )


HEAD = """| case | joints | units | with open joints | open landed alone | open balanced alone | opens in such a unit, \
balanced | landed | whole ones apart, um | not still |
|---|---|---|---|---|---|---|---|---|---|"""


def main() -> None:
    """Print a row a case."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--case", choices=CASES, action="append", help="a case, all by default")
    asked.add_argument("--units", type=int, default=16_384)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    compiler.quickly()
    jax.config.update("jax_enable_x64", True)
    print(HEAD, flush=True)
    for name in given.case or CASES:
        print(row(name, given.units, given.seed), flush=True)


if __name__ == "__main__":
    main()
