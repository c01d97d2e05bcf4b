"""Programs that outlive a process: what was once traced and compiled on a machine is loaded, not traced again.

JAX's own cache spares the compiler; the tracing before it is half of a short run. A program is loaded only where all
that could have made another of it is the same: every file of the engine, of models and of what they import from outside
the installed packages, what is installed, the flags, the machine, the shapes, and all in the arguments that is not an
array. What cannot be told is compiled; what does not load, or ended the process that tried, is made anew.
"""

import enum
import hashlib
import io
import os
import pickle
import tempfile
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any, Generic, NamedTuple, ParamSpec, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.errors import JaxRuntimeError
from jax.experimental.serialize_executable import deserialize_and_load, serialize

from yieldopt import devices
from yieldopt.compiler import thoroughly
from yieldopt.surroundings import surroundings

P = ParamSpec("P")
R = TypeVar("R")

MOST = 320
"""Programs kept; those not used for longest go first."""
NEVER = 1e9
"""Seconds that no compilation takes."""
SIGNED = 32
"""Bytes of the checksum in front of a kept program."""
UNTOLD = pickle.PicklingError, TypeError, AttributeError, ValueError, NotImplementedError
"""What pickling raises on what has no name (a function made on the spot) or is no plain data."""
LEAST = "jax_persistent_cache_min_compile_time_secs"
"""JAX's setting: what compiles in less does not go into its cache."""
_folder: list[Path] = []
_known: list[dict[Any, Any]] = []
_turn, _compiling = Lock(), list[float]()
_compilers, _running = BoundedSemaphore(2), Lock()
"""Two threads compile at once, and run in turn: two runs at once on two cores have waited for each other for ever."""


class Hole(enum.Enum):
    """Stands where an array was."""

    ARRAY = 0


@dataclass(frozen=True)
class Given:
    """Stands where an argument is handed on as it is: a copy of a million sites takes as long as what is done to them.

    `place` counts the arrays among the arguments.
    """

    place: int


class Ready(NamedTuple):
    """A compiled program of flat arrays, the shell that its results go into, and its first results."""

    run: Any
    shell: Any
    first: list[Any]


def keep(folder: Path | None) -> None:
    """Keep programs in `folder` from now on, or none: what is kept is run, so nobody else may be able to write there.

    Those of a CPU alone: others were never tried.
    """
    _folder.clear()
    if folder:
        folder.mkdir(mode=0o700, exist_ok=True)
        _folder.append(folder)


def held() -> int:
    """How many compiled programs this process holds."""
    return sum(len(known) for known in _known)


def forget() -> None:
    """Let go of all compiled programs, JAX's too: a process has room for those of some twenty different studies."""
    for known in _known:
        known.clear()
    jax.clear_caches()


class Program(Generic[P, R]):
    """A compiled function of trees: arrays are its arguments, all else is fixed in it (as `equinox.filter_jit` does).

    `options` are XLA's, over the process's flags.
    """

    def __init__(self, function: Callable[P, R], options: dict[str, Any] | None = None) -> None:
        self.function, self.options = function, options
        self.plain: Any = eqx.filter_jit(function)
        self.known: dict[Any, tuple[Callable[..., list[Any]], Any]] = {}
        _known.append(self.known)
        self.alone: dict[Any, Lock] = {}  # two threads that want the same program: one makes it

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it; compile or load it first where that was not done."""
        leaves, tree = jax.tree.flatten((args, kwargs))
        if jax.default_backend() != "cpu" or devices.count() > 1 or any(isinstance(leaf, Tracer) for leaf in leaves):
            return self.plain(*args, **kwargs)
        fixed = [_hole(leaf) for leaf in leaves]
        arrays = [_array(leaf) for leaf in leaves if _hole(leaf) is Hole.ARRAY]
        shapes = tuple((a.shape, a.dtype.name, getattr(a, "weak_type", False)) for a in arrays)  # keys have none
        key = tree, tuple((type(leaf), leaf) for leaf in fixed), shapes
        if key not in self.known:
            with self.alone.setdefault(key, Lock()):
                if key not in self.known:
                    ready = _ready(self.function, jax.tree.unflatten(tree, fixed), arrays, shapes, self.options)
                    self.known[key] = ready.run, ready.shell
                    return _filled(ready.shell, ready.first, arrays)
        run, shell = self.known[key]
        return _filled(shell, _run(run, arrays), arrays)

    def memory(self, *args: P.args, **kwargs: P.kwargs) -> int:
        """Bytes that it takes beside its arguments when run with these, by XLA's own account of it."""
        found = self.plain.lower(*args, **kwargs).compile().compiled.memory_analysis()
        return int(found.temp_size_in_bytes + found.output_size_in_bytes)


program = Program
"""Compile a function (a decorator's name)."""


def thorough(function: Callable[P, R]) -> Program[P, R]:
    """A program compiled with all that XLA can do, whatever the process's flags."""
    return Program(function, thoroughly())


def beside(tasks: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do tasks two at a time, for what they compile; their results in order.

    JAX's settings of a thread (as within `jax.enable_x64()`) do not reach them: set those of the process.
    """
    pool = ThreadPoolExecutor(2)
    try:
        return [task.result() for task in [pool.submit(task) for task in tasks]]
    finally:
        pool.shutdown(cancel_futures=True)  # after a fault, or Ctrl-C, what has not begun is not begun


def _run(run: Any, arrays: list[Any]) -> list[Any]:
    with _running:
        return jax.block_until_ready(run(*arrays))


def _array(leaf: Any) -> Any:
    return leaf if isinstance(leaf, jax.Array) else jnp.asarray(leaf)  # asking JAX of 225 arrays takes 6 ms


def _hole(leaf: Any) -> Any:
    return Hole.ARRAY if isinstance(leaf, jax.Array | np.ndarray) else leaf


def _filled(shell: Any, arrays: Iterable[Any], given: Sequence[Any] = ()) -> Any:
    """A tree with arrays in its holes."""
    rest = iter(arrays)

    def fill(leaf: Any) -> Any:
        return next(rest) if leaf is Hole.ARRAY else given[leaf.place] if isinstance(leaf, Given) else leaf

    return jax.tree.map(fill, shell)


def _ready(function: Callable[..., Any], asked: Any, arrays: list[Any], shapes: Any, options: Any) -> Ready:
    """The program: loaded, or compiled and kept where there is a folder for it."""
    if not _folder:
        return _compiled(function, asked, arrays, options)
    try:
        told = _told((f"{function.__module__}.{function.__qualname__}", asked, shapes, list(surroundings())))
    except UNTOLD:
        return _compiled(function, asked, arrays, options)
    path = _folder[0] / told
    return _loaded(path, arrays) or _compiled(function, asked, arrays, options, path)


def _told(thing: Any) -> str:
    """A checksum of what a thing holds, whether or not parts of it are one object."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file)
    pickler.fast = True
    pickler.dump(thing)
    return hashlib.sha256(file.getvalue()).hexdigest()


def _compiled(
    function: Callable[..., Any], asked: Any, arrays: list[Any], options: Any, path: Path | None = None
) -> Ready:
    shells: list[Any] = []

    def flat(*arrays: Any) -> list[Any]:
        args, kwargs = _filled(asked, arrays)
        leaves, tree = jax.tree.flatten(function(*args, **kwargs))
        handed = {id(array): Given(place) for place, array in enumerate(arrays)}
        holes: list[Any] = [handed.get(id(leaf), _hole(leaf)) for leaf in leaves]
        shells.append(jax.tree.unflatten(tree, holes))
        return [leaf for leaf, hole in zip(leaves, holes, strict=True) if hole is Hole.ARRAY]

    flat.__name__ = function.__name__
    lowered = jax.jit(flat).lower(*arrays)
    with _compilers, _unshared():
        run = lowered.compile(compiler_options=options)
    if path:
        _save(path, run, shells[-1])  # before it runs: a sort that has run cannot be written (jaxlib 0.10)
    return Ready(run, shells[-1], _run(run, arrays))


@contextmanager
def _unshared() -> Generator[None]:
    """Nothing goes into JAX's own cache: what comes out of it cannot be kept (jaxlib 0.10 forgets its kernels)."""
    with _turn:
        _compiling.append(jax.config.values[LEAST])
        jax.config.update(LEAST, NEVER)
    try:
        yield
    finally:
        with _turn:
            least = _compiling.pop()  # the last thread to end finds what the first had found
            jax.config.update(LEAST, least)


def _loaded(path: Path, arrays: list[Any]) -> Ready | None:
    """A kept program that has run once, none where there is none that does."""
    tried = path.with_suffix(".tried")
    if not path.exists() or tried.exists():
        tried.unlink(missing_ok=True)
        return None
    try:
        kept = path.read_bytes()
        if hashlib.sha256(kept[SIGNED:]).digest() != kept[:SIGNED]:
            return None
        tried.touch()
        # What is not lowered does not set LAPACK up, and calling it then ends the process.
        jax.jit(jnp.linalg.inv).lower(jnp.eye(1))
        payload, into, out, shell = pickle.loads(kept[SIGNED:])
        run = deserialize_and_load(payload, into, out)
        first = _run(run, arrays)
        os.utime(path)
        tried.unlink(missing_ok=True)
    except Exception:  # whatever is wrong with what was kept: it is made anew
        return None
    return Ready(run, shell, first)


def _save(path: Path, run: Any, shell: Any) -> None:
    try:
        kept = pickle.dumps((*serialize(run), shell))
    except (*UNTOLD, JaxRuntimeError):
        return  # jaxlib 0.10 cannot write all that it can run
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(hashlib.sha256(kept).digest() + kept)
        Path(file.name).replace(path)
        for old in sorted(path.parent.iterdir(), key=lambda p: -p.stat().st_mtime)[MOST:]:
            old.unlink(missing_ok=True)
    except OSError:
        return  # a full disk is no reason to fail
