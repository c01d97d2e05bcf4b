"""Files that can be trusted: the same text for the same value, and never half a file under its own name."""

import csv
import io
import json
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Turn arrays, tuples and paths into JSON's own types; a number that is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def dumps(value: Any) -> str:
    """Deterministic JSON: sorted keys, the shortest floats that read back the same, no NaN."""
    return json.dumps(plain(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def csv_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> str:
    """Rows as CSV under a head: the columns given, or every one that any row has."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns or list(dict.fromkeys(k for row in rows for k in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def dump_yaml(value: Any) -> str:
    """YAML in the order given."""
    from ruamel.yaml import YAML

    writer, text = YAML(), io.StringIO()
    writer.width = 120
    writer.dump(value, text)
    return text.getvalue()


def write(path: Path, data: str | bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, also after a crash."""
    handle, name = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(folder: Path) -> None:
    """Make the names in a folder survive a power cut (POSIX; elsewhere a folder cannot be opened)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def read_text(path: Path) -> str:
    """Text of a file, empty when there is none."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def load_yaml(path: Path) -> dict[str, Any]:
    """Plain data of a YAML file, empty when there is none."""
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(read_text(path)) or {}


def netcdf(samples: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as netCDF; first axes of one length are one dimension, `sample` being the commonest length."""
    import xarray

    lengths = [value.shape[0] for value in samples.values() if value.ndim]
    common = max(sorted(set(lengths)), key=lengths.count, default=0)
    variables: dict[str, Any] = {}
    for name, value in samples.items():
        first = ["sample" if value.shape[0] == common else f"{name}_0"] if value.ndim else []
        variables[name] = ([*first, *(f"{name}_{axis}" for axis in range(1, value.ndim))], value)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "samples.nc")
        xarray.Dataset(variables).to_netcdf(path, engine="h5netcdf")
        return path.read_bytes()


def arrays(path: Path) -> dict[str, np.ndarray]:
    """Arrays of a netCDF file by name, none when there is no file."""
    if not path.exists():
        return {}
    import xarray

    with xarray.open_dataset(path, engine="h5netcdf") as data:
        return {str(name): np.asarray(value.values) for name, value in data.data_vars.items()}
