"""Submissions read back as annotations, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from fer_assets.public_data.abaw.action_units import read_action_units
from fer_assets.public_data.abaw.expressions import read_expressions
from fer_assets.public_data.abaw.multi_task import read_multi_task
from fer_assets.public_data.abaw.submission import HEADERS, submission_files
from fer_assets.public_data.abaw.valence_arousal import read_valence_arousal

READERS = {"EXPR": read_expressions, "VA": read_valence_arousal, "AU": read_action_units}
RNG = np.random.default_rng(5)
DECIDED = {
    "expression": RNG.integers(0, 8, 30),
    "valence_arousal": RNG.uniform(-1, 1, (30, 2)),
    "action_units": RNG.integers(0, 2, (30, 12)),
}
FRAMES = np.arange(1, 31)


def _check(labels, task):
    if task in ("EXPR", "MTL"):
        np.testing.assert_array_equal(labels.expressions, DECIDED["expression"])
    if task in ("AU", "MTL"):
        np.testing.assert_array_equal(labels.action_units, DECIDED["action_units"])
    if task in ("VA", "MTL"):
        np.testing.assert_allclose(labels.valence_arousal, DECIDED["valence_arousal"], atol=6e-5)


@pytest.mark.parametrize("task", ["EXPR", "VA", "AU"])
def test_a_file_per_video_reads_back(tmp_path, task):
    files = list(submission_files(task, {"b": (FRAMES, DECIDED), "a": (FRAMES, DECIDED)}))
    assert [name for name, _ in files] == ["a.txt", "b.txt"]
    name, text = files[0]
    (tmp_path / name).write_text(text)
    assert text.split("\n")[0] == HEADERS[task]
    _check(READERS[task](tmp_path / name), task)


def test_the_list_of_mtl_reads_back(tmp_path):
    [(name, text)] = submission_files("MTL", {"v": (FRAMES + 3, DECIDED)})
    (tmp_path / name).write_text(text)
    labels = read_multi_task(tmp_path / name)["v"]
    assert labels.frames.tolist() == list(range(4, 34))
    _check(labels, "MTL")


def test_later_competitions_name_each_frame():
    [(name, text)] = submission_files("VA", {"v": ([7], _first(1))}, is_listed=True)
    lines = text.splitlines()
    assert name == "predictions.txt"
    assert lines[0] == "image_location,valence,arousal"
    assert lines[1].startswith("v/00007.jpg,")


def _first(n):
    return {name: values[:n] for name, values in DECIDED.items()}


@pytest.mark.parametrize(
    ("task", "frames", "change", "said"),
    [
        ("EXPR", [1, 3], {}, "every frame from 1 on"),
        ("EXPR", [1, 2], {"expression": [0, 8]}, "within 0 and 7"),
        ("VA", [1, 2], {"valence_arousal": [[0, 0], [0, np.nan]]}, "within -1 and 1"),
        ("AU", [1, 2], {"action_units": [[0] * 12]}, "expected"),
    ],
)
def test_what_is_no_submission_is_refused(task, frames, change, said):
    with pytest.raises(ValueError, match=said):
        list(submission_files(task, {"v": (frames, {**_first(2), **change})}))


def test_mtl_has_no_files_per_video():
    with pytest.raises(ValueError, match="one list"):
        list(submission_files("MTL", {}, is_listed=False))
