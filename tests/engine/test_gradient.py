"""The design-gradient of the conditional loss against central differences of the loss itself."""

import itertools
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from yieldopt_pillars.assemblies.capped_pillar import MODEL

from yieldopt.box import Box
from yieldopt.conditional import integrand
from yieldopt.conditional.prepare import frame
from yieldopt.losses import LogLoss
from yieldopt.optimize import optimize
from yieldopt.study import config, plan

CONFIGS = Path(__file__).parents[2] / "configs" / "capped_pillar"


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
    moves = integrand._moves(prepared)
    slope = integrand.slopes(prepared, points, weights)[1]

    def loss(moves: Any) -> float:
        return float(weights @ integrand.slopes(integrand._moved(prepared, moves), points, weights)[0])

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
