"""What a model tells the border about itself, and what a study hands to a model: plain data, no JAX."""

import math
from dataclasses import dataclass, field

import numpy as np

from yieldopt.knob import Knob, Spread


@dataclass(frozen=True)
class Response:
    """A measure that a study may limit: the population it is read on (`""` for the unit), its unit, its meaning."""

    population: str
    unit: str
    text: str


@dataclass(frozen=True)
class Choice:
    """A structure or process option, or a material role: what may be chosen, and the default."""

    allowed: tuple[str, ...]
    default: str
    text: str


@dataclass(frozen=True)
class Card:
    """Everything a study may name about a model; made by `Model.card()`."""

    name: str
    text: str
    knobs: dict[str, Knob]
    spreads: dict[str, Spread]
    responses: dict[str, Response]
    options: dict[str, Choice] = field(default_factory=dict)
    materials: dict[str, Choice] = field(default_factory=dict)
    defects: tuple[str, ...] = ()
    needs_bump_map: bool = True


@dataclass(frozen=True)
class BumpMap:
    """Sites of a population about the origin (centres, base units), and where they came from.

    `x`, `y` have one entry a site. `pitch` is the smallest distance between two sites. `columns` are a file's others,
    as text.
    """

    x: np.ndarray
    y: np.ndarray
    pitch: float
    text: str = ""
    columns: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Inputs:
    """A resolved study as the model sees it: numbers in base units, every default filled in.

    `spreads` is by field name; `limits` maps a response to (low, high) with infinities for open sides;
    `defects` maps a population to (rate, cluster), `cluster` the gamma shape (infinite when unclustered). `open` maps a
    material role that a study leaves open to its choices, of which `materials` has one.
    """

    design: dict[str, float]
    ranges: dict[str, tuple[float, float]]
    spreads: dict[str, float]
    limits: dict[str, tuple[float, float]]
    options: dict[str, str] = field(default_factory=dict)
    materials: dict[str, str] = field(default_factory=dict)
    defects: dict[str, tuple[float, float]] = field(default_factory=dict)
    bump_map: BumpMap | None = None
    open: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Bound:
    """What a claim asks of a quantity, or of its difference to another (`than`): between `low` and `high`, base units.

    `strict` excludes the ends themselves. `unit` is the one that the claim gives its numbers in.
    """

    claim: str
    quantity: str
    low: float = -math.inf
    high: float = math.inf
    strict: bool = False
    unit: str = ""
    than: str = ""

    @property
    def equality(self) -> bool:
        """Whether it ties drawn dimensions to one value: never a limit on units as made."""
        return self.low == self.high

    def margin(self, value: float) -> float:
        """How far inside a value lies, negative outside; an equality has no inside."""
        return min(value - self.low, self.high - value)

    def holds(self, value: float) -> bool:
        """Whether a value is inside; ends are met to the rounding of a billionth."""
        edge = ROUNDING * max((abs(end) for end in (self.low, self.high) if math.isfinite(end)), default=1.0)
        return self.margin(value) > edge if self.strict else self.margin(value) >= -edge


ROUNDING = 1e-9
"""Share of a bound by which a number may miss it for the way that it is written."""

SPARES = 32
"""Elements that a group of a net may lose at most: where more are lost, they are not lost apart."""
