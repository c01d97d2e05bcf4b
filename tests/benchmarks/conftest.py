"""Figures with what is allowed of them, printed together at the end of a run of benchmarks."""

from collections.abc import Callable

import pytest

FIGURES = pytest.StashKey[list[str]]()
Note = Callable[[str, float, str, float | None], None]
"""Called with a figure's name, its value, its unit and the most that is allowed (None: none)."""


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Take down one figure."""
    kept = request.config.stash.setdefault(FIGURES, [])

    def take(name: str, value: float, unit: str, allowed: float | None = None) -> None:
        verdict = "" if allowed is None else f"at most {allowed:g}: {'met' if value <= allowed else 'NOT MET'}"
        kept.append(f"{name:<58} {value:>10.4g} {unit:<6} {verdict}".rstrip())

    return take


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash.get(FIGURES, [])
    if lines:
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(line)
