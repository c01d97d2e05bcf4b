"""The shape of a study as pydantic models: which keys there are and what each may hold; no unit is read here.

Short forms are widened first (a bare spread to `{sigma: ...}`, a bare list of claims to `{named: ...}`), so that every
later stage sees one form.
"""

import types
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError


def _scalar(value: Any) -> Any:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    raise PydanticCustomError("quantity", "a quantity such as 45 um")


def _widened(key: str, kinds: type | types.UnionType, schema: Any) -> BeforeValidator:
    """Let a short form stand for `{key: short form}`."""
    return BeforeValidator(
        lambda value: {key: value} if isinstance(value, kinds) else value, json_schema_input_type=schema
    )


TAGS = VALUES, SPAN = "\0values", "\0span"
"""What pydantic puts between the keys on the way to a mistake in a union: no key of YAML has a NUL in it."""
Quantity = Annotated[
    Any,
    PlainValidator(_scalar),
    WithJsonSchema({"type": ["string", "number"], "examples": ["45 um"], "description": "a number and its unit"}),
]
"""A number and its unit, as text; a bare number only where the quantity has no dimension."""


def _choices(value: Any) -> Any:
    if isinstance(value, str | list):
        return [value] if isinstance(value, str) else value
    raise PydanticCustomError("string_type", "Input should be a valid string")


Choices = Annotated[list[str], Field(min_length=1), BeforeValidator(_choices, json_schema_input_type=str | list[str])]
"""One choice, or several among which it is left open."""

Positive = Annotated[int, Field(gt=0, le=100_000, strict=True)]
Index = Annotated[int, Field(ge=0, strict=True)]
Name = Annotated[str, Field(min_length=1, max_length=80)]
Bounds = Annotated[list[Quantity], Field(min_length=2, max_length=2)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Claims(_Part):
    """The claims a study works under, and whether they bind the nominal or every unit made."""

    named: list[str] = Field(default_factory=list)
    enforce: Literal["nominal", "every_unit"] = "nominal"


class Missing(_Part):
    """Sites left out of a grid: `{column: 8, rows: [5, 11]}` or `{row: 8, columns: [5, 11]}`, zero-based, inclusive."""

    column: Index | None = None
    rows: Annotated[list[Index], Field(min_length=2, max_length=2)] | None = None
    row: Index | None = None
    columns: Annotated[list[Index], Field(min_length=2, max_length=2)] | None = None


class Grid(_Part):
    """A regular grid of bumps, row 0 at the lowest y, its centre at the origin."""

    rows: Positive
    columns: Positive
    pitch: Quantity
    missing: list[Missing] = Field(default_factory=list)


class Sites(_Part):
    """Where the bumps are: a `grid`, or a CSV `file` beside the study."""

    grid: Grid | None = None
    file: str | None = None
    unit: str | None = None
    origin: Literal["centre", "cell_corner"] | None = None
    cell: Bounds | None = None
    sha256: str | None = Field(default=None, description="of the file; a file that has changed since is refused")


class Setting(_Part):
    """A knob's value and the range to search; what is left out keeps the model's."""

    value: Quantity | None = None
    range: Bounds | None = None


class Spec(_Part):
    """A spread, given one way: one sigma; a tolerance; the range or the uniformity over n points."""

    sigma: Quantity | None = None
    plus_minus: Quantity | None = None
    at: Quantity | None = Field(default=None, description='the sigmas a tolerance stands for: "3 sigma"')
    range: Quantity | None = Field(
        default=None, description="largest less smallest of `points`; sigma = range / d2(points)"
    )
    uniformity: Quantity | None = Field(
        None, description="(max - min) / (2 mean) of `points`; the mean is the knob's value"
    )
    points: Annotated[int, Field(ge=2, le=10_000, strict=True)] | None = None


class Defect(_Part):
    """Random defects of a population: rate an element, and the shape of their clustering (left out: unclustered)."""

    rate: Quantity
    cluster: Quantity | None = None


class Spare(_Part):
    """How many bumps of a net may be open: of all of them, or in each group by another column of the bump map."""

    spare: Annotated[int | str, Field(description="a number, or as in `3 opens`")]
    group: str | None = None


class Nets(_Part):
    """Nets that may lose bumps, by a column of the bump map; `opens` are the limits that make a bump open."""

    column: str = "net"
    opens: list[str]
    tolerate: Annotated[
        dict[str, Annotated[Spare, _widened("spare", str | int, Spare | str | int)]], Field(min_length=1)
    ]


class Bound(_Part):
    """Limits on a response: either side or both; on how far apart the elements of a unit may lie in it, its range."""

    low: Quantity | None = None
    high: Quantity | None = None
    range: Quantity | None = None


class Accuracy(_Part):
    """Half-width of the interval: relative to the loss, absolute, or the smaller of the two."""

    of_loss: Quantity | None = None
    absolute: Quantity | None = None


class Estimate(_Part):
    """How the yield is estimated and how well."""

    method: Literal[
        "auto", "first_order", "importance", "line", "monte_carlo", "points", "second_order", "sobol", "subset"
    ] = "auto"
    accuracy: Accuracy | None = None
    confidence: Quantity = "95 %"


class Optimize(_Part):
    """What is sought: most yield, the widest process window at a yield, or the least cost of tolerances."""

    goal: Literal["yield", "window", "cost"] = "yield"
    target: Quantity = "99.9 %"
    knobs: list[str] | None = Field(default=None, description="all that may move; by default those given a range")
    window: list[str] | None = Field(
        default=None, description="recipe knobs the window spans; by default all that may move"
    )
    covers: list[str] = Field(default_factory=list, description="levels of variation the window itself stands for")
    drift: dict[str, Quantity] = Field(default_factory=dict, description="one sigma of a knob's own drift")
    measure: Literal["capability", "volume"] = "capability"


_DESIGN = _widened("value", str | int | float, Setting | str | float)
_SPEC = _widened("sigma", str | int | float, Spec | str | float)


class Study(_Part):
    """What is asked of yieldopt: a model, its design, how it varies, what it must meet, and what to find out."""

    version: Literal[1] = Field(alias="schema")
    model: str
    name: Name | None = None
    claims: Annotated[Claims, _widened("named", list, Claims | list[str])] = Claims()
    options: dict[str, str] = Field(default_factory=dict)
    materials: dict[str, Choices] = Field(default_factory=dict)
    bump_map: Sites | None = None
    design: dict[str, Annotated[Setting, _DESIGN]] = Field(default_factory=dict)
    variation: dict[str, dict[str, Annotated[Spec, _SPEC]]] = Field(default_factory=dict)
    defects: dict[str, Defect] = Field(default_factory=dict)
    limits: dict[str, Bound] = Field(default_factory=dict)
    nets: Nets | None = None
    estimate: Estimate = Estimate()
    optimize: Optimize = Optimize()
    seed: Annotated[int, Field(ge=0, lt=2**32, strict=True)] = 1
