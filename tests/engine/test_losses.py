"""The points of a search: aimed anew where one of them has most of the say; a design prepared once."""

from pathlib import Path

import numpy as np
import pytest

from yieldopt import catalogue
from yieldopt.box import Box
from yieldopt.losses import KEPT, TURNS, LogLoss
from yieldopt.problem import Problem
from yieldopt.study.config import default_study

MODEL = Path(__file__).parents[2] / "configs" / "bolt_in_hole" / "bolt_in_hole.py"


@pytest.fixture(scope="module")
def loss() -> LogLoss:
    model = catalogue.from_file(MODEL)
    built = model.build(default_study(model.card(model.__name__)).inputs)
    return LogLoss(Problem.of(built), model.Design(), Box.of({"bolt_hole": (6200.0, 6400.0)}))


def test_one_point_with_all_the_say_has_the_points_aimed_anew(loss: LogLoss) -> None:
    point = np.asarray(loss.box.read(loss.design))
    loss.refit(point)
    laws = [loss.aims[0]]

    def look(points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, None]:
        if loss.aims[0] is not laws[-1]:
            laws.append(loss.aims[0])
        alone = np.where(np.arange(len(points)) == 7, 1.0 / weights, 0.0)
        return (alone if len(laws) < TURNS else 1e-3 / weights), None

    assert loss._seen(look, point, 0, 64)[0] == pytest.approx(1e-3)
    assert len(laws) == TURNS


def test_a_design_is_prepared_once_and_few_are_kept(loss: LogLoss) -> None:
    point = np.asarray(loss.box.read(loss.design))
    first = loss._prepared(point)
    assert loss._prepared(point.copy()) is first
    for k in range(KEPT):
        loss._prepared(point + 1e-6 * (k + 1))
    assert len(loss._known) == KEPT
    assert loss._prepared(point) is not first
