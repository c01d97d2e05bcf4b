"""One sigma from whatever a supplier states: a sigma, a tolerance, a range or a uniformity over measured points."""

import functools
import math
import re

import numpy as np

from yieldopt import units
from yieldopt.errors import UserError
from yieldopt.study.shape import Spec
from yieldopt.study.text import Document

_WAYS = ("sigma", "plus_minus", "range", "uniformity")
_SIGMAS = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*(?:sigma|s\.?d\.?|σ)\s*$")


@functools.cache
def d2(points: int) -> float:
    """Mean range of `points` standard normals: the integral of 1 - F^n - (1 - F)^n (Tippett, Biometrika 17, 1925).

    By the trapezoidal rule on a smooth integrand that vanishes at both ends: exact to 1e-12 for n up to 1e6.
    """
    from scipy.special import ndtr

    x = np.linspace(-12.0, 12.0, 4801)
    inside = 1.0 - ndtr(x) ** points - ndtr(-x) ** points
    return float(inside.sum() * (x[1] - x[0]))


def sigma(document: Document, path: str, spec: Spec, unit: str, mean: float | None) -> float | None:
    """Read a spread as one sigma in base units, or note what is wrong with it at `path` and return None.

    `range` over n points gives range / d2(n). `uniformity` u = (max - min) / (2 mean) gives 2 u mean / d2(n), `mean`
    being the value of the knob of that name (1 for a spread that is itself relative).
    """
    given = [way for way in _WAYS if getattr(spec, way) is not None]
    if len(given) != 1:
        if not document.wrong(path):
            got = " and ".join(f"`{way}`" for way in given) or "none"
            do = "Keep one; a bare value such as 0.4 um is one sigma."
            document.add(path, "a spread given one way: `sigma`, `plus_minus`, `range` or `uniformity`", got, do)
        return None
    way = given[0]
    at = f"{path}.{way}" if f"{path}.{way}" in document.values else path
    if not _company(document, path, spec, way):
        return None
    try:
        value = _value(spec, way, unit, mean)
    except UserError as error:
        document.take(error, at)
        return None
    if not value > 0:
        got = f"{getattr(spec, way)}"
        document.add(at, "a positive spread", got, "Give its size, or leave it out to keep the model's own.")
        return None
    return value


def _company(document: Document, path: str, spec: Spec, way: str) -> bool:
    """Check that a spread has the keys that go with the way it is given, and no others."""
    wanted = {"plus_minus": {"at"}, "range": {"points"}, "uniformity": {"points"}}.get(way, set())
    has = {key for key in ("at", "points") if getattr(spec, key) is not None}
    examples = {"at": "at: 3 sigma", "points": "points: 9"}
    for key in sorted(wanted - has):
        if not document.wrong(f"{path}.{key}"):
            document.add(path, f"`{key}` beside `{way}`", "none", f"Add `{examples[key]}`.")
    for key in sorted(has - wanted):
        document.add(f"{path}.{key}", f"no `{key}` beside `{way}`", f"`{key}`", f"Remove `{key}`.", key=True)
    return wanted == has


def _value(spec: Spec, way: str, unit: str, mean: float | None) -> float:
    if way == "sigma":
        return units.parse(spec.sigma, unit, difference=True)
    if way == "plus_minus":
        return units.parse(spec.plus_minus, unit, difference=True) / _sigmas(spec.at)
    points = d2(spec.points or 2)
    if way == "range":
        return units.parse(spec.range, unit, difference=True) / points
    relative = units.parse(spec.uniformity, "%")
    if units.base(unit) == "":
        mean = 1.0
    if mean is None:
        expected = "a spread in its own unit, since there is no knob whose value could be the mean"
        raise UserError.of(expected, f"a uniformity of {spec.uniformity}", "Give `range` and `points` instead.")
    return 2.0 * relative * abs(mean) / points


def _sigmas(text: object) -> float:
    found = _SIGMAS.match(text) if isinstance(text, str) else None
    if found is None or not math.isfinite(float(found[1])) or not float(found[1]) > 0:
        raise UserError.of("the number of sigmas a tolerance stands for", f'"{text}"', "Write it as in `at: 3 sigma`.")
    return float(found[1])
