"""Seconds that JAX spent compiling, told apart from seconds that it ran; and how many programs it compiled."""

import time
from types import TracebackType

import jax

_spent = {"seconds": 0.0, "programs": 0}


def _listen(event: str, duration_secs: float, **_: object) -> None:
    if event.startswith("/jax/core/compile/"):
        _spent["seconds"] += duration_secs
        _spent["programs"] += event.endswith("backend_compile_duration")


jax.monitoring.register_event_duration_secs_listener(_listen)


class Stopwatch:
    """Times a block: `seconds` maps `compile` (tracing included) and `run` to what each took."""

    def __enter__(self) -> "Stopwatch":
        self._start, self._before = time.perf_counter(), _spent["seconds"]
        self._programs = _spent["programs"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        whole = time.perf_counter() - self._start
        compiling = min(_spent["seconds"] - self._before, whole)
        self.programs = int(_spent["programs"] - self._programs)
        self.seconds = {"compile": compiling, "run": whole - compiling}
