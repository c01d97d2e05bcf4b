"""A study's YAML as plain data that remembers where each key and value stands, with `--set` overrides laid over it.

The text is composed to nodes and walked here rather than loaded, so that every duplicate key is reported and not only
the first. Places are kept under dotted paths (`variation.chip.pillar_height.wafer`); a path that is not in the text is
placed at its nearest ancestor.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from yieldopt.errors import Mistake, UserError

_INTEGER, _FLOAT, _BOOL, _NULL = (f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "null"))


@dataclass(frozen=True)
class Place:
    """A file (or `--set n`) with 1-based line and column; both are zero where there is no line to show."""

    file: str
    line: int = 0
    column: int = 0


@dataclass
class Document:
    """Plain data and the places of its keys and values by dotted path; where files that it names are, if not beside."""

    file: str
    text: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    values: dict[str, Place] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    files: Mapping[str, Path] = field(default_factory=dict)

    def place(self, path: str, key: bool = False) -> Place:
        """Where a value (or its key) stands; for a path not in the text, where its nearest ancestor stands."""
        while path:
            found = self.keys.get(path) if key else self.values.get(path)
            if found is not None:
                return found
            path, key = path.rpartition(".")[0], True
        return Place(self.file, 1, 1) if self.file else Place("")

    def add(self, path: str, expected: str, got: str, do: str, key: bool = False) -> None:
        """Note a mistake at its place."""
        at = self.place(path, key)
        self.mistakes.append(Mistake(expected, got, do, path, at.file, at.line, at.column))

    def take(self, error: UserError | Iterable[Mistake], path: str = "") -> None:
        """Note the mistakes of others, under `path` where they name none, placed where they are not placed yet."""
        for mistake in error.mistakes if isinstance(error, UserError) else error:
            if mistake.file:
                self.mistakes.append(mistake)
            else:
                self.add(mistake.path or path, mistake.expected, mistake.got, mistake.do)

    def wrong(self, path: str) -> bool:
        """Say whether a mistake was noted at `path` or beneath it."""
        return any(m.path == path or m.path.startswith(path + ".") for m in self.mistakes)


STUDY = "a study that can be read", "Check the path; `yieldopt init MODEL` writes a starter study."
"""What is said of a file that cannot be read: what was expected, and what to do."""


def read(path: str | Path, overrides: Iterable[str] = (), said: tuple[str, str] = STUDY) -> Document:
    """Read a study's text and lay `a.b=value` overrides over it; raises `UserError` when it is no YAML mapping."""
    file = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _no_file(file, "text in UTF-8", f"byte {error.start} that is not", "Save the file as UTF-8.") from None
    except OSError as error:
        reason = (error.strerror or "nothing").lower()
        raise _no_file(file, said[0], reason, said[1]) from None
    document = parse(text, file)
    override(document, overrides)
    return document


def override(document: Document, overrides: Iterable[str]) -> None:
    """Lay `a.b=value` over a document; their places are `--set 1`, `--set 2`, ..."""
    for number, text in enumerate(overrides, start=1):
        lay(document, text, Place(f"--set {number}"))


def parse(text: str, file: str) -> Document:
    """Turn YAML text into a document; duplicate keys are noted as mistakes and the first is kept."""
    document = Document(file, text)
    node = _compose(text, file)
    if not isinstance(node, MappingNode):
        came = "nothing" if node is None else "a list" if isinstance(node, SequenceNode) else "a single value"
        do = "Write keys such as `model:`; `yieldopt init MODEL` writes a starter study."
        raise UserError(Mistake("a study: a mapping of keys to values", came, do, "", file, 1, 1))
    document.data = _convert(document, node, "", file, aside=None)
    return document


def _compose(text: str, file: str) -> Node | None:
    yaml = YAML(typ="safe", pure=True)
    try:
        return yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        got = " ".join(str(error.problem or error.context or "text that is none").split())
        do = "Check indentation, brackets and quotes near this place."
        raise UserError(Mistake("YAML", got, do, "", file, line, column)) from None
    except (YAMLError, RecursionError, ValueError) as error:
        got = " ".join(str(error).split())[:160] or type(error).__name__
        raise UserError(Mistake("YAML", got, "Check the text of the study.", "", file, 1, 1)) from None


def _convert(document: Document, node: Node, path: str, file: str, aside: Place | None) -> Any:
    """Turn a node into plain data, noting places (all at `aside`, where given)."""
    mark = node.start_mark
    place = aside or Place(file, mark.line + 1, mark.column + 1)
    document.values[path] = place
    if node.anchor:
        got = f"the anchor or alias {node.anchor}"
        raise UserError(
            Mistake("plain YAML", got, "Write the value out at each place.", path, place.file, place.line, place.column)
        )
    if isinstance(node, MappingNode):
        return _mapping(document, node, path, file, aside)
    if isinstance(node, SequenceNode):
        return [_convert(document, item, _join(path, i), file, aside) for i, item in enumerate(node.value)]
    return _scalar(node.tag, node.value)


def _mapping(document: Document, node: MappingNode, path: str, file: str, aside: Place | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key, mark = key_node.value, key_node.start_mark
        key = key if isinstance(key, str) else "(a key that is no text)"
        here, place = _join(path, key), aside or Place(file, mark.line + 1, mark.column + 1)
        if key in found:
            first = document.keys[here].line
            got = f'"{key}" a second time (first on line {first})'
            document.mistakes.append(
                Mistake("each key once", got, "Remove one of the two.", here, place.file, place.line, place.column)
            )
            continue
        document.keys[here] = place
        found[key] = _convert(document, value_node, here, file, aside)
        block = not isinstance(value_node, ScalarNode) and not value_node.flow_style
        if block or value_node.value == "":
            document.values[here] = place  # a block begins a line below its key, nothing begins anywhere
    return found


def _scalar(tag: str, text: str) -> Any:
    """Resolve a YAML 1.2 scalar; dates and all else stay text."""
    plain = text.replace("_", "").lower()
    if tag == _NULL:
        return None
    if tag == _BOOL:
        return plain == "true"
    try:
        if tag == _INTEGER:
            return int(plain, 0 if plain.lstrip("+-")[:2] in ("0x", "0o", "0b") else 10)
        if tag == _FLOAT:
            return float(plain.replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        return text
    return text


def _join(path: str, part: object) -> str:
    return f"{path}.{part}" if path else str(part)


def lay(document: Document, override: str, place: Place) -> None:
    """Lay `a.b=value`, which stands at `place`, over a document; a mistake in it is noted there."""
    dotted, equals, text = override.partition("=")
    at = place.file, place.line, place.column
    if not equals or not dotted.strip():
        do = "Write it as in `--set design.pillar_height=50um`."
        document.mistakes.append(Mistake("KEY=VALUE", f'"{override}"', do, "", *at))
        return
    try:
        node = _compose(text, place.file)
    except UserError as error:
        document.mistakes += [Mistake(m.expected, m.got, "Quote the value.", dotted, *at) for m in error.mistakes]
        return
    container, path, key = _target(document, dotted.strip().split("."), place)
    if isinstance(container.get(key), dict) and "value" in container[key] and not isinstance(node, MappingNode):
        container, path, key = container[key], _join(path, key), "value"  # a knob keeps its range
    here = _join(path, key)
    for places in (document.keys, document.values):
        for old in [old for old in places if old == here or old.startswith(here + ".")]:
            del places[old]
    document.keys[here] = document.values[here] = place
    container[key] = None if node is None else _convert(document, node, here, place.file, place)


def _target(document: Document, parts: list[str], place: Place) -> tuple[dict[str, Any], str, str]:
    """Find the mapping and the key that a dotted override names; missing mappings are made.

    A key that itself holds dots (`chip.pillar_height`) is matched as the longest key present; under `variation`, where
    every quantity is `parent.quantity`, a new key takes two parts.
    """
    container, path = document.data, ""
    while True:
        sizes = [n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in container]
        take = sizes[0] if sizes else min(len(parts), 2 if path == "variation" else 1)
        key, parts = ".".join(parts[:take]), parts[take:]
        if not parts:
            return container, path, key
        here = _join(path, key)
        if not isinstance(container.get(key), dict):
            keeps = path == "design" and key in container  # `--set design.x.range=...` over a bare value
            container[key] = {"value": container[key]} if keeps else {}
            if keeps:
                document.values[_join(here, "value")] = document.values[here]
            document.keys.setdefault(here, place)
        container, path = container[key], here


def _no_file(file: str, expected: str, got: str, do: str) -> UserError:
    return UserError(Mistake(expected, got, do, file=file))


def render(error: UserError) -> str:
    """Write mistakes for a person: key and sentence, place, the line with a caret beneath; most urgent first."""
    lines: dict[str, list[str]] = {}
    return "\n".join(_rendered(mistake, lines) for mistake in error.mistakes)


def _rendered(mistake: Mistake, sources: dict[str, list[str]]) -> str:
    key = f"{mistake.path}: " if mistake.path else ""
    head = f"error: {key}expected {mistake.expected}; got {mistake.got}. {mistake.do}"
    if not mistake.line:
        return head + (f"\n  --> {mistake.file}" if mistake.file else "")
    head += f"\n  --> {mistake.file}:{mistake.line}:{mistake.column}"
    if mistake.file not in sources:
        try:
            sources[mistake.file] = Path(mistake.file).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            sources[mistake.file] = []
    lines = sources[mistake.file]
    if mistake.line > len(lines):
        return head
    width = len(str(mistake.line)) + 2
    shown = lines[mistake.line - 1].replace("\t", " ")[:200]
    return f"{head}\n{' ' * width}|\n {mistake.line} | {shown}\n{' ' * width}| {' ' * (mistake.column - 1)}^"
