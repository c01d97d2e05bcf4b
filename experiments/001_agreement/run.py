"""Compare the fast route with the exact unit, paired on the same shared draws, case by case; print the table.

Run: python experiments/001_agreement/run.py [--case NAME] [--units N] [--write]        (float64)
"""

import argparse
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from yieldopt import catalogue, compiler
from yieldopt.conditional.doubts import doubts
from yieldopt.conditional.integrand import Route, evaluate
from yieldopt.conditional.prepare import frame
from yieldopt.estimators.counting import BLOCK, units
from yieldopt.exact import Unit, layout, rows
from yieldopt.problem import Problem
from yieldopt.programs import forget, thorough
from yieldopt.study import config
from yieldopt.study import plan as plans
from yieldopt.study.config import ResolvedStudy

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "models" / "README.md"
MARKERS = "<!-- agreement -->\n", "<!-- /agreement -->"
AT_ONCE = 2048
"""Units of one call at 276 joints; fewer where there are more joints."""
LANES = 2_000_000
"""Joints of blocks that a GPU takes at once."""
DOUBTED = 2048
"""Shared draws on which the fast route states its doubt."""
FINEST = 5e-4, 0.01
"""The standard error that the comparison is to reach: in yield, or as a share of the loss where that is larger."""
SIGMAS = 4.0

CAPTION = """Made by `python experiments/001_agreement/run.py --write` in float64, seed {seed}, a row at a time, on an
H200 or on CPU cores. Each row draws the shared normals of its units once. Counted: every joint of every unit drawn and
settled (`exact.margins`). Fast: `exp(log_pass)` on those same shared draws, so that the difference is free of their
scatter; its standard error is that of the elements' draws alone, and `!` marks one above 5e-4 in yield or 1 % of the
loss. Doubt: the modelling error that the fast route states of itself. A row *agrees* where the difference is within
four standard errors, and is *covered* where the stated doubt makes up the rest.

This proves the integration: mean field, finite crowd, local failure probabilities, couples and pairs, cubature. It does
not prove the physics, which both routes share: that is tested against outside references in `tests/physics`."""


class Case(NamedTuple):
    """A study with overrides, spreads scaled by field, how many units are drawn, and whether claims count on each."""

    study: str
    units: int
    overrides: tuple[str, ...] = ()
    scaled: Callable[[str], float] = lambda field: 1.0
    conforms: bool = False


def dominated(field: str) -> float:
    """The scale of a spread by which what joints have for themselves outweighs what they share."""
    return 1.4 if field == "pad_pad" else 1.0 if field.endswith(("_bump", "_pad")) else 0.4


TALLER = ("design.cap_height={value: 23.4 um, range: [12 um, 25 um]}", "design.resist_height=60 um")
"""Caps a third taller, and resist enough that they are not lost to overplating: bridging is what is left."""
THIN = (
    "options.bodies=bending",
    "design.chip_thickness=60 um",
    "design.substrate_thickness=100 um",
    "design.warpage=9 um",
)
"""So thin that the joints pull a part of the warpage away."""
YIELDING = "design.melt_travel=0.2 um", "design.head_stiffness=0.01 N/um"
"""A head as stiff as the joints under it, that goes hardly far enough."""
FORCED = "options.head=force", "design.bond_force=1 mN", "design.warpage=1 um", "design.cap_height=2 um"
BUMPS = "options.chip2_solder=bump", "design.bump_plating=80 um", "claims=[P9, P14]"
HIGHER = ("design.second_height={value: 19.5 um, range: [5 um, 35 um]}",)
"""A second pillar of 22.5 um with its nickel, of which claim P34 has each below 25 um."""
OCTAGONS = ("options.section=octagon",)
TWICE = ("options.levels=two", "claims=[T157, T163, T167, T179, T180]")
NARROW = (
    "design.via_width={value: 19 um, range: [15.5 um, 60 um]}",
    "design.trace_width=11 um",
    "claims=[T179, T180, T185, T186]",
)
"""A via hardly wider than its passivation opening, of which claim T185 has each wider."""
OPENED = (
    "options.opening=through",
    "design.opening_width=5070 um",
    "design.opening_length=5120 um",
    "claims=[P26, P27]",
)
"""So narrow that chip 2 is at times too far out to go in."""
SMALL = ("bump_map={grid: {rows: 20, columns: 20, pitch: 10 um}}",)
"""An array small enough to be counted by the ten thousand."""
CASES = {
    "blackparrot": Case("blackparrot", 65_536),
    "cap 12 um": Case("blackparrot", 16_384, ("design.cap_height=12 um",)),
    "cap 15 um": Case("blackparrot", 98_304, ("design.cap_height=15 um",)),
    "cap 22 um": Case("blackparrot", 32_768, ("design.cap_height=22 um",)),
    "warpage 9 um": Case("blackparrot", 163_840, ("design.warpage=9 um",)),
    "pads twice as uneven": Case("blackparrot", 32_768, ("variation.substrate.pad_height.pad=3.4 um",)),
    "defects 100 ppm": Case("blackparrot", 65_536, ("defects.joint.rate=100 ppm",)),
    "spare bumps": Case("spare_bumps", 147_456),
    "element noise dominates": Case("blackparrot", 131_072, scaled=dominated),
    "20 x 20 at 160 um": Case("blackparrot", 81_920, ("bump_map={grid: {rows: 20, columns: 20, pitch: 160 um}}",)),
    "pitch_45um": Case("pitch_45um", 49_152),
    "pitch_45um, caps +30 %": Case("pitch_45um", 73_728, TALLER),
    "grid_80um": Case("grid_80um", 8_192),
    "thin bodies that bend": Case("blackparrot", 73_728, THIN),
    "pressed, 20 x 20 at 10 um": Case("pitch_10um", 81_920, (*SMALL, *YIELDING)),
    "pressed by force, 20 x 20": Case("pitch_10um", 65_536, (*SMALL, *FORCED)),
    "pitch_10um": Case("pitch_10um", 512),
    "balls": Case("balls", 40_960),
    "bumps in place of balls": Case("balls", 40_960, BUMPS),
    "as_found": Case("as_found", 114_688),
    "ceramic": Case("ceramic", 16_384),
    "ceramic, octagons": Case("ceramic", 16_384, OCTAGONS),
    "ceramic, claims on every unit": Case("ceramic", 65_536, HIGHER, conforms=True),
    "gold_bumps": Case("gold_bumps", 49_152),
    "gold_balls": Case("gold_balls", 57_344),
    "wlcsp_400um": Case("wlcsp_400um", 32_768),
    "wlcsp_400um, two levels": Case("wlcsp_400um", 32_768, TWICE),
    "wlcsp_400um, claims on every unit": Case("wlcsp_400um", 32_768, NARROW, conforms=True),
    "face_up": Case("face_up", 32_768),
    "face_down": Case("face_down", 32_768),
    "face_down, an opening": Case("face_down", 32_768, OPENED),
}


class Compared(NamedTuple):
    """One row: both yields, their paired difference (counted - fast) with its standard error, and by limit."""

    joints: int
    units: int
    counted: float
    fast: float
    difference: float
    stderr: float
    doubt: float
    unsettled: int
    limits: dict[str, tuple[float, float, float]]
    seconds: float

    @property
    def coarse(self) -> bool:
        """Whether the standard error is above what the comparison is to reach."""
        return self.stderr > max(FINEST[0], FINEST[1] * (1.0 - self.counted))

    @property
    def verdict(self) -> str:
        """What the row says."""
        if abs(self.difference) <= SIGMAS * self.stderr:
            return "agrees"
        return "covered" if abs(self.difference) <= SIGMAS * self.stderr + self.doubt else "DIFFERS"


def read(case: Case) -> ResolvedStudy:
    """The study of a case."""
    (path,) = (ROOT / "configs").glob(f"*/{case.study}.yaml")
    found = config.read(path, case.overrides)
    spreads = {field: sigma * case.scaled(field) for field, sigma in found.inputs.spreads.items()}
    return dataclasses.replace(found, inputs=dataclasses.replace(found.inputs, spreads=spreads))


def compare(case: Case, count: int | None = None, seed: int = 1) -> Compared:
    """Draw `count` units (the case's own number by default) and compare."""
    study = read(case)
    plan = plans.build(study, catalogue.load(study.card.name))
    return compared(plan.both if case.conforms else plan.problem, plan.design, count or case.units, seed)


def compared(problem: Problem[Any], design: Any, count: int, seed: int) -> Compared:
    """Compare both routes on `count` units, rounded up to whole blocks."""
    began = time.perf_counter()
    blocks = -(-count // BLOCK)
    shared = jax.random.normal(jax.random.key(seed), (blocks * BLOCK, layout(problem, design).unit))
    prepared = Route(frame(problem, design)).prepare(problem, design)
    fast = evaluate(prepared, shared)
    passes = np.exp(np.minimum(np.asarray(fast.total), 0.0))
    counted = exact(problem, design, np.asarray(shared), seed)
    broken = ~(counted.margins >= 0.0)
    good = ~broken.any(1) & counted.settled
    clean = float(jnp.exp(problem.log_defects()))
    difference = clean * (good - passes)
    own = 1.0 - np.exp(np.minimum(np.asarray(fast.by_limit), 0.0))
    stated = doubts(prepared, shared[:DOUBTED])
    return Compared(
        joints=sum(p.sites.x.shape[0] for p in problem.model.populations().values()),
        units=len(good),
        counted=clean * float(good.mean()),
        fast=clean * float(passes.mean()),
        difference=float(difference.mean()),
        stderr=error(difference),
        doubt=clean * sum(stated.values()),
        unsettled=int((~counted.settled).sum()),
        limits=by_limit(problem, broken, own),
        seconds=time.perf_counter() - began,
    )


def exact(problem: Problem[Any], design: Any, shared: np.ndarray, seed: int) -> Unit:
    """The exact units at these shared normals, some blocks at a time; element normals are those of the referee."""
    sizes, key = layout(problem, design), jax.random.key(seed + 1)
    joints = sum(p.sites.x.shape[0] for p in problem.model.populations().values())
    step = max(1, AT_ONCE * 276 // max(joints, 276) // BLOCK)
    groups = shared.reshape(-1, BLOCK, shared.shape[1])
    found = [
        jax.tree.map(np.asarray, _exact(problem, design, sizes, key, jnp.asarray(first), groups[first : first + step]))
        for first in range(0, len(groups), step)
    ]
    return Unit(*(np.concatenate([getattr(part, name) for part in found]) for name in Unit._fields))


@thorough
def _exact(problem: Any, design: Any, sizes: Any, key: Any, first: Any, shared: Any) -> Unit:
    blocks = first + jnp.arange(shared.shape[0])
    joints = sum(p.sites.x.shape[0] for p in problem.model.populations().values())
    wide = max(1, LANES // (BLOCK * joints)) if jax.default_backend() == "gpu" else None
    both = blocks, jnp.asarray(shared)
    found = jax.lax.map(lambda one: units(problem, design, sizes, key, *one), both, batch_size=wide)
    return jax.tree.map(lambda leaf: leaf.reshape(leaf.shape[0] * leaf.shape[1], *leaf.shape[2:]), found)


def by_limit(problem: Problem[Any], broken: np.ndarray, own: np.ndarray) -> dict[str, tuple[float, float, float]]:
    """Share of units that each limit fails: counted, counted less fast, and the standard error of that."""
    found: dict[str, tuple[float, float, float]] = {}
    for column, limit in enumerate(problem.limits):
        mine = [k for k, (name, _) in enumerate(rows(problem)) if name == limit.name]
        fails = broken[:, mine].any(1)
        difference = fails - own[:, column]
        found[limit.name] = float(fails.mean()), float(difference.mean()), error(difference)
    return found


def error(difference: np.ndarray) -> float:
    """Standard error of a mean; of one unit more, where nothing differed."""
    return max(float(difference.std() / np.sqrt(len(difference))), 0.5 / len(difference))


def row(name: str, found: Compared) -> str:
    """One row of the table."""
    mark = " !" if found.coarse else ""
    return (
        f"| {name} | {found.joints:,} | {found.units:,} | {found.counted:.5f} | {found.fast:.5f} "
        f"| {found.difference:+.1e} | {found.stderr:.1e}{mark} | {found.doubt:.1e} | {found.verdict} |"
    )


HEAD = """| case | joints | units | counted | fast | difference | standard error | doubt | verdict |
|---|---|---|---|---|---|---|---|---|"""


def write(lines: dict[str, str], seed: int) -> None:
    """Put rows in the table between its markers in the README of the models; rows of other cases there stay."""
    text = TABLE.read_text()
    opening, closing = MARKERS
    if opening not in text or closing not in text:
        text = f"{text.rstrip()}\n\n## The fast route against the exact unit\n\n{opening}{closing}\n"
    before, _, rest = text.partition(opening)
    old, _, after = rest.partition(closing)
    kept = {cells[1].strip(): line for line in old.splitlines() if len(cells := line.split("|")) == 11}
    table = [(kept | lines)[name] for name in CASES if name in kept | lines]
    TABLE.write_text("\n".join([before + opening + HEAD, *table, "", CAPTION.format(seed=seed), closing + after]))


def main() -> None:
    """Run the cases asked for."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--case", choices=CASES, action="append", help="a case, all by default")
    asked.add_argument("--units", type=int, help="units drawn, in place of each case's own number")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--write", action="store_true", help="write the table into models/README.md")
    given = asked.parse_args()
    compiler.quickly()
    jax.config.update("jax_enable_x64", True)
    print(HEAD, flush=True)
    for name in given.case or CASES:
        forget()
        found = compare(CASES[name], given.units, given.seed)
        line = row(name, found)
        print(line, flush=True)
        for limit, (fails, difference, stderr) in found.limits.items():
            print(f"    {limit:16} fails {fails:.5f}, counted - fast {difference:+.1e}, standard error {stderr:.1e}")
        print(f"    {found.unsettled} unsettled; {found.seconds:.0f} s", flush=True)
        if given.write:
            write({name: line}, given.seed)


if __name__ == "__main__":
    main()
