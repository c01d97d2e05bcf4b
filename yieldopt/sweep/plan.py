"""What a sweep does, as data: a base study and axes of choices; task number n is one choice along each axis.

A task is known by the checksum of what it is (base study, what it sets, in whatever order a choice names its keys,
which seed), so that one whose file exists is done whoever did it, and its seed is the same wherever it runs.
Nothing is listed: a sweep of a thousand million tasks is as small as its axes.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

FORMAT = 1
"""Version of a sweep's files; a reader refuses a later one."""
_PLAIN = re.compile(r"[A-Za-z0-9_.+%/^*()µΩ -]*")
_NUMBER = re.compile(r"[-+0-9._eExobXOB]*")
_MEANT = "true", "false", "null", "yes", "no", "on", "off", "nan", "inf"
MANY = 100_000
"""Tasks beyond which one is asked to say that one means it, and beyond which files are counted, not tasks asked for."""
STRUCTURAL = "bump_map", "claims", "estimate", "materials", "nets", "options"
"""Sections of a study that decide what is compiled: their axes change last."""

Choice = Mapping[str, str]
"""What one value of an axis sets: text by dotted key, as `--set` takes it."""


@dataclass(frozen=True)
class Axis:
    """A name and its choices; `labels` are what tables say, one a choice."""

    name: str
    choices: tuple[Choice, ...]
    labels: tuple[str, ...]

    @property
    def structural(self) -> bool:
        """Whether a step along it may compile anew."""
        return any(key.partition(".")[0] in STRUCTURAL for choice in self.choices[:1] for key in choice)


@dataclass(frozen=True)
class Task:
    """One point of a sweep: its number, checksum, what it sets (its seed the last), and its label on each axis."""

    number: int
    hash: str
    sets: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A sweep that has been read: kind of task, hash of the base study, what all tasks set, axes, seeds, bump maps.

    `files` are the digests of the bump maps that tasks may name, `model` that of a user's one-file model.
    """

    name: str
    kind: str
    base: str
    sets: tuple[str, ...]
    axes: tuple[Axis, ...]
    seeds: int = 1
    draws: str = "own"
    seed: int = 1
    files: Mapping[str, str] = field(default_factory=dict)
    model: str = ""

    def __len__(self) -> int:
        return self.seeds * prod(len(axis.choices) for axis in self.axes)

    def tasks(self, shard: tuple[int, int] = (1, 1)) -> Iterator[Task]:
        """All tasks, or those of one shard of several: what compiles anew changes last, seeds first."""
        order = sorted(range(len(self.axes)), key=lambda k: not self.axes[k].structural)
        sizes = [len(self.axes[k].choices) for k in order] + [self.seeds]
        for place in range(len(self)):
            if place % shard[1] != shard[0] - 1:
                continue
            digits, rest = list[int](), place
            for size in reversed(sizes):
                rest, digit = divmod(rest, size)
                digits.append(digit)
            *chosen, replicate = reversed(digits)
            picked = [0] * len(order)
            for k, digit in zip(order, chosen, strict=True):
                picked[k] = digit
            yield self._task(picked, replicate)

    def labels(self, number: int) -> dict[str, str]:
        """What tables say of task `number` on each axis."""
        found, rest = dict[str, str](), number // self.seeds
        for axis in reversed(self.axes):
            rest, k = divmod(rest, len(axis.choices))
            found[axis.name] = axis.labels[k]
        return {axis.name: found[axis.name] for axis in self.axes}

    def _task(self, picked: list[int], replicate: int) -> Task:
        number = 0
        for axis, k in zip(self.axes, picked, strict=True):
            number = number * len(axis.choices) + k
        choices = [axis.choices[k] for axis, k in zip(self.axes, picked, strict=True)]
        sets = (*self.sets, *(f"{key}={text}" for choice in choices for key, text in sorted(choice.items())))
        named = {key: digest for key, digest in self.files.items() if any(key in text for text in sets)}
        what = [FORMAT, self.kind, self.base, self.model, sets, named, replicate, self.draws]
        exact = json.dumps(what, sort_keys=True, separators=(",", ":"))
        told = hashlib.sha256(exact.encode()).hexdigest()[:32]
        if not any(text.startswith("seed=") for text in sets):
            seed = int(told[:8], 16) if self.draws == "own" else self.seed + replicate
            sets = (*sets, f"seed={seed}")
        labels = tuple(axis.labels[k] for axis, k in zip(self.axes, picked, strict=True))
        return Task(number * self.seeds + replicate, told, sets, labels)

    def data(self) -> dict[str, Any]:
        """As plain data, which `plan` reads back."""
        axes = [{"name": a.name, "choices": [dict(c) for c in a.choices], "labels": list(a.labels)} for a in self.axes]
        kept = {key: getattr(self, key) for key in ("name", "kind", "base", "seeds", "draws", "seed", "model")}
        return {"format": FORMAT, **kept, "sets": list(self.sets), "axes": axes, "files": dict(self.files)}


def plan(data: Mapping[str, Any]) -> Plan:
    """A plan from its plain data."""
    axes = tuple(Axis(a["name"], tuple(a["choices"]), tuple(a["labels"])) for a in data["axes"])
    kept = {key: data[key] for key in ("name", "kind", "base", "seeds", "draws", "seed", "model", "files")}
    return Plan(**kept, sets=tuple(data["sets"]), axes=axes)


def written(value: Any) -> str:
    """A value of YAML as the text that `--set` reads back to it."""
    plain = isinstance(value, str) and _PLAIN.fullmatch(value) and value == value.strip()
    if plain and value.lower() not in _MEANT and not _NUMBER.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)
