"""A NumPyro program re-read from standard normals draws what `Predictive` draws.

Both routes are sampled with fixed keys, 6,000 programs each; every scalar's two samples are compared by Kolmogorov and
Smirnov (p above 1e-3 a scalar) and the covariance between scalars, which is where a plate read twice or a shared draw
repeated would show, within four of its standard errors.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.distributions import transforms
from numpyro.infer import Predictive
from scipy import stats

from yieldopt.errors import UserError
from yieldopt.standard import dimension, standardise

DRAWS = 6000


def plates() -> dict[str, Any]:
    lot = numpyro.sample("lot", dist.Normal(5.0, 1.0))
    with numpyro.plate("dies", 3):
        die = numpyro.sample("die", dist.Normal(lot, 0.5))
        width = numpyro.sample("width", dist.LogNormal(0.0, 0.2))
    return {"lot": lot, "die": die, "width": width}


def nested() -> dict[str, Any]:
    with numpyro.plate("wafers", 2, dim=-2):
        wafer = numpyro.sample("wafer", dist.Normal(0.0, 1.0))
        with numpyro.plate("dies", 3, dim=-1):
            die = numpyro.sample("die", dist.Normal(wafer, 0.3))
    return {"wafer": wafer, "die": die}


def correlated() -> dict[str, Any]:
    covariance = jnp.asarray([[1.0, 0.7], [0.7, 2.0]])
    with numpyro.plate("heads", 2):
        offset = numpyro.sample("offset", dist.MultivariateNormal(jnp.asarray([1.0, -1.0]), covariance))
    return {"offset": offset, "angle": numpyro.sample("angle", dist.Uniform(-1.0, 1.0))}


def transformed() -> dict[str, Any]:
    base = dist.Normal(jnp.zeros(2), jnp.ones(2))
    skew = dist.TransformedDistribution(base, [transforms.AffineTransform(0.1, 0.3), transforms.ExpTransform()])
    vector = dist.Exponential(jnp.asarray([1.0, 2.0])).to_event(1)
    cut = dist.TruncatedNormal(1.0, 1.0, low=0.0)
    return {
        "skew": numpyro.sample("skew", skew),
        "vector": numpyro.sample("vector", vector),
        "cut": numpyro.sample("cut", cut),
        "known": numpyro.deterministic("known", jnp.ones(())),
    }


PROGRAMS: dict[str, tuple[Callable[[], dict[str, Any]], int]] = {
    "plates": (plates, 7),
    "nested plates": (nested, 8),
    "correlated normals": (correlated, 5),
    "transformed laws": (transformed, 5),
}


def columns(drawn: dict[str, Any]) -> np.ndarray:
    """One row a program, one column a scalar, sites in alphabetical order."""
    return np.concatenate([np.asarray(drawn[name]).reshape(DRAWS, -1) for name in sorted(drawn)], 1)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_draws_what_predictive_draws(name: str):
    program, size = PROGRAMS[name]
    assert dimension(program) == size
    normals = jax.random.normal(jax.random.key(1), (DRAWS, size))
    ours = columns(jax.jit(jax.vmap(lambda z: standardise(program, z)))(normals))
    theirs = columns(Predictive(program, num_samples=DRAWS)(jax.random.key(2)))
    assert ours.shape == theirs.shape
    for mine, reference in zip(ours.T, theirs.T, strict=True):
        assert stats.ks_2samp(mine, reference).pvalue > 1e-3
    for i in range(ours.shape[1]):
        for j in range(i):
            mine, reference = (np.prod(_centred(sample[:, [i, j]]), 1) for sample in (ours, theirs))
            error = np.hypot(mine.std(), reference.std()) / np.sqrt(DRAWS)
            assert abs(mine.mean() - reference.mean()) <= 4 * error


def _centred(sample: np.ndarray) -> np.ndarray:
    return sample - sample.mean(0)


def test_each_normal_is_read_once_in_the_order_of_the_program():
    slopes = jax.jacobian(lambda z: standardise(plates, z))(jnp.zeros(7))
    np.testing.assert_array_equal(slopes["lot"] != 0, np.eye(7, dtype=bool)[0])
    np.testing.assert_array_equal(slopes["die"] != 0, np.eye(7, dtype=bool)[1:4] | np.eye(7, dtype=bool)[0])
    np.testing.assert_array_equal(slopes["width"] != 0, np.eye(7, dtype=bool)[4:])


def test_gradients_reach_the_parameters_of_a_law():
    def drawn(sigma: jax.Array) -> Any:
        return standardise(lambda: numpyro.sample("x", dist.Normal(1.0, sigma)), jnp.asarray([2.0]))

    assert float(jax.grad(drawn)(jnp.asarray(3.0))) == 2.0


def test_what_is_observed_takes_no_normal():
    assert dimension(lambda: numpyro.sample("x", dist.Normal(0.0, 1.0), obs=jnp.zeros(()))) == 0


@pytest.mark.parametrize("given", [6, 8])
def test_the_wrong_number_of_normals_is_told(given: int):
    with pytest.raises(ValueError, match=f"Expected 7 normals, as the program draws; got {given}"):
        standardise(plates, jnp.zeros(given))


def test_a_law_without_a_quantile_is_refused_when_the_program_is_counted():
    with pytest.raises(UserError, match="got VonMises"):
        dimension(lambda: numpyro.sample("x", dist.VonMises(0.0, 1.0)))


def test_threads_do_not_read_each_others_programs() -> None:
    """Each draws twice, with time between for the other to come in; NumPyro has one stack of handlers for them all."""

    def slow() -> tuple[Any, Any]:
        first = numpyro.sample("first", dist.Normal(0.0, 1.0))
        time.sleep(0.05)
        return first, numpyro.sample("second", dist.Normal(0.0, 1.0))

    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda k: standardise(slow, jnp.asarray([k, -k])), np.arange(1.0, 9.0)))
    np.testing.assert_allclose(np.array(read, float), [[k, -k] for k in np.arange(1.0, 9.0)], atol=1e-12)
