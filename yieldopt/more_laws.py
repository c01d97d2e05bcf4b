"""Laws that people expect and NumPyro lacks: the triangular one, and that of a sample of measurements."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import Array
from jax.scipy.special import ndtr
from numpyro.distributions import constraints

from yieldopt.errors import UserError
from yieldopt.laws import push

_Distribution: Any = dist.Distribution


class Triangular(_Distribution):
    """A law between two bounds that rises to a peak and falls from it, both along straight lines."""

    arg_constraints: ClassVar[dict[str, Any]] = {
        "low": constraints.real,
        "peak": constraints.real,
        "high": constraints.real,
    }
    reparametrized_params: ClassVar[list[str]] = ["low", "peak", "high"]

    def __init__(self, low: Any, peak: Any, high: Any, *, validate_args: bool | None = None):
        sides = jnp.broadcast_arrays(*(jnp.asarray(p, float) for p in (low, peak, high)))
        self.low, self.peak, self.high = sides
        super().__init__(self.low.shape, validate_args=validate_args)

    @property
    def support(self) -> Any:
        """Between its bounds."""
        return constraints.interval(self.low, self.high)

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Array:
        """Draw by the quantile."""
        return push(self, jax.random.normal(key, self.shape(sample_shape)))

    def log_prob(self, value: Any) -> Array:
        """Log of the density; minus infinity outside."""
        whole, rising = self.high - self.low, value < self.peak
        far = jnp.where(rising, value - self.low, self.high - value)
        side = jnp.where(rising, self.peak - self.low, self.high - self.peak)
        inside = (value >= self.low) & (value <= self.high)
        return jnp.where(inside, jnp.log(2.0 * far / (whole * jnp.where(side > 0, side, 1.0))), -jnp.inf)


@push.register(Triangular)
def _(law: Any, normal: Array) -> Array:
    # Each side by the probability beyond its own end, so that none is lost beside a bound.
    whole, rise = law.high - law.low, law.peak - law.low
    below, above = ndtr(normal), ndtr(-normal)
    rising = below * whole < rise
    up = law.low + jnp.sqrt(jnp.where(rising, below, 1.0) * whole * rise)
    return jnp.where(rising, up, law.high - jnp.sqrt(jnp.where(rising, 1.0, above) * whole * (law.high - law.peak)))


def measured(values: Any, most: int = 256) -> Any:
    """The law of a sample of measurements: a normal about each, as wide as Silverman's rule (1986) has it.

    The normals are drawn in to the mean, so that the law has the sample's own variance. More than `most` measurements
    are told by so many of their quantiles. Beyond the sample its tails are those of the single normals: thin, and a
    guess. Raises UserError for fewer than eight measurements, or for ones that are no numbers or all alike.
    """
    data = np.sort(np.ravel(np.asarray(values, float)))
    if len(data) < 8 or not np.isfinite(data).all() or data[0] == data[-1]:
        got = f"{len(data)}, {np.isnan(data).sum()} of them not a number"
        raise UserError.of("eight measurements or more that differ", got, "Name a law, or bring more measurements.")
    mean, sigma = data.mean(), data.std(ddof=1)
    quartiles = np.diff(np.quantile(data, [0.25, 0.75]))[0] / 1.349
    width = 0.9 * min(sigma, quartiles or sigma) * len(data) ** -0.2
    if len(data) > most:
        data = np.quantile(data, (np.arange(most) + 0.5) / most)
    drawn_in = mean + (data - data.mean()) * np.sqrt(max(sigma**2 - width**2, 0.0) / data.var())
    return dist.MixtureSameFamily(
        dist.CategoricalProbs(jnp.full(len(data), 1.0 / len(data))), dist.Normal(jnp.asarray(drawn_in), width)
    )
