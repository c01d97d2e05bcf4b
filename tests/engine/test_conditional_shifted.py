"""A row's series by the shift of its own state, the others put in once, against the whole series at each shift."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from yieldopt.conditional import chebyshev
from yieldopt.conditional.crowd import _shifted


@pytest.mark.parametrize(("degrees", "own"), [((9,), (0,)), ((8, 5), (0,)), ((4, 9, 3), (1,)), ((6, 6, 2), (0, 1))])
def test_what_is_put_in_once_reads_as_the_whole_series(degrees: tuple[int, ...], own: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    series = np.zeros((*(d + 1 for d in degrees), 5))
    series[tuple(chebyshev.terms(degrees).T)] = rng.normal(size=(len(chebyshev.terms(degrees)), 5))
    where, half = rng.uniform(-1.2, 1.2, (len(degrees), 40)), rng.uniform(0.5, 2.0, (len(own), 1))
    shift = rng.uniform(-0.5, 0.5, (len(own), 40))
    look = _shifted(own, jnp.asarray(where), jnp.asarray(series), jnp.asarray(half))
    moved = np.clip(where, -1.0, 1.0)
    moved[list(own)] = np.clip(where[list(own)] + shift / half, -1.0, 1.0)
    basis = [np.polynomial.chebyshev.chebvander(axis, d) for axis, d in zip(moved, degrees, strict=True)]
    letters = "ijk"[: len(degrees)]
    expected = np.einsum(",".join(f"n{letter}" for letter in letters) + f",{letters}c->cn", *basis, series)
    for columns in (slice(None), slice(1, 3)):
        np.testing.assert_allclose(look(jnp.asarray(shift), columns), expected[columns], rtol=1e-10, atol=1e-10)


def test_its_slope_in_the_shift() -> None:
    rng = np.random.default_rng(4)
    series, where = jnp.asarray(rng.normal(size=(7, 4, 2))), jnp.asarray(rng.uniform(-0.6, 0.6, (2, 5)))
    look = _shifted((0,), where, series, jnp.ones((1, 1)))

    def total(shift: jax.Array) -> jax.Array:
        return look(shift[None], slice(None)).sum()

    start, step = jnp.asarray(rng.uniform(-0.2, 0.2, 5)), 1e-6 * np.eye(5)
    rise = [(total(start + s) - total(start - s)) / 2e-6 for s in step]
    np.testing.assert_allclose(jax.grad(total)(start), rise, rtol=1e-6, atol=1e-8)
