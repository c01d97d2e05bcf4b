"""One worker, one GPU: of those that the process is given, as they are named, and never renumbered."""

import pytest

from yieldopt.sweep import devices


def test_workers_take_the_gpus_they_are_given_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(devices.VISIBLE, "3, MIG-7f,GPU-ab")
    names = devices.gpus()
    assert names == ["3", "MIG-7f", "GPU-ab"]
    assert [e[devices.VISIBLE] for e in devices.environments(4, names)] == ["3", "MIG-7f", "GPU-ab", "3"]
    monkeypatch.setenv(devices.VISIBLE, "")
    assert devices.environments(2, devices.gpus()) == [{}, {}]


def test_gpus_are_those_that_the_driver_lists(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA H200 (UUID: GPU-1)'\necho 'GPU 1: NVIDIA H200 (UUID: GPU-2)'\n")
    tool.chmod(0o755)
    monkeypatch.delenv(devices.VISIBLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert devices.gpus() == ["0", "1"]
    tool.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert devices.gpus() == []
