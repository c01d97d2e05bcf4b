"""What a model tells the border about itself, and what a study hands to a model: plain data, no JAX."""

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

    `x`, `y` have one entry a site. `pitch` is the smallest distance between two sites.
    """

    x: np.ndarray
    y: np.ndarray
    pitch: float
    text: str = ""


@dataclass(frozen=True)
class Inputs:
    """A resolved study as the model sees it: numbers in base units, every default filled in.

    `spreads` is by field name; `limits` maps a response to (low, high) with infinities for open sides;
    `defects` maps a population to (rate, cluster), `cluster` the gamma shape (infinite when unclustered).
    """

    design: dict[str, float]
    ranges: dict[str, tuple[float, float]]
    spreads: dict[str, float]
    limits: dict[str, tuple[float, float]]
    options: dict[str, str] = field(default_factory=dict)
    materials: dict[str, str] = field(default_factory=dict)
    defects: dict[str, tuple[float, float]] = field(default_factory=dict)
    bump_map: BumpMap | None = None
