"""Where tasks run, behind the one interface of `concurrent.futures`: in this process, or in others by Dask."""

import contextlib
from collections.abc import Callable, Generator
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple

from yieldopt.errors import UserError

DEATHS = 4
"""Workers that a task may take with it before it is given up."""
PATIENCE = 10.0
"""Seconds that a scheduler may take to answer."""


class Pool(NamedTuple):
    """An executor, how many tasks it works on at once, and whether tasks run in this process."""

    executor: Executor
    workers: int
    inline: bool


class Inline(Executor):
    """Each task in this process, as it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a task and return its finished future."""
        found: Future[Any] = Future()
        try:
            found.set_result(fn(*args, **kwargs))
        except Exception as error:
            found.set_exception(error)
        return found


@contextlib.contextmanager
def inline() -> Generator[Pool]:
    """Tasks in this process, one after the other."""
    yield Pool(Inline(), 1, True)


@contextlib.contextmanager
def local(workers: int) -> Generator[Pool]:
    """Tasks in `workers` processes of this machine, by Dask: those of a process that dies run again in another.

    It listens on the loopback alone. Each process has one task at a time, and one GPU where there are any.
    """
    distributed()
    from yieldopt.sweep.devices import cluster

    with cluster(workers) as made, client(made) as opened:
        yield Pool(executor(opened), workers, False)


@contextlib.contextmanager
def remote(address: str) -> Generator[Pool]:
    """Tasks on a Dask cluster that runs already, by the address of its scheduler."""
    try:
        if address.startswith("tls:") and not distributed().Security().get_connection_args("client")["ssl_context"]:
            raise ValueError("no certificates: Dask's settings distributed.comm.tls have none")
        opened = client(address)
    except (OSError, ValueError) as error:
        do = "Check the address, the certificates, and that the scheduler runs and can be reached from here."
        raise UserError.of(f"a Dask scheduler at {address}", f"none ({error})", do) from None
    with opened:
        with contextlib.suppress(TimeoutError):  # one that has just been started may still wait for its own
            opened.wait_for_workers(1, timeout=PATIENCE)
        workers = len(opened.scheduler_info(n_workers=-1)["workers"])
        if not workers:
            raise UserError.of(f"workers at {address}", "a scheduler that has none", "Start some, then try again.")
        yield Pool(executor(opened), workers, False)


def client(cluster: Any) -> Any:
    """A client of a cluster, or of a scheduler by its address."""
    return distributed().Client(cluster, timeout=PATIENCE, set_as_default=False)


def executor(opened: Any) -> Any:
    """The executor of a client. A retry of a task's own error would be another try of what is certain to fail; lost
    workers are Dask's to replace.
    """
    return opened.get_executor(pure=False, retries=0)


def distributed() -> Any:
    """Dask, told how many workers a task may take with it."""
    try:
        import distributed as found
        from dask import config
    except ImportError:
        do = "Install it with `pip install 'yieldopt[cluster]'`."
        raise UserError.of("Dask, for tasks in other processes", "it is not installed", do) from None
    # No task waits at a worker: one that only waited there would be taken for one that killed it.
    config.set({"distributed.scheduler.allowed-failures": DEATHS - 1, "distributed.worker.daemon": False})
    config.set({"distributed.scheduler.worker-saturation": 1.0})
    return found
