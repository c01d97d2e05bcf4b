"""Dask workers of this machine, each pinned to one GPU before JAX is imported, where there are GPUs."""

import logging
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
    return [{VISIBLE: names[k % len(names)]} if names else {} for k in range(workers)]


def cluster(workers: int) -> Any:
    """A cluster on the loopback, one process a worker, one task at a time in each."""
    from distributed import Nanny, Scheduler, SpecCluster

    host, quiet = "127.0.0.1", logging.CRITICAL
    alike = {"nthreads": 1, "host": host, "memory_limit": 0, "silence_logs": quiet}
    nannies = {
        number: {"cls": Nanny, "options": {**alike, "env": added}}
        for number, added in enumerate(environments(workers, gpus()))
    }
    logging.getLogger("distributed").setLevel(quiet)
    served = {"host": host, "port": 0, "dashboard": False, "dashboard_address": f"{host}:0"}
    scheduler = {"cls": Scheduler, "options": served}
    return SpecCluster(workers=nannies, scheduler=scheduler, name="yieldopt")
