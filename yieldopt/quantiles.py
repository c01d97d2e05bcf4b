"""Quantiles that have no formula: Newton steps on the log of the nearer tail, differentiated by the density.

A family is told in a coordinate t that runs over all numbers (the log of a gamma's draw, the logit of a beta's), by the
logs of its two tails and of its density there. The quantile t(z), the point with a standard normal's tail beyond it,
moves with z by phi(z) / f(t), and with a parameter by the change of the tail over f(t), taken by central differences:
derivatives of any order in z, and first ones in the parameters, are right to the digits that these leave.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import betainc, gammainc, gammaincc, gammaln, log_ndtr

Params = tuple[Array, ...]
STEPS = 40
"""Newton steps: from a rough start eight suffice for most, far tails of small shapes take thirty."""
LONGEST = 2.0
"""Longest step."""
NUDGE = 1e-5
"""Share of a parameter by which it is moved to see how a tail changes: its square is lost, or rounding over it."""
LEAST = 1e-300
"""Tails are not told below this."""


class Family(NamedTuple):
    """The logs of the lower and of the upper tail and of the density at t, and where to begin, from parameters."""

    lower: Callable[[Params, Array], Array]
    upper: Callable[[Params, Array], Array]
    density: Callable[[Params, Array], Array]
    start: Callable[[Params, Array], Array]


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def quantile(family: Family, params: Params, normal: Array) -> Array:
    """The point t with as much probability below it as a standard normal has below `normal`."""
    upper = normal > 0
    asked = log_ndtr(-jnp.abs(normal))

    def step(_: Any, t: Array) -> Array:
        # Below the median the log of the lower tail is to be raised to what is asked, above that of the upper lowered.
        tail = jnp.where(upper, family.upper(params, t), family.lower(params, t))
        slope = jnp.exp(family.density(params, t) - tail)
        move = jnp.where(upper, tail - asked, asked - tail) / jnp.maximum(slope, LEAST)
        return t + jnp.clip(jnp.where(jnp.isfinite(move), move, 0.0), -LONGEST, LONGEST)

    return jax.lax.fori_loop(0, STEPS, step, family.start(params, normal))


@quantile.defjvp
def _(family: Family, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, Array]:
    params, normal = primals
    t = quantile(family, params, normal)
    density = family.density(params, t)
    moved = jnp.exp(-0.5 * normal**2 - 0.5 * jnp.log(2.0 * jnp.pi) - density) * tangents[1]
    for k, change in enumerate(tangents[0]):
        moved = moved + _by(family, params, k, t, normal > 0, density) * change
    return t, moved


def _by(family: Family, params: Params, k: int, t: Array, upper: Array, density: Array) -> Array:
    """How the quantile moves with a parameter."""
    step = NUDGE * jnp.maximum(jnp.abs(params[k]), NUDGE)
    more, less = ((*params[:k], params[k] + s * step, *params[k + 1 :]) for s in (1.0, -1.0))
    above = jnp.exp(family.upper(more, t) - density) - jnp.exp(family.upper(less, t) - density)
    below = jnp.exp(family.lower(less, t) - density) - jnp.exp(family.lower(more, t) - density)
    return jnp.where(upper, above, below) / (2.0 * step)


def _log(value: Array) -> Array:
    return jnp.log(jnp.maximum(value, LEAST))


def _gamma_start(params: Params, normal: Array) -> Array:
    """Wilson & Hilferty's (1931) cube; where that ends, the power law of the lower tail."""
    (shape,) = params
    cube = 1.0 - 1.0 / (9.0 * shape) + normal / (3.0 * jnp.sqrt(shape))
    low = (log_ndtr(normal) + gammaln(shape + 1.0)) / shape
    return jnp.where(cube > 0.3, jnp.log(shape) + 3.0 * jnp.log(jnp.maximum(cube, 0.3)), low)


gamma = Family(
    lower=lambda p, t: _log(gammainc(p[0], jnp.exp(t))),
    upper=lambda p, t: _log(gammaincc(p[0], jnp.exp(t))),
    density=lambda p, t: p[0] * t - jnp.exp(t) - gammaln(p[0]),
    start=_gamma_start,
)
"""Log of a gamma's draw of unit rate; parameter: its shape."""


def _logit_tail(a: Array, b: Array, t: Array) -> Array:
    return _log(betainc(a, b, jax.nn.sigmoid(t)))


beta = Family(
    lower=lambda p, t: _logit_tail(p[0], p[1], t),
    upper=lambda p, t: _logit_tail(p[1], p[0], -t),
    density=lambda p, t: (
        p[0] * jax.nn.log_sigmoid(t)
        + p[1] * jax.nn.log_sigmoid(-t)
        + gammaln(p[0] + p[1])
        - gammaln(p[0])
        - gammaln(p[1])
    ),
    start=lambda p, z: jnp.log(p[0] / p[1]) + z * jnp.sqrt(1.0 / p[0] + 1.0 / p[1]),
)
"""Logit of a beta's draw; parameters: its two concentrations."""


def _student_upper(params: Params, t: Array) -> Array:
    """Half the incomplete beta of 1 / cosh(t)^2, from the far side; what it leaves, from the near one."""
    (freedom,) = params
    far = 0.5 * betainc(0.5 * freedom, jnp.full_like(freedom, 0.5), 1.0 / jnp.cosh(t) ** 2)
    return jnp.where(t > 0, _log(far), jnp.log1p(-far))


student = Family(
    lower=lambda p, t: _student_upper(p, -t),
    upper=_student_upper,
    density=lambda p, t: (
        gammaln(0.5 * (p[0] + 1.0)) - gammaln(0.5 * p[0]) - 0.5 * jnp.log(jnp.pi) - p[0] * jnp.log(jnp.cosh(t))
    ),
    start=lambda p, z: jnp.arcsinh(z / jnp.sqrt(p[0])),
)
"""The inverse hyperbolic sine of a Student's draw over the root of its degrees of freedom; parameter: those."""


HALVED, POLISHED = 60, 2
"""Halvings of the stretch that holds a mixture's quantile, to the last digit; steps of Newton's after them, which carry
the derivatives: one would be right in the first alone.
"""


def mixture(ends: Array, scores: Callable[[Array], Array], share: Array, normal: Array) -> Array:
    """The quantile of a mixture: it lies between those of its parts, the `ends` (last axis).

    `scores` gives each part's own normal at a point, `share` what each part has of the whole.
    """
    share = share / share.sum(-1, keepdims=True)
    upper = normal > 0
    asked = log_ndtr(jnp.where(upper, -normal, normal))

    def excess(x: Array) -> Array:
        """How far the log of the nearer tail is from what is asked; rises with x below, falls above."""
        side = jnp.where(upper[..., None], -scores(x), scores(x))
        return jax.nn.logsumexp(log_ndtr(side), axis=-1, b=share) - asked

    def halved(_: Any, held: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = held
        middle = 0.5 * (low + high)
        short = (excess(middle) > 0) == upper
        return jnp.where(short, middle, low), jnp.where(short, high, middle)

    low, high = jax.lax.fori_loop(0, HALVED, halved, jax.lax.stop_gradient((ends.min(-1), ends.max(-1))))
    x = jax.lax.stop_gradient(0.5 * (low + high))
    for _ in range(POLISHED):
        value, slope = jax.jvp(excess, (x,), (jnp.ones_like(x),))
        x = x - value / slope
    return x
