"""Python in the documents runs as it stands, from the root of the repository."""

import re
from pathlib import Path

import pytest

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
