"""Sweeps: yields against the normal law, tasks done for good, mistakes at their places, one driver at a time."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import norm

from yieldopt.cli import main
from yieldopt.errors import UserError
from yieldopt.sweep import ask, drive, table
from yieldopt.sweep.folder import Folder, locked
from yieldopt.sweep.plan import Axis, Plan, plan, written


def swept(files: Path, name: str = "out", how: ask.How | None = None) -> ask.Swept:
    folder, read = ask.place(files / "sweep.yaml", files / "bolt.py", files / name)
    return ask.go(folder, read.plan, how or ask.How(), True, read)


def refusal(files: Path) -> str:
    with pytest.raises(UserError) as error:
        ask.place(files / "sweep.yaml", files / "bolt.py", files / "out")
    assert not (files / "out").exists()
    return str(error.value)


def test_a_sweep_tells_the_yields_of_its_points_and_is_done_for_good(files: Path, kept: Any) -> None:
    first = swept(files)
    assert (first.tally.total, first.tally.before, dict(first.tally.ended), first.tally.left) == (6, 0, {"done": 6}, 0)
    rows = list(csv.DictReader((files / "out" / "results.csv").read_text().splitlines()))
    assert [row["number"] for row in rows] == [str(n) for n in range(6)]
    for row in rows:
        assert row["defect_yield"] == "1.0"
        hole, sigma = (float(row[key].split()[0]) for key in ("design.hole", "variation.bolt.diameter.piece"))
        exact = norm.cdf((hole - 100.0 - 10000.0) / sigma)
        assert abs(float(row["yield"]) - exact) < 4.0 * float(row["stderr"])
    assert len({row["seed"] for row in rows}) == 6, "every task draws for itself"
    before = kept(files / "out")
    again = swept(files)
    assert (again.tally.before, sum(again.tally.ended.values()), again.rows) == (6, 0, first.rows)
    assert kept(files / "out") == before


def test_a_task_is_what_estimate_says_with_the_same_sets(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = swept(files)
    task = next(found.plan.tasks())
    sets = [word for one in task.sets for word in ("--set", one)]
    where = ["--out", str(files / "runs"), "--json", "-q"]
    with pytest.raises(SystemExit):
        main(["estimate", str(files / "study.yaml"), "--model", str(files / "bolt.py"), *sets, *where])
    told = json.loads(capsys.readouterr().out)
    made = found.folder.result(task)
    assert made is not None
    assert (told["yield"], told["study_hash"]) == (made["results"]["yield"], made["study_hash"])


def test_shards_together_are_the_sweep_and_each_has_its_part(files: Path, kept: Any) -> None:
    whole = swept(files, "whole")
    parts = [swept(files, "shards", ask.How((i, 4))) for i in (1, 2, 3, 4)]
    assert [part.tally.total for part in parts] == [2, 2, 1, 1]
    assert kept(files / "shards") == kept(files / "whole")
    assert [part.rows is None for part in parts] == [True, True, True, False]
    assert parts[-1].rows == whole.rows
    assert "the last shard makes it" in ask.summary(parts[0])


def test_a_folder_goes_on_elsewhere_without_the_files_it_was_made_of(files: Path, kept: Any) -> None:
    swept(files, "whole")
    swept(files, "part", ask.How(limit=2))
    (files / "elsewhere").mkdir()
    shutil.move(files / "part", files / "elsewhere" / "moved")
    for name in ("study.yaml", "sweep.yaml", "bolt.py"):
        (files / name).unlink()
    folder = Folder(files / "elsewhere" / "moved")
    assert ask.go(folder, folder.plan(), ask.How(), True).tally.before == 2
    assert kept(folder.path) == kept(files / "whole")


def test_cases_samples_seeds_and_common_draws(files: Path) -> None:
    text = """schema: 1
study: study.yaml
set: {estimate.accuracy.absolute: 5e-2}
axes:
  design.hole: {from: 10.1 mm, to: 10200 um}
  variation.bolt.diameter.piece: {from: 10 um, to: 40 um, points: 3, spacing: log}
cases: {few: {limits.clearance.low: 90 um}, many: {limits.clearance.low: 110 um, estimate.confidence: 90 %}}
sample: {sobol: 5}
seeds: 2
draws: common
"""
    (files / "sweep.yaml").write_text(text)
    _, read = ask.place(files / "sweep.yaml", files / "bolt.py", files / "out")
    tasks = list(read.plan.tasks())
    assert len(tasks) == len(read.plan) == 2 * 3 * 5 * 2
    assert sorted(task.number for task in tasks) == list(range(60))
    assert {task.sets[-1] for task in tasks} == {"seed=1", "seed=2"}
    assert read.plan.axes[1].labels == ("10 um", "20 um", "40 um")
    points = [float(choice["design.hole"].split()[0]) for choice in read.plan.axes[2].choices]
    assert all(10.1 <= point <= 10.2 for point in points)
    assert len(set(points)) == 5
    assert plan(json.loads(json.dumps(read.plan.data()))) == read.plan


def test_a_task_is_the_same_in_whatever_order_a_case_names_its_keys(files: Path) -> None:
    """As the folder has them, by the alphabet: a sweep that goes on finds done what was done."""
    text = """schema: 1
study: study.yaml
cases: {{few: {{{}: {}, {}: {}}}}}
sample: {{sobol: 2}}
axes:
  variation.bolt.diameter.piece: {{from: 10 um, to: 40 um}}
  design.hole: {{from: 10.1 mm, to: 10.2 mm}}
"""
    one = ("limits.clearance.low", "90 um", "estimate.confidence", "90 %")
    (files / "sweep.yaml").write_text(text.format(*one))
    first = swept(files)
    assert dict(first.tally.ended) == {"done": 2}
    folder = Folder(files / "out")
    assert list(folder.plan().tasks()) == list(first.plan.tasks())
    assert ask.go(folder, folder.plan(), ask.How(), True).tally.before == 2
    (files / "sweep.yaml").write_text(text.format(*one[2:], *one[:2]))
    assert swept(files).tally.before == 2


def test_what_is_wrong_together_is_a_result_and_what_is_wrong_alone_is_refused(files: Path) -> None:
    case = "cases: {odd: {design.hole: 10100 um}}\n"
    (files / "sweep.yaml").write_text("schema: 1\nstudy: study.yaml\naxes: {estimate.method: [monte_carlo]}\n" + case)
    assert swept(files).tally.ended == {"done": 1}
    text = """schema: 1
study: study.yaml
axes:
  design.hoel: [1 um]
  design.hole: [10150 um, 3 kg]
  variation.bolt.diameter.piece: {from: 10 um, to: 20 s, points: 3}
seeds: 0
"""
    (files / "sweep.yaml").write_text(text)
    shutil.rmtree(files / "out")
    said = refusal(files)
    assert "sweep.yaml:4:17: design.hoel: Expected a knob of bolt" in said, said
    assert "sweep.yaml:5:27: " in said, said
    assert '"kg" is of another kind' in said, said
    assert "20 s" in said, said
    assert "seeds: Expected a number greater than or equal to 1" in said, said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("schema: 1\naxes: {}\n", "the key `study`"),
        ("schema: 1\nstudy: nowhere.yaml\n", "a study that can be read"),
        ("schema: 1\nstudy: study.yaml\naxes: {design.hole: {from: 10.1 mm, to: 10.2 mm}}\n", "Add `points: 5`"),
        ("schema: 1\nstudy: study.yaml\naxes: {design.hole: [10 mm]}\nsample: {sobol: 8}\n", "no span without"),
        ("schema: 1\nstudy: study.yaml\ntask: guess\n", "estimate or optimize"),
        ("schema: 1\nstudy: study.yaml\naxis: {}\n", 'Did you mean "axes"?'),
        (
            "schema: 1\nstudy: study.yaml\naxes: {design.hole: [10.1 mm]}\ncases: {a: {design.hole: 10.2 mm}}\n",
            "in one axis",
        ),
        ("schema: 1\nstudy: study.yaml\nset: {seed: 5}\nseeds: 4\n", "seeds given one way"),
    ],
)
def test_a_sweep_that_is_wrong_says_what_to_do(files: Path, text: str, said: str) -> None:
    (files / "sweep.yaml").write_text(text)
    assert said in refusal(files)


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ("{from: 10.1 mm, to: 10.2 mm, pionts: 3}", 'Did you mean "points"?'),
        ("{from: 10.1 mm, points: 3}", "the key `to`"),
        ("10.1 mm", "a mapping of keys to values"),
        ("[]", "at least one item"),
    ],
)
def test_a_mistake_in_an_axis_is_told_once(files: Path, axis: str, said: str) -> None:
    (files / "sweep.yaml").write_text(f"schema: 1\nstudy: study.yaml\naxes: {{design.hole: {axis}}}\n")
    told = refusal(files)
    assert said in told
    assert told.count("Expected") == 1, told


def test_a_thousand_million_tasks_are_asked_about_and_none_is_listed(files: Path) -> None:
    axis = "{from: 10 um, to: 20 um, points: 31623}"
    text = f"schema: 1\nstudy: study.yaml\naxes: {{design.hole: {axis}, variation.bolt.diameter.piece: {axis}}}\n"
    (files / "sweep.yaml").write_text(text.replace("10 um, to: 20 um", "10110 um, to: 10120 um", 1))
    _, read = ask.place(files / "sweep.yaml", files / "bolt.py", files / "out")
    with pytest.raises(UserError, match=r"at most 100,000 tasks; got 1,000,014,129 \(31,623 design.hole x 31,623"):
        ask.sure(read.plan, False)
    assert next(read.plan.tasks((7, 9))).number == 6
    ask.sure(read.plan, True)
    folder = Folder(files / "out")
    assert ask.dry(folder, read.plan, read.base, (1, 1))["why"] == {"not done yet": 1_000_014_129}
    ask.go(folder, read.plan, ask.How(limit=2), True, read)
    again = ask.dry(folder, read.plan, read.base, (3, 9))
    assert again["why"] == {"done": 2, "not done yet": 1_000_014_127}
    assert "1,000,014,129 tasks of all shards" in ask.told(again)


def test_results_of_several_installations_are_told_apart(files: Path) -> None:
    whole = swept(files, how=ask.How(limit=5))
    assert "alike" not in ask.summary(whole)
    path = whole.folder.file(next(whole.plan.tasks()))
    path.write_text(path.read_text().replace('"jaxlib": "', '"jaxlib": "9.'))
    said = ask.summary(swept(files))
    assert "Not all alike made" in said
    assert "; 1 by jaxlib 9." in said or ": 1 by jaxlib 9." in said, said
    assert said.count(" by jaxlib") == 2, said


def test_random_defects_are_named_where_they_cost_most() -> None:
    row = {"status": "done", "yield": 0.9842, "low": 0.9838, "high": 0.9846, "defect_yield": 0.98728}
    said = table._said({**row, "fails.overlap": 0.0024})  # pyright: ignore[reportPrivateUsage]
    assert said[2].startswith("defects 1.27")
    assert table._said({**row, "yield": 0.0, "defect_yield": 0.0})[2].startswith("defects 100")  # pyright: ignore[reportPrivateUsage]
    assert table._said({**row, "fails.overlap": 0.02})[2].startswith("overlap")  # pyright: ignore[reportPrivateUsage]


def test_a_choice_given_twice_is_refused_for_it_is_one_task(files: Path) -> None:
    text = "schema: 1\nstudy: study.yaml\ncases: {a: {design.hole: 10.1 mm}, b: {design.hole: 10.1 mm}}\n"
    (files / "sweep.yaml").write_text(text)
    assert "cases.b: Expected choices that differ; got b a second time" in refusal(files)
    (files / "sweep.yaml").write_text("schema: 1\nstudy: study.yaml\naxes: {seed: {from: 1, to: 3, points: 5}}\n")
    assert "axes.seed: Expected choices that differ; got 2 a second time" in refusal(files)


def test_a_dry_run_lists_what_runs_wherever_it_stands(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "LOOKED", 2)
    whole = swept(files, how=ask.How(limit=4))
    told = ask.dry(whole.folder, whole.plan, whole.folder.base(), (1, 1))
    assert [one["number"] for one in told["first"]] == [4, 5]


@pytest.mark.parametrize("key", ["<name>: 3", "<<: {seed: 3}", "axes: {<span>: [1, 2]}", "<axes>: {}"])
def test_a_key_that_looks_like_no_key_is_a_mistake_like_others(files: Path, key: str) -> None:
    (files / "sweep.yaml").write_text(f"schema: 1\nstudy: study.yaml\n{key}\n")
    assert "Expected a" in refusal(files)


def test_a_changed_study_or_sweep_is_told_and_never_mixed(files: Path) -> None:
    swept(files, how=ask.How(limit=1))
    (files / "study.yaml").write_text((files / "study.yaml").read_text() + "limits: {clearance: {low: 95 um}}\n")
    with pytest.raises(UserError, match=r"limits.clearance.low was not set, is 95 um.*yieldopt resume"):
        swept(files)
    shutil.rmtree(files / "out")
    swept(files, how=ask.How(limit=1))
    (files / "sweep.yaml").write_text((files / "sweep.yaml").read_text().replace("points: 3", "points: 4"))
    with pytest.raises(UserError, match=r"axes were \{'design.hole': 3.*, are \{'design.hole': 4"):
        swept(files)
    (files / "other").mkdir()
    (files / "other" / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match="holds other files"):
        swept(files, "other")
    with pytest.raises(UserError, match="a folder of a sweep"):
        Folder(files / "other").plan()


def test_a_second_driver_is_refused_and_shards_go_beside_each_other(files: Path) -> None:
    with locked(files / "out", (1, 1)):
        for part in ((1, 1), (1, 2)):
            with pytest.raises(UserError, match="another driver at work"):
                swept(files, how=ask.How(part))
    with locked(files / "out", (1, 2)):
        assert swept(files, how=ask.How((2, 2))).tally.left == 0
        for part in ((1, 1), (1, 2)):
            with pytest.raises(UserError, match="another driver at work"):
                swept(files, how=ask.How(part))


def test_a_dry_run_says_how_many_why_and_how_long_and_writes_nothing(files: Path) -> None:
    folder, read = ask.place(files / "sweep.yaml", files / "bolt.py", files / "out")
    told = ask.dry(folder, read.plan, read.base, (1, 1))
    assert not folder.path.exists()
    assert (told["tasks"], told["why"], told["seconds"], told["refused"]) == (6, {"not done yet": 6}, None, [])
    assert "`--limit 2` runs two" in ask.told(told)
    swept(files, how=ask.How(limit=2))
    told = ask.dry(folder, read.plan, read.base, (1, 1))
    assert told["why"] == {"done": 2, "not done yet": 4}
    assert told["seconds"] == pytest.approx(4 * told["seconds_each"])
    assert told["memory"] > 0.05
    assert "task 2 (not done yet): design.hole=10140 um" in ask.told(told)


def test_a_fault_is_kept_apart_and_tried_again(files: Path) -> None:
    (files / "study.yaml").write_text((files / "study.yaml").read_text().replace("monte_carlo", "subset"))
    text = (files / "bolt.py").read_text()
    (files / "bolt.py").write_text(text.replace('return {"bolt":', "raise KeyError('hm')\n        return {\"bolt\":"))
    found = swept(files)
    assert found.tally.ended == {"fault": 6}
    assert found.tally.left == 6
    assert "KeyError" in found.tally.said[0]
    assert len(list((files / "out" / "faults").glob("*.json"))) == 6
    told = ask.dry(found.folder, found.plan, found.folder.base(), (1, 1))
    assert told["why"] == {"failed before": 6}


def test_a_task_that_took_its_process_down_four_times_is_told_and_left(files: Path) -> None:
    folder, read = ask.place(files / "sweep.yaml", files / "bolt.py", files / "out")
    folder.begin(read)
    worst = list(read.plan.tasks())[2]
    for _ in range(4):
        folder.note({"begun": worst.hash})
    found = swept(files)
    assert found.tally.ended == {"done": 5, "fault": 1}
    assert "its process died 4 times" in found.tally.said[0]
    assert swept(files, how=ask.How(retry=True)).tally.ended == {"done": 1}
    assert drive.deaths(found.folder)[worst.hash] == 0


def test_leftovers_of_killed_processes_are_cleaned_but_not_those_of_others(files: Path) -> None:
    folder = swept(files, how=ask.How(limit=1)).folder
    left = next((folder.path / "tasks").iterdir()) / ".writing-abc"
    left.write_text("half")
    folder.clean(alone=False)
    assert left.exists()
    swept(files)
    assert not left.exists()


def test_text_of_values_reads_back() -> None:
    from yieldopt.study import text

    for value in ("12 um", "SnAg3.5", "true", "1e3", "", " x", "a: b", 3, 2.5, True, None, {"a": [1, "2 um"]}, "5 %"):
        document = text.Document("x")
        text.override(document, [f"key={written(value)}"])
        assert (document.mistakes, document.data) == ([], {"key": value})


def test_what_compiles_anew_changes_last() -> None:
    axes = tuple(Axis(key, ({key: "a"}, {key: "b"}), ("a", "b")) for key in ("design.x", "materials.solder"))
    found = list(Plan("p", "estimate", "", (), axes).tasks())
    assert [task.labels for task in found] == [("a", "a"), ("b", "a"), ("a", "b"), ("b", "b")]
    assert [task.number for task in found] == [0, 2, 1, 3]


def test_a_sweep_goes_into_a_folder_of_its_name(files: Path) -> None:
    for name, folder in (("solder_for_bow", "solder_for_bow"), ("9 um / bow", "9-um-bow"), ("...", "sweep")):
        (files / "sweep.yaml").write_text(f"schema: 1\nstudy: study.yaml\nname: {name}\n")
        assert ask.place(files / "sweep.yaml", files / "bolt.py", None)[0].path == Path("sweeps") / folder


def test_shards_are_told_apart_from_what_is_none() -> None:
    assert ask.shard("2/4") == (2, 4)
    for wrong in ("0/4", "5/4", "x", "1/0"):
        with pytest.raises(UserError, match="a shard i/n"):
            ask.shard(wrong)


def test_the_command_line_tells_and_leaves_with_its_code(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(files)

    def run(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main([*words])
        return int(str(left.value.code or 0)), capsys.readouterr().out

    code, out = run("sweep", "sweep.yaml", "--model", "bolt.py", "-q", "--limit", "2")
    assert (code, "4 left" in out, "yieldopt resume sweeps/sweep" in out) == (0, True, True), out
    code, out = run("resume", "sweeps/sweep", "-q", "--json")
    assert (code, json.loads(out)["left"], len(json.loads(out)["rows"])) == (0, 0, 6)
    code, out = run("resume", "sweeps/sweep", "--dry-run")
    assert (code, "6 done" in out) == (0, True)
    code, out = run("runs", "export", "--sweep", "sweeps/sweep")
    assert (code, out) == (0, (files / "sweeps" / "sweep" / "results.csv").read_text())
    assert run("resume", "nowhere")[0] == 2
    assert run("resume", "sweeps/sweep", "--shard", "3/2")[0] == 2


def test_a_sample_has_its_values_in_the_table(files: Path) -> None:
    span = "{from: 10.1 mm, to: 10.2 mm}"
    text = f"schema: 1\nstudy: study.yaml\naxes: {{design.hole: {span}}}\nsample: {{latin: 3}}\n"
    (files / "sweep.yaml").write_text(text)
    for row in swept(files).rows:
        exact = norm.cdf((1e3 * float(row["design.hole"].split()[0]) - 10100.0) / 30.0)
        assert abs(row["yield"] - exact) < 4.0 * row["stderr"]


def test_what_was_killed_while_it_was_made_is_made_anew(files: Path) -> None:
    folder, read = ask.place(files / "sweep.yaml", files / "bolt.py", files / "out")
    folder.begin(read)
    (folder.path / "plan.json").unlink()
    assert swept(files).tally.left == 0


def test_a_folder_made_anew_is_read_anew(files: Path) -> None:
    before = swept(files).rows
    shutil.rmtree(files / "out")
    (files / "bolt.py").write_text((files / "bolt.py").read_text().replace("low=100.0", "low=120.0"))
    after = swept(files).rows
    assert all(new["yield"] < old["yield"] for old, new in zip(before, after, strict=True))
    assert {row["task"] for row in before}.isdisjoint(row["task"] for row in after)


def test_spreads_that_come_to_the_same_sigma_are_not_the_same_study(files: Path) -> None:
    texts = (
        "variation: {bolt.diameter: {piece: 30 um}}\n",
        "variation: {bolt.diameter: {piece: {plus_minus: 90 um, at: 3 sigma}}}\n",
    )
    bases: list[str] = []
    for text in texts:
        (files / "study.yaml").write_text("schema: 1\nmodel: bolt\nestimate: {method: monte_carlo}\n" + text)
        (files / "sweep.yaml").write_text("schema: 1\nstudy: study.yaml\naxes: {design.hole: [10150 um]}\n")
        bases.append(ask.place(files / "sweep.yaml", files / "bolt.py", files / "out")[1].plan.base)
    assert bases[0] != bases[1]


def test_a_duplicate_key_of_the_base_study_is_told(files: Path) -> None:
    (files / "study.yaml").write_text((files / "study.yaml").read_text() + "seed: 1\nseed: 2\n")
    assert "study.yaml:5:1: seed: Expected each key once" in refusal(files)
