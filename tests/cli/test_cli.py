"""The command line's contract: what goes to stdout, which code it leaves with, what an interruption keeps."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import yieldopt.study
from yieldopt import catalogue
from yieldopt.cli import main
from yieldopt.study import config, session

MODEL = '''
import equinox as eqx
import numpyro
from numpyro.distributions import Normal

from yieldopt.card import Response
from yieldopt.knob import knob, spread
from yieldopt.problem import Limit, Model


class Design(eqx.Module):
    hole: float = knob(10200.0, 10000.0, 10500.0, "mm", "mask", "diameter of the hole")


class Spreads(eqx.Module):
    bolt: float = spread(30.0, "um", "bolt.diameter.piece", "between bolts")


class Bolt(Model[Design]):
    """A bolt in a hole."""

    Design = Design
    Spreads = Spreads
    responses = {"clearance": Response("", "um", "hole less bolt")}
    spreads: Spreads

    def variation(self, design):
        return {"bolt": numpyro.sample("bolt", Normal(10000.0, self.spreads.bolt))}

    def response(self, design, shared, pose):
        return {"clearance": design.hole - shared["bolt"]}

    def limits(self):
        return (Limit.of("clearance", "", "clearance", low=100.0),)
'''
ESTIMATE = {
    "yield": 0.9996,
    "stderr": 1e-5,
    "interval": [0.99957, 0.99963],
    "confidence": 0.95,
    "failure_probability": 4e-4,
    "parametric_yield": 0.9996,
    "defect_yield": 1.0,
    "limits": {"clearance": {"fails": 4e-4, "alone": 4e-4}},
    "evaluations": 1024,
    "method": "sobol",
    "status": "converged",
    "seconds": {"compile": 0.1, "run": 0.1},
}
OPTIMIZE = {
    "start": {"design": {"hole": 10200.0}, "estimate": ESTIMATE},
    "optimum": {"design": {"hole": 10300.0}, "estimate": ESTIMATE},
    "window": None,
    "claims": [{"id": "B1", "holds": True, "margin": None, "conform_probability": None}],
    "status": "done",
}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own with a model and a study of it, and no compile cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(session.VARIABLE, "off")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    Path("bolt.py").write_text(MODEL)
    Path("study.yaml").write_text("schema: 1\nmodel: own.bolt\nvariation: {bolt.diameter: {piece: 0.04 mm}}\n")
    return tmp_path


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    """The model as if a package had brought it as `own.bolt`, with a rulebook of one claim."""
    model = catalogue.from_file("bolt.py")
    claim = {"id": "B1", "on": None, "kind": "range", "text": "the hole is larger than the bolt"}
    rules = types.SimpleNamespace(
        catalogue=lambda: [claim],
        bounds=lambda named: [],
        verdicts=lambda name, named, inputs, drawn: [
            {**claim, "holds": True, "margin": 0.2, "unit": "mm", "from_": "named"}
        ],
        check=lambda name, named, inputs, drawn: [],
    )
    monkeypatch.setattr(catalogue, "models", lambda: {"own.bolt": "bolt"})
    monkeypatch.setattr(catalogue, "load", lambda name: model)
    monkeypatch.setattr(catalogue, "rulebook", lambda name: rules)


def fake(monkeypatch: pytest.MonkeyPatch, compute: Callable[..., Any]) -> None:
    """Put a computation in the place of the real one, for ends that the real one cannot be brought to at will."""
    module = types.SimpleNamespace(estimate=compute, optimize=compute)
    monkeypatch.setitem(sys.modules, "yieldopt.study.run", module)
    monkeypatch.setattr(yieldopt.study, "run", module, raising=False)


def leave(arguments: Sequence[str]) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


def test_help_of_every_command_comes_at_once_and_without_jax():
    script = """
        import contextlib, io, sys
        from yieldopt.cli import app, main, runs_app
        names = [[command.callback.__name__] for command in app.registered_commands]
        names += [["runs", command.name] for command in runs_app.registered_commands]
        for name in [[], ["runs"], *names]:
            with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as text:
                main([*name, "--help"])
            assert "Usage: yieldopt" in text.getvalue(), name
        heavy = {"jax", "numpy", "matplotlib", "scipy"} & set(sys.modules)
        print(len(names), sorted(heavy))
    """
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "15 []", done.stdout + done.stderr
    assert time.monotonic() - started < 2


def test_python_m_is_the_command_line_and_needs_a_command():
    done = subprocess.run([sys.executable, "-m", "yieldopt", "nothing"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such command" in done.stderr


def test_json_is_one_document_and_all_else_goes_to_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def compute(resolved: Any, model: Any, progress: Any, stop: Any) -> dict[str, Any]:
        progress("sampling", 0.5)
        return {**ESTIMATE, "seed": resolved.seed, "study_hash": resolved.hash}

    fake(monkeypatch, compute)
    arguments = ["estimate", "study.yaml", "--model", "bolt.py", "--set", "seed=7", "--method", "sobol", "--json"]
    assert leave([*arguments, "--out", "kept"]) == 0
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert (document["yield"], document["seed"]) == (0.9996, 7)
    assert "sampling 50%" in said.err
    folder = Path(document["folder"])
    run = json.loads((folder / "run.json").read_text())
    assert folder.parent == Path("kept")
    assert run["overrides"] == ["seed=7", "estimate.method=sobol"]
    assert run["model"] == "bolt"
    assert (folder / "model.py").read_text() == MODEL
    assert {path.name for path in folder.iterdir()} == {
        "study.yaml", "resolved.yaml", "run.json", "report.html", "model.py"
    }  # fmt: skip
    assert leave([*arguments, "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_people_get_the_yield_what_costs_it_and_the_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    fake(monkeypatch, lambda *_, **__: ESTIMATE)
    assert leave(["estimate", "--model", "bolt.py", "-q"]) == 0
    said = capsys.readouterr().out
    for text in ("99.960 %", "99.957 to 99.963 %", "40 in 100,000", "clearance", "Run folder: runs"):
        assert text in said


@pytest.mark.parametrize(("status", "code"), [("done", 0), ("target not met", 1), ("interrupted", 130)])
def test_the_status_of_a_search_is_its_exit_code(
    status: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    fake(monkeypatch, lambda *_, **__: {**OPTIMIZE, "status": status})
    assert leave(["optimize", "study.yaml", "--model", "bolt.py", "-q"]) == code
    assert "10.3 mm" in capsys.readouterr().out
    assert leave(["runs", "list"]) == 0
    assert status in capsys.readouterr().out
    assert leave(["runs", "show", "last"]) == 0
    assert "10.3 mm" in capsys.readouterr().out
    (Path("runs") / "index.sqlite").unlink()
    assert leave(["runs", "rebuild"]) == 0
    assert capsys.readouterr().out.startswith("1 runs")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_the_first_interruption_lets_the_batch_finish_and_keeps_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sent: signal.Signals
):
    def compute(resolved: Any, model: Any, progress: Any, stop: Any) -> dict[str, Any]:
        os.kill(os.getpid(), sent)
        assert stop.wait(1)
        return ESTIMATE

    fake(monkeypatch, compute)
    before = signal.getsignal(sent)
    assert leave(["estimate", "--model", "bolt.py", "--json"]) == 130
    said = capsys.readouterr()
    folder = Path(json.loads(said.out)["folder"])
    assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"
    assert "again aborts" in said.err
    assert signal.getsignal(sent) is before


def test_the_second_interruption_aborts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def compute(resolved: Any, model: Any, progress: Any, stop: Any) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(1)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
        return ESTIMATE

    fake(monkeypatch, compute)
    assert leave(["estimate", "--model", "bolt.py"]) == 130
    assert not Path("runs").exists()
    assert capsys.readouterr().out == ""


def test_a_fault_of_ours_saves_its_trace_and_shows_it_only_when_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: Path
):
    def compute(*_: Any, **__: Any) -> dict[str, Any]:
        raise ZeroDivisionError("of ours")

    fake(monkeypatch, compute)
    assert leave(["estimate", "--model", "bolt.py"]) == 4
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    traces = list(place.glob("yieldopt-fault-*.txt"))
    assert len(traces) == 1
    assert str(traces[0]) in said.err
    assert "ZeroDivisionError: of ours" in traces[0].read_text()
    assert not Path("runs").exists()
    assert leave(["estimate", "--model", "bolt.py", "--debug"]) == 4
    assert "Traceback" in capsys.readouterr().err


def test_a_users_mistake_is_said_in_words_with_its_place_and_nothing_is_written(capsys: pytest.CaptureFixture[str]):
    Path("bad.yaml").write_text("schema: 1\nmodel: bolt\ndesign:\n  hole: 10.2\n  hol: 1 mm\n")
    assert leave(["estimate", "bad.yaml", "--model", "bolt.py"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "bad.yaml:4" in said.err
    assert "bad.yaml:5" in said.err
    assert "Traceback" not in said.err
    assert not Path("runs").exists()
    assert leave(["check", "bad.yaml", "--model", "bolt.py", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err
    assert leave(["estimate"]) == 2
    assert "neither a study nor a model" in capsys.readouterr().err
    assert leave(["runs", "show", "none"]) == 2
    assert leave(["estimate", "--model", "bolt.py", "--out", "study.yaml"]) == 2
    assert "--out" in capsys.readouterr().err


@pytest.mark.usefixtures("installed")
def test_check_shows_the_sigma_that_is_used(capsys: pytest.CaptureFixture[str]):
    assert leave(["check", "study.yaml", "--set", "design.hole=10.3 mm"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("ok: study.yaml")
    assert "40 um" in said
    assert leave(["check", "study.yaml", "--set", "design.hole=10.3 mm", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["design"]["hole"]["value"] == "10.3 mm"


@pytest.mark.usefixtures("installed")
def test_init_writes_a_study_that_reads_and_overwrites_nothing(capsys: pytest.CaptureFixture[str]):
    assert leave(["init", "own.bolt", "new.yaml"]) == 0
    assert leave(["check", "new.yaml"]) == 0
    text = Path("new.yaml").read_text()
    assert leave(["init", "own.bolt", "new.yaml"]) == 2
    assert "nothing is overwritten" in capsys.readouterr().err
    assert Path("new.yaml").read_text() == text


@pytest.mark.usefixtures("installed")
def test_models_claims_and_schema_are_listed(capsys: pytest.CaptureFixture[str]):
    assert leave(["models", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == ["own.bolt"]
    assert leave(["claims"]) == 0
    assert "larger than the bolt" in capsys.readouterr().out
    assert leave(["claims", "study.yaml", "--set", "claims=[B1]"]) == 0
    assert "holds" in capsys.readouterr().out
    assert leave(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(config.schema()))


def test_doctor_finds_a_cache_that_is_written_and_read_back(tmp_path: Path):
    cache = tmp_path / "cache"
    environment = {**os.environ, session.VARIABLE: str(cache)}
    command = [sys.executable, "-m", "yieldopt", "doctor", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = {check["name"]: check for check in json.loads(done.stdout)}
    needed = ("devices", "64-bit floats", "compiling", "compile cache", "runs folder")
    assert all(found[name]["ok"] for name in needed), found
    assert "read back" in found["compile cache"]["text"]
    assert cache.stat().st_mode & 0o777 == 0o700
    assert any(cache.iterdir())
    assert not Path("runs").exists()


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_a_cache_that_others_can_write_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    from yieldopt.errors import UserError

    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setenv(session.VARIABLE, str(shared))
    with pytest.raises(UserError, match="written by others"):
        session.cache_folder()
