"""Problems with known answers, for authors of models and estimators: what the reliability literature tests with.

Each is a program of a few draws with a margin that fails when negative. References were computed apart from any
estimator (closed forms, nested quadrature, one variable integrated out); `relative` is the tolerance that is fair to
ask. Where the published figure of a problem is wrong, the computed one stands. Sources: the problems RP... of the black
box reliability challenge as in otbenchmark 0.1.1; four branches after Waarts (2000); oscillator after Echard,
Gayton & Lemaire (2011); the others are of this project, in closed form.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax import Array

from yieldopt.problem import Problem

Draws = list[Any]


class Known(NamedTuple):
    """A problem, how probably it fails, and the relative error that is fair to allow."""

    problem: Problem[Any]
    failure_probability: float
    relative: float
    design: Any = None


def _of(laws: list[Any], margin: Callable[[Draws], Array]) -> Problem[Any]:
    def program(design: Any) -> Draws:
        del design
        return [numpyro.sample(f"x{k + 1}", law) for k, law in enumerate(laws)]

    return Problem.of(program, lambda _, x: {"margin": margin(x)})


def _normal(mean: float = 0.0, std: float = 1.0) -> Any:
    return dist.Normal(mean, std)


def _lognormal(mean: float, std: float) -> Any:
    """By the mean and the standard deviation of the variable itself."""
    log = np.log1p((std / mean) ** 2)
    return dist.LogNormal(np.log(mean) - 0.5 * log, np.sqrt(log))


def _gumbel(mean: float, std: float) -> Any:
    """Of the largest, by mean and standard deviation."""
    scale = std * np.sqrt(6.0) / np.pi
    return dist.Gumbel(mean - np.euler_gamma * scale, scale)


def _least(*margins: Array) -> Array:
    return jnp.stack(jnp.broadcast_arrays(*margins)).min(0)


def _branches(x: Draws, k: float) -> Array:
    near, far, root = 3.0 + 0.1 * (x[0] - x[1]) ** 2, (x[0] + x[1]) / np.sqrt(2.0), k / np.sqrt(2.0)
    return _least(near - far, near + far, x[0] - x[1] + root, x[1] - x[0] + root)


def _oscillator(x: Draws) -> Array:
    mass, first, second, yielding, force, time = x
    stiff = first + second
    return 3.0 * yielding - jnp.abs(2.0 * force / stiff * jnp.sin(jnp.sqrt(stiff / mass) * time / 2.0))


def _plate(x: Draws) -> Array:
    a, b, c, d, e, f, g = x
    top = d**2 - 4.0 * e * f * g**2 + d * (f + 4.0 * e + 2.0 * f * g)
    return 15.59e4 - a * b**3 / (2.0 * c**3) * (top / (d * e * (d + f + 2.0 * f * g)))


def _uneven(x: Draws) -> Array:
    off, far = x[0] - x[1], 5.0 / np.sqrt(2.0) - 2.2
    near = 0.2 + 0.6 * off**4
    return _least(near - off / np.sqrt(2.0), near + off / np.sqrt(2.0), off + far, far - off)


def _islands(x: Draws) -> Array:
    both = jnp.maximum(-(x[0] ** 2) + x[1] ** 3 + 3.0, 2.0 - x[0] - 8.0 * x[1])
    return _least(both, (x[0] + 3.0) ** 2 + (x[1] + 3.0) ** 2 - 4.0)


def _logs() -> Problem[Any]:
    corr = np.array([[1.0, 0.4, -0.3], [0.4, 1.0, 0.2], [-0.3, 0.2, 1.0]])
    sigma = np.array([0.1, 0.2, 0.25])
    law = dist.MultivariateNormal(
        np.array([1.0, 0.5, 0.1]), covariance_matrix=jnp.asarray(corr * np.outer(sigma, sigma))
    )

    def program(design: Any) -> Array:
        del design
        return jnp.exp(numpyro.sample("logs", law))

    return Problem.of(program, lambda _, x: {"margin": x[0] * x[1] - x[2]})


def _many(count: int, law: Any, margin: Callable[[Array], Array]) -> Problem[Any]:
    def program(design: Any) -> Any:
        del design
        return numpyro.sample("x", law.expand([count]))

    return Problem.of(program, lambda _, x: {"margin": margin(x)})


def _parallel(x: Array) -> Array:
    return 2.5 - jnp.min(np.sqrt(0.5) * (x[0] + x[1:]))


def zoo() -> dict[str, Known]:
    """All problems by name; none but `LINEAR1000` has more than twenty inputs."""
    two, pi = [_normal()] * 2, np.pi
    return {
        "RP8": Known(
            _of(
                [_lognormal(120, 12)] * 4 + [_lognormal(50, 10), _lognormal(40, 8)],
                lambda x: x[0] + 2 * x[1] + 2 * x[2] + x[3] - 5 * x[4] - 5 * x[5],
            ),
            7.8965219e-4,
            0.02,
        ),
        "RP14": Known(
            _of(
                [
                    dist.Uniform(70.0, 80.0),
                    _normal(39, 0.1),
                    _gumbel(1500, 350),
                    _normal(400, 0.1),
                    _normal(25e4, 35e3),
                ],
                lambda x: x[0] - 32 / (pi * x[1] ** 3) * jnp.sqrt(x[2] ** 2 * x[3] ** 2 / 16 + x[4] ** 2),
            ),
            7.7315237e-4,
            0.02,
        ),
        "RP22": Known(
            _of(two, lambda x: 2.5 - (x[0] + x[1]) / np.sqrt(2) + 0.1 * (x[0] - x[1]) ** 2), 4.2073054e-3, 0.01
        ),
        "RP24": Known(
            _of([_normal(10, 3)] * 2, lambda x: 2.5 - 0.2357 * (x[0] - x[1]) + 0.00463 * (x[0] + x[1] - 20) ** 4),
            2.859896e-3,
            0.01,
        ),
        "RP28": Known(
            _of([_normal(78064, 11710), _normal(0.0104, 0.00156)], lambda x: x[0] * x[1] - 146.14), 1.4532947e-7, 0.02
        ),
        "RP31": Known(_of(two, lambda x: 2 - x[1] + 256 * x[0] ** 4), 3.2266812e-3, 0.01),
        "RP33": Known(
            _of([_normal()] * 3, lambda x: _least(-x[0] - x[1] - x[2] + 3 * np.sqrt(3), 3 - x[2])), 2.5755978e-3, 0.01
        ),
        "RP38": Known(
            _of(
                [_normal(m, 0.1 * m) for m in (350, 50.8, 3.81, 173, 9.38, 33.1, 0.036)],
                _plate,
            ),
            8.050076e-3,
            0.01,
        ),
        "RP53": Known(
            _of(
                [_normal(1.5), _normal(2.5)],
                lambda x: jnp.sin(2.5 * x[0]) + 2 - (x[0] ** 2 + 4) * (x[1] - 1) / 20,
            ),
            3.1320486e-2,
            0.01,
        ),
        "RP54": Known(_many(20, dist.Exponential(1.0), lambda x: x.sum() - 8.951), 9.9060307e-4, 0.01),
        "RP55": Known(_of([dist.Uniform(-1.0, 1.0)] * 2, _uneven), 0.56001473, 0.005),
        "RP57": Known(_of(two, _islands), 2.8237604e-2, 0.01),
        "RP75": Known(_of(two, lambda x: 3 - x[0] * x[1]), 9.8192987e-3, 0.01),
        "RP89": Known(_of(two, lambda x: _least(8 - x[0] ** 2 - x[1], 6 - x[0] / 5 - x[1])), 5.4712805e-3, 0.01),
        "RP107": Known(_many(10, _normal(), lambda x: 5 * np.sqrt(10) - x.sum()), 2.8665157e-7, 0.01),
        "FOURBRANCH": Known(_of(two, lambda x: _branches(x, 7.0)), 2.222795e-3, 0.01),
        "FOURBRANCH_k6": Known(_of(two, lambda x: _branches(x, 6.0)), 4.4573314e-3, 0.01),
        "RS": Known(_of([_normal(4), _normal(2)], lambda x: x[0] - x[1]), 7.8649604e-2, 0.005),
        "AXIALBEAM": Known(
            _of([_lognormal(300, 30), _normal(75000, 5000)], lambda x: x[0] - x[1] / (pi * 100)), 2.9198195e-2, 0.005
        ),
        "OSC_F1": Known(
            _of(
                [
                    _normal(1, 0.05),
                    _normal(1, 0.1),
                    _normal(0.1, 0.01),
                    _normal(0.5, 0.05),
                    _normal(1, 0.2),
                    _normal(1, 0.2),
                ],
                _oscillator,
            ),
            2.859562e-2,
            0.01,
        ),
        "OSC_F0.6": Known(
            _of(
                [
                    _normal(1, 0.05),
                    _normal(1, 0.1),
                    _normal(0.1, 0.01),
                    _normal(0.5, 0.05),
                    _normal(0.6, 0.1),
                    _normal(1, 0.2),
                ],
                _oscillator,
            ),
            9.1309724e-6,
            0.02,
        ),
        "LINEAR1000": Known(_many(1000, _normal(), lambda x: 6 - x.sum() / np.sqrt(1000)), 9.8658765e-10, 0.02),
        "PARALLEL5": Known(_many(6, _normal(), _parallel), 3.0960078e-5, 0.03),
        "HAT": Known(
            _of([_normal(0.25)] * 2, lambda x: 20 - (x[0] - x[1]) ** 2 - 8 * (x[0] + x[1] - 4) ** 3), 3.8653964e-4, 0.01
        ),
        "ROOFTRUSS": Known(
            _of(
                [
                    *(_normal(m, s) for m, s in ((20000, 1400), (12, 0.12), (9.82e-4, 5.892e-5), (0.04, 0.0048))),
                    *(_normal(m, 0.06 * m) for m in (1e11, 2e10)),
                ],
                lambda x: 0.03 - x[0] * x[1] ** 2 / 2 * (3.81 / (x[3] * x[5]) + 1.13 / (x[2] * x[4])),
            ),
            9.3597924e-3,
            0.01,
        ),
        "LOGN_CORR3": Known(_logs(), 3.3914869e-5, 0.02),
        "IRWINHALL8": Known(_many(8, dist.Uniform(0.0, 1.0), lambda x: x.sum() - 0.5), 9.68812e-8, 0.03),
        "GUMBELMAX20": Known(_many(20, dist.Gumbel(0.0, 1.0), lambda x: 12.5 - x.max()), 7.4530286e-5, 0.03),
    }
