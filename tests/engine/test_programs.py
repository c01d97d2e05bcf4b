"""Kept programs: loaded by a new process without tracing, and never where anything that made them has changed."""

import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from yieldopt import compiler, programs

TRACED: list[str] = []


def scaled(tree: Any, how: Any) -> Any:
    """Leaves times a number, what is fixed passed through."""
    TRACED.append(str(how))
    factor = how(1.0) if callable(how) else 1.0 if isinstance(how, str) else how
    return {"out": jax.tree.map(lambda leaf: factor * leaf, tree), "how": how}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    TRACED.clear()
    programs.keep(tmp_path / "kept")
    yield tmp_path / "kept"
    programs.keep(None)


def asked(how: Any = 2.0, size: int = 3) -> tuple[int, Any]:
    """How often a process that knows nothing traces, and what it finds."""
    before = len(TRACED)
    found = programs.program(scaled)({"a": jnp.arange(size, dtype=float), "b": np.ones(2)}, how)
    return len(TRACED) - before, found


def test_a_new_process_loads_what_another_one_compiled(folder: Path) -> None:
    (first, one), (second, two) = asked(), asked()
    assert (first, second) == (1, 0)
    assert two["how"] == one["how"] == 2.0
    np.testing.assert_array_equal(two["out"]["a"], [0.0, 2.0, 4.0])
    np.testing.assert_array_equal(two["out"]["b"], one["out"]["b"])
    assert len(list(folder.iterdir())) == 1


def test_what_is_forgotten_is_made_anew(folder: Path) -> None:
    call = programs.program(scaled)
    before = float(call(jnp.asarray(2.0), 3.0)["out"])
    programs.keep(None)
    programs.forget()
    assert float(call(jnp.asarray(2.0), 3.0)["out"]) == before
    assert len(TRACED) == 2


def test_within_a_process_a_changed_number_traces_nothing(folder: Path) -> None:
    call = programs.program(scaled)
    for number in (1.0, 5.0):
        assert float(call(jnp.asarray(number), 3.0)["out"]) == 3.0 * number
    assert len(TRACED) == 1


@pytest.mark.parametrize(
    "other", [{"how": 3.0}, {"how": 2}, {"size": 4}, {"how": "two"}], ids=["number", "type", "shape", "text"]
)
def test_what_is_fixed_and_what_has_another_shape_is_another_program(folder: Path, other: Any) -> None:
    asked()
    assert asked(**other)[0] == 1
    assert asked()[0] == 0


def test_a_touched_file_of_ours_a_flag_or_an_option_is_another_program(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Inside the environment's own prefix, as where the environment lies in the project's folder.
    known = sysconfig.get_paths()
    monkeypatch.setattr(sysconfig, "get_paths", lambda *_: {**known, "data": str(tmp_path)})
    (tmp_path / "own_model.py").write_text("SIZE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("own_model")
    asked()
    assert asked()[0] == 0
    (tmp_path / "table.csv").write_text("1,2\n")  # beside it: a model may read it
    assert asked()[0] == 1
    monkeypatch.setenv("XLA_FLAGS", "--another")
    assert asked()[0] == 1
    with jax.default_matmul_precision("float32"):
        assert asked()[0] == 1


def test_what_is_broken_or_ended_its_process_is_made_anew(folder: Path) -> None:
    asked()
    (kept,) = folder.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1])
    assert asked()[0] == 1
    kept.with_suffix(".tried").touch()
    assert asked()[0] == 1
    assert asked()[0] == 0
    assert [path.name for path in folder.iterdir()] == [kept.name]


def test_what_has_no_name_is_compiled_and_not_kept(folder: Path) -> None:
    for factor in (2.0, 3.0):
        assert float(asked(lambda x, factor=factor: factor * x)[1]["out"]["a"][1]) == factor
    assert list(folder.iterdir()) == []


def test_only_so_many_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "MOST", 2)
    for how in (1.0, 2.0, 3.0):
        asked(how)
    assert len(list(folder.iterdir())) == 2
    assert asked(3.0)[0] == 0


def test_under_a_transformation_nothing_is_kept(folder: Path) -> None:
    slope = jax.grad(lambda x: programs.program(scaled)(x, 2.0)["out"])(1.0)
    assert float(slope) == 2.0
    assert list(folder.iterdir()) == []


def test_what_is_handed_on_is_not_copied(folder: Path) -> None:
    def handed(large: Any, number: Any) -> Any:
        return {"large": large, "more": large + number}

    for _ in range(2):
        for size in (1.0, 2.0):
            large = jnp.full(3, size)
            found = programs.program(handed)(large, jnp.asarray(1.0))
            assert found["large"] is large
            np.testing.assert_array_equal(found["more"], size + 1.0)


PROCESS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import jax, jax.numpy as jnp
jax.config.update("jax_enable_x64", True)
from yieldopt import programs
programs.keep(Path(sys.argv[1]))

@programs.program
def roots(a):
    print("traced")
    return jnp.linalg.solve(a, jnp.linalg.eigvalsh(a)), jnp.linalg.cholesky(a)

print([float(jnp.asarray(found).sum()) for found in roots(jnp.diag(jnp.asarray([4.0, 9.0])))])
"""


def test_a_process_that_traces_nothing_can_call_lapack(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.mkdir()
    (script / "roots.py").write_text(PROCESS)

    def told() -> str:
        asked = [sys.executable, str(script / "roots.py"), str(tmp_path / "kept")]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout

    assert told() == "traced\n[2.0, 5.0]\n"
    assert told() == "[2.0, 5.0]\n"


def test_a_random_key_is_an_argument_like_any_other(folder: Path) -> None:
    drawn = programs.program(lambda key, count: jax.random.normal(key, (count,)))
    for seed in (1, 2):
        assert drawn(jax.random.key(seed), 3) == pytest.approx(jax.random.normal(jax.random.key(seed), (3,)))
    assert folder.exists()


def test_two_threads_run_their_programs_in_turn() -> None:
    inside, most = list[int](), list[int]()

    def busy(x: np.ndarray) -> np.ndarray:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.05)
        inside.pop()
        return x

    def made(shift: float) -> Any:
        return programs.program(lambda x: shift + jax.pure_callback(busy, jax.ShapeDtypeStruct((), float), x))

    calls = [made(1.0), made(2.0)]
    for _ in range(2):
        with ThreadPoolExecutor(2) as both:
            found = list(both.map(lambda call: float(call(jnp.asarray(1.0))), calls))
        assert found == [2.0, 3.0]
    assert most == [1, 1, 1, 1]


def test_what_is_done_beside_compiles_at_once_and_comes_back_in_order() -> None:
    """One function with two fixed arguments is two programs: each waits, traced, for the other to be traced."""
    both = Barrier(2)

    def waited(a: Any, times: int) -> Any:
        both.wait(60.0)
        return times * a

    made = programs.program(waited)
    found = programs.beside([partial(made, jnp.arange(3.0), times) for times in (2, 3)])
    np.testing.assert_array_equal(found, [[0.0, 2.0, 4.0], [0.0, 3.0, 6.0]])


def test_what_is_told_while_another_compiles_is_told_alike() -> None:
    """Else a program made beside another one would not be found again."""
    alone = list(programs.surroundings())
    with programs._unshared():
        assert list(programs.surroundings()) == alone


def test_a_program_that_sorts_is_kept_and_sorts_again(folder: Path) -> None:
    """Once it has run it can no longer be written: it is written first."""
    for _ in range(2):
        found = programs.program(jnp.sort)(jnp.array([3.0, 1.0, 2.0]))
        np.testing.assert_array_equal(found, [1.0, 2.0, 3.0])
        assert len(list(folder.iterdir())) == 1


@pytest.mark.skipif(not compiler.known(), reason="no flags are known of this jaxlib")
def test_the_level_that_the_user_sets_wins_over_a_thorough_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "")
    compiler.quickly()
    compiler.quickly()
    options = compiler.thoroughly()
    assert options is not None
    assert options[compiler.LEVEL] == 3
    monkeypatch.setenv("XLA_FLAGS", f"--{compiler.LEVEL}=0")
    compiler.quickly()
    assert compiler.thoroughly() is None
