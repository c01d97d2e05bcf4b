"""Laws aimed at losses, against closed forms: the standard normal's own mass, and losses on all sides."""

from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

from yieldopt.estimators.aimed import Aimed, fit
from yieldopt.estimators.proposal import aim

TURNED = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
LAW = Aimed(TURNED, np.array([0.0, 0.0, 0.3, 0.0, 0.0]), np.diag([2.0, 1.2, 1.0, 1.5, 1.0]), 2, 3.0, 1.4)


def test_a_ring_is_a_density() -> None:
    """Weighted back, its draws are standard normals beyond the circle: their mass, and their moments."""
    z = LAW.points(stats.norm.ppf(stats.qmc.Sobol(6, rng=1).random(2**15)))
    weight = np.exp(-LAW.log_ratio(z))
    turned = z @ TURNED
    distance = np.hypot(turned[:, 0], turned[:, 1])
    assert distance.min() >= 3.0
    for beyond in (3.0, 3.5, 4.0):
        own = weight * (distance > beyond)
        assert own.mean() == pytest.approx(np.exp(-0.5 * beyond**2), abs=4 * own.std() / np.sqrt(len(z)))
    moments = (weight[:, None] * turned**2).mean(0) / weight.mean()
    assert moments == pytest.approx([5.5, 5.5, 1, 1, 1, 1], rel=0.03)  # E r^2 beyond 3 is 11
    assert np.all(LAW.log_ratio(0.5 * z[distance < 5.9]) == -np.inf)


def soft(beyond: Any) -> Any:
    """A loss that rises over a tenth of a sigma, as the elements' own spread makes it."""
    return stats.norm.cdf(beyond / 0.1)


@pytest.mark.parametrize("sides", [1, 2])
def test_losses_on_all_sides_are_met_by_a_ring(sides: int) -> None:
    """An offset beyond four sigma, whatever its direction: half of the points of a ring fail, a few of a normal law."""
    offset = [3, 5][:sides]

    def losses(z: np.ndarray) -> np.ndarray:
        fails = soft(np.linalg.norm(z[:, offset], axis=1) - 4.0)
        return np.stack([fails, fails], 1)

    truth = integrate.quad(lambda r: stats.chi(sides).pdf(r) * soft(r - 4.0), 0, 12, limit=200)[0]
    found = aim(losses, 8, 512, 7)
    assert any(law.ring == sides for law in found.aims)
    z = found.points(stats.qmc.Sobol(8, rng=np.random.default_rng(1)).random(4096))
    terms = losses(z)[:, 0] * found.weights(z)
    assert terms.mean() == pytest.approx(truth, abs=4 * terms.std() / 64)
    assert terms.std() < 2.5 * terms.mean()


def test_losses_on_one_side_are_no_ring() -> None:
    draw = np.random.default_rng(2)
    z = draw.normal(size=(4096, 6)) + np.array([3.0, 0, 0, 0, 0, 0])
    weight = np.exp(-0.5 * (z**2).sum(1) + 0.5 * ((z - [3.0, 0, 0, 0, 0, 0]) ** 2).sum(1))
    law = fit(z, np.log(soft(z[:, 0] - 3.0)), weight)
    assert law is not None
    assert law.ring == 0
    assert float((law.rotation[:, : len(law.mean)] @ law.mean)[0]) == pytest.approx(3.28, abs=0.1)
