"""Jobs of Slurm, LSF and PBS: their scripts, as made by dask-jobqueue, ask for what was asked."""

from pathlib import Path

import pytest

from yieldopt.errors import UserError
from yieldopt.sweep import queues

ASKED = """scheduler: %s
jobs: 8
walltime: "02:00"
memory: 16 GB
cores: 6
gpus: 1
queue: night
project: yield
prologue: [module load cuda]
directives: ["-X odd"]
"""
LINES = {
    "slurm": ["#SBATCH -p night", "#SBATCH -A yield", "#SBATCH --cpus-per-task=6", "#SBATCH --mem=15G",
              "#SBATCH -t 02:00:00", "#SBATCH --gres=gpu:1", "#SBATCH -X odd"],
    "lsf": ["#BSUB -q night", '#BSUB -P "yield"', "#BSUB -n 6", "#BSUB -W 02:00", "#BSUB -gpu num=1", "#BSUB -X odd"],
    "pbs": ["#PBS -q night", "#PBS -A yield",
            "#PBS -l select=1:ncpus=6:mem=16GB:ngpus=1", "#PBS -l walltime=02:00:00", "#PBS -X odd"],
}  # fmt: skip


@pytest.mark.parametrize("scheduler", list(LINES))
def test_the_script_of_a_job_asks_for_what_was_asked(tmp_path: Path, scheduler: str) -> None:
    pytest.importorskip("dask_jobqueue")
    path = tmp_path / "jobs.yaml"
    path.write_text(ASKED % scheduler)
    said = queues.script(queues.read(path))
    for line in LINES[scheduler]:
        assert line in said, said
    worker = next(line for line in said.splitlines() if "distributed.cli.dask_worker" in line or "dask worker" in line)
    assert "--nthreads 1" in worker
    assert "--lifetime 6900s --lifetime-stagger 150s" in worker, "it goes five minutes before its two hours are up"
    assert "--memory-limit 14.90GiB" in worker
    assert said.index("module load cuda") < said.index(worker)


def test_what_is_wrong_with_jobs_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "jobs.yaml"
    path.write_text("scheduler: sge\njobs: 0\nwalltime: 2 h\n")
    with pytest.raises(UserError) as error:
        queues.read(path)
    said = str(error.value)
    assert "jobs.yaml:1:12" in said
    assert "slurm, lsf or pbs" in said
    assert "jobs.yaml:2:7" in said
    assert "jobs.yaml:3:11" in said
    path.write_text("jobs: 3\n")
    with pytest.raises(UserError, match="scheduler"):
        queues.read(path)
