"""The zoo: its margins against ones typed apart, its answers against quadrature and closed forms, by no estimator."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from yieldopt.exact import margins
from yieldopt.testing.zoo import zoo

KNOWN = zoo()
ROOT = np.sqrt(2.0)


def lognormal(mean: float, std: float) -> Any:
    sigma = np.sqrt(np.log1p((std / mean) ** 2))
    return stats.lognorm(sigma, scale=mean * np.exp(-(sigma**2) / 2))


def gumbel(mean: float, std: float) -> Any:
    scale = std * np.sqrt(6) / np.pi
    return stats.gumbel_r(mean - 0.57721566490153286 * scale, scale)


def drawn(law: Any, z: Any) -> Any:
    """The point of a law with a standard normal's probability below it, from the tail that keeps its digits."""
    return np.where(z > 0, law.isf(special.ndtr(-np.abs(z))), law.ppf(special.ndtr(-np.abs(z))))


def branches(k: float) -> Callable[..., Any]:
    return lambda x, y: np.minimum.reduce(
        [
            3 + (x - y) ** 2 / 10 - (x + y) / ROOT,
            3 + (x - y) ** 2 / 10 + (x + y) / ROOT,
            x - y + k / ROOT,
            y - x + k / ROOT,
        ]
    )


def oscillator(c: Any, k: Any, other: Any, r: Any, f: Any, t: Any) -> Any:
    omega = np.sqrt((k + other) / c)
    return 3 * r - np.abs(2 * f / (c * omega**2) * np.sin(omega * t / 2))


def plate(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any) -> Any:
    top = d * d - 4 * e * f * g * g + d * (f + 4 * e + 2 * f * g)
    return 155900 - a * b**3 / (2 * c**3) * top / (d * e * (d + f + 2 * f * g))


N, U = stats.norm(), stats.uniform()
OSC = [stats.norm(1, 0.05), stats.norm(1, 0.1), stats.norm(0.1, 0.01), stats.norm(0.5, 0.05)]
PLANE: dict[str, tuple[list[Any], Callable[..., Any]]] = {
    "RP22": ([N, N], lambda x, y: 2.5 - (x + y) / ROOT + (x - y) ** 2 / 10),
    "RP24": ([stats.norm(10, 3)] * 2, lambda x, y: 2.5 - 0.2357 * (x - y) + 0.00463 * (x + y - 20) ** 4),
    "RP28": ([stats.norm(78064, 11710), stats.norm(0.0104, 0.00156)], lambda x, y: x * y - 146.14),
    "RP31": ([N, N], lambda x, y: 2 - y + (4 * x) ** 4),
    "RP53": ([stats.norm(1.5), stats.norm(2.5)], lambda x, y: np.sin(5 * x / 2) + 2 - (x * x + 4) * (y - 1) / 20),
    "RP55": (
        [stats.uniform(-1, 2)] * 2,
        lambda x, y: np.minimum.reduce(
            [
                0.2 + 0.6 * (x - y) ** 4 - (x - y) / ROOT,
                0.2 + 0.6 * (x - y) ** 4 + (x - y) / ROOT,
                x - y + 5 / ROOT - 2.2,
                y - x + 5 / ROOT - 2.2,
            ]
        ),
    ),
    "RP57": (
        [N, N],
        lambda x, y: np.minimum(np.maximum(3 - x * x + y**3, 2 - x - 8 * y), (x + 3) ** 2 + (y + 3) ** 2 - 4),
    ),
    "RP75": ([N, N], lambda x, y: 3 - x * y),
    "RP89": ([N, N], lambda x, y: np.minimum(8 - y - x * x, 6 - y - x / 5)),
    "FOURBRANCH": ([N, N], branches(7.0)),
    "FOURBRANCH_k6": ([N, N], branches(6.0)),
    "RS": ([stats.norm(4), stats.norm(2)], lambda x, y: x - y),
    "AXIALBEAM": ([lognormal(300, 30), stats.norm(75000, 5000)], lambda x, y: x - y / (100 * np.pi)),
    "HAT": ([stats.norm(0.25)] * 2, lambda x, y: 20 - (x - y) ** 2 - 8 * (x + y - 4) ** 3),
}
SPACE: dict[str, tuple[list[Any], Callable[..., Any]]] = {
    "RP8": (
        [lognormal(120, 12)] * 4 + [lognormal(50, 10), lognormal(40, 8)],
        lambda a, b, c, d, e, f: a + 2 * (b + c) + d - 5 * (e + f),
    ),
    "RP14": (
        [
            stats.uniform(70, 10),
            stats.norm(39, 0.1),
            gumbel(1500, 350),
            stats.norm(400, 0.1),
            stats.norm(250000, 35000),
        ],
        lambda a, b, c, d, e: a - 32 / (np.pi * b**3) * np.sqrt((c * d / 4) ** 2 + e * e),
    ),
    "RP33": ([N] * 3, lambda x, y, z: np.minimum(3 * np.sqrt(3) - x - y - z, 3 - z)),
    "RP38": ([stats.norm(m, m / 10) for m in (350, 50.8, 3.81, 173, 9.38, 33.1, 0.036)], plate),
    "OSC_F1": ([*OSC, stats.norm(1, 0.2), stats.norm(1, 0.2)], oscillator),
    "OSC_F0.6": ([*OSC, stats.norm(0.6, 0.1), stats.norm(1, 0.2)], oscillator),
    "ROOFTRUSS": (
        [
            *(stats.norm(m, s) for m, s in ((20000, 1400), (12, 0.12), (9.82e-4, 5.892e-5), (0.04, 0.0048))),
            *(stats.norm(m, s) for m, s in ((1e11, 6e9), (2e10, 1.2e9))),
        ],
        lambda q, span, s, c, es, ec: 0.03 - q * span**2 / 2 * (3.81 / (c * ec) + 1.13 / (s * es)),
    ),
    "RP54": ([stats.expon()] * 20, lambda *x: sum(x) - 8.951),
    "RP107": ([N] * 10, lambda *x: 5 * np.sqrt(10) - sum(x)),
    "LINEAR1000": ([N] * 1000, lambda *x: 6 - sum(x) / np.sqrt(1000)),
    "PARALLEL5": ([N] * 6, lambda z, *e: 2.5 - np.min([(z + one) / ROOT for one in e], 0)),
    "IRWINHALL8": ([U] * 8, lambda *x: sum(x) - 0.5),
    "GUMBELMAX20": ([stats.gumbel_r()] * 20, lambda *x: 12.5 - np.max(x, 0)),
}


@pytest.mark.parametrize("name", [*PLANE, *SPACE])
def test_a_margin_is_the_one_typed_apart(name: str) -> None:
    laws, margin = (PLANE | SPACE)[name]
    z = np.random.default_rng(1).normal(size=(16, len(laws))) * 1.5
    problem = KNOWN[name].problem.named(None)
    found = jax.jit(jax.vmap(lambda u: margins(problem, None, u, {}).margins[0]))(jnp.asarray(z))
    expected = margin(*(drawn(law, z[:, k]) for k, law in enumerate(laws)))
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())


def test_all_problems_are_met_here() -> None:
    assert set(KNOWN) == {*PLANE, *SPACE, "LOGN_CORR3"}


@pytest.mark.parametrize("name", PLANE)
def test_an_answer_in_the_plane_is_the_quadrature(name: str) -> None:
    """Along each of many lines all crossings by a fine grid and halving; across them by the trapezoid rule."""
    laws, margin = PLANE[name]
    across, along = np.linspace(-8.5, 8.5, 1201), np.linspace(-8.5, 8.5, 1701)
    first = drawn(laws[0], across)[:, None]

    def at(z: Any, x: Any = first) -> Any:
        return margin(x, drawn(laws[1], z))

    low, high = np.meshgrid(along[:-1], across)[0], np.meshgrid(along[1:], across)[0]
    start = at(np.broadcast_to(along, (len(across), len(along)))) < 0
    row, column = np.nonzero(start[:, 1:] != start[:, :-1])
    a, b = low[row, column], high[row, column]
    for _ in range(40):
        middle = 0.5 * (a + b)
        same = (at(middle, first[row, 0]) < 0) == start[row, column]
        a, b = np.where(same, middle, a), np.where(same, b, middle)
    lost = start[:, 0] * 1.0
    sign = np.where(start[row, column], -1.0, 1.0)
    np.add.at(lost, row, sign * special.ndtr(-a))  # from here on it fails, or passes again
    whole = np.trapezoid(lost * stats.norm.pdf(across), across)
    assert whole == pytest.approx(KNOWN[name].failure_probability, rel=5e-4)


def test_answers_in_closed_form() -> None:
    known = {name: one.failure_probability for name, one in KNOWN.items()}
    assert stats.norm.sf(2 / ROOT) == pytest.approx(known["RS"], rel=1e-7)
    assert stats.norm.sf(5.0) == pytest.approx(known["RP107"], rel=1e-7)
    assert stats.norm.sf(6.0) == pytest.approx(known["LINEAR1000"], rel=1e-7)
    assert stats.gamma(20).cdf(8.951) == pytest.approx(known["RP54"], rel=1e-7)
    assert 0.5**8 / special.factorial(8) == pytest.approx(known["IRWINHALL8"], rel=1e-6)
    assert -np.expm1(20 * stats.gumbel_r().logcdf(12.5)) == pytest.approx(known["GUMBELMAX20"], rel=1e-7)
    both = stats.multivariate_normal([0, 0], [[1, 1 / np.sqrt(3)], [1 / np.sqrt(3), 1]]).cdf([-3, -3])
    assert 2 * stats.norm.sf(3) - both == pytest.approx(known["RP33"], rel=1e-6)
    z, weight = np.polynomial.hermite_e.hermegauss(120)
    parallel = weight @ stats.norm.sf(2.5 * ROOT - z) ** 5 / weight.sum()
    assert parallel == pytest.approx(known["PARALLEL5"], rel=1e-6)
    corr, sigma = np.array([[1, 0.4, -0.3], [0.4, 1, 0.2], [-0.3, 0.2, 1]]), np.array([0.1, 0.2, 0.25])
    way = np.array([1.0, 1.0, -1.0]) * sigma  # the logs of x1 x2 and of x3
    logs = stats.norm.cdf(-(1 + 0.5 - 0.1) / np.sqrt(way @ corr @ way))
    assert logs == pytest.approx(known["LOGN_CORR3"], rel=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["RP8", "RP14", "RP38", "OSC_F1", "OSC_F0.6", "ROOFTRUSS"])
def test_an_answer_in_space_is_that_with_one_variable_integrated_out(name: str) -> None:
    """The variable that matters most by its root; the others by sixteen times 2^15 scrambled points."""
    laws, margin = SPACE[name]
    out = {"RP8": 4, "OSC_F1": 4, "OSC_F0.6": 4}.get(name, 0)
    found: list[float] = []
    for replicate in range(16):
        points = stats.qmc.Sobol(len(laws) - 1, rng=np.random.default_rng(replicate)).random(1 << 15)
        # Half as wide again as they are, and weighed for that: rare failures lie outside.
        z = 1.5 * special.ndtri(np.clip(points, 1e-16, 1 - 1e-16))
        weight = 1.5 ** len(z[0]) * np.exp(-0.5 * (z**2).sum(1) * (1.0 - 1.5**-2))
        others = [drawn(law, z[:, k]) for k, law in enumerate(laws[:out] + laws[out + 1 :])]

        def at(x: Any, others: Any = others) -> Any:
            return margin(*others[:out], x, *others[out:])

        low, high = (np.full(len(points), laws[out].ppf(p)) for p in (1e-16, 1 - 1e-16))
        rising = at(high) > at(low)
        for _ in range(60):
            middle = 0.5 * (low + high)
            below = (at(middle) < 0) == rising
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        found.append(float(np.mean(weight * np.where(rising, laws[out].cdf(low), laws[out].sf(low)))))
    stderr = np.std(found, ddof=1) / 4
    assert abs(np.mean(found) - KNOWN[name].failure_probability) <= 4 * stderr + 1e-7 * KNOWN[name].failure_probability
    assert stderr < 0.01 * KNOWN[name].failure_probability
