"""The shape of a sweep's YAML: a base study, the task, what every task sets, and the axes along which tasks differ."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from yieldopt.study.shape import SPAN, VALUES, Quantity

Values = Annotated[list[Any], Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Span(_Part):
    """Values from one end to the other: so many of them, or as many as `sample` draws."""

    start: Quantity = Field(alias="from")
    to: Quantity
    points: Annotated[int, Field(ge=2, le=100_000, strict=True)] | None = None
    spacing: Literal["linear", "log"] = "linear"


def _form(value: Any) -> str:
    return VALUES if isinstance(value, list) else SPAN


Along = Annotated[Annotated[Span, Tag(SPAN)] | Annotated[Values, Tag(VALUES)], Discriminator(_form)]
"""What stands at an axis. A mistake in it is told once, as one in what it looks like."""


class Sample(_Part):
    """Points that fill the box of all spans without `points`: a scrambled Sobol sequence, or a Latin hypercube."""

    sobol: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] | None = None
    latin: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32, strict=True)] = 0


class Sweep(_Part):
    """Every combination of the axes' values, the cases and the sample, each with `seeds` seeds: one task each."""

    version: Literal[1] = Field(alias="schema")
    study: str = Field(description="the base study, relative to the sweep")
    name: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    task: Literal["estimate", "optimize"] = "estimate"
    set: dict[str, Any] = Field(default_factory=dict, description="what every task sets, as in `--set`")
    axes: dict[str, Along] = Field(default_factory=dict, description="a key of the study: values, or a span")
    cases: dict[str, dict[str, Any]] = Field(default_factory=dict, description="several keys at once, by name of case")
    sample: Sample | None = None
    seeds: Annotated[int, Field(ge=1, le=100_000, strict=True)] = 1
    draws: Literal["own", "common"] = Field(
        "own", description="own: a seed from what a task is, so that errors are independent; common: the study's"
    )
