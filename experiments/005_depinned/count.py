"""How many joints in a thousand are past the overhang, in real units? Drawn exactly, when melting and when solid.

Run: python experiments/005_depinned/count.py [--units N]                                    (three minutes; float64)
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Int
from yieldopt_pillars.parts import joint

from yieldopt import catalogue, compiler, exact
from yieldopt.standard import dimension, standardise
from yieldopt.study import config
from yieldopt.study import plan as plans

CONFIGS = Path(__file__).parents[2] / "configs" / "capped_pillar"
TALLER = ("design.cap_height={value: 23.4 um, range: [12 um, 25 um]}", "design.resist_height=60 um")
CASES = {
    "blackparrot": ("blackparrot", (), 4096),
    "cap 12 um": ("blackparrot", ("design.cap_height=12 um",), 4096),
    "grid_80um": ("grid_80um", (), 128),
    "pitch_45um": ("pitch_45um", (), 1024),
    "pitch_45um, caps +30 %": ("pitch_45um", TALLER, 1024),
    "pitch_10um": ("pitch_10um", (), 16),
}
AT_ONCE = 20_000
"""Joints of one call."""


class Counted(NamedTuple):
    """Joints of one unit below their overhang at melting and when solid, and whether it came to rest."""

    melting: Int[Array, ""]
    solid: Int[Array, ""]
    settled: Bool[Array, ""]


@eqx.filter_jit
def count(model: Any, design: Any, keys: Array) -> Counted:
    """Draw units and count."""
    joints = model.populations()["joint"]

    def one(key: Array) -> Counted:
        first, second = jax.random.split(key)
        unit = jax.random.normal(first, (dimension(lambda: model.variation(design)),))
        shared = standardise(lambda: model.variation(design), unit)
        normals = jax.random.normal(second, (joints.sites.x.shape[0], dimension(lambda: joints.variation(design))))
        own = jax.vmap(lambda z: standardise(lambda: joints.variation(design), z))(normals)
        pose, settled = exact.settle(model, design, shared, {"joint": own})
        state = jax.vmap(lambda site: joints.state(design, shared, pose, site))(joints.sites)
        made = jax.vmap(lambda s, e: joints.making.made(design, s, e))(state, own)
        wide = jnp.broadcast_to(made.pad_radius, made.volume.shape)
        low = jax.vmap(joint.overhang_height)(wide, made.pillar_radius, made.volume)
        past = [(state[gap] - own.height - own.pad < low).sum() for gap in ("gap_melt", "gap")]
        return Counted(*past, settled)

    return jax.vmap(one)(keys)


def row(name: str, units: int | None) -> str:
    """One line of the table."""
    study, overrides, usual = CASES[name]
    found = config.read(CONFIGS / f"{study}.yaml", overrides)
    plan = plans.build(found, catalogue.load(found.card.name))
    joints = plan.problem.model.populations()["joint"].sites.x.shape[0]
    lanes = max(1, AT_ONCE // joints)
    keys = jax.random.split(jax.random.key(1), -(-(units or usual) // lanes) * lanes).reshape(-1, lanes)
    each = [jax.tree.map(np.asarray, count(plan.problem.model, plan.design, some)) for some in keys]
    melting, solid, settled = (np.concatenate(parts) for parts in zip(*each, strict=True))
    shares = [
        f"{1e3 * part.mean() / joints:.3g} ({1e3 * part.std() / joints / np.sqrt(len(part)):.1g})"
        for part in (melting, solid)
    ]
    met = f"{(solid > 0).mean():.3f} | {(~settled).sum()}"
    return f"| {name} | {joints:,} | {len(solid):,} | {' | '.join(shares)} | {met} |"


HEAD = """| case | joints | units | past it when melting | when solid | units with any | not settled |
|---|---|---|---|---|---|---|"""


def main() -> None:
    """Print a row a case."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--case", choices=CASES, action="append", help="a case, all by default")
    asked.add_argument("--units", type=int, help="units drawn, in place of each case's own number")
    given = asked.parse_args()
    compiler.quickly()
    jax.config.update("jax_enable_x64", True)
    print(HEAD, flush=True)
    for name in given.case or CASES:
        print(row(name, given.units), flush=True)


if __name__ == "__main__":
    main()
