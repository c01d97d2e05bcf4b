"""The design-gradient of the conditional loss against central differences of the loss itself."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from yieldopt_pillars.assemblies.capped_pillar import MODEL

from yieldopt.box import Box
from yieldopt.losses import LogLoss
from yieldopt.study import config, plan

CONFIGS = Path(__file__).parents[2] / "configs" / "capped_pillar"


@pytest.mark.slow
def test_the_gradient_of_log_loss_in_all_searched_knobs() -> None:
    """Median over designs below 1e-2 of the norm, tables, boxes and quadrature following the design."""
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
    assert np.median(errors) < 1e-2


def test_a_box_places_and_reads_its_knobs() -> None:
    box = Box.of({"pillar_height": (40.0, 50.0)})
    placed = box.place(MODEL.Design(), jnp.array([44.0]))
    assert float(placed.pillar_height) == 44.0
    np.testing.assert_array_equal(box.read(placed), [44.0])
