"""The MTL lists: rows of many videos in any order, each task by its own rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.public_data.abaw.multi_task import HEADER, read_multi_task
from fer_assets.public_data.pictures import PublicDataError

UNITS = ",".join(["1", "0", "-1"] * 4)
NONE = ",".join(["-1"] * 12)


def _write(folder, *rows, header=HEADER):
    file = folder / "train_set.txt"
    file.write_text("\n".join([header, *rows]) + "\n")
    return file


def test_rows_by_video_and_frame(tmp_path):
    file = _write(
        tmp_path,
        f"b/00007.jpg,-5,-5,-1,{UNITS}",
        f"a/00003.jpg,0.5,-0.25,4,{NONE}",
        f"cropped_aligned/a/00001.jpg,-5,0.5,7,{NONE}",
        f"b/00002.jpg,nan,0,1,{UNITS}",
    )
    found = read_multi_task(file)
    assert list(found) == ["a", "b"]
    assert found["a"].frames.tolist() == [1, 3]
    assert found["a"].expressions.tolist() == [7, 4]
    assert np.isnan(found["a"].valence_arousal[0]).all()
    assert found["a"].valence_arousal[1].tolist() == [0.5, -0.25]
    assert found["b"].frames.tolist() == [2, 7]
    assert found["b"].is_not_finite.tolist() == [True, False]
    assert found["b"].is_annotated.tolist() == [False, True]
    assert found["b"].action_units[1].tolist() == [1, 0, -1] * 4


def test_the_slow_way_gives_the_same(tmp_path):
    rows = [f"a/{n:05d}.jpg,0.{n},-0.5,{n},{UNITS}" for n in range(1, 8)]
    fast = read_multi_task(_write(tmp_path, *rows))["a"]
    slow = read_multi_task(_write(tmp_path, *(row.replace(",", ", ") + "," for row in rows)))["a"]
    assert fast.sha256 == slow.sha256


def test_units_may_be_named_one_by_one(tmp_path):
    units = [1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26]
    header = "image,valence,arousal,expression," + ",".join(f"AU{n}" for n in reversed(units))
    file = _write(tmp_path, "a/1.jpg,0,0,0,1" + ",0" * 11, header=header)
    assert read_multi_task(file)["a"].action_units.tolist() == [[0] * 11 + [1]]


AFFECT = st.sampled_from(["-5", "0.25", "-1", "1", "nan"])
ROWS = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b_left", "c 1"]), st.integers(1, 40)),
    st.tuples(
        AFFECT, AFFECT, st.integers(-1, 7), st.lists(st.integers(-1, 1), min_size=12, max_size=12)
    ),
    max_size=15,
)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.booleans())
def test_what_is_read_is_what_was_written(tmp_path_factory, rows, is_slow):
    folder = tmp_path_factory.getbasetemp()
    written = [
        f"{video}/{frame:05d}.jpg,{valence},{arousal},{code},{','.join(map(str, units))}"
        for (video, frame), (valence, arousal, code, units) in rows.items()
    ]
    found = read_multi_task(_write(folder, *(f" {row} ," if is_slow else row for row in written)))
    assert {(v, f) for v, of in found.items() for f in of.frames.tolist()} == set(rows)
    for video, labels in found.items():
        assert labels.frames.tolist() == sorted(labels.frames.tolist())
        for at, frame in enumerate(labels.frames.tolist()):
            valence, arousal, code, units = rows[video, frame]
            is_odd = "nan" in (valence, arousal)
            has_affect = not is_odd and "-5" not in (valence, arousal)
            assert labels.is_not_finite[at] == is_odd
            assert labels.expressions[at] == (-1 if is_odd else code)
            assert labels.action_units[at].tolist() == ([-1] * 12 if is_odd else units)
            affect = [float(valence), float(arousal)] if has_affect else [np.nan, np.nan]
            np.testing.assert_array_equal(labels.valence_arousal[at], affect)


WRONG = [
    (["a/00001.jpg,0,0,0"], "line 2; expected VIDEO/00001.jpg and 15 numbers"),
    ([f"a/00001.jpg,0,x,0,{UNITS}"], "line 2; expected VIDEO/00001.jpg and 15 numbers"),
    ([f"a/00001.jpg,0,0,0,{UNITS}", ""], None),
    ([f"a/1.jpg,0,0,0,{UNITS}", "", f"a/2.jpg,0,0,0,{UNITS}"], "line 3; .* an empty line"),
    ([f"00001.jpg,0,0,0,{UNITS}"], "line 2; expected VIDEO/00001.jpg; found '00001.jpg'"),
    ([f"a/one.jpg,0,0,0,{UNITS}"], "line 2; expected VIDEO/00001.jpg"),
    ([f"a/00000.jpg,0,0,0,{UNITS}"], "line 2; expected VIDEO/00001.jpg"),
    ([f"a/1.jpg,0,0,0,{NONE}", f"a/2.jpg,2,0,0,{NONE}"], "line 3; expected valence and arousal"),
    ([f"a/1.jpg,0,0,8,{NONE}"], "line 2; expected expression -1 or a number below 8; found 8"),
    ([f"a/1.jpg,0,0,0,{NONE[:-2]}2"], "line 2; expected 0, 1 or -1"),
    (
        [f"b/1.jpg,0,0,0,{NONE}", f"a/1.jpg,0,0,0,{NONE}", f"b/00001.jpg,0,0,1,{NONE}"],
        "line 4; expected each frame once; found frame 1 of b again",
    ),
]


@pytest.mark.parametrize(("rows", "said"), WRONG)
def test_errors_name_file_and_line(tmp_path, rows, said):
    file = _write(tmp_path, *rows)
    if said is None:
        assert len(read_multi_task(file)) == 1
        return
    with pytest.raises(PublicDataError, match=f"train_set.txt, {said}"):
        read_multi_task(file)


def test_another_header_is_refused(tmp_path):
    with pytest.raises(PublicDataError, match="line 1; expected image,valence"):
        read_multi_task(_write(tmp_path, f"a/1.jpg,0,0,0,{UNITS}", header="image,aus"))
