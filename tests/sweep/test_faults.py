"""Sweeps that are killed, run out of disk or lose their workers: resumed, the bytes are those of a calm run."""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from yieldopt.errors import UserError
from yieldopt.sweep import ask, drive, pools
from yieldopt.sweep.folder import Folder

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")
AXES = "axes: {design.hole: {from: 10110 um, to: 10180 um, points: %d}, variation.bolt.diameter.piece: [20 um, 30 um]}"
COMMAND = "sweep", "sweep.yaml", "--model", "bolt.py", "--out"


def calm(files: Path, points: int) -> Folder:
    """The same sweep, undisturbed, of so many points twice over."""
    (files / "sweep.yaml").write_text(f"schema: 1\nstudy: study.yaml\n{AXES % points}\n")
    folder, read = ask.place(files / "sweep.yaml", files / "bolt.py", files / "calm")
    assert ask.go(folder, read.plan, ask.How(), True, read).tally.left == 0
    return folder


def killed(start: Any, folder: Path, more: int) -> None:
    """Begin or go on, and kill after so many more tasks."""
    before = len(list((folder / "tasks").rglob("*.json")))
    process = start(*COMMAND, folder.name)
    end = time.monotonic() + 120
    while len(list((folder / "tasks").rglob("*.json"))) < before + more:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def resumed(files: Path, name: str) -> ask.Swept:
    folder = Folder(files / name)
    return ask.go(folder, folder.plan(), ask.How(), True)


@pytest.mark.parametrize(
    ("points", "kills"), [(20, (7,)), pytest.param(150, (31, 77, 58), marks=pytest.mark.slow, id="300 tasks")]
)
def test_killed_and_resumed_the_bytes_are_those_of_a_calm_run(
    files: Path, asked: Any, kept: Callable[[Path], dict[str, bytes]], points: int, kills: tuple[int, ...]
) -> None:
    whole = calm(files, points)
    chosen = random.Random(0)
    for more in kills:
        killed(asked, files / "hurt", more + chosen.randrange(5))
        half = kept(files / "hurt")
        assert all(json.loads(data)["status"] == "done" for data in half.values()), "no half a file has a name"
    found = resumed(files, "hurt")
    assert found.tally.before == len(half)
    assert found.tally.ended == {"done": 2 * points - len(half)}
    assert kept(files / "hurt") == kept(whole.path)
    assert (files / "hurt" / "results.csv").read_bytes() == (whole.path / "results.csv").read_bytes()
    assert not list((files / "hurt").rglob(".writing-*"))


def test_a_full_disk_stops_in_words_and_loses_nothing(files: Path, asked: Any, kept: Any) -> None:
    whole = calm(files, 3)
    first = asked(*COMMAND, "hurt", "--limit", "2")
    assert first.wait() == 0, first.communicate()
    first.communicate()

    # A real error of the kernel's: no file may grow beyond a thousand bytes.
    process = asked("resume", "hurt", before="import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (1000, 1000))")
    out, err = process.communicate()
    assert process.returncode == 3, out + err
    assert "no room on the disk of hurt" in out
    assert "yieldopt resume hurt" in out
    assert len(kept(files / "hurt")) == 2
    assert resumed(files, "hurt").tally.ended == {"done": 4}
    assert kept(files / "hurt") == kept(whole.path)


def test_ctrl_c_ends_after_the_task_and_what_was_stopped_is_not_kept(files: Path, asked: Any, kept: Any) -> None:
    whole = calm(files, 20)
    process = asked(*COMMAND, "hurt")
    while not list((files / "hurt" / "tasks").rglob("*.json")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode in (130, 0), err
    assert process.returncode == 0 or "Go on with `yieldopt resume hurt`" in out
    assert not +drive.deaths(Folder(files / "hurt")), "a task that was stopped is not one that died"
    resumed(files, "hurt")
    assert kept(files / "hurt") == kept(whole.path)


def test_dask_gives_the_same_bytes_and_listens_on_the_loopback_alone(files: Path, kept: Any) -> None:
    pytest.importorskip("distributed")
    whole = calm(files, 4)
    with pools.local(2) as pool:
        assert pool.executor._client.scheduler.address.startswith("tcp://127.0.0.1:")
    folder, read = ask.place(files / "sweep.yaml", files / "bolt.py", files / "dask")
    found = ask.go(folder, read.plan, ask.How(workers=2), True, read)
    assert found.tally.ended == {"done": 8}
    assert kept(folder.path) == kept(whole.path)


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_told_at_once() -> None:
    pytest.importorskip("distributed")
    began = time.monotonic()
    with (
        pytest.raises(UserError, match=r"a Dask scheduler at tcp://127\.0\.0\.1:9; got none"),
        pools.remote("tcp://127.0.0.1:9"),
    ):
        pass
    assert time.monotonic() - began < 30.0


def test_without_dask_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match=r"pip install 'yieldopt\[cluster\]'"), pools.local(2):
        pass


@pytest.mark.slow
def test_two_of_four_workers_killed_lose_nothing(files: Path, kept: Any) -> None:
    pytest.importorskip("distributed")
    whole = calm(files, 60)
    folder, read = ask.place(files / "sweep.yaml", files / "bolt.py", files / "hurt")
    folder.begin(read)
    with pools.local(4) as pool, ThreadPoolExecutor(1) as beside:
        running = beside.submit(drive.drive, folder, read.plan, pool)
        end = time.monotonic() + 120
        while len(kept(folder.path)) < 5:
            assert time.monotonic() < end
            time.sleep(0.01)
        pids = list(pool.executor._client.run(os.getpid).values())
        for pid in pids[:2]:
            os.kill(pid, signal.SIGKILL)
        tally = running.result(timeout=240)
    assert (tally.ended, tally.left) == ({"done": 120}, 0)
    assert kept(folder.path) == kept(whole.path)


@pytest.mark.slow
def test_a_task_that_kills_its_worker_is_given_up_after_four(files: Path) -> None:
    pytest.importorskip("distributed")
    text = (files / "bolt.py").read_text()
    deadly = text.replace('return {"bolt":', "__import__('os')._exit(9)\n        return {\"bolt\":")
    (files / "sweep.yaml").write_text("schema: 1\nstudy: study.yaml\naxes: {design.hole: [10150 um]}\n")
    folder, read = ask.place(files / "sweep.yaml", files / "bolt.py", files / "hurt")
    folder.begin(read)
    (folder.path / "model" / "bolt.py").write_text(deadly)
    with pools.local(2) as pool:
        tally = drive.drive(folder, read.plan, pool)
    assert (tally.ended, tally.left) == ({"fault": 1}, 1)
    assert "KilledWorker" in tally.said[0]
