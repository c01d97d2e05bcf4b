"""Dask workers as jobs of Slurm, LSF or PBS: what is asked of the scheduler, its script, and the pool they make.

A job is one worker with one task at a time; it goes before its time is up, the task that it is at runs again in
another, and a job that ended is followed by one more. Traffic between machines is encrypted, by certificates made for
this sweep and kept in its folder.
"""

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from yieldopt.errors import UserError
from yieldopt.study import text
from yieldopt.study.sound import shaped_as
from yieldopt.sweep.pools import Pool, client, distributed, executor

SPARE = 300
"""Seconds before the end of its time at which a worker goes, at most a fifth of it; and half as many between workers
that began together.
"""
DUMMY = "tls://DRIVER:8786"
"""Stands in a script that is only shown for the address of the driver."""


class Jobs(BaseModel):
    """Jobs of a scheduler of a cluster, all alike."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scheduler: Literal["slurm", "lsf", "pbs"]
    jobs: Annotated[int, Field(ge=1, le=10_000, strict=True)]
    walltime: Annotated[str, Field(pattern=r"^\d{1,3}:[0-5]\d$", description="hours and minutes, in quotes")]
    memory: Annotated[str, Field(pattern=r"^\d+ ?[MG]B$")] = "8 GB"
    cores: Annotated[int, Field(ge=1, le=1024, strict=True)] = 4
    gpus: Annotated[int, Field(ge=0, le=1, strict=True)] = 0
    queue: str | None = None
    project: str | None = None
    interface: str | None = Field(None, description="the network between driver and jobs, as in `ib0`")
    prologue: list[str] = Field(default_factory=list, description="lines before the worker, as in `module load cuda`")
    directives: list[str] = Field(default_factory=list, description="more for the scheduler, without its mark")


def read(path: Path) -> Jobs:
    """Read what is asked of a scheduler; raises one `UserError` with all mistakes."""
    document = text.read(path, said=("a file of jobs that can be read", "Check the path."))
    found = shaped_as(Jobs, document, "scheduler")
    if document.mistakes or found is None:
        do = "Add `scheduler: slurm`, `lsf` or `pbs`."
        if not document.mistakes:
            document.add("", "the key `scheduler`", "none", do)
        raise UserError(*document.mistakes)
    return found


def script(asked: Jobs) -> str:
    """The script of one job, as the scheduler gets it."""
    distributed()
    return str(_classes(asked)[1](DUMMY, name="yieldopt", **settings(asked)).job_script())


@contextlib.contextmanager
def queued(asked: Jobs, folder: Path) -> Generator[Pool]:
    """Tasks in jobs of a cluster; certificates are in `folder`, which jobs must see under the same name."""
    distributed()
    secrets = folder / "tls"
    secrets.mkdir(mode=0o700, exist_ok=True)
    made = _classes(asked)[0](
        **settings(asked), security=True, shared_temp_directory=str(secrets.absolute()),
        scheduler_options={"dashboard": False, "dashboard_address": ":0"}, n_workers=0, silence_logs="error",
    )  # fmt: skip
    with made as cluster, client(cluster) as opened:
        cluster.adapt(minimum_jobs=asked.jobs, maximum_jobs=asked.jobs)  # a job whose time is up is followed by another
        yield Pool(executor(opened), asked.jobs, False)


def settings(asked: Jobs) -> dict[str, Any]:
    """What a job is, in the words of dask-jobqueue."""
    hours, minutes = (int(part) for part in asked.walltime.split(":"))
    seconds = 3600 * hours + 60 * minutes
    spare = min(SPARE, seconds // 5)
    memory = asked.memory.replace(" ", "")
    own: dict[str, Any] = {
        "slurm": {"job_cpu": asked.cores, "walltime": f"{asked.walltime}:00"},
        "lsf": {"ncpus": asked.cores, "walltime": asked.walltime},
        "pbs": {"resource_spec": _select(asked, memory), "walltime": f"{asked.walltime}:00"},
    }[asked.scheduler]
    more = {"slurm": ["--gres=gpu:1"], "lsf": ["-gpu num=1"], "pbs": []}[asked.scheduler] if asked.gpus else []
    names = {key: value for key, value in (("queue", asked.queue), ("interface", asked.interface)) if value}
    if asked.project:
        names["project" if asked.scheduler == "lsf" else "account"] = asked.project
    return {
        "cores": 1,
        "processes": 1,
        "memory": memory,
        "job_extra_directives": [*more, *asked.directives],
        "job_script_prologue": list(asked.prologue),
        "worker_extra_args": ["--lifetime", f"{seconds - spare}s", "--lifetime-stagger", f"{spare // 2}s"],
        **own,
        **names,
    }


def _select(asked: Jobs, memory: str) -> str:
    return f"select=1:ncpus={asked.cores}:mem={memory}" + (":ngpus=1" if asked.gpus else "")


def _classes(asked: Jobs) -> tuple[Any, Any]:
    """The cluster and the job of a scheduler."""
    try:
        from dask_jobqueue.lsf import LSFCluster, LSFJob
        from dask_jobqueue.pbs import PBSCluster, PBSJob
        from dask_jobqueue.slurm import SLURMCluster, SLURMJob
    except ImportError:
        do = "Install it with `pip install 'yieldopt[cluster]'`."
        raise UserError.of("dask-jobqueue, for jobs of a cluster", "it is not installed", do) from None
    found = {"slurm": (SLURMCluster, SLURMJob), "lsf": (LSFCluster, LSFJob), "pbs": (PBSCluster, PBSJob)}
    return found[asked.scheduler]
