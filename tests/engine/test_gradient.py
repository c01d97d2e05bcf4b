"""The design-gradient of the conditional loss against central differences of the loss itself."""

import itertools
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from yieldopt_pillars.assemblies.capped_pillar import MODEL

from yieldopt import catalogue
from yieldopt.box import Box
from yieldopt.conditional import integrand, stages
from yieldopt.conditional import slope as slope_of
from yieldopt.conditional.prepare import frame
from yieldopt.losses import POINTS, LogLoss
from yieldopt.optimize import optimize
from yieldopt.study import config, plan
from yieldopt.timing import Stopwatch

SMALL = "bump_map={grid: {rows: 6, columns: 6, pitch: 160 um}}"
CONFIGS = Path(__file__).parents[2] / "configs" / "capped_pillar"


@pytest.fixture(scope="module")
def small() -> LogLoss:
    """Joints that bear a chip, and pairs of them."""
    study = config.read(CONFIGS / "blackparrot.yaml", (SMALL,))
    built = plan.build(study, catalogue.load(study.card.name))
    return LogLoss(built.problem, built.design, built.search)


@pytest.mark.slow
@pytest.mark.parametrize("which", ["groups", "forces"])
def test_the_slope_is_followed_through_every_stage(small: LogLoss, which: str) -> None:
    """Against JAX's own derivative of all stages in a row; the slope in one of the kinds of series alone."""
    prepared = small.route.prepare(small.problem, small.design)
    families, tables = prepared.structure.families, prepared.tables
    boxes = {f.of: (t.centre, t.half) for f, t in zip(families, tables, strict=True)}

    def moving(design: Any) -> Any:
        means = {f.name: stages.crowd(small.problem, design, f, boxes[f.of]) for f in families if not f.paired}
        fits = [
            stages.fit(small.problem, design, f, boxes[f.of], means[f.of], found)
            for f, found in zip(families, prepared.found, strict=True)
        ]
        return design, tuple((m.groups, means[f.of].series) for f, m in zip(families, fits, strict=True))

    rng = np.random.default_rng(3)
    whole, series = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), slope_of.level(prepared))
    still = jax.tree.map(jnp.zeros_like, series)
    if which == "groups":
        series = tuple((groups, none) for (groups, _), (_, none) in zip(series, still, strict=True))
    else:
        series = tuple((none, forces) for (_, forces), (none, _) in zip(series, still, strict=True))
    slope = jax.tree.map(jnp.zeros_like, whole), series
    expected = jax.vjp(moving, prepared.design)[1](slope)[0]
    for found, wanted in zip(
        jax.tree.leaves(slope_of.followed(prepared, slope)), jax.tree.leaves(expected), strict=True
    ):
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9 * float(np.abs(wanted).max(initial=0.0)))


@pytest.mark.slow
def test_once_ready_a_look_compiles_nothing(small: LogLoss) -> None:
    start = np.asarray(small.box.read(small.design))
    small.ready(start)
    small.refit(start)
    jnp.asarray(np.zeros((POINTS, small.size))), jnp.asarray(np.zeros(POINTS))  # handing over is a program too
    with Stopwatch() as watch:
        _, slope = small(start)
    assert watch.programs == 0
    assert np.isfinite(slope).all()


@pytest.mark.slow
def test_the_gradient_of_log_loss_in_all_searched_knobs() -> None:
    """Median over designs, with tables, boxes and quadrature following the design.

    Curvatures and what the finite crowd does are frozen under differentiation.
    """
    study = config.read(CONFIGS / "blackparrot.yaml")
    built = plan.build(study, MODEL)
    loss = LogLoss(built.problem, built.design, built.search)
    low, high = np.asarray(built.search.low), np.asarray(built.search.high)
    start, wide = np.asarray(built.search.read(built.design)), high - low
    errors = []
    for shift in np.asarray(jax.random.uniform(jax.random.key(5), (4, len(wide)), minval=-0.08, maxval=0.08)):
        point = start + shift * wide
        loss(point)
        slope = loss(point)[1] * wide
        steps = 2e-3 * wide * np.eye(len(wide))
        rise = np.array([(loss(point + s)[0] - loss(point - s)[0]) / 4e-3 for s in steps])
        errors.append(np.linalg.norm(slope - rise) / np.linalg.norm(rise))
    assert np.median(errors) < 1e-2, errors


@pytest.mark.slow
def test_the_slope_of_the_loss_with_points_frames_and_tables_fixed() -> None:
    """1e-6 of its norm, in the design itself and in a random direction of the series."""
    built = plan.build(config.read(CONFIGS / "blackparrot.yaml"), MODEL)
    route = integrand.Route(frame(built.problem, built.design, 10, exact=0))
    prepared = route.prepare(built.problem, built.design)
    points, weights = jax.random.normal(jax.random.key(2), (64, route.frame.structure.unit)), jnp.full(64, 1 / 64)
    moves = slope_of._moves(prepared)
    slope = slope_of.slopes(prepared, points, weights)[1]

    def loss(moves: Any) -> float:
        return float(weights @ slope_of.slopes(slope_of._moved(prepared, moves), points, weights)[0])

    for key, which in ((0, "design"), (1, "design"), (2, "series")):
        leaves, tree = jax.tree.flatten(moves)
        keys = jax.random.split(jax.random.key(key), len(leaves))
        towards = jax.tree.unflatten(tree, [jax.random.normal(k, x.shape) for k, x in zip(keys, leaves, strict=True)])
        still = jax.tree.map(jnp.zeros_like, moves)
        towards = (towards[0], still[1]) if which == "design" else (still[0], towards[1])
        expected = sum(
            float((a * b).sum()) for a, b in zip(jax.tree.leaves(slope), jax.tree.leaves(towards), strict=True)
        )
        ahead, behind = (loss(jax.tree.map(lambda x, t, s=s: x + s * t, moves, towards)) for s in (1e-5, -1e-5))
        assert (ahead - behind) / 2e-5 == pytest.approx(expected, rel=1e-6), which


@pytest.mark.slow
def test_the_optimizer_against_a_fine_grid_over_two_knobs() -> None:
    """From the textbook centre of S1: within 5 % of the loss of the best of 13 x 13 designs, on the same points."""
    built = plan.build(config.read(CONFIGS / "blackparrot.yaml"), MODEL)
    box = Box.of({"pillar_height": (38.0, 52.0), "cap_height": (14.0, 26.0)})
    loss = LogLoss(built.problem, built.design, box)
    found = optimize(loss, box, np.array(box.read(built.design)), 30, loss.refit)
    grid = itertools.product(np.linspace(38.5, 51.5, 13), np.linspace(14.5, 25.5, 13))
    best = min(loss.value(np.array(point)) for point in grid)
    assert loss.value(found.point) < best + np.log(1.05)


def test_a_box_places_and_reads_its_knobs() -> None:
    box = Box.of({"pillar_height": (40.0, 50.0)})
    placed = box.place(MODEL.Design(), jnp.array([44.0]))
    assert float(placed.pillar_height) == 44.0
    np.testing.assert_array_equal(box.read(placed), [44.0])
