"""What every method is asked and what it answers: a precision, and a yield with its error and its trust."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Protocol

import numpy as np
from scipy import stats

from yieldopt.limit_state import LimitState
from yieldopt.problem import Problem


@dataclass(frozen=True)
class Precision:
    """The half-width asked for at `confidence`: absolute in yield, or of the loss; the smaller of those given."""

    absolute: float | None = 2e-3
    of_loss: float | None = 0.1
    confidence: float = 0.95

    def half_width(self, loss: float) -> float:
        """The half-width to reach when the loss is about `loss`."""
        asked = [v for v in (self.absolute, self.of_loss and self.of_loss * loss) if v is not None]
        return min(asked) if asked else math.inf


@dataclass
class Watch:
    """How a long computation is followed and stopped: `tell` after each batch, `stop` asked before the next."""

    tell: Callable[[str, float], Any] = lambda _phase, _share: None
    stop: Event = field(default_factory=Event)


@dataclass(frozen=True)
class Estimate:
    """A yield, and how well it is known.

    `value` is the yield with defects; `parametric` without. `interval` and `stderr` are of the computation; `doubt` is
    the modelling error that the method itself states, in yield. `limits` maps a limit to (fails, fails and nothing
    else does). `status` says in words whether to trust it, and what to do if not.
    """

    value: float
    stderr: float
    interval: tuple[float, float]
    confidence: float
    parametric: float
    defects: float
    limits: dict[str, tuple[float, float]]
    evaluations: int
    method: str
    status: str
    doubt: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    gradient_evaluations: int = 0

    @property
    def by_limit(self) -> dict[str, float]:
        """How probably each limit fails."""
        return {name: fails for name, (fails, _) in self.limits.items()}

    @property
    def failure_probability(self) -> float:
        """One minus the yield."""
        return 1.0 - self.value

    def summary(self) -> dict[str, Any]:
        """The estimate as plain data, under the names of the JSON contract."""
        return {
            "yield": self.value,
            "stderr": self.stderr,
            "interval": list(self.interval),
            "confidence": self.confidence,
            "failure_probability": self.failure_probability,
            "parametric_yield": self.parametric,
            "defect_yield": self.defects,
            "limits": {name: {"fails": fails, "alone": alone} for name, (fails, alone) in self.limits.items()},
            "evaluations": self.evaluations,
            "gradient_evaluations": self.gradient_evaluations,
            "method": self.method,
            "status": self.status,
            "doubt": self.doubt,
            "seconds": self.seconds,
        }


class Estimator(Protocol):
    """A method with its settings; called with a problem, a design and a seed."""

    def __call__(self, problem: Problem[Any], design: Any, seed: int) -> Estimate:
        """Estimate the yield of `problem` at `design`."""
        ...


def trouble(state: LimitState) -> list[str]:
    """What a status says of points that could not be measured: counted as failed, and named."""
    said = [
        f"{name} was not a number at {count} of {state.evaluations} points, which count as failed"
        for name, count in state.unclear.items()
    ]
    if state.unsettled:
        said.append(f"{state.unsettled} of {state.evaluations} points found no equilibrium and count as failed")
    return said


def binomial_interval(passed: int, count: int, confidence: float) -> tuple[float, float]:
    """Exact interval of a share (Clopper & Pearson 1934); one-sided where nothing failed, or all did."""
    if passed in (0, count):
        edge = (1.0 - confidence) ** (1.0 / count)
        return (edge, 1.0) if passed == count else (0.0, 1.0 - edge)
    tail = 0.5 * (1.0 - confidence)
    low = stats.beta.ppf(tail, passed, count - passed + 1)
    high = stats.beta.ppf(1.0 - tail, passed + 1, count - passed)
    return float(low), float(high)


def student_interval(value: float, stderr: float, replicates: int, confidence: float) -> tuple[float, float]:
    """Student's interval of a mean of replicates, within [0, 1]."""
    half = float(stats.t.ppf(0.5 + 0.5 * confidence, replicates - 1)) * stderr
    return float(np.clip(value - half, 0.0, 1.0)), float(np.clip(value + half, 0.0, 1.0))
