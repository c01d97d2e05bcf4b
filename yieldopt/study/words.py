"""Results in the words of an engineer: digits a yield deserves, a loss as a count, quantities in units of the study."""

import math
from collections.abc import Mapping
from typing import Any

from yieldopt import units


def percent(probability: float | None, digits: int = 2) -> str:
    """Say a probability in per cent with a number of decimals; never round what is not whole up to 100 or down to 0."""
    if probability is None:
        return "not known"
    if probability == 1:
        return "100 %"
    text = f"{100 * probability:.{digits}f}"
    if float(text) == 100:
        return f"over {100 - 10.0**-digits:.{digits}f} %"
    if float(text) == 0 and probability > 0:
        return f"below {10.0**-digits:.{digits}f} %"
    return f"{text} %"


def digits(estimate: Mapping[str, Any]) -> int:
    """Decimals of a percentage such that the interval's width shows with one or two digits."""
    low, high = estimate.get("interval") or (None, None)
    if low is None or high is None or not high > low:
        return 2
    return min(max(math.ceil(-math.log10(100 * (high - low))), 1), 9)


def yield_text(estimate: Mapping[str, Any], counted: str = "yield") -> str:
    """The yield itself, `99.873 %`, or what else of an estimate a target counts."""
    said = percent(estimate.get(counted), digits(estimate))
    return said if counted == "yield" else f"{said} work and conform"


def interval_text(estimate: Mapping[str, Any], counted: str = "yield") -> str:
    """The interval of the computation, `99.868 to 99.878 % (95 % confidence)`."""
    name = "interval" if counted == "yield" else f"{counted}_interval"
    low, high = estimate.get(name) or (None, None)
    if low is None or high is None:
        return "no interval"
    shown = digits(estimate)
    confidence = f"({100 * (estimate.get('confidence') or 0.95):g} % confidence)"
    if high >= 1:
        return f"at least {percent(low, shown)} {confidence}"
    return f"{100 * low:.{shown}f} to {percent(high, shown)} {confidence}"


def count_text(probability: float | None) -> str:
    """Say a probability as a count, `13 in 10,000`, with two digits where it is below one in ten."""
    if probability is None:
        return "an unknown number"
    if probability <= 0:
        return "none"
    if probability < 1e-12:
        return "fewer than 1 in a million million"
    total = 10 ** max(2, math.ceil(-math.log10(probability)) + 1)
    return f"{probability * total:.0f} in {total:,}"


def loss_text(probability: float | None) -> str:
    """A failure probability as a manager or a line engineer reads it: per cent, or DPPM below one in a thousand."""
    if probability is None:
        return "not known"
    if probability >= 1e-3:
        return f"{100 * probability:.3g} %"
    if probability >= 1e-7:
        return f"{1e6 * probability:.3g} ppm"
    if probability >= 1e-11:
        return f"{1e9 * probability:.2g} ppb"
    return "0" if probability == 0 else f"{probability:.1e}"


def quantity(value: float | None, unit: str) -> str:
    """A number in base units as people see it, `45 um`; an open side is a dash."""
    if value is None or math.isinf(value):
        return "-"
    return units.format(value, unit, 5)


def phrase(name: str) -> str:
    """A key of a study as words: `pillar_height` is `pillar height`."""
    return name.replace("_", " ")


def losses(estimate: Mapping[str, Any]) -> list[tuple[str, float, float]]:
    """The limits with what fails them and what fails them alone, the largest loss first."""
    limits = estimate.get("limits") or {}
    rows = [(name, loss.get("fails") or 0.0, loss.get("alone") or 0.0) for name, loss in limits.items()]
    return sorted(rows, key=lambda row: (-row[1], row[0]))
