from __future__ import annotations

import hashlib
from pathlib import Path

import av
import numpy as np
import polars as pl
import pytest
from scipy.signal import correlate, resample_poly

from fer_assets.challenges.reading import load_challenge
from fer_assets.demo.casting import DemoSettings, scripts
from fer_assets.demo.prompt_sounds import prompt_sound
from fer_assets.demo.render import render_demo, video_path
from fer_assets.demo.script import VideoScript
from fer_assets.demo.truth import Truth, read_truth

TINY = DemoSettings(
    people=("P001",),
    videos_per_person=1,
    prompts_per_video=2,
    width_px=180,
    challenges=("face-challenge",),
    processes=1,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    render_demo(folder, TINY)
    return folder


def _digests(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def _script(defect: str, *, is_silent: bool = False) -> VideoScript:
    return next(s for s in scripts(TINY) if s.defect == defect and (s.sound is None) == is_silent)


def _frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def _sound(path: Path) -> tuple[np.ndarray, int]:
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        sound = np.zeros(rate * 60)
        for frame in container.decode(audio=0):
            start = round(frame.time * rate)
            samples = frame.to_ndarray().mean(axis=0)
            if start >= 0:
                sound[start : start + len(samples)] = samples
    return sound, rate


def test_rendering_twice_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    render_demo(tmp_path, TINY)
    assert _digests(tmp_path) == _digests(root)


def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(root: Path) -> None:
    before = _digests(root)
    whole = video_path(root, _script("none"))
    kept = video_path(root, _script("none", is_silent=True))
    kept_at = kept.stat().st_mtime_ns
    whole.write_bytes(whole.read_bytes()[:1000])
    whole.with_name(f".{whole.name}.part").write_bytes(b"half")
    (root / "truth" / "rendered" / f"{_script('copy').file}.json").write_text("{")
    render_demo(root, TINY)
    assert _digests(root) == before
    assert kept.stat().st_mtime_ns == kept_at


def test_the_challenge_loads(root: Path) -> None:
    challenge = load_challenge(root / "challenges" / "face-challenge")
    assert len(challenge.prompts) == 9
    assert len(challenge.ekman) == 5
    assert len(list(challenge.videos.glob("*.mp4"))) == len(scripts(TINY))


def test_videos_have_the_frames_that_the_truth_counts(root: Path) -> None:
    script, truth = _script("none"), read_truth(root / "truth")
    frames = _frames(video_path(root, script))
    assert len(frames) == script.n_frames
    assert frames[0].shape == (script.height_px, script.width_px, 3)
    rows = truth.faces.filter(pl.col("file") == script.file)
    assert rows.height == script.n_frames
    assert rows["time_s"].to_list() == [i / script.frame_rate_hz for i in range(script.n_frames)]


@pytest.mark.parametrize("defect", ["none", "reupload"])
def test_prompts_are_heard_where_the_truth_says(root: Path, defect: str) -> None:
    script, truth = _script(defect), read_truth(root / "truth")
    sound, rate = _sound(video_path(root, script))
    rows = truth.prompts.filter(pl.col("file") == script.file)
    assert rows.height == len(script.cues)
    for row in rows.iter_rows(named=True):
        template = resample_poly(prompt_sound(script.challenge, row["prompt_id"]), 441, 160)
        score = correlate(sound, template.astype(float), mode="valid", method="fft")
        assert score.argmax() / rate == pytest.approx(row["start_s"], abs=0.002)


def test_the_face_moves_as_the_truth_says(root: Path) -> None:
    """Between two frames of one expression a patch around the face moves with its true box."""
    script, truth = _script("none"), read_truth(root / "truth")
    frames = _frames(video_path(root, script))
    rows = truth.faces.filter(pl.col("file") == script.file)
    boxes = rows.select("x0_px", "y0_px", "x1_px", "y1_px").to_numpy()
    last = script.n_frames - 1
    first = next(i for i in range(last) if rows["expression"][i] == rows["expression"][last])
    cut = [_crop(frames[i], boxes[i]) for i in (first, last)]
    off = _crop(frames[last], boxes[last] + 6)
    assert _likeness(*cut) > 0.95
    assert _likeness(cut[0], cut[1]) > _likeness(cut[0], off) + 0.02


def _crop(frame: np.ndarray, box: np.ndarray) -> np.ndarray:
    middle = (box[:2] + box[2:]) / 2
    x, y = np.round(middle).astype(int)
    return frame[y - 20 : y + 20, x - 20 : x + 20].astype(float)


def _likeness(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_broken_files_are_what_they_claim(root: Path) -> None:
    for defect in ("truncated", "text"):
        with pytest.raises(av.error.FFmpegError):
            _frames(video_path(root, _script(defect)))
    copy = _script("copy")
    path = video_path(root, copy)
    assert path.read_bytes() == path.with_name(str(copy.source)).read_bytes()
    with av.open(str(video_path(root, _script("none", is_silent=True)))) as container:
        assert not container.streams.audio


def test_truth_tables_agree(root: Path) -> None:
    truth = read_truth(root / "truth")
    assert isinstance(truth, Truth)
    status = dict(truth.videos.select("file", "status").iter_rows())
    assert status[_script("text").file] == status[_script("truncated").file] == "quarantined"
    assert status[_script("copy").file] == status[str(_script("copy").source)] == "duplicate"
    assert set(truth.prompts["file"]) <= {f for f, s in status.items() if s != "quarantined"}
    labelled = pl.read_csv(root / "challenges" / "face-challenge" / "face_truth.csv")
    assert labelled.columns == ["file", "time_s", "x0_px", "y0_px", "x1_px", "y1_px"]
    assert labelled.height > 5
    assert (labelled["x1_px"] > labelled["x0_px"]).all()
    people = pl.read_csv(root / "challenges" / "face-challenge" / "identity_truth.csv")
    assert set(people["person"]) == {"P001"}
    uploads = pl.read_csv(root / "challenges" / "face-challenge" / "uploads.csv")
    assert set(uploads["file"]) == set(status)
