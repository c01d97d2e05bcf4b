"""A loss of one in a million, with every joint drawn: exact units led to where they fail, and weighed.

Run: python experiments/010_one_per_million/run.py [--units N] [--seed S] (minutes on 2 cores)
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import log_ndtr, ndtr

from yieldopt import catalogue, compiler
from yieldopt.conditional.balance import settle, states_at
from yieldopt.conditional.indices import plain
from yieldopt.conditional.integrand import Route, evaluate
from yieldopt.conditional.prepare import Prepared, frame
from yieldopt.estimators.proposal import aim
from yieldopt.estimators.sobol import BATCH, losses
from yieldopt.exact import layout, margins
from yieldopt.programs import thorough
from yieldopt.standard import standardise
from yieldopt.study import config, plan

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "configs" / "capped_pillar" / "one_per_million.yaml"
LEFT = 0.2
"""Share of the units none of whose joints is led anywhere: no unit weighs more than five times what its shares do."""
AT_ONCE = 512


class Found(NamedTuple):
    """The loss counted with its standard error, the fast route's on the same shared draws, their paired difference with
    its error, and how many units failed.
    """

    counted: float
    stderr: float
    fast: float
    difference: float
    paired: float
    failed: int


class Led(NamedTuple):
    """For units: whether it failed, and the chance of its joints' normals over that by which they were drawn."""

    failed: Array
    weight: Array


@thorough
def led(prepared: Prepared, unit: Array, keys: Array) -> Led:
    """Exact units at given shared normals, one joint of each led to where a limit of its own is not met.

    Which joint and which limit, by how likely it fails (`plain`); its normals are moved by as much as it takes, along
    the limit's direction. That these are rough makes the scatter larger and nothing else.
    """
    problem, design = prepared.problem, prepared.design
    (k, family) = next((k, f) for k, f in enumerate(prepared.structure.families) if not f.paired)
    tables, size = prepared.tables[k], layout(problem, design).element[family.name]
    population = problem.model.populations()[family.of]

    def one(given: tuple[Array, Array]) -> Led:
        z, key = given
        which, noise, free = jax.random.split(key, 3)
        shared = standardise(lambda: problem.model.variation(design), z)
        crowd = settle(prepared, shared, problem.model.rest(design, shared))
        states = states_at(population, design, shared, crowd.pose, population.sites)
        index = jnp.clip(plain(family, tables, states)[0], 0.0, 12.0)
        chance = jax.nn.log_softmax(log_ndtr(-index).ravel())
        drawn = jax.random.categorical(which, chance)
        row, site = jnp.unravel_index(drawn, index.shape)
        normals = jax.random.normal(noise, (index.shape[1], size))
        toward = jnp.where(jax.random.uniform(free) < LEFT, 0.0, index[row, site]) * tables.direction[row]
        normals = normals.at[site].add(toward)
        along = jnp.einsum("rd,nd->rn", tables.direction, normals) * index - 0.5 * index**2
        ratio = LEFT + (1.0 - LEFT) * jnp.exp(jax.nn.logsumexp(chance + along.ravel()))
        found = margins(problem, design, z, {family.name: normals})
        return Led(~((found.margins >= 0.0).all() & found.settled), 1.0 / ratio)

    return jax.lax.map(jax.vmap(one), (unit.reshape(-1, 64, unit.shape[1]), keys.reshape(-1, 64)))


def compare(units: int, seed: int) -> Found:
    """Count so many units, led and weighed, and what the fast route makes of their shared draws."""
    study = config.read(STUDY)
    built = plan.build(study, catalogue.load(study.card.name))
    problem, design = built.problem, built.design
    prepared, size = Route(frame(problem, design)).prepare(problem, design), layout(problem, design).unit
    proposal = aim(lambda z: losses(prepared, z), size, BATCH, seed)
    uniforms = np.asarray(ndtr(jax.random.normal(jax.random.key(seed), (units, size))))
    shared = np.random.default_rng(seed).permutation(proposal.points(uniforms))
    weight, keys = proposal.weights(shared), jax.random.split(jax.random.key(seed + 1), units)
    fast = weight * -np.expm1(np.minimum(np.asarray(evaluate(prepared, jnp.asarray(shared)).total), 0.0))
    counted, failed = np.zeros(units), 0
    for start in range(0, units, AT_ONCE):
        part = slice(start, start + AT_ONCE)
        found: Any = jax.tree.map(np.ravel, led(prepared, jnp.asarray(shared[part]), keys[part]))
        counted[part] = weight[part] * found.failed * found.weight
        failed += int(found.failed.sum())
    difference = counted - fast
    root = np.sqrt(units)
    return Found(counted.mean(), counted.std() / root, fast.mean(), difference.mean(), difference.std() / root, failed)


def main() -> None:
    """Print what was counted beside what the fast route says."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--units", type=int, default=65_536, help=f"a multiple of {AT_ONCE}")
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    compiler.quickly()
    jax.config.update("jax_enable_x64", True)
    found = compare(given.units, given.seed)
    print(f"{given.units:,} units, {found.failed:,} failed")
    print(f"loss counted {found.counted:.4g} +- {found.stderr:.1g}")
    print(f"loss fast    {found.fast:.4g} on the same shared draws")
    print(f"difference   {100 * found.difference / found.fast:+.2f} % +- {100 * found.paired / found.fast:.2f} %")


if __name__ == "__main__":
    main()
