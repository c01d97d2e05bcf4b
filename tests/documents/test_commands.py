"""What README and CONTRIBUTING tell a reader to type works: quick commands are run, long ones parsed as typed."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from yieldopt.cli import app, main
from yieldopt.study import session

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "models/README.md", "experiments/RUNNING.md")]
TEXT = "\n".join(path.read_text() for path in DOCUMENTS)
COMMANDS = sorted({line.split("  #")[0].strip() for line in re.findall(r"^    (yieldopt .*)$", TEXT, re.MULTILINE)})
PAGES = [*sorted(ROOT.glob("*.md")), DOCUMENTS[-1], *sorted(ROOT.glob("[a-z]*/**/README.md"))]
LONG = {"estimate", "optimize", "doctor", "resume", "sweep"}
"""Minutes, or tested elsewhere."""
KEPT = Path("runs"), Path("sweeps/solder_for_bow"), Path("jobs.yaml")
"""Where results go."""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of one's own that looks like the repository's root."""
    for name in ("configs", "experiments"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(session.VARIABLE, "off")


def test_there_are_commands_to_test():
    assert len(COMMANDS) > 5


@pytest.mark.parametrize("command", [c for c in COMMANDS if shlex.split(c)[1] not in LONG])
def test_quick_commands_run(command: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as left:
        main(shlex.split(command)[1:])
    assert not left.value.code, capsys.readouterr().err
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("command", [c for c in COMMANDS if shlex.split(c)[1] in LONG])
def test_long_commands_parse_and_their_files_exist(command: str):
    group = typer.main.get_command(app)
    name, *rest = shlex.split(command)[1:]
    context = group.make_context("yieldopt", [name], resilient_parsing=True)
    found = group.commands[name].make_context(name, list(rest), parent=context)
    for value in found.params.values():
        assert not isinstance(value, Path) or value in KEPT or value.exists()


def test_help_lists_every_command_with_its_first_sentence(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    for name, command in typer.main.get_command(app).commands.items():
        assert command.help, name
        assert re.search(rf"^  {name} +\w", said, re.MULTILINE), name


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"^    make ([a-z]+)", TEXT, re.MULTILINE)) | set(re.findall(r"`make ([a-z]+)", TEXT))
    assert named
    assert named <= targets


@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path):
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target
