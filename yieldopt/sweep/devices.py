"""Dask workers of this machine, each pinned to one GPU before JAX is imported, where there are GPUs."""

import os
import shutil
import subprocess
from typing import Any

VISIBLE = "CUDA_VISIBLE_DEVICES"


def gpus() -> list[str]:
    """Names of the GPUs that this process may use: those it is given, never renumbered, or all that there are."""
    given = os.environ.get(VISIBLE)
    if given is not None:
        return [name.strip() for name in given.split(",") if name.strip()]
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    found = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=30, check=False)
    lines = [line for line in found.stdout.splitlines() if line.startswith("GPU ")]
    return [line.split(":")[0].removeprefix("GPU ").strip() for line in lines]


def environments(workers: int, names: list[str]) -> list[dict[str, str]]:
    """What each worker's environment adds: a GPU of its own, in turn where there are fewer than workers."""
    if not names:
        return [{} for _ in range(workers)]
    return [{VISIBLE: names[k % len(names)]} for k in range(workers)]


def cluster(workers: int) -> Any:
    """A cluster on the loopback, one process a worker, one task at a time in each."""
    from distributed import Nanny, Scheduler, SpecCluster

    host = "127.0.0.1"
    nannies = {
        number: {"cls": Nanny, "options": {"nthreads": 1, "host": host, "env": added, "memory_limit": 0}}
        for number, added in enumerate(environments(workers, gpus()))
    }
    scheduler = {"cls": Scheduler, "options": {"host": host, "port": 0, "dashboard": False}}
    return SpecCluster(workers=nannies, scheduler=scheduler, name="yieldopt")
