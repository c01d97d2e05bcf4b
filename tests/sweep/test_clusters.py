"""A Dask cluster that runs already, in processes of its own: tasks by its address, in the clear and encrypted."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
OWN = {"YIELDOPT_CACHE": "off", "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "models")])}


@contextlib.contextmanager
def cluster(place: Path, scheme: str, more: dict[str, str]) -> Generator[str]:
    """A scheduler and two workers on the loopback; its address."""
    where, env = place / "scheduler.json", {**os.environ, **OWN, **more}
    listen = ["--host", f"{scheme}://127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(where)]
    work = ["--scheduler-file", str(where), "--nworkers", "2", "--nthreads", "1", "--no-dashboard"]
    work += ["--local-directory", str(place / "scratch")]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "dask", kind, *words], env=env, stderr=subprocess.PIPE, text=True, cwd=place
        )
        for kind, words in (("scheduler", listen), ("worker", work))
    ]
    try:
        end = time.monotonic() + 60.0
        while not where.exists() or not where.read_text():
            assert started[0].poll() is None, started[0].communicate()
            assert time.monotonic() < end
            time.sleep(0.05)
        yield json.loads(where.read_text())["address"]
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()


def certificates(place: Path) -> dict[str, str]:
    """Dask's own settings for traffic that is encrypted, by certificates made for this test."""
    found = pytest.importorskip("distributed").security.Security.temporary()
    named = {"CA_FILE": found.tls_ca_file}
    for role in ("client", "scheduler", "worker"):
        named |= {f"{role.upper()}__{kind.upper()}": getattr(found, f"tls_{role}_{kind}") for kind in ("cert", "key")}
    settings = {"DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true"}
    for name, text in named.items():
        (place / f"{name}.pem").write_text(text)
        settings[f"DASK_DISTRIBUTED__COMM__TLS__{name}"] = str(place / f"{name}.pem")
    return settings


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_a_cluster_by_its_address_gives_the_same_bytes(files: Path, asked: Any, kept: Any, scheme: str) -> None:
    pytest.importorskip("distributed")
    secret = certificates(files) if scheme == "tls" else {}
    calm = asked("sweep", "sweep.yaml", "--model", "bolt.py", "--out", "calm")
    assert calm.wait() == 0, calm.communicate()
    calm.communicate()
    said = f"import os; os.environ.update({secret!r})"
    with cluster(files, scheme, secret) as address:
        assert address.startswith(f"{scheme}://127.0.0.1:")
        words = "sweep", "sweep.yaml", "--model", "bolt.py", "--out", "far", "--address", address
        process = asked(*words, before=said)
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, out + err
        assert "6 tasks: 0 were done before; now 6 done; 0 left" in out
        if secret:
            bare = asked("resume", "far", "--address", address)
            out, err = bare.communicate(timeout=60)
            assert bare.returncode == 2, out + err
            assert "no certificates" in err
            lost = secret | {"DASK_DISTRIBUTED__COMM__TLS__CA_FILE": "nowhere.pem"}
            wrong = asked("resume", "far", "--address", address, before=f"import os; os.environ.update({lost!r})")
            out, err = wrong.communicate(timeout=60)
            assert wrong.returncode == 2, out + err
            assert "No such file" in err
    assert len(kept(files / "far")) == 6
    assert kept(files / "far") == kept(files / "calm")
