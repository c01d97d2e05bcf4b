"""Bump maps: the grid with missing sites, the CSV file, their centring, their pitch, and their speed."""

import time
from pathlib import Path

import numpy as np
import pytest

from yieldopt.errors import UserError
from yieldopt.study import bump_map


def cross() -> np.ndarray:
    """The sites left out of the 17 x 17 map of 276 bumps: column 8, rows 5-11 and row 8, columns 5-11."""
    left_out = np.zeros((17, 17), bool)
    left_out[5:12, 8] = True
    left_out[8, 5:12] = True
    return left_out


def corners() -> list[tuple[int, int]]:
    """The same map as its source lists it: cell corners from (210, 215) um at 160 um, column by column."""
    gone = {(8, row) for row in range(5, 12)} | {(column, 8) for column in range(5, 12)}
    return [(210 + 160 * i, 215 + 160 * j) for i in range(17) for j in range(17) if (i, j) not in gone]


def test_grid_is_centred_and_counts():
    found = bump_map.grid(17, 17, 160.0, cross())
    assert len(found.x) == len(found.y) == 276
    assert found.pitch == 160.0
    assert (found.x.min(), found.x.max(), found.y.min(), found.y.max()) == (-1280, 1280, -1280, 1280)
    assert not np.any((found.x == 0) & (abs(found.y) <= 480))
    assert "13 left out" in found.text


def test_row_counts_along_y_and_column_along_x():
    left_out = np.zeros((2, 3), bool)
    left_out[1, 0] = True  # the upper left
    found = bump_map.grid(2, 3, 10.0, left_out)
    assert (-10.0, 5.0) not in set(zip(found.x, found.y, strict=True))
    assert (-10.0, -5.0) in set(zip(found.x, found.y, strict=True))


def test_grid_does_not_move_with_what_is_missing():
    left_out = np.zeros((1, 3), bool)
    left_out[0, 2] = True
    assert bump_map.grid(1, 3, 10.0, left_out).x.tolist() == [-10.0, 0.0]


def test_pitch_of_scattered_sites_is_their_smallest_distance():
    left_out = np.ones((4, 4), bool)
    left_out[0, 0] = left_out[1, 1] = left_out[3, 3] = False
    assert bump_map.grid(4, 4, 10.0, left_out).pitch == pytest.approx(10 * np.sqrt(2), rel=1e-14)


@pytest.mark.parametrize(
    ("header", "unit", "scale"), [("bump,x_um,y_um", "", 1.0), ("name,X,Y", "um", 1.0), ("x,y,net", "mm", 1e-3)]
)
def test_file_is_the_grid(tmp_path: Path, header: str, unit: str, scale: float):
    names = header.split(",")
    at = {"x": 0, "y": 1}
    rows = [header, "# a comment", ""]
    for x, y in corners():
        place = {"x": f"{x * scale:.6f}", "y": f"{y * scale:.6f}"}
        rows.append(",".join(place[name[0].lower()] if name[0].lower() in at else "b" for name in names))
    path = tmp_path / "bumps.csv"
    path.write_text("\n".join(rows))
    found, grid = bump_map.from_csv(path, unit, (100.0, 100.0)), bump_map.grid(17, 17, 160.0, cross())
    order, same = np.lexsort((found.y, found.x)), np.lexsort((grid.y, grid.x))
    np.testing.assert_allclose(found.x[order], grid.x[same], atol=1e-9)  # um, from decimal text
    np.testing.assert_allclose(found.y[order], grid.y[same], atol=1e-9)
    assert found.pitch == pytest.approx(160.0, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty file"),
        ("a,b\n1,2\n", "a header"),
        ("x,x,y\n1,2,3\n", "a header"),
        ("x_um,y_um\n", "header alone"),
        ("1,2\n3,4\n", "a header"),
    ],
)
def test_no_header_or_no_sites(tmp_path: Path, text: str, words: str):
    path = tmp_path / "bumps.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=words):
        bump_map.from_csv(path, "")


def test_two_units_are_refused(tmp_path: Path):
    path = tmp_path / "bumps.csv"
    path.write_text("x_um,y_um\n1,2\n")
    with pytest.raises(UserError, match="one unit"):
        bump_map.from_csv(path, "mm")


def test_many_bad_rows_are_counted_and_not_all_shown(tmp_path: Path):
    path = tmp_path / "bumps.csv"
    path.write_text("x_um,y_um\n" + "a,b\n" * 50)
    with pytest.raises(UserError) as caught:
        bump_map.from_csv(path, "")
    assert len(caught.value.mistakes) == 21
    assert "30 more" in str(caught.value)


def test_a_million_sites_take_under_a_second():
    start = time.perf_counter()
    assert len(bump_map.grid(1000, 1000, 80.0).x) == 1_000_000
    assert time.perf_counter() - start < 1.0
