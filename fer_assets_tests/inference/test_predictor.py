"""Predictions equal what the line itself makes of the same pictures."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_assets.faces.alignment import align
from fer_assets.inference.files import Given, decode_limits, roomy_decoder, wanted_times
from fer_assets.inference.measures import Columns, Measure
from fer_assets.inference.predictor import Predictor
from fer_assets.inference.results import FrameSource
from fer_assets.inference.smoothing import Smoothing
from fer_assets.inference.table import prediction_table
from fer_assets.media.errors import MediaError
from fer_assets.media.frames import Frame, sample_frames
from fer_assets.media.guarded import DecodeLimits, GuardedDecoder
from fer_assets.media.probe import VideoProbe
from fer_assets.media.writer import write_video


def of_the_line(image, detector, classifier):
    """Faces and probabilities as the stages give them, one picture at a time."""
    found = detector.detect([image])[0]
    return found, classifier.predict(align(image, found.landmarks))


@pytest.fixture(scope="module")
def clip(scene, tmp_path_factory):
    """2.4 s at 10 Hz: two faces side by side, the left one moves; the right one leaves."""
    frames = [
        scene(240, 480, (0, 20 + 4 * at, 40, 160), *([(1, 300, 40, 160)] if at < 12 else []))
        for at in range(24)
    ]
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_video(path, frames, frame_rate_hz=10, audio=None, crf=12)
    return path


def test_a_picture_gives_what_the_line_gives(predictor, detector, classifier, scene):
    image = scene(300, 640, (0, 20, 40, 220), (1, 330, 50, 200))
    found, probs = of_the_line(image, detector, classifier)
    faces = predictor.picture(image)
    assert len(faces) == len(found) == 2
    for face, box, score, row in zip(faces, found.boxes, found.scores, probs, strict=True):
        assert face.box.tolist() == box.tolist()
        assert face.detection_score == pytest.approx(score)
        np.testing.assert_allclose(face.values, row, atol=1e-6)
        assert face.expression == classifier.classes[row.argmax()]
        assert face.prob == pytest.approx(row.max())
    assert predictor.columns == classifier.classes


def test_a_picture_without_a_face(predictor):
    assert predictor.picture(np.full((64, 96, 3), 120, np.uint8)) == []
    assert predictor.picture(np.zeros((1, 1, 3), np.uint8)) == []


def test_a_face_that_fills_the_picture_is_found(predictor, detector, tiles):
    tile = np.ascontiguousarray(tiles[0])
    [around] = predictor.picture(tile)
    x0, y0, x1, y1 = around.box.round().astype(int).clip(0)
    for side in (48, 300):
        filled = tile[y0:y1, x0:x1][: x1 - x0]
        filled = cv2.resize(filled, (side, side), interpolation=cv2.INTER_AREA)
        faces = predictor.picture(filled)
        assert len(faces) == 1
        middle = (faces[0].box[:2] + faces[0].box[2:]) / 2 / side
        np.testing.assert_allclose(middle, 0.5, atol=0.15)


def test_a_lying_picture_is_turned_and_its_box_lies(predictor, scene):
    image = scene(300, 300, (0, 40, 20, 220))
    [upright] = predictor.picture(image)
    [lying] = predictor.picture(np.ascontiguousarray(np.rot90(image, -1)))
    assert lying.rotation_deg == 90
    x0, y0, x1, y1 = upright.box
    np.testing.assert_allclose(lying.box, [300 - y1, x0, 300 - y0, x1], atol=6)


def test_a_video_is_its_frames(predictor, detector, classifier, clip):
    frames = list(predictor.video(clip, rate=5.0))
    times = [frame.time_s for frame in frames]
    np.testing.assert_allclose(times, np.arange(12) / 5, atol=1e-6)
    assert [frame.frame for frame in frames] == list(range(12))
    for frame, shown in zip(frames, sample_frames(clip, times), strict=True):
        found, probs = of_the_line(shown.image, detector, classifier)
        assert np.array_equal([face.box for face in frame.faces], found.boxes)
        np.testing.assert_allclose([face.values for face in frame.faces], probs, atol=1e-6)
    left = [face for frame in frames for face in frame.faces if face.box[0] < 250]
    right = [face for frame in frames for face in frame.faces if face.box[0] >= 250]
    assert (len(left), len(right)) == (12, 6)
    assert len({face.track for face in left}) == len({face.track for face in right}) == 1
    assert left[0].track != right[0].track


def test_every_frame_and_smoothing_per_face(predictor, clip):
    plain = list(predictor.video(clip, rate="all"))
    assert len(plain) == 24
    smoothed = list(predictor.video(clip, rate="all", smoothing=Smoothing("mean", 0.2)))
    for track in (0, 1):
        before, after = (
            np.array([f.values for frame in frames for f in frame.faces if f.track == track])
            for frames in (plain, smoothed)
        )
        padded = np.pad(before, ((1, 1), (0, 0)), constant_values=np.nan)
        expected = np.nanmean([padded[:-2], padded[1:-1], padded[2:]], axis=0)
        np.testing.assert_allclose(after, expected, atol=1e-6)
    first = smoothed[0].faces[0]
    assert first.prob == pytest.approx(first.values.max())


def test_workers_and_company_change_nothing(classifier, detector, predictor, scene):
    images = [scene(200, 300, (at % 2, 10 * at, 20, 160)) for at in range(10)]
    alone = Predictor(classifier, detector, workers=1)
    sources = [FrameSource(str(at), [Frame(0, 0.0, im, False)], 1) for at, im in enumerate(images)]
    together = list(predictor.files(sources, None, 20))
    assert [one.name for one in together] == [str(at) for at in range(10)]
    for image, one in zip(images, together, strict=True):
        expected, given = alone.picture(image), one.frames[0].faces
        assert [face.box.tolist() for face in given] == [face.box.tolist() for face in expected]
        for a, b in zip(given, expected, strict=True):
            np.testing.assert_allclose(a.values, b.values, atol=1e-6)


def test_further_measures_get_the_same_crops(detector, classifier, scene):
    def light(crops):
        assert crops.shape[1:] == (224, 224, 3) and crops.dtype == np.uint8
        return crops.reshape(len(crops), -1, 3).mean(axis=1)[:, :2].astype(np.float32)

    image = scene(240, 240, (0, 20, 20, 200))
    crop = align(image, detector.detect([image])[0].landmarks)
    extra = Measure("light", (Columns("light", ("red", "green"), "value"),), light, batch_size=4)
    both = Predictor(classifier, detector, measures=(extra,), workers=1)
    assert both.columns == (*classifier.classes, "red", "green")
    [face] = both.picture(image)
    np.testing.assert_allclose(face.values[-2:], light(crop)[0], rtol=1e-6)
    np.testing.assert_allclose(face.values[:-2], classifier.predict(crop)[0], atol=1e-6)
    [only] = Predictor(None, detector, measures=(extra,), workers=1).picture(image)
    assert (only.expression, only.prob, len(only.values)) == ("", 0.0, 2)


def test_a_missed_face_is_filled_in_and_smoothed_over(detector, scene):
    """Seven frames, the face covered in the third and fourth; what is measured is how bright."""
    calls = []

    def light(crops):
        calls.append(len(crops))
        mean = crops.reshape(len(crops), -1).mean(axis=1) / 255
        return np.column_stack([mean, 1 - mean, mean]).astype(np.float32)

    groups = (
        Columns("expression", ("bright", "dark"), "classes"),
        Columns("action-units", ("AU01",), "presence", (0.3,)),
    )
    measure = Measure("light", groups, light, batch_size=1, threads=2)
    frames = [
        Frame(
            at, at / 10, scene(240, 240, *[(0, 20 + 5 * at, 20, 200)] * (at not in (2, 3))), False
        )
        for at in range(7)
    ]
    predictors = [
        Predictor(None, detector, measures=(measure,), workers=2, fills_gaps=fills)
        for fills in (False, True)
    ]
    plain, filled = (
        next(one.files([FrameSource("film", frames, 7)], None, 8)) for one in predictors
    )
    assert [len(frame.faces) for frame in plain.frames] == [1, 1, 0, 0, 1, 1, 1]
    faces = [frame.faces[0] for frame in filled.frames]
    assert [face.is_filled for face in faces] == [at in (2, 3) for at in range(7)]
    assert plain.n_faces == filled.n_faces == 5
    assert {face.track for face in faces} == {0} and set(calls) == {1}
    for part in ("box", "landmarks", "values"):
        known = [getattr(faces[at], part) for at in (1, 2, 3, 4)]
        np.testing.assert_allclose(known[1], (2 * known[0] + known[3]) / 3, rtol=1e-4)
        np.testing.assert_allclose(known[2], (known[0] + 2 * known[3]) / 3, rtol=1e-4)
    assert (faces[2].detection_score, faces[2].rotation_deg) == (0, 0)
    assert faces[2].expression == predictors[1].classes[int(faces[2].values[:2].argmax())]
    smooth = predictors[1].files([FrameSource("film", frames, 7)], Smoothing("mean", 0.2), 8)
    values = np.array([face.values for face in faces])
    [third] = next(smooth).frames[2].faces
    np.testing.assert_allclose(third.values, values[1:4].mean(axis=0), atol=1e-6)
    table = prediction_table(filled, predictors[1].layout, is_picture=False)
    assert table["status"].to_list() == ["face"] * 2 + ["interpolated"] * 2 + ["face"] * 3
    assert table["detection_score"].is_null().to_list() == [at in (2, 3) for at in range(7)]
    probs = table["prob_AU01"].to_numpy()
    assert table["AU01"].to_list() == (probs >= np.float32(0.3)).tolist()
    assert table["prob_bright"].to_list() == table["prob_AU01"].to_list()


def test_a_file_that_breaks_is_a_result_and_the_next_one_goes_on(predictor, scene, tmp_path):
    def breaks():
        yield Frame(0, 0.0, scene(200, 200, (0, 20, 20, 160)), False)
        raise MediaError("x", "decoder crashed")

    good = [Frame(0, 0.0, scene(200, 200, (0, 20, 20, 160)), False)]
    sources = [FrameSource("bad", breaks(), 2), FrameSource("good", good, 1)]
    bad, fine = predictor.files(sources, None, 5)
    assert (bad.error.reason, bad.frames) == ("decoder crashed", ())
    assert fine.error is None and fine.n_faces == 1
    (tmp_path / "no.mp4").write_bytes(b"nothing" * 100)
    with pytest.raises(MediaError, match="not a media file"):
        list(predictor.video(tmp_path / "no.mp4"))


def test_times_of_a_video(clip):
    with GuardedDecoder() as decoder:
        facts = decoder.probe(clip)
        every = wanted_times(clip, facts, "all", decoder)
        np.testing.assert_allclose(every, np.arange(24) / 10, atol=1e-6)
        assert len(wanted_times(clip, facts, 5.0, decoder)) == 12
        # No more often than there are frames.
        assert len(wanted_times(clip, facts, 1000.0, decoder)) == 24


def test_long_and_large_videos_get_room():
    """Two minutes of 4K are more than one request may usually return."""
    facts = VideoProbe(120.0, 3840, 2160, 0, 30.0, "h264", False, None, None)
    large = Given(Path("large.mp4"), "large.mp4", facts, np.arange(3600) / 30)
    short = Given(Path("short.mp4"), "short.mp4", replace(facts, duration_s=1.0), np.zeros(5))
    limits = decode_limits([large, short])
    assert limits.output_bytes > 3600 * 3840 * 2160 * 3
    assert (limits.request_s, limits.memory_bytes) == (240.0, DecodeLimits().memory_bytes)
    with GuardedDecoder() as usual:
        with roomy_decoder([short, Given(Path("a.jpg"), "a.jpg")], usual) as same:
            assert same is usual
        with roomy_decoder([large], usual) as other:
            assert other is not usual


def test_leaving_early_ends_the_threads(predictor, scene):
    image = scene(200, 200, (0, 20, 20, 160))
    closed = []

    def endless():
        try:
            for at in range(10_000):
                yield FrameSource(str(at), [Frame(0, 0.0, image, False)], 1)
        finally:
            closed.append(True)

    found = predictor.files(endless(), None, 20_000)
    assert next(found).n_faces == 1
    found.close()
    assert closed == [True]
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith(("ahead", "in-order"))]
