"""Seconds that JAX spent compiling, told apart from seconds that it ran; and how many programs it compiled."""

import time
from threading import Lock
from types import TracebackType

import jax

_alone = Lock()
_stretches = list[tuple[float, float]]()
"""From when to when anything was compiled: threads that compile at once, or within another's tracing, count once."""
_programs = [0]


def _listen(event: str, duration_secs: float, **_: object) -> None:
    if not event.startswith("/jax/core/compile/"):
        return
    with _alone:
        end = time.perf_counter()
        start = end - duration_secs
        while _stretches and _stretches[-1][1] > start:
            start = min(start, _stretches.pop()[0])
        _stretches.append((start, end))
        _programs[0] += event.endswith("backend_compile_duration")


jax.monitoring.register_event_duration_secs_listener(_listen)


class Stopwatch:
    """Times a block: `seconds` maps `compile` (tracing included) and `run` to what each took."""

    def __enter__(self) -> "Stopwatch":
        self._start, self._before = time.perf_counter(), _programs[0]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        whole = time.perf_counter() - self._start
        with _alone:
            compiling = sum(max(0.0, end - max(start, self._start)) for start, end in _stretches)
        self.programs = _programs[0] - self._before
        self.seconds = {"compile": min(compiling, whole), "run": whole - min(compiling, whole)}
