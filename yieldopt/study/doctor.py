"""Is this machine fit to run: versions, devices, 64-bit floats, compiling and its cache, a writable folder for runs."""

import importlib.metadata
import time
from dataclasses import dataclass
from pathlib import Path

from yieldopt.errors import UserError
from yieldopt.study import session
from yieldopt.study.files import write
from yieldopt.study.record import versions


@dataclass(frozen=True)
class Check:
    """One thing looked at: `ok` is false where it stands in the way; the text says what was found and what to do."""

    name: str
    ok: bool
    text: str


def examine(runs: Path) -> list[Check]:
    """Look at everything once; `runs` is where run folders would go."""
    try:
        cache = session.start()
    except UserError as error:
        return [Check("compile cache", False, str(error))]
    return [_versions(), _devices(), _floats(), _compiling(), _cache(cache), _models(), _folder(runs)]


def _versions() -> Check:
    found = versions()
    missing = [name for name, version in found.items() if version == "not installed"]
    text = ", ".join(f"{name} {version}" for name, version in found.items())
    return Check("versions", not missing, text + (". Install what is missing." if missing else ""))


def _devices() -> Check:
    import jax

    devices = [f"{device.platform} {device.device_kind}" for device in jax.devices()]
    return Check("devices", True, f"{len(devices)}: {', '.join(devices)}")


def _floats() -> Check:
    import jax.numpy as jnp

    kept = float(jnp.asarray(1.0) + 2.0**-40) != 1.0
    return Check("64-bit floats", kept, "kept" if kept else "lost: this device or a JAX setting cuts them to 32 bits")


def _compiling() -> Check:
    import jax
    import jax.numpy as jnp

    jitted = jax.jit(lambda x: jnp.sum(jnp.sin(x) ** 2))
    x = jnp.linspace(0.0, 1.0, 100_000)
    started = time.perf_counter()
    jitted(x).block_until_ready()
    first = time.perf_counter()
    value = float(jitted(x).block_until_ready())
    again = time.perf_counter()
    right = abs(value / 1e5 - (0.5 - 0.25 * 0.9092974268256817)) < 1e-5  # the integral of sin^2 over 0..1
    times = f"first call {1e3 * (first - started):.0f} ms, then {1e3 * (again - first):.2f} ms"
    return Check("compiling", right, times if right else f"{times}, but the result {value} is wrong")


def _cache(folder: Path | None) -> Check:
    if folder is None:
        return Check("compile cache", True, f"off; every start compiles anew ({session.VARIABLE} names a folder)")
    import jax
    import jax.numpy as jnp

    hits: list[str] = []

    def listen(event: str, **kwargs: str | int) -> None:
        del kwargs
        hits.extend([event] if event.endswith("/cache_hits") else [])

    jax.monitoring.register_event_listener(listen)
    x = jnp.arange(7.0)
    for _ in range(2):
        jax.clear_caches()
        hits.clear()
        jax.jit(lambda x: jnp.cos(x) * 1.2345)(x).block_until_ready()
    size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    text = "written and read back" if hits else "what was written was not read back; every start compiles anew"
    return Check("compile cache", bool(hits), f"{text} ({folder}, {size / 1e6:.1f} MB)")


def _models() -> Check:
    found = [point.value for point in importlib.metadata.entry_points(group="yieldopt.models")]
    return Check("models", bool(found), ", ".join(found) if found else "none installed; `--model FILE.py` still works")


def _folder(runs: Path) -> Check:
    probe = runs / ".doctor"
    try:
        made = [folder for folder in (runs, *runs.parents) if not folder.exists()]
        runs.mkdir(parents=True, exist_ok=True)
        write(probe, "written")
        probe.unlink()
        for folder in made:
            folder.rmdir()
    except OSError as error:
        return Check("runs folder", False, f"{runs} cannot be written ({error.strerror}); name another with --out")
    return Check("runs folder", True, f"{runs.resolve()} can be written")
