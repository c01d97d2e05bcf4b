"""The zoo's problems by `estimate` and by OpenTURNS: error, looks at the model, seconds, side by side.

Run: python experiments/009_rare_failures/run.py [--problem NAME] [--seeds N] [--write]     (half an hour)
"""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from yieldopt.estimators import estimate
from yieldopt.limit_state import LimitState
from yieldopt.testing.zoo import Known, zoo

TABLE = Path(__file__).parent / "README.md"
MARKERS = "<!-- zoo -->\n", "<!-- /zoo -->"
MOST = 50_000
"""Looks that each may take."""
ASKED = 0.02
"""Half-width of the 95 % interval that `estimate` is asked for, of the failure probability."""
HEAD = """| problem | normals | loss | in few looks | error | looks | slopes | inside | s | peer | error | looks | s |
|---|---|---|---|---|---|---|---|---|---|---|---|---|"""
FEW = {1e-3: 2_000, 1e-6: 4_000, 1e-9: 6_000}
"""Few looks, at failure probabilities near these."""


class Tried(NamedTuple):
    """A method on a problem: relative errors of the seeds, mean looks and slopes, share of intervals that cover; for
    ours the root mean square error in few looks, and how many those were.
    """

    name: str
    errors: np.ndarray
    looks: float
    slopes: float
    inside: float
    seconds: float
    few: float = np.nan
    fewer: float = np.nan

    @property
    def rms(self) -> float:
        """Root of the mean squared error; inf where a seed ended in an error."""
        return float(np.sqrt(np.mean(self.errors**2))) if np.isfinite(self.errors).all() else np.inf


def few(known: Known) -> int:
    """Few looks for so much lost."""
    return FEW[min(FEW, key=lambda loss: abs(np.log(loss / known.failure_probability)))]


def ours(known: Known, seeds: int) -> Tried:
    """`estimate` with its own choice of method; the first run, which compiles, is not counted."""
    estimate(known.problem, relative=ASKED, max_evaluations=MOST)
    began = time.perf_counter()
    found = [estimate(known.problem, relative=ASKED, max_evaluations=MOST, seed=seed) for seed in range(seeds)]
    seconds = (time.perf_counter() - began) / seeds
    short = [estimate(known.problem, relative=ASKED, max_evaluations=few(known), seed=seed) for seed in range(seeds)]
    loss = known.failure_probability
    errors, soon = (np.array([one.failure_probability / loss - 1.0 for one in every]) for every in (found, short))
    inside = [one.interval[0] <= 1.0 - loss <= one.interval[1] for one in found]
    looks, slopes = ([f.evaluations for f in found], [f.gradient_evaluations for f in found])
    counts = float(np.mean(looks)), float(np.mean(slopes)), float(np.mean(inside)), seconds
    taken = float(np.mean([one.evaluations for one in short]))
    return Tried("estimate", errors, *counts, float(np.sqrt(np.mean(soon**2))), taken)


def peers(known: Known, seeds: int) -> list[Tried]:
    """All of OpenTURNS' methods."""
    from importlib import import_module

    peer = import_module("peers")
    found: list[Tried] = []
    for name in peer.METHODS:
        state = LimitState(known.problem, None)
        peer.run(name, state, 10_000)
        before, began, errors = (state.evaluations, state.gradient_evaluations), time.perf_counter(), list[float]()
        for seed in range(seeds):
            errors.append(peer.run(name, state, seed) / known.failure_probability - 1.0)
        looks, slopes = state.evaluations - before[0], state.gradient_evaluations - before[1]
        seconds = (time.perf_counter() - began) / seeds
        found.append(Tried(name, np.array(errors), looks / seeds, slopes / seeds, np.nan, seconds))
    return found


def row(name: str, known: Known, own: Tried, best: Tried) -> str:
    """One row: ours, and the peer of the least error."""
    size = LimitState(known.problem, None).size
    soon = f"{_per_cent(own.few)} by {own.fewer:,.0f} of {few(known):,}"
    peer = f"{best.name} | {_per_cent(best.rms)} | {best.looks:,.0f} | {best.seconds:.2f}"
    return (
        f"| {name} | {size:,} | {known.failure_probability:.3g} | {soon} | "
        f"{_per_cent(own.rms)} | {own.looks:,.0f} | {own.slopes:,.0f} | {own.inside:.0%} | {own.seconds:.2f} | {peer} |"
    )


def _per_cent(error: float) -> str:
    return f"{100 * error:.2g} %" if error < 10 else "-"


def summary(own: dict[str, Tried], others: dict[str, list[Tried]]) -> str:
    """On how many problems each is within three per cent."""
    methods = {"estimate": list(own.values())}
    for tried in others.values():
        for one in tried:
            methods.setdefault(one.name, []).append(one)
    said = [f"{name} {sum(t.rms <= 0.03 for t in tried)} of {len(tried)}" for name, tried in methods.items()]
    covered = np.mean([tried.inside for tried in own.values()])
    faster = sum(own[name].seconds < min(_as_true(own[name], one) for one in others[name]) for name in own)
    return (
        f"\nWithin 3 % (root mean square): {', '.join(said)}. Intervals of `estimate` that cover: {covered:.1%}. "
        f"For the same error `estimate` is the fastest on {faster} of {len(own)}.\n"
    )


def _as_true(own: Tried, other: Tried) -> float:
    """Seconds that a peer would take to be as true as ours is, its error falling with the root of its looks."""
    return other.seconds * max(1.0, (other.rms / own.rms) ** 2)


def main() -> None:
    """Run the problems asked for."""
    asked = argparse.ArgumentParser(description=__doc__)
    known = zoo()
    asked.add_argument("--problem", choices=known, action="append", help="a problem, all by default")
    asked.add_argument("--seeds", type=int, default=20)
    asked.add_argument("--write", action="store_true", help="write the table into the README beside this script")
    given = asked.parse_args()
    jax.config.update("jax_enable_x64", True)
    print(HEAD, flush=True)
    own, others = dict[str, Tried](), dict[str, list[Tried]]()
    for name in given.problem or known:
        own[name], others[name] = ours(known[name], given.seeds), peers(known[name], given.seeds)
        line = row(name, known[name], own[name], min(others[name], key=lambda one: one.rms))
        print(line, flush=True)
        if given.write:
            write({name: line}, summary(own, others))
    print(summary(own, others))


def write(lines: dict[str, str], told: str) -> None:
    """Put rows between the markers of the README, and what they come to; rows of other problems stay."""
    before, _, rest = TABLE.read_text().partition(MARKERS[0])
    old, _, after = rest.partition(MARKERS[1])
    kept = {cells[1].strip(): line for line in old.splitlines() if len(cells := line.split("|")) == 15}
    table = [(kept | lines)[name] for name in zoo() if name in kept | lines]
    TABLE.write_text("\n".join([before + MARKERS[0] + HEAD, *table, told, MARKERS[1] + after]))


if __name__ == "__main__":
    main()
