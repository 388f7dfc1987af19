"""Annotation files of one video: the fast parsers against an obvious one, and every bad line."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.public_data.abaw.action_units import HEADER as AU
from fer_assets.public_data.abaw.action_units import read_action_units
from fer_assets.public_data.abaw.expressions import HEADER as EXPR
from fer_assets.public_data.abaw.expressions import read_expressions
from fer_assets.public_data.abaw.multi_task import read_multi_task
from fer_assets.public_data.abaw.numbers import parse_numbers
from fer_assets.public_data.abaw.submission import HEADERS
from fer_assets.public_data.abaw.test_lists import read_test_list
from fer_assets.public_data.abaw.valence_arousal import HEADER as VA
from fer_assets.public_data.abaw.valence_arousal import read_valence_arousal
from fer_assets.public_data.pictures import PublicDataError

NONE = [-1] * 12
READERS = {
    "EXPR": read_expressions,
    "VA": read_valence_arousal,
    "AU": read_action_units,
    "MTL": read_multi_task,
    "test": read_test_list,
}


def _write(folder, text, name="v.txt"):
    file = folder / "EXPR_Classification_Challenge" / "Train_Set" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def _obvious(text, n_columns):
    """Rows of numbers, or None where a line is anything else."""
    rows = []
    for line in text.rstrip(" \t\n").split("\n") if text.strip() else []:
        found = line.strip().removesuffix(",").split(",")
        try:
            rows.append([float(field.strip()) for field in found])
        except ValueError:
            return None
        if len(found) != n_columns or "_" in line or not line.isascii():
            return None
    return np.array(rows).reshape(-1, n_columns)


FIELDS = st.one_of(
    st.integers(-6, 9).map(str),
    st.floats(-2, 2).map(lambda value: f"{value:.4g}"),
    st.sampled_from(["nan", "inf", "-inf", " 1", "1 ", "-1.0", "", "x", "1_0", "+1", ".5", "1e-3"]),
    st.text("0123456789.-+eE ,naif", max_size=5),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(FIELDS, min_size=1, max_size=3), max_size=6),
    st.integers(1, 3),
)
def test_numbers_are_those_of_an_obvious_parser(tmp_path_factory, rows, n_columns):
    text = "\n".join(",".join(row) for row in rows)
    body = text.rstrip(" \t\n")
    file = tmp_path_factory.getbasetemp() / "numbers.txt"
    expected = _obvious(text, n_columns)
    data = body.encode() + b"\n" if text.strip() else b""
    if expected is None:
        with pytest.raises(PublicDataError, match=r"line \d+"):
            parse_numbers(file, data, n_columns)
    else:
        np.testing.assert_array_equal(parse_numbers(file, data, n_columns), expected)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["EXPR", "VA", "AU", "MTL", "test"]),
    st.one_of(st.binary(max_size=60), st.text("0123456789,-.\r\n\x00aé/j pg", max_size=60)),
    st.booleans(),
)
def test_nothing_but_a_clear_error_comes_of_dirt(tmp_path_factory, task, dirt, has_header):
    file = tmp_path_factory.getbasetemp() / "dirt.txt"
    header = f"{HEADERS.get(task, 'image')}\n".encode() if has_header else b""
    file.write_bytes(header + (dirt if isinstance(dirt, bytes) else dirt.encode()))
    try:
        READERS[task](file)
    except PublicDataError as error:
        assert "dirt.txt, line" in str(error)


def test_expressions(tmp_path):
    labels = read_expressions(_write(tmp_path, f"{EXPR}\n4\n-1\nnan\n7\ninf\n0\n\n"))
    assert labels.frames.tolist() == [1, 2, 3, 4, 5, 6]
    assert labels.expressions.tolist() == [4, -1, -1, 7, -1, 0]
    assert labels.is_not_finite.tolist() == [False, False, True, False, True, False]
    assert labels.is_annotated.tolist() == [True, False, False, True, False, True]
    assert np.isnan(labels.valence_arousal).all()
    assert (labels.action_units == -1).all()


def test_classes_are_those_that_the_first_line_names(tmp_path):
    file = _write(tmp_path, "Happiness, Neutral ,Other\n0\n1\n2\n")
    assert read_expressions(file).expressions.tolist() == [4, 0, 7]


def test_valence_and_arousal(tmp_path):
    text = f"{VA}\n0.25,-1\n-5,0.5\n0.5,-5\n-5,-5\nnan,0.1\n1,1\n"
    labels = read_valence_arousal(_write(tmp_path, text))
    nothing = [math.nan, math.nan]
    expected = [[0.25, -1], nothing, nothing, nothing, nothing, [1, 1]]
    np.testing.assert_array_equal(labels.valence_arousal, np.array(expected, np.float32))
    assert labels.is_not_finite.tolist() == [False] * 4 + [True, False]
    turned = read_valence_arousal(_write(tmp_path, "arousal,valence\n-1,0.25\n"))
    assert turned.valence_arousal.tolist() == [[0.25, -1]]


def test_action_units_are_left_out_one_by_one(tmp_path):
    rows = [[1, 0] * 6, NONE, [-1, *([1] * 11)]]
    text = "\n".join([AU, *(",".join(map(str, row)) for row in rows)])
    labels = read_action_units(_write(tmp_path, text))
    assert labels.action_units.tolist() == rows
    assert labels.is_annotated.tolist() == [True, False, True]
    names = AU.split(",")
    text = "\n".join([",".join(reversed(names)), ",".join(map(str, reversed(rows[2])))])
    assert read_action_units(_write(tmp_path, text)).action_units.tolist() == [rows[2]]


@pytest.mark.parametrize("written", ["{}\r\n4\r\n5\r\n", "\ufeff{}\n4\n5", "{},\n4,\n 5 ,\n"])
def test_line_ends_marks_and_last_commas(tmp_path, written):
    file = _write(tmp_path, written.format(EXPR))
    assert read_expressions(file).expressions.tolist() == [4, 5]


def test_a_file_without_rows_is_empty(tmp_path):
    assert len(read_expressions(_write(tmp_path, EXPR))) == 0
    assert len(read_action_units(_write(tmp_path, f"{AU}\n\n"))) == 0


WRONG = [
    (read_expressions, "valence,arousal\n0,0\n", r"line 1; expected class names"),
    (read_expressions, "3\n4\n", r"line 1; expected class names"),
    (read_expressions, "", r"line 1; expected class names"),
    (read_expressions, f"{EXPR}\n0\n9\n", r"line 3; expected -1 or a number below 8; found 9"),
    (read_expressions, f"{EXPR}\n0\n-2\n", r"line 3; expected -1 or a number below 8; found -2"),
    (read_expressions, f"{EXPR}\n0.5\n", r"line 2; .* found 0\.5"),
    (read_expressions, f"{EXPR}\n0\nhappy\n1\n", r"line 3; expected a number; found 'happy'"),
    (read_expressions, f"{EXPR}\n0\n\n1\n", r"line 3; expected a number; found an empty line"),
    (read_expressions, f"{EXPR}\n0,1\n", r"line 2; expected a number; found '0,1'"),
    (read_expressions, EXPR.encode() + b"\n0\n\xff\xfe\n", r"line 3; expected UTF-8"),
    (read_expressions, b"\xff\xfe\x00\n0\n", r"line 1; expected UTF-8"),
    (read_valence_arousal, f"{EXPR}\n0\n", r"line 1; expected valence,arousal"),
    (read_valence_arousal, f"{VA}\n0,3.2\n", r"line 2; expected .*\[-1, 1\], or -5; found 0,3\.2"),
    (read_valence_arousal, f"{VA}\n0,0\n-4,0\n", r"line 3; .* found -4,0"),
    (read_valence_arousal, f"{VA}\n0,0\n0.5\n", r"line 3; expected 2 numbers; found '0\.5'"),
    (read_action_units, f"{AU}\n{','.join(['2'] * 12)}\n", r"line 2; expected 0, 1 or -1"),
    (read_action_units, f"{AU}\n{','.join(['1'] * 11)}\n", r"line 2; expected 12 numbers"),
    (read_action_units, "AU1,AU2,AU4\n1,0,1\n", r"line 1; expected the twelve action units"),
]


@pytest.mark.parametrize(("read", "text", "said"), WRONG)
def test_errors_name_file_and_line(tmp_path, read, text, said):
    with pytest.raises(PublicDataError, match=f"Train_Set/v.txt, {said}"):
        read(_write(tmp_path, text))


def test_digest_follows_what_is_said(tmp_path):
    one = read_expressions(_write(tmp_path, f"{EXPR}\n0\n1\n"))
    same = read_expressions(_write(tmp_path, f"{EXPR}\r\n0,\n 1\n"))
    other = read_expressions(_write(tmp_path, f"{EXPR}\n0\n2\n"))
    assert one.sha256 == same.sha256 != other.sha256
