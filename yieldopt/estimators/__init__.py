"""Ways to estimate a yield: one method a file, all called with (problem, design, seed) and answering an `Estimate`."""

from typing import Any

from yieldopt.errors import Mistake, UserError
from yieldopt.estimators.auto import METHODS, method
from yieldopt.estimators.base import Estimate, Precision, Watch
from yieldopt.problem import Problem

__all__ = ["METHODS", "Estimate", "Precision", "Watch", "estimate", "method"]


def estimate(
    problem: Problem[Any],
    design: Any = None,
    *,
    relative: float | None = None,
    absolute: float | None = None,
    confidence: float = 0.95,
    max_evaluations: int | None = None,
    method: str = "auto",
    seed: int = 0,
) -> Estimate:
    """Estimate the yield of a problem at a design.

    `relative` and `absolute` are half-widths at `confidence`, `relative` of the failure probability; the smaller
    rules, and without either a tenth of it or .002. `max_evaluations` bounds how often the model is looked at, but for
    what it takes to find where it fails and for a first batch: hundreds of looks, thousands where that is in many
    places. Raises UserError for what makes no sense.
    """
    wrong = [
        Mistake("a number above 0", f"{given!r}", f"Leave it out, or give {name}=0.1.", name)
        for name, given in (("relative", relative), ("absolute", absolute), ("max_evaluations", max_evaluations))
        if given is not None and not given > 0
    ]
    if not 0.0 < confidence < 1.0:
        wrong.append(Mistake("a number between 0 and 1", f"{confidence!r}", "Give confidence=0.95.", "confidence"))
    if wrong:
        raise UserError(*wrong)
    given = (absolute, relative) if relative or absolute else (Precision.absolute, Precision.of_loss)
    return _method(method, Precision(*given, confidence), Watch(), max_evaluations)(problem, design, seed)


_method = method
