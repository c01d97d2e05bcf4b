"""Every mistake in a study is reported in one pass, each with its file, line and column, and what to do about it."""

from pathlib import Path

import pytest

from yieldopt import catalogue
from yieldopt.card import Card, Choice, Inputs, Response
from yieldopt.errors import Mistake, UserError, nearest
from yieldopt.knob import Knob, Spread
from yieldopt.study import config, text

CARD = Card(
    name="posts.post",
    text="A post of two layers",
    knobs={
        "height": Knob("height", 45.0, 20.0, 60.0, "um", "recipe", "plated height"),
        "cap": Knob("cap", 18.0, 8.0, 25.0, "um", "recipe", "cap height"),
        "opening": Knob("opening", 90.0, 80.0, 110.0, "um", "mask", "mask opening"),
        "peak": Knob("peak", 518.15, 480.0, 540.0, "degC", "recipe", "peak temperature"),
        "share": Knob("share", 0.5, 0.0, 1.0, "", "recipe", "a fraction"),
    },
    spreads={
        "height_wafer": Spread("height_wafer", 1.0, "um", "chip.height", "wafer", "wafer"),
        "height_bump": Spread("height_bump", 0.6, "um", "chip.height", "bump", "bump"),
        "cap_bump": Spread("cap_bump", 0.05, "%", "chip.cap", "bump", "CV"),
    },
    responses={"standoff": Response("joint", "um", "height"), "overlap": Response("joint", "", "shared area")},
    options={"join": Choice(("mass_reflow", "thermocompression"), "mass_reflow", "how")},
    materials={"pillar": Choice(("Cu", "Ni"), "Cu", "pillar metal")},
    defects=("joint",),
)


def card_of(name: str) -> Card:
    if name != "posts.post":
        raise UserError.of("an installed model", f'"{name}"', nearest(name, ["posts.post"]), "model")
    return CARD


def domain(name: str, claims: object, inputs: Inputs) -> list[Mistake]:
    """A domain that asks for height + cap below 80 um: something no engine can know."""
    del name, claims
    high = inputs.design["height"] + inputs.design["cap"]
    found = Mistake("height + cap below 80 um", f"{high:g} um", "Plate less.", path="design.height")
    return [found] if high > 80.0 else []


HEAD = "schema: 1\nmodel: posts.post\nbump_map: {grid: {rows: 3, columns: 3, pitch: 160 um}}\n"


def mistakes(tmp_path: Path, study: str, overrides: tuple[str, ...] = ()) -> list[Mistake]:
    path = tmp_path / "study.yaml"
    path.write_text(study)
    with pytest.raises(UserError) as caught:
        config.read(path, overrides, card_of, domain)
    return list(caught.value.mistakes)


# Each row: a fourth line (after HEAD), the column of the mistake, and words that its message must hold.
ROWS = {
    "misspelled key": ("desing: {height: 45 um}", 1, ["desing", 'Did you mean "design"?']),
    "misspelled key within": ("design: {height: {valeu: 45 um}}", 19, ['Did you mean "value"?']),
    "misspelled knob": ("design: {heigth: 45 um}", 10, ['"heigth"', 'Did you mean "height"?']),
    "wrong unit": ("design: {height: 45 s}", 18, ["a length", '"s" is a time']),
    "unit nobody knows": ("design: {height: 45 furlogs}", 18, ['"furlogs"', "um"]),
    "bare number": ("design: {height: 45}", 18, ["bare number 45", '"45 um"']),
    "unit on a plain number": ("design: {share: 5 um}", 17, ["a plain number", "a length"]),
    "coulombs for degrees": ("design: {peak: 245 C}", 16, ['"degC"']),
    "range the wrong way round": ("design: {height: {range: [60 um, 20 um]}}", 26, ["[20 um, 60 um]"]),
    "range of one": ("design: {height: {range: [60 um]}}", 26, ["[low, high]"]),
    "value outside its range": ("design: {height: {value: 70 um, range: [20 um, 60 um]}}", 26, ["outside", "70 um"]),
    "value outside the model's": ("design: {height: 70 um}", 18, ["model's range", "60 um"]),
    "knob without a value": ("design:\n  height:", 3, ["a mapping", "range: [20 um, 60 um]"]),
    "limit without its side": ("limits: {standoff: 20 um}", 20, ["{low: 20 um}"]),
    "number for a text": ("name: 3", 7, ["text", "quotes"]),
    "key that is a list": ("? [a, b]\n: 3", 3, ["no text"]),
    "not a mapping": ("design: [1, 2]", 9, ["a mapping", "a list"]),
    "unknown quantity": ("variation: {chip.hieght: {wafer: 1 um}}", 13, ['"chip.height"']),
    "unknown level": ("variation: {chip.height: {wafr: 1 um}}", 27, ['"wafer"']),
    "negative spread": ("variation: {chip.height: {wafer: -1 um}}", 34, ["positive spread", "-1 um"]),
    "zero spread": ("variation: {chip.height: {wafer: 0 um}}", 34, ["positive spread"]),
    "bare spread": ("variation: {chip.height: {wafer: 1}}", 34, ['"1 um"']),
    "absolute spread for a relative one": ("variation: {chip.cap: {bump: 1 um}}", 30, ["a fraction", "a length"]),
    "spread given two ways": (
        "variation: {chip.height: {wafer: {sigma: 1 um, plus_minus: 3 um, at: 3 sigma}}}",
        34,
        ["one way", "`sigma` and `plus_minus`"],
    ),
    "spread given no way": ("variation: {chip.height: {wafer: {points: 3}}}", 34, ["one way", "none"]),
    "tolerance without its sigmas": ("variation: {chip.height: {wafer: {plus_minus: 3 um}}}", 34, ["at: 3 sigma"]),
    "sigmas without the word": (
        "variation: {chip.height: {wafer: {plus_minus: 3 um, at: 3}}}",
        47,
        ["number of sigmas", "at: 3 sigma"],
    ),
    "range without its points": ("variation: {chip.height: {wafer: {range: 3 um}}}", 34, ["points: 9"]),
    "range over one point": ("variation: {chip.height: {wafer: {range: 3 um, points: 1}}}", 56, ["equal to 2"]),
    "unknown response": ("limits: {standof: {low: 20 um}}", 10, ['"standoff"']),
    "limits the wrong way round": ("limits: {standoff: {low: 30 um, high: 20 um}}", 20, ["low", "high", "Exchange"]),
    "limit without sides": ("limits: {standoff: {}}", 20, ["`low`, `high`"]),
    "unknown option": ("options: {jion: mass_reflow}", 11, ['"join"']),
    "unknown choice": ("options: {join: mass_reflw}", 17, ['"mass_reflow"']),
    "unknown role": ("materials: {piller: Cu}", 13, ['"pillar"']),
    "unknown material": ("materials: {pillar: Sn}", 21, ["Cu, Ni"]),
    "unknown population": ("defects: {joints: {rate: 20 ppb}}", 11, ['"joint"']),
    "bare rate": ("defects: {joint: {rate: 0.5}}", 25, ["bare number", "ppb"]),
    "rate of one": ("defects: {joint: {rate: 100 %}}", 25, ["below 1"]),
    "negative clustering": ("defects: {joint: {rate: 1 ppb, cluster: -1}}", 41, ["positive"]),
    "unknown method": ("estimate: {method: sobl}", 20, ['"sobol"']),
    "bare accuracy of the loss": ("estimate: {accuracy: {of_loss: 0.1}}", 32, ["bare number"]),
    "target of 100 %": ("optimize: {target: 100 %}", 20, ["less than 100 %", "99.99 %"]),
    "target without its sign": ("optimize: {target: 99.9}", 20, ["bare number 99.9", '"99.9 %"']),
    "window over a mask knob": (
        "optimize: {goal: window, window: [height, opening]}",
        43,
        ["recipe knobs", '"opening", a mask knob', "optimize.knobs"],
    ),
    "unknown knob to move": ("optimize: {knobs: [hight]}", 20, ['"height"']),
    "knob named twice": ("optimize: {knobs: [cap, cap]}", 25, ["once"]),
    "unknown level covered": ("optimize: {covers: [waffer]}", 21, ['"wafer"']),
    "drift of no knob": ("optimize: {drift: {hight: 1 um}}", 20, ['"height"']),
    "negative drift": ("optimize: {drift: {height: -1 um}}", 28, ["positive drift"]),
    "negative seed": ("seed: -1", 7, ["greater than or equal to 0"]),
    "duplicate key": ("seed: 1\nseed: 2", 1, ["second time", "line 4"]),
    "anchor": ("name: &x post", 7, ["anchor"]),
    "negative range": ("limits: {standoff: {range: -1 um}}", 28, ["positive range"]),
    "range without unit": ("limits: {standoff: {range: 5}}", 28, ['"5 um"']),
    "domain's own": (
        "design: {height: 55 um, cap: {value: 28 um, range: [8 um, 30 um]}}",
        18,
        ["below 80 um", "83 um"],
    ),
}


@pytest.mark.parametrize(("line", "column", "words"), ROWS.values(), ids=ROWS.keys())
def test_one_mistake_is_named_at_its_place(tmp_path: Path, line: str, column: int, words: list[str]):
    found = mistakes(tmp_path, HEAD + line + "\n")
    assert len(found) == 1, found
    where = 4 + line.count("\n") - line.startswith("?")
    assert (found[0].file, found[0].line, found[0].column) == (str(tmp_path / "study.yaml"), where, column)
    for word in words:
        assert word in str(found[0])


BUMPS = {
    "neither": ("{}", ["`grid` or `file`", "neither"]),
    "both": ("{grid: {rows: 1, columns: 1, pitch: 9 um}, file: x.csv}", ["both"]),
    "no rows": ("{grid: {rows: 0, columns: 2, pitch: 9 um}}", ["greater than 0"]),
    "half a column": ("{grid: {rows: 1, columns: 2.5, pitch: 9 um}}", ["whole number"]),
    "bare pitch": ("{grid: {rows: 2, columns: 2, pitch: 160}}", ['"160 um"']),
    "pitch of zero": ("{grid: {rows: 2, columns: 2, pitch: 0 um}}", ["positive pitch"]),
    "too many": ("{grid: {rows: 9999, columns: 9999, pitch: 1 um}}", ["20,000,000"]),
    "missing off the grid": (
        "{grid: {rows: 2, columns: 2, pitch: 9 um, missing: [{column: 2, rows: [0, 1]}]}}",
        ["0 to 1"],
    ),
    "missing backwards": (
        "{grid: {rows: 9, columns: 9, pitch: 9 um, missing: [{row: 2, columns: [5, 1]}]}}",
        ["[1, 5]"],
    ),
    "missing unclear": ("{grid: {rows: 9, columns: 9, pitch: 9 um, missing: [{row: 2, rows: [0, 1]}]}}", ["column: 8"]),
    "all missing": ("{grid: {rows: 1, columns: 2, pitch: 9 um, missing: [{row: 0, columns: [0, 1]}]}}", ["every site"]),
    "no such file": ("{file: none.csv, unit: um, origin: centre}", ["no such file", "none.csv"]),
    "no unit": ("{file: xy.csv, origin: centre}", ["unit", "x_um"]),
    "no origin": ("{file: xy.csv, unit: um}", ["origin: centre"]),
    "no cell": ("{file: xy.csv, unit: um, origin: cell_corner}", ["cell: ["]),
    "unit of time": ("{file: xy.csv, unit: s, origin: centre}", ["a time"]),
    "changed since": ("{file: xy.csv, unit: um, origin: centre, sha256: abc}", ["digest"]),
}


@pytest.mark.parametrize(("bump_map", "words"), BUMPS.values(), ids=BUMPS.keys())
def test_bump_map_mistakes(tmp_path: Path, bump_map: str, words: list[str]):
    (tmp_path / "xy.csv").write_text("x,y\n0,0\n160,0\n0,160\n")
    found = mistakes(tmp_path, f"schema: 1\nmodel: posts.post\nbump_map: {bump_map}\n")
    assert len(found) == 1, found
    assert found[0].line == 3
    assert found[0].column >= 1
    for word in words:
        assert word in str(found[0])


NETS = {
    "no such column": ("{column: bus, opens: [standoff], tolerate: {VDD: 1}}", ['"bus"', "x, y, net, byte"]),
    "no such group": ("{opens: [standoff], tolerate: {VDD: {spare: 1, group: bite}}}", ['"bite"']),
    "no such net": ("{opens: [standoff], tolerate: {VDE: 1}}", ['"VDE"', '"VDD"']),
    "no such limit": ("{opens: [stand], tolerate: {VDD: 1}}", ['"stand"', '"standoff"']),
    "nothing opens": ("{opens: [], tolerate: {VDD: 1}}", ["none", "opens"]),
    "not a number": ("{opens: [standoff], tolerate: {VDD: some}}", ["some", "`3 opens`"]),
    "too many": ("{opens: [standoff], tolerate: {VDD: 99 opens}}", ["99", "32"]),
    "a response's name": ("{opens: [standoff], tolerate: {overlap: 1}}", ["overlap"]),
}


@pytest.mark.parametrize(("nets", "words"), NETS.values(), ids=NETS.keys())
def test_net_mistakes(tmp_path: Path, nets: str, words: list[str]):
    (tmp_path / "xy.csv").write_text("x,y,net,byte\n0,0,VDD,\n160,0,VDD,\n0,160,overlap,b\n")
    where = "bump_map: {file: xy.csv, unit: um, origin: centre}"
    found = mistakes(tmp_path, f"schema: 1\nmodel: posts.post\n{where}\nnets: {nets}\n")
    assert len(found) == 1, found
    assert (found[0].file, found[0].line) == (str(tmp_path / "study.yaml"), 4)
    for word in words:
        assert word in str(found[0])


def test_nets_want_a_bump_map(tmp_path: Path):
    found = mistakes(tmp_path, "schema: 1\nmodel: posts.post\nnets: {opens: [standoff], tolerate: {VDD: 1}}\n")
    assert any("bump map that names nets" in str(mistake) for mistake in found)


def test_a_grid_has_no_nets(tmp_path: Path):
    found = mistakes(tmp_path, HEAD + "nets: {opens: [standoff], tolerate: {VDD: 1, VSS: 2}}\n")
    assert len(found) == 1, found
    assert "a grid has no columns" in str(found[0])


def test_bad_rows_of_a_bump_file_are_named_by_file_and_line(tmp_path: Path):
    rows = [
        "bump,x,y",
        "a,0,0",
        "b,160,0",
        "c,320,zero",
        "d,0,0",
        "e,480",
        "f,0,160",
        "g,160,160",
        "h,9e5,0",
        "i,nan,0",
    ]
    (tmp_path / "bumps.csv").write_text("\n".join(rows) + "\n")
    found = mistakes(tmp_path, "schema: 1\nmodel: posts.post\nbump_map: {file: bumps.csv, unit: um, origin: centre}\n")
    assert {m.file for m in found} == {str(tmp_path / "bumps.csv")}
    assert [(m.line, m.column) for m in found] == [(4, 7), (5, 1), (6, 1), (9, 1), (10, 3)]
    assert '"zero"' in str(found[0])
    assert "line 2" in str(found[1])
    assert "20 pitches" in str(found[3])


def test_a_missing_bump_map_is_asked_for(tmp_path: Path):
    (found,) = mistakes(tmp_path, "schema: 1\nmodel: posts.post\n")
    assert "posts.post needs" in str(found)


@pytest.mark.parametrize(
    ("study", "place", "word"),
    [
        ("schema: 1\nmodel: posts.pots\n", (2, 8), '"posts.post"'),
        ("model: posts.post\nbump_map: {grid: {rows: 3, columns: 3, pitch: 9 um}}\n", (1, 1), "schema: 1"),
        ("schema: 2\nmodel: posts.post\nbump_map: {grid: {rows: 3, columns: 3, pitch: 9 um}}\n", (1, 9), "expected"),
        ("schema: 1\n", (1, 1), "model"),
        ("schema: [1\n", (2, 1), "YAML"),
        ("schema: 1\nmodel: a: b\n", (2, 9), "YAML"),
        ("- schema\n", (1, 1), "mapping"),
        ("", (1, 1), "mapping"),
        ("schema: 1\n---\nmodel: a\n", (2, 1), "document"),
        ("[" * 1200, (1, 1), "YAML"),
    ],
)
def test_what_is_hardly_a_study(tmp_path: Path, study: str, place: tuple[int, int], word: str):
    (found,) = mistakes(tmp_path, study)
    assert (found.line, found.column) == place
    assert word.lower() in str(found).lower()


def test_no_file_and_no_text(tmp_path: Path):
    with pytest.raises(UserError, match="no such file"):
        config.read(tmp_path / "none.yaml", (), card_of, domain)
    (tmp_path / "bytes.yaml").write_bytes(b"name: \xff\xfe\n")
    with pytest.raises(UserError, match="UTF-8"):
        config.read(tmp_path / "bytes.yaml", (), card_of, domain)


MANY = """\
schema: 1
model: posts.post
modle: posts.post
options: {join: glue}
bump_map: {file: none.csv, unit: um, origin: centre}
design:
  height: {value: 45 s, range: [60 um, 20 um]}
  cap: {value: 29 um, range: [8 um, 30 um]}
  height: 3 um
  opening: 90
variation:
  chip.height: {wafer: -1 um, bmup: 1 um}
estimate: {confidence: 100 %}
optimize: {goal: window, target: 99.9, window: [opening]}
"""


def test_all_in_one_pass_in_the_order_of_the_text(tmp_path: Path):
    found = mistakes(tmp_path, MANY)
    assert [(m.line, m.column) for m in found] == [
        (3, 1),  # misspelled key
        (4, 17),  # choice
        (5, 18),  # bump file
        (7, 19),  # unit of the value
        (7, 32),  # range
        (9, 3),  # duplicate
        (10, 12),  # bare number
        (12, 24),  # negative spread
        (12, 31),  # unknown level
        (13, 24),  # confidence
        (14, 34),  # target
        (14, 49),  # mask knob
    ]
    assert {m.file for m in found} == {str(tmp_path / "study.yaml")}


def test_the_domain_is_asked_although_other_things_are_wrong(tmp_path: Path):
    study = HEAD + "design:\n  height: 59 um\n  cap: {value: 28 um, range: [8 um, 30 um]}\nseed: none\n"
    found = mistakes(tmp_path, study)
    assert [m.path for m in found] == ["design.height", "seed"]
    assert found[0].line == 5


def test_overrides_are_named_by_their_number(tmp_path: Path):
    study = HEAD + "design:\n  height: {value: 45 um, range: [20 um, 60 um]}\n"
    overrides = ("design.cap=20um", "design.height=45 s", "variation.chip.height.waffer=1 um", "nonsense", "name=[")
    found = mistakes(tmp_path, study, overrides)
    assert sorted((m.file, m.line) for m in found) == [("--set 2", 0), ("--set 3", 0), ("--set 4", 0), ("--set 5", 0)]
    assert "--set 2" in text.render(UserError(*found))


def test_rendered_with_line_and_caret(tmp_path: Path):
    study = tmp_path / "study.yaml"
    found = mistakes(tmp_path, HEAD + "design: {height: 45}\n")
    assert text.render(UserError(*found)).splitlines() == [
        'error: design.height: expected a length with its unit; got the bare number 45. Write its unit, as in "45 um".',
        f"  --> {study}:4:18",
        "   |",
        " 4 | design: {height: 45}",
        "   |                  ^",
    ]


def test_a_fault_of_the_domain_is_not_hidden(tmp_path: Path):
    def faulty(name: str, claims: object, inputs: Inputs) -> list[Mistake]:
        raise ZeroDivisionError

    path = tmp_path / "study.yaml"
    path.write_text(HEAD)
    with pytest.raises(ZeroDivisionError):
        config.read(path, (), card_of, faulty)


def test_unknown_installed_model_suggests_the_nearest(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(catalogue, "models", lambda: {"posts.post": "posts.post"})
    with pytest.raises(UserError, match=r'Did you mean "posts.post"'):
        catalogue.load("posts.pots")


@pytest.mark.parametrize(
    ("source", "word", "line"),
    [
        ("x = 1 +\n", "SyntaxError", 1),
        ("\nimport no_such_module_anywhere\n", "ModuleNotFoundError", 2),
        ("x = 1\n", "one model", 0),
        ("MODEL = 3\n", "Model class", 0),
    ],
)
def test_a_model_file_that_is_none(tmp_path: Path, source: str, word: str, line: int):
    path = tmp_path / "mine.py"
    path.write_text(source)
    with pytest.raises(UserError, match=word) as caught:
        catalogue.from_file(path)
    assert caught.value.mistakes[0].line == line
    with pytest.raises(UserError, match="no such file"):
        catalogue.from_file(tmp_path / "other.py")
