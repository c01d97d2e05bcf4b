"""Python in the documents runs as it stands, from the root of the repository; sweeps in them and beside them read."""

import re
from pathlib import Path

import pytest

from yieldopt.sweep import queues
from yieldopt.sweep.read import read

ROOT = Path(__file__).parents[2]
SNIPPETS = [
    (path.name, snippet)
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "models" / "README.md")
    for snippet in re.findall(r"^```python\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)
]


@pytest.mark.parametrize(("name", "snippet"), SNIPPETS, ids=lambda value: value if value.endswith(".md") else "")
def test_the_snippet_runs(name: str, snippet: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    made: dict[str, object] = {"__name__": "snippet"}
    exec(compile(snippet, name, "exec"), made)
    assert made.keys() - {"__name__", "__builtins__"}, "the snippet defines nothing"


def test_the_sweep_in_the_readme_reads(tmp_path: Path):
    (snippet,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "sweep.yaml").write_text(snippet.replace("../../configs", str(ROOT / "configs")))
    assert len(read(tmp_path / "sweep.yaml").plan) == 3 * 5 * 2 * 64 * 4


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").glob("*/*sweep*.yaml")), ids=lambda p: p.parent.name)
def test_the_sweep_of_an_experiment_reads(path: Path):
    assert len(read(path).plan) > 1


def test_the_jobs_in_the_page_on_running_read(tmp_path: Path):
    text = (ROOT / "experiments" / "RUNNING.md").read_text()
    (snippet,) = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "jobs.yaml").write_text(snippet)
    assert queues.read(tmp_path / "jobs.yaml").jobs == 16
