"""What the closed forms of self-alignment and of bridging leave out, joint by joint and in the yield; print it.

Run: python experiments/007_sideways/run.py [--case NAME] [--units N]                    (half an hour for all; float64)
"""

import argparse
import functools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax import Array
from table import Table, tabulate
from unit import TIMES, sideways

from yieldopt import catalogue
from yieldopt.exact import layout
from yieldopt.study import config, plan

STUDIES = Path(__file__).parents[2] / "configs" / "capped_pillar"
AT_ONCE = 10_000
"""Joints of one call."""
KEPT = 4_000_000
"""Joints or pairs of which the differences are kept."""
TALLER = "design.cap_height={value: 23.4 um, range: [12 um, 25 um]}", "design.resist_height=60 um"
CASES = {
    "blackparrot": ("blackparrot", 65_536, ()),
    "pitch_45um": ("pitch_45um", 16_384, ()),
    "pitch_45um, caps +30 %": ("pitch_45um", 16_384, TALLER),
    "grid_80um": ("grid_80um", 1_024, ()),
}


def draw(name: str, units: int, seed: int) -> Iterator[dict[str, np.ndarray]]:
    """Units of a case by both, some at a time."""
    study, _, changes = CASES[name]
    found = config.read(STUDIES / f"{study}.yaml", changes)
    built = plan.build(found, catalogue.load(found.card.name))
    problem, design = built.problem, built.design
    model: Any = problem.model
    population, sizes = model.joints, layout(problem, design)
    average = population.making.made(
        design, {"solder": design.cap_height, "diameter": design.pillar_diameter}, population.average()
    )
    table = tabulate(*(float(x) for x in (average.pad_radius, average.pillar_radius, average.volume)))
    sites = population.sites.x.shape[0]
    together = max(1, AT_ONCE // sites)

    @functools.partial(eqx.filter_jit)
    def some(problem: Any, design: Any, table: Table, key: Array) -> dict[str, Array]:
        one, other = jax.random.split(key)
        shared = jax.random.normal(one, (together, sizes.unit))
        own = jax.random.normal(other, (together, sites, sizes.element["joint"]))
        return jax.vmap(lambda z, e: sideways(problem, design, table, z, e))(shared, own)

    for batch in range(-(-units // together)):
        key = jax.random.fold_in(jax.random.key(seed), batch)
        yield {name: np.asarray(leaf) for name, leaf in some(problem, design, table, key).items()}


def gather(parts: Iterator[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Every number of a unit, and those of single joints and pairs from the first units."""
    found: dict[str, list[np.ndarray]] = {}
    for part in parts:
        for name, values in part.items():
            kept = found.setdefault(name, [])
            if values.ndim == 1 or sum(map(np.size, kept)) < KEPT:
                kept.append(values)
    return {name: np.concatenate(kept) for name, kept in found.items()}


def error(difference: np.ndarray, times: float) -> float:
    """Standard error of a mean; of one unit more, where nothing differed."""
    return max(float(difference.std() / np.sqrt(len(difference))), 0.5 / times / len(difference))


def told(true: np.ndarray, closed: np.ndarray, times: float = 1.0) -> str:
    """Share of units that fail by one and not by the other, over `times`, with its standard error."""
    difference = (true.astype(float) - closed) / times
    return f"{difference.mean():+.1e} ({error(difference, times):.0e})"


def spread(values: np.ndarray) -> str:
    """Mean, 99 % and largest."""
    values = values[~np.isnan(values)]
    return f"mean {values.mean():.4f}, 99 % {np.quantile(values, 0.99):.4f}, largest {values.max():.4f}"


def report(found: dict[str, np.ndarray]) -> None:
    """Print what one case says."""
    fails = {name: ~(values >= 0.0) for name, values in found.items() if values.ndim == 1 and values.dtype != bool}
    closed = fails["overlap"] | fails["gap"] | fails["others"]
    true = fails["overlap_true"] | fails["gap_true"] | fails["others"]
    print(f"    units {len(closed):,}, loss {closed.mean():.5f}, by both true laws {told(true, closed)}")
    aligned(found, fails)
    bridged(found, fails)


def aligned(found: dict[str, np.ndarray], fails: dict[str, np.ndarray]) -> None:
    """Print what the balance says."""
    print(f"    law answers {found['lawful'].mean():.4f} of the joints at the solidus, free {found['free'].mean():.4f}")
    print(f"    units that nothing holds {(~found['held']).sum()}, largest last step {found['step'].max():.0e}")
    print(f"    shift um: {spread(found['shift'])}")
    for name in ("pushing", "pulling"):
        units = np.isnan(found[name]).all(1).sum()
        print(f"    free joints {name} as hard as a natural one: {spread(found[name])}")
        print(f"        so that nothing holds {units} of {len(found[name]):,} units")
    print(f"    overlap: {spread(np.abs(found['overlap_change']))}; fails {fails['overlap'].mean():.5f}")
    print(f"    overlap fails, true less closed {told(fails['overlap_true'], fails['overlap'])}")
    print(f"    by {TIMES:g} times the difference {told(fails['overlap_times'], fails['overlap'], TIMES)}")


def bridged(found: dict[str, np.ndarray], fails: dict[str, np.ndarray]) -> None:
    """Print what the reaches say."""
    narrow = found["narrowest_reached"]
    print(
        f"    pairs with both reaches by the law {found['reached'].mean():.4f}, of units the narrowest"
        f" {narrow.mean():.4f}; as placed {found['reached_placed'].mean():.4f}"
    )
    for name in ("gap_change", "narrowest_change", "placed_change"):
        values = found[name][narrow] if name.startswith("narrow") else found[name]
        values = values[~np.isnan(values)]
        if not len(values):
            continue
        low, high = np.quantile(values, [0.01, 0.99])
        print(
            f"    {name} um: mean {values.mean():+.4f}, rms {np.sqrt(np.mean(values**2)):.4f},"
            f" 1 % {low:+.4f}, 99 % {high:+.4f}, ends {values.min():+.4f} {values.max():+.4f}"
        )
    print(f"    gap fails {fails['gap'].mean():.5f}, true less closed {told(fails['gap_true'], fails['gap'])}")
    print(f"    bulges over their pads where the law declines, less closed {told(fails['gap_still'], fails['gap'])}")
    print(
        f"    liquids touch {fails['touch'].mean():.5f}, true less closed {told(fails['touch_true'], fails['touch'])},"
        f" as placed less closed {told(fails['touch_placed'], fails['touch'])}",
        flush=True,
    )


def main() -> None:
    """Run the cases asked for."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--case", choices=CASES, action="append", help="a case, all by default")
    asked.add_argument("--units", type=int, help="units drawn, in place of each case's own number")
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    jax.config.update("jax_enable_x64", True)
    for name in given.case or CASES:
        began = time.perf_counter()
        print(name)
        report(gather(draw(name, given.units or CASES[name][1], given.seed)))
        print(f"    {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
