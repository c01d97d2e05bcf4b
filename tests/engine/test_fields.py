"""Smooth fields by a few modes: their covariance against the one meant, and how many modes it takes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from yieldopt.errors import UserError
from yieldopt.fields import modes


@pytest.mark.parametrize(("length", "share", "most"), [(2.0, 0.99, 10), (1.0, 0.99, 20), (0.5, 0.999, 80)])
def test_covariance_is_what_is_meant(length: float, share: float, most: int) -> None:
    found = modes(length, share)
    assert found.count <= most
    assert share <= found.share < 1.0
    u, v = np.random.default_rng(0).uniform(-1.0, 1.0, (2, 200))
    table = np.asarray(found.at(u, v))
    meant = np.exp(-0.5 * ((u[:, None] - u) ** 2 + (v[:, None] - v) ** 2) / length**2)
    off = meant - table @ table.T
    # What is left out is itself a covariance: nowhere negative on the diagonal, and as much as is said on average.
    assert np.diag(off).min() > -1e-9
    assert np.linalg.eigvalsh(off).min() > -1e-8
    grid = np.polynomial.legendre.leggauss(40)
    x, y = np.meshgrid(grid[0], grid[0])
    variance = (np.asarray(found.at(x, y)) ** 2).sum(-1)
    assert grid[1] @ variance @ grid[1] / 4.0 == pytest.approx(found.share, abs=1e-9)


def test_more_modes_come_as_close_as_one_likes() -> None:
    u, v = np.random.default_rng(1).uniform(-1.0, 1.0, (2, 50))
    meant = np.exp(-0.5 * ((u[:, None] - u) ** 2 + (v[:, None] - v) ** 2))
    worst = []
    for share in (0.9, 0.99, 0.999, 0.9999):
        table = np.asarray(modes(1.0, share).at(u, v))
        worst.append(float(np.abs(meant - table @ table.T).max()))
    assert worst == sorted(worst, reverse=True)
    assert worst[-1] < 5e-3


def test_slopes_are_those_of_the_field() -> None:
    found = modes(0.8)
    normals = jax.random.normal(jax.random.key(0), (found.count,))
    slope = jax.grad(lambda u: found.at(u, 0.3) @ normals)(0.2)
    step = 1e-5
    ahead, behind = (found.at(0.2 + s, 0.3) @ normals for s in (step, -step))
    assert float(slope) == pytest.approx(float(ahead - behind) / (2 * step), rel=1e-7)
    assert found.at(jnp.zeros((3, 4)), jnp.zeros((3, 4))).shape == (3, 4, found.count)


def test_what_few_modes_cannot_carry_is_refused() -> None:
    with pytest.raises(UserError, match="correlation length"):
        modes(0.01)
    with pytest.raises(UserError, match="share"):
        modes(1.0, 1.0)
