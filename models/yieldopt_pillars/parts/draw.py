"""Named normal draws: the law of nearly everything that scatters, in one word."""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax import Array

from yieldopt.typing import Scalar


def normal(name: str, sigma: Scalar = 1.0) -> Array:
    """Draw one number of zero mean inside a NumPyro program."""
    return jnp.asarray(numpyro.sample(name, dist.Normal(0.0, sigma)))


def normals(name: str, count: int, sigma: Scalar = 1.0) -> Array:
    """Draw `count` numbers of zero mean, of one `sigma` or of one each."""
    return jnp.asarray(numpyro.sample(name, dist.Normal(jnp.zeros(count), sigma)))
