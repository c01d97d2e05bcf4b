"""What was asked, with what, and what came: one self-sufficient folder, written whole or not at all.

    runs/<time>_<name>_<hash>/
        study.yaml      the study as given          resolved.yaml   every default filled in
        run.json        status, hashes, versions, device, seed, units and results
        samples.nc      arrays, where the result kept some          model.py   a user's own one-file model
        bumps.csv       the bump map that the study names, whatever it is called there
        report.html     made from the rest of the folder alone (`yieldopt.study.report`)

All that may differ between two runs of the same thing (time, host, folder, seconds) stands under the one key
`incidental` of run.json; the rest is byte-identical on repeating.
"""

import datetime
import functools
import importlib.metadata
import json
import platform
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from yieldopt.errors import UserError
from yieldopt.study.files import arrays, dump_yaml, dumps, load_yaml, netcdf, plain, read_text, sync, write

if TYPE_CHECKING:
    from yieldopt.study.config import ResolvedStudy

FORMAT = 1
"""Version of run.json; a reader refuses a later one."""

BUMPS = "bumps.csv"
"""The bump map that a study names, under one name whatever it was called: its digest is in the resolved study."""
PACKAGES = ("yieldopt", "jax", "jaxlib", "numpyro", "optax", "equinox", "numpy", "scipy")


@dataclass(frozen=True)
class Record:
    """One run: the document of run.json, the study as given and as resolved, the arrays kept, the user's model and
    bump map.
    """

    run: dict[str, Any]
    study: str = ""
    resolved: dict[str, Any] = field(default_factory=dict)
    samples: dict[str, np.ndarray] = field(default_factory=dict)
    model: str = ""
    bumps: str = ""


def make(
    resolved: "ResolvedStudy",
    kind: str,
    result: Mapping[str, Any],
    status: str,
    overrides: Iterable[str] = (),
    model_file: Path | None = None,
) -> Record:
    """Gather a record of `kind` (`estimate`, `optimize`) from a resolved study and a result in base units."""
    results = {key: value for key, value in result.items() if key != "samples"}
    kept, seconds = _without_seconds(plain(results))
    run = {
        "format": FORMAT,
        "kind": kind,
        "name": resolved.name,
        "model": resolved.card.name,
        "status": status,
        "study_hash": resolved.hash,
        "overrides": list(overrides),
        "seed": resolved.seed,
        "knobs": _knobs(resolved),
        "responses": _responses(resolved),
        "versions": versions(),
        **_numerics(),
        "results": kept,
        "incidental": {
            "started": _now().isoformat(timespec="seconds"),
            "host": platform.node(),
            "seconds": seconds,
            "halved": _halved(),
        },
    }
    samples = {name: np.asarray(value) for name, value in (result.get("samples") or {}).items()}
    model = model_file.read_text(encoding="utf-8") if model_file else ""
    return Record(plain(run), resolved.text, plain(dict(resolved.resolved)), samples, model, resolved.bumps)


def save(record: Record, runs: Path) -> Path:
    """Write the record's folder under `runs` and return its path; what is half written never has a run's name."""
    runs.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix=".writing-", dir=runs))
    try:
        half.chmod(0o755)
        _write_all(record, half)
        folder = _settle(half, runs, record.run)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
    return folder


def load(folder: Path) -> Record:
    """Read a run's folder back; a folder that holds no readable run is a `UserError`."""
    try:
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError.of(
            "a run folder with a readable run.json", f"{folder} ({error})", "Name another run."
        ) from None
    if not isinstance(run, dict) or run.get("format", FORMAT + 1) > FORMAT:
        raise UserError.of(f"a run of format {FORMAT}", str(folder), "Read it with the yieldopt that wrote it.")
    return Record(
        run,
        read_text(folder / "study.yaml"),
        load_yaml(folder / "resolved.yaml"),
        arrays(folder / "samples.nc"),
        read_text(folder / "model.py"),
        read_text(folder / BUMPS),
    )


def _write_all(record: Record, folder: Path) -> None:
    write(folder / "resolved.yaml", dump_yaml(record.resolved))
    for name, text in (("study.yaml", record.study), ("model.py", record.model), (BUMPS, record.bumps)):
        if text:
            write(folder / name, text)
    if record.samples:
        write(folder / "samples.nc", netcdf(record.samples))


def _settle(half: Path, runs: Path, run: Mapping[str, Any]) -> Path:
    """Rename the finished folder to the first free name; of two runs that race for one, the second tries the next."""
    started = datetime.datetime.fromisoformat(run["incidental"]["started"])
    slug = re.sub(r"[^A-Za-z0-9.-]+", "-", run["name"] or run["kind"]).strip("-.")[:60] or run["kind"]
    stem = f"{started:%Y%m%dT%H%M%SZ}_{slug}_{run['study_hash'][:8]}"
    for number in range(1, 10_000):
        folder = runs / (stem if number == 1 else f"{stem}-{number}")
        if folder.exists():
            continue
        document = {**run, "incidental": {**run["incidental"], "folder": folder.name}}
        write(half / "run.json", dumps(document))
        try:
            half.rename(folder)
        except OSError:
            if folder.exists():
                continue
            raise
        sync(runs)
        return folder
    raise FileExistsError(f"ten thousand runs named {stem} in {runs}")


def _knobs(resolved: "ResolvedStudy") -> dict[str, Any]:
    """What a report needs to know of each knob: value and range in base units, the unit of the study, kind and text."""
    found: dict[str, Any] = {}
    for name, knob in resolved.card.knobs.items():
        low, high = resolved.inputs.ranges.get(name, (knob.low, knob.high))
        value, unit = resolved.inputs.design.get(name, knob.start), resolved.units.get(name, knob.unit)
        found[name] = {"value": value, "low": low, "high": high, "unit": unit, "kind": knob.kind, "text": knob.text}
    return found


def _responses(resolved: "ResolvedStudy") -> dict[str, Any]:
    """What a report needs to know of each response: its population, unit and text, and the study's limit on it."""
    found = {name: asdict(response) for name, response in resolved.card.responses.items()}
    for name, (low, high) in resolved.inputs.limits.items():
        found[name] = {**found.get(name, {}), "low": low, "high": high}
    for name, most in resolved.ranges.items():
        told = {"text": f"largest less smallest: {found[name]['text']}", "low": None, "high": most}
        found[f"{name}_range"] = {**asdict(resolved.card.responses[name]), **told}
    return found | (resolved.nets.responses() if resolved.nets else {})


def _without_seconds(value: Any, path: str = "") -> tuple[Any, dict[str, Any]]:
    """Part a result from its timings, which are kept by the dotted path they stood at."""
    seconds: dict[str, Any] = {}
    if isinstance(value, dict):
        kept: dict[str, Any] = {}
        for key, item in value.items():
            if key == "seconds":
                seconds[path or "total"] = item
                continue
            kept[key], below = _without_seconds(item, f"{path}.{key}".lstrip("."))
            seconds |= below
        return kept, seconds
    if isinstance(value, list):
        parted = [_without_seconds(item, f"{path}[{index}]") for index, item in enumerate(value)]
        for _, below in parted:
            seconds |= below
        return [item for item, _ in parted], seconds
    return value, seconds


@functools.cache
def versions() -> Mapping[str, str]:
    """Versions of Python, the system and the packages that a result depends on."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return MappingProxyType(found)


def _numerics() -> dict[str, Any]:
    import jax

    devices = jax.devices()
    device = {"platform": devices[0].platform, "kind": devices[0].device_kind, "count": len(devices)}
    return {"device": device, "float_width": 64 if jax.config.read("jax_enable_x64") else 32}


def _halved() -> dict[str, list[int]]:
    from yieldopt import batches  # brings JAX

    return batches.told()


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
