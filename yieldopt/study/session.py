"""How a process computes: in float64, with a compile cache of its own on disk; how a run is interrupted.

Only the command line calls these; importing the library changes nothing.
"""

import contextlib
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Generator
from pathlib import Path
from types import FrameType

from yieldopt import compiler
from yieldopt.errors import UserError

VARIABLE = "YIELDOPT_CACHE"
"""Names another folder for the compile cache; `off` goes without."""


def start() -> Path | None:
    """Turn on float64, quick compilation, one program at a time and the compile cache, before any array exists; return
    the cache's folder.
    """
    compiler.quickly()
    import jax

    jax.config.update("jax_enable_x64", True)
    # Programs that XLA runs at once on two cores have waited for each other for ever.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    folder = cache_folder()
    if folder is None:
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    # JAX keeps only what took over a second to compile unless told: most of ours are many and short.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    if compiler.known():
        from yieldopt import programs

        programs.keep(folder / "programs")
    return folder


def cache_folder() -> Path | None:
    """Make and return the private folder of the compile cache, none when switched off or not to be had.

    Who can write there can run code as its owner: it is made with mode 0700 and one that belongs to somebody else
    or that others may write is not used.
    """
    named = os.environ.get(VARIABLE, "")
    if named.lower() == "off":
        return None
    import platformdirs

    folder = Path(named) if named else Path(platformdirs.user_cache_dir("yieldopt")) / "compiled"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name == "posix":
            if not named:
                folder.chmod(0o700)
            found = folder.stat()
            if found.st_uid != os.getuid() or found.st_mode & 0o022:
                raise PermissionError(f"{folder} can be written by others")
    except OSError as error:
        if named:
            expected = f"in {VARIABLE} a folder that is yours alone"
            raise UserError.of(expected, str(error), "Name another folder, or `off`.") from None
        return None
    return folder


STOPPING = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what `timeout` and the schedulers of clusters send."""


@contextlib.contextmanager
def interruptible() -> Generator[threading.Event]:
    """Give an event that the first Ctrl-C or SIGTERM sets, so that a batch can be saved; a second Ctrl-C aborts."""
    stop = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        del number, frame
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # `timeout` sends it twice
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop.set()
        print("\nstopping after this batch; Ctrl-C again aborts", file=sys.stderr, flush=True)  # noqa: T201 - the message

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = [signal.signal(one, ask) for one in STOPPING]
    try:
        yield stop
    finally:
        for one, handler in zip(STOPPING, before, strict=True):
            signal.signal(one, handler)


def fault(error: BaseException) -> str:
    """Save the trace of a fault of ours to a file and return what to tell the user, the file's name in it."""
    handle, name = tempfile.mkstemp(prefix="yieldopt-fault-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write("".join(traceback.format_exception(error)))
    said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return f"fault: yieldopt failed in a way that it should not ({said}).\nIts trace is in {name}; please report it.\n"
