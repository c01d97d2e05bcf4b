"""Every public module, class and function of the two packages says what it is."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "yieldopt").rglob("*.py")) + sorted((ROOT / "models" / "yieldopt_pillars").rglob("*.py"))

Named = ast.FunctionDef | ast.ClassDef


def _public(body: list[ast.stmt], where: str = "") -> Iterator[tuple[str, Named]]:
    for node in body:
        if isinstance(node, Named) and not node.name.startswith("_"):
            yield where + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from _public(node.body, f"{where}{node.name}.")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_first_line_says_what_it_is(path: Path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree)
    silent = [name for name, node in _public(tree.body) if not ast.get_docstring(node)]
    assert silent == []
