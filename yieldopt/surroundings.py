"""All beside its arguments that could make another program of a function: files, installed packages, flags, machine."""

import os
import platform
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jax

INSTALLED = "stdlib", "platstdlib", "purelib", "platlib", "scripts"
"""Where what is installed lies, by the names of `sysconfig`."""
CACHES = "jax_persistent_cache", "jax_compilation_cache"
"""How JAX's settings of its own cache begin: they make no other program, and one changes while another compiles."""


def surroundings() -> Iterator[Any]:
    """What two processes must have in common for one to run what the other compiled; plain data."""
    yield sys.version, platform.node(), platform.machine(), os.environ.get("XLA_FLAGS")
    settings = jax.config.values.items()
    yield sorted((name, repr(value)) for name, value in settings if not name.startswith(CACHES))
    yield [(d.platform, d.device_kind, d.client.platform_version) for d in jax.devices()]
    processor = Path("/proc/cpuinfo")
    if processor.exists():
        yield next((line for line in processor.read_text().splitlines() if line.startswith("flags")), "")
    # Not the whole prefix: an environment may lie around somebody's own files.
    places = {Path(sysconfig.get_path(name)).resolve() for name in INSTALLED}
    yield sorted((p.name, p.stat().st_mtime_ns) for place in places for p in place.glob("*.dist-info"))
    for path in sorted(_ours(places)):
        found = path.stat()
        yield str(path), found.st_size, found.st_mtime_ns


def _ours(installed: set[Path]) -> set[Path]:
    """Every file of the engine, of models, and of what they import from outside the installed packages."""
    folders: set[Path] = set()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file:
            continue
        folder = _folder(file)
        if not name.startswith("yieldopt") and any(folder.is_relative_to(place) for place in installed):
            continue
        folders.add(folder)
        if hasattr(module, "__path__") and "." not in name:  # a package: what it may yet import as well
            folders.update(path for path in folder.rglob("*") if path.is_dir())
    files = {path for folder in folders for path in folder.iterdir()}
    return {path for path in files if path.is_file() and path.suffix != ".pyc"}


@cache
def _folder(file: str) -> Path:
    # Thousands of modules are asked about for every program that is loaded.
    return Path(file).resolve().parent
