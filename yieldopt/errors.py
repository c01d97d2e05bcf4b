"""What a person did wrong, said in three parts: what was expected, what came, what to do; with its place when known."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """One error of the user's: where it stands and the three sentences.

    `path` is the dotted key in the study (`design.pillar_height`); `file`, `line` and `column` are 1-based and filled
    in by whoever knows the text.
    """

    expected: str
    got: str
    do: str
    path: str = ""
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: " if self.file else ""
        key = f"{self.path}: " if self.path else ""
        return f"{place}{key}Expected {self.expected}; got {self.got}. {self.do}"


class UserError(Exception):
    """All the mistakes found in one pass; the command line prints them and leaves with exit code 2."""

    def __init__(self, *mistakes: Mistake):
        self.mistakes = mistakes
        super().__init__("\n".join(str(mistake) for mistake in mistakes))

    @classmethod
    def of(cls, expected: str, got: str, do: str, path: str = "") -> "UserError":
        """Build the error of a single mistake."""
        return cls(Mistake(expected, got, do, path))


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which of the known names may have been meant, or list them: the third sentence of an unknown name."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, 1, 0.6)
    if close:
        return f'Did you mean "{close[0]}"?'
    return f"Known: {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}." if names else "There is none."
