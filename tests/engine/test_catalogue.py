"""Installed models and rulebooks are found by entry points, and listing them imports none."""

import sys
from pathlib import Path

import pytest

from yieldopt import catalogue
from yieldopt.card import Inputs
from yieldopt.errors import UserError

POST = '''\
import equinox as eqx
from yieldopt.errors import Mistake
from yieldopt.problem import Model
from yieldopt.knob import knob


class Drawn(eqx.Module):
    height: object = knob(1.0, 0.5, 2.0, "um", "recipe", "height")


class Post(Model[Drawn]):
    """A post"""

    Design = Drawn

    def variation(self, design):
        return None

    @classmethod
    def check(cls, inputs):
        return [Mistake("a post", "none", "Plate one.", "design.height")]


MODEL = Post
'''

RULES = """\
from yieldopt.errors import Mistake


def check(model, named, inputs, drawn):
    return [Mistake("claims that hold", ", ".join(named), f"Change {model}.", "claims")]
"""

EMPTY = Inputs(design={}, ranges={}, spreads={}, limits={})


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution with a package of models, a module that is one, and a rulebook."""
    package = tmp_path / "demo_posts"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "post.py").write_text(POST)
    (package / "_shared.py").write_text("raise RuntimeError('private')\n")
    (package / "rules.py").write_text(RULES)
    (tmp_path / "demo_rules.py").write_text(RULES)
    (tmp_path / "demo_single.py").write_text(POST)
    meta = tmp_path / "demo_posts-1.0.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: demo-posts\nVersion: 1.0\n")
    entries = "[yieldopt.models]\ndemo = demo_posts\nsingle = demo_single\n[yieldopt.rulebooks]\ndemo = demo_rules\n"
    (meta / "entry_points.txt").write_text(entries)
    monkeypatch.syspath_prepend(tmp_path)
    catalogue.entries.cache_clear()
    yield
    catalogue.entries.cache_clear()
    for name in [name for name in sys.modules if name.startswith(("demo_posts", "demo_rules", "demo_single"))]:
        del sys.modules[name]


@pytest.mark.usefixtures("installed")
def test_listing_names_every_public_module_and_imports_none():
    found = catalogue.models()
    assert found["demo.post"] == "demo_posts.post"
    assert found["single"] == "demo_single"
    assert not any("_shared" in name for name in found)
    assert "demo_posts.post" not in sys.modules


@pytest.mark.usefixtures("installed")
def test_a_model_is_loaded_by_name():
    assert catalogue.card("demo.post").name == "demo.post"
    assert catalogue.load("single").__name__ == "Post"
    with pytest.raises(UserError, match=r'Did you mean "demo.post"'):
        catalogue.load("demo.pots")
    with pytest.raises(UserError, match="one model"):
        catalogue.load("demo.rules")  # a public module without a model


@pytest.mark.usefixtures("installed")
def test_model_and_rulebook_are_both_asked():
    paths = [mistake.path for mistake in catalogue.check("demo.post", ["C1"], EMPTY)]
    assert paths == ["design.height", "claims"]
    assert [m.path for m in catalogue.check("demo.post", [], EMPTY)] == ["design.height"]
    (_, refused) = catalogue.check("single", ["C1"], EMPTY)
    assert "no rulebook" in str(refused)
