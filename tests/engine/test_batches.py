"""How much is worked on at once: halved where XLA is out of memory, grown where there is room, the same answers."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.errors import JaxRuntimeError

from yieldopt import batches, catalogue, limit_state
from yieldopt.conditional import integrand
from yieldopt.conditional import slope as sloped
from yieldopt.conditional.prepare import frame
from yieldopt.estimators import counting
from yieldopt.estimators.counting import count
from yieldopt.limit_state import LimitState
from yieldopt.programs import program
from yieldopt.study import config, plan

ROOT = Path(__file__).parents[2]
BEYOND = 1 << 50
"""Bytes that no machine gives."""


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    """Nothing is known of what fits, neither before nor after."""
    for known in (batches._found, batches._halved):  # pyright: ignore[reportPrivateUsage]
        known.clear()
    yield
    for known in (batches._found, batches._halved):  # pyright: ignore[reportPrivateUsage]
        known.clear()


@program
def greedy(x: jax.Array, size: int, most: int) -> jax.Array:
    """Sums of x; beyond `most` at once it asks XLA for more than there is."""
    want = BEYOND if size > most else 8 * size
    return x.sum() + 0.0 * jnp.sort(jax.random.normal(jax.random.key(0), (want // 8,))).sum()


def test_what_does_not_fit_is_halved_until_it_does_and_told() -> None:
    tried = list[int]()

    def run(size: int) -> jax.Array:
        tried.append(size)
        return greedy(jnp.arange(4.0), size, 8)

    assert float(batches.fitted("sums", 0, run, 64)) == 6.0
    assert tried == [64, 32, 16, 8]
    assert batches.told() == {"sums": [64, 8]}
    batches.fitted("sums", 0, run, 64)
    assert tried[4:] == [8], "what did not fit is not tried again"


def test_where_one_does_not_fit_it_is_said_so() -> None:
    with pytest.raises(MemoryError, match="no room for one of sums at once"):
        batches.fitted("sums", 0, lambda size: greedy(jnp.arange(4.0), size, 0), 4)


def test_other_faults_are_not_taken_for_a_lack_of_memory() -> None:
    def broken(_: int) -> Any:
        raise JaxRuntimeError("INTERNAL: broken")

    with pytest.raises(JaxRuntimeError, match="broken"):
        batches.fitted("sums", 0, broken, 4)


@program
def square(x: jax.Array, size: int) -> jax.Array:
    """Works on size x 1000 x 8 bytes."""
    return jnp.sort(x[0] * jax.random.normal(jax.random.key(1), (size, 1000)), axis=0).max()


def test_memory_is_xla_s_own_account() -> None:
    small, large = (square.memory(jnp.ones(1), size) for size in (16, 256))
    assert small >= 16 * 8000
    assert large == pytest.approx(16 * small, rel=0.1)


@pytest.mark.parametrize(("room", "expected"), [(None, 16), (2**40, 4096), (10 * 16 * 8000, 64), (20_000, 1)])
def test_where_memory_is_told_as_much_as_fits_is_worked_on_at_once(
    room: int | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the room is taken; a program takes 8 kB for one, and as much again for what it sorts into."""
    monkeypatch.setattr(batches, "room", lambda: room)
    sizes = list[int]()

    def run(size: int) -> jax.Array:
        sizes.append(size)
        return square(jnp.ones(1), size)

    batches.fitted("squares", 0, run, 16, 4096, partial(square.memory, jnp.ones(1)))
    assert sizes[0] == expected or (expected == 64 and sizes[0] in (32, 64))
    assert batches.told() == {}


def starved(call: Any, most: int) -> Any:
    """A program that is out of memory, by XLA's own word, where it works on more than `most` at once: its last
    argument, or the points in it.
    """

    def run(*args: Any) -> Any:
        if (args[-1] if isinstance(args[-1], int) else len(args[-1])) > most:
            greedy(jnp.arange(4.0), 1, 0)
        return call(*args)

    run.memory = call.memory
    return run


def noted(call: Any, sizes: list[int]) -> Any:
    """A program that notes on how much at once it works."""

    def run(*args: Any) -> Any:
        sizes.append(args[-1])
        return call(*args)

    run.memory = call.memory
    return run


def bolt() -> tuple[Any, Any]:
    model: Any = catalogue.from_file(ROOT / "configs/bolt_in_hole/bolt_in_hole.py")
    asked = plan.build(config.default_study(model.card("bolt_in_hole")), model)
    return asked.problem, asked.design


@pytest.mark.parametrize("most", [16, pytest.param(1, marks=pytest.mark.slow)])
def test_counts_are_the_same_bit_for_bit_however_little_fits(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    problem, design = bolt()
    whole = count(problem, design, jax.random.key(3), 0, 1024)
    batches._found.clear()  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(counting, "_count", starved(counting._count, most))  # pyright: ignore[reportPrivateUsage]
    less = count(problem, design, jax.random.key(3), 0, 1024)
    for one, two in zip(whole, less, strict=True):
        np.testing.assert_array_equal(one, two)
    assert batches.told() == {"units": [64, most]}


@pytest.mark.parametrize(("stop", "expected"), [(64, 64), (192, 128), (64 * 8, 512)])
def test_counts_are_the_same_bit_for_bit_where_memory_has_room(
    stop: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As much at once as is wanted, and no unit more."""
    problem, design = bolt()
    usual, roomy = list[int](), list[int]()
    own = counting._count  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(counting, "_count", noted(own, usual))
    whole = count(problem, design, jax.random.key(3), 0, stop)
    monkeypatch.setattr(batches, "room", lambda: 1 << 40)
    batches._found.clear()  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(counting, "_count", noted(own, roomy))
    more = count(problem, design, jax.random.key(3), 0, stop)
    for one, two in zip(whole, more, strict=True):
        np.testing.assert_array_equal(one, two)
    assert (usual, roomy) == ([64], [expected])


@pytest.mark.slow
def test_the_fast_route_takes_all_draws_at_once_where_memory_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, design = bolt()
    prepared = integrand.Route(frame(problem, design)).prepare(problem, design)
    points = jnp.asarray(np.random.default_rng(1).normal(size=(256, prepared.structure.unit)))
    whole = integrand.evaluate(prepared, points).total, sloped.slopes(prepared, points, jnp.ones(256))
    monkeypatch.setattr(batches, "room", lambda: 1 << 40)
    batches._found.clear()  # pyright: ignore[reportPrivateUsage]
    sizes = list[int]()
    for place, name in ((integrand, "_evaluate"), (sloped, "_slopes")):
        monkeypatch.setattr(place, name, noted(getattr(place, name), sizes))
    more = integrand.evaluate(prepared, points).total, sloped.slopes(prepared, points, jnp.ones(256))
    assert sizes == [256, 256]
    for one, two in zip(jax.tree.leaves(whole), jax.tree.leaves(more), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-15)


@pytest.mark.slow
def test_the_fast_route_and_limit_states_go_on_with_less(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, design = bolt()
    prepared = integrand.Route(frame(problem, design)).prepare(problem, design)
    points = jnp.asarray(np.random.default_rng(1).normal(size=(64, prepared.structure.unit)))
    looked = LimitState(problem, design)
    draws = np.random.default_rng(2).normal(size=(100, looked.size))
    weights = jnp.ones(64)

    def seen() -> list[Any]:
        batches._found.clear()  # pyright: ignore[reportPrivateUsage]
        loss, slope = sloped.slopes(prepared, points, weights)
        return [integrand.evaluate(prepared, points).total, loss, jax.tree.leaves(slope), looked.margins(draws)]

    whole = seen()
    assert batches.told() == {}
    for place, name in ((integrand, "_evaluate"), (sloped, "_slopes"), (limit_state, "_margins")):
        monkeypatch.setattr(place, name, starved(getattr(place, name), 8))
    less = seen()
    for one, two in zip(jax.tree.leaves(whole), jax.tree.leaves(less), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-15)
    told = batches.told()
    assert sorted(told) == ["points", "shared draws", "shared draws with slopes"]
    assert {size for _, size in told.values()} == {8}
