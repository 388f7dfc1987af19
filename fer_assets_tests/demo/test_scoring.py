from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pytest

from fer_assets.demo.casting import CHALLENGES, DemoSettings, scripts
from fer_assets.demo.crowd import crowd_truth
from fer_assets.demo.matching import faces_truth_for, match_prompts
from fer_assets.demo.people import list_people
from fer_assets.demo.scoring import ChallengeRun, report, score_run
from fer_assets.demo.truth import Truth, sampled_times, truth_of
from fer_assets.labels.questionnaire import load_questionnaire
from fer_assets.labels.simulation import simulate_answers

SETTINGS = DemoSettings(people=("P001", "P005", "P009"))
SCRIPTS = scripts(SETTINGS)
KEYS = SETTINGS.challenges
CLASSES = tuple(dict.fromkeys(p.prompt_id for c in CHALLENGES for p in c.prompts))
EDGES = ("x0_px", "y0_px", "x1_px", "y1_px")


@dataclass(frozen=True)
class Run:
    """A whole run, made from the truth: all right unless something is spoilt."""

    runs: dict[str, ChallengeRun]
    people: pl.DataFrame
    predictions: pl.DataFrame
    truth: Truth

    def failures(self) -> set[str]:
        figures = score_run(self.runs, self.people, self.predictions, self.truth, CLASSES)
        return {name for name, line in report(figures, KEYS).items() if not line["ok"]}

    def spoilt(self, table: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Run:
        runs = {
            key: replace(run, **{table: change(getattr(run, table))})
            for key, run in self.runs.items()
        }
        return replace(self, runs=runs)


def _raw_videos(truth: Truth) -> pl.DataFrame:
    status = {"duplicate": "accepted", "silent": "accepted", "reupload": "duplicate"}
    return truth.videos.select(
        video_id=pl.coalesce(
            pl.when(pl.col("status") == "duplicate").then("source"), "file"
        ).str.replace(".mp4", ""),
        path="file",
        status=pl.when((pl.col("status") == "duplicate") & pl.col("source").is_not_null())
        .then(pl.lit("duplicate"))
        .otherwise(pl.col("status").replace(status)),
        duplicate_of=pl.when(pl.col("status").is_in(["duplicate", "reupload"])).then(
            pl.col("source").str.replace(".mp4", "")
        ),
    )


def _challenge_run(key: str, truth: Truth) -> ChallengeRun:
    raw_videos = _raw_videos(truth)
    copies = set(raw_videos.filter(pl.col("status") == "duplicate")["path"])
    clips = truth.prompts.filter(~pl.col("file").is_in(list(copies))).select(
        clip_id=pl.format("{}/{}/{}", "file", "prompt_id", "start_s"),
        video_id=pl.col("file").str.replace(".mp4", ""),
        prompt_id="prompt_id",
        prompt_start_s=pl.col("start_s") + 0.001,
    )
    frames, faces = [], []
    for script in SCRIPTS:
        if script.challenge != key or script.file in copies:
            continue
        video = script.file.removesuffix(".mp4")
        mine = clips.filter(pl.col("video_id") == video)
        starts = mine.select("prompt_start_s", "clip_id").sort("prompt_start_s").rows()
        true = truth.faces.filter(pl.col("file") == script.file)
        for time in sampled_times(script):
            stamp = round(time * 1000)
            clip = [name for start, name in starts if start < time][-1]
            frames.append({"video_id": video, "clip_id": clip, "timestamp_ms": stamp})
            here = true.filter((pl.col("time_s") - time).abs() < 1e-6)
            for i, row in enumerate(here.iter_rows(named=True)):
                box = {edge: row[edge] + 2.0 for edge in EDGES}
                faces.append(
                    {"face_id": f"{video}/{stamp}/{i}", "video_id": video, "timestamp_ms": stamp,
                     "rotation_deg": script.turn_deg, **box}
                )  # fmt: skip
    crops = pl.DataFrame(faces)
    seen = faces_truth_for(crops, raw_videos, truth)
    clusters = seen.select("face_id", identity_id=pl.col("person") + f"@{key}")
    return ChallengeRun(raw_videos, clips, pl.DataFrame(frames), crops, clusters)


@pytest.fixture(scope="module")
def perfect() -> Run:
    truth = truth_of(SCRIPTS, list_people())
    runs = {key: _challenge_run(key, truth.of(key)) for key in KEYS}
    people = pl.concat(
        run.identity_clusters.select("identity_id").unique().with_columns(
            challenge=pl.lit(key), person_id=pl.col("identity_id").str.slice(0, 4)
        )
        for key, run in runs.items()
    )  # fmt: skip
    seen = pl.concat(
        faces_truth_for(run.face_crops, run.raw_videos, truth.of(key)) for key, run in runs.items()
    )
    folds = {"P001": 0, "P005": 1, "P009": 2}
    predictions = seen.select(
        fold=pl.col("person").replace_strict(folds, return_dtype=pl.Int32),
        face_id="face_id",
        probs=pl.col("expression").map_elements(
            lambda name: [float(name == c) for c in CLASSES], return_dtype=pl.List(pl.Float64)
        ),
    )
    return Run(runs, people, predictions, truth)


def test_a_perfect_run_meets_every_floor(perfect: Run) -> None:
    assert perfect.failures() == set()


def test_nothing_at_all_misses_every_floor() -> None:
    lines = report({}, KEYS)
    assert len(lines) == 13
    assert not any(line["ok"] for line in lines.values())
    assert not report({"faces_found": float("nan")}, KEYS)["faces_found"]["ok"]


def test_late_prompts_are_not_found(perfect: Run) -> None:
    late = perfect.spoilt(
        "prompt_clips", lambda c: c.with_columns(pl.col("prompt_start_s") + 0.021)
    )
    assert {"prompts_found", "prompts_true", "prompts_with_frames"} == late.failures()


def test_one_lost_prompt_in_fifty_is_missed(perfect: Run) -> None:
    lost = perfect.spoilt("prompt_clips", lambda c: c.filter(pl.int_range(pl.len()) % 50 != 0))
    assert "prompts_found" in lost.failures()


def test_one_invented_prompt_is_one_too_many(perfect: Run) -> None:
    def invent(clips: pl.DataFrame) -> pl.DataFrame:
        again = clips.head(1).with_columns(
            clip_id=pl.lit("invented"), prompt_start_s=pl.col("prompt_start_s") + 0.9
        )
        return pl.concat([clips, again])

    assert perfect.spoilt("prompt_clips", invent).failures() == {"prompts_true"}


def test_the_same_prompt_found_twice_counts_once(perfect: Run) -> None:
    run = perfect.runs[KEYS[0]]
    again = run.prompt_clips.with_columns(clip_id=pl.lit("again/") + pl.col("clip_id"))
    twice = pl.concat([run.prompt_clips, again])
    hits = match_prompts(twice, run.raw_videos, perfect.truth.of(KEYS[0]))
    assert hits["start_s"].count() == run.prompt_clips.height


def test_clips_without_frames_show(perfect: Run) -> None:
    no_frames = perfect.spoilt("frames", lambda f: f.filter(pl.col("video_id").is_null()))
    assert {"prompts_with_frames", "faces_found"} <= no_frames.failures()


def test_lost_and_shifted_and_extra_faces(perfect: Run) -> None:
    lost = perfect.spoilt("face_crops", lambda f: f.filter(pl.int_range(pl.len()) % 50 != 0))
    assert "faces_found" in lost.failures()
    shifted = perfect.spoilt(
        "face_crops",
        lambda f: f.with_columns(pl.col("x0_px") + 80, pl.col("x1_px") + 80),
    )
    assert {"faces_found", "faces_true"} <= shifted.failures()

    def ghosts(faces: pl.DataFrame) -> pl.DataFrame:
        more = faces.filter(pl.int_range(pl.len()) % 50 == 0)
        return pl.concat([faces, more.with_columns(face_id=pl.lit("ghost/") + pl.col("face_id"))])

    assert perfect.spoilt("face_crops", ghosts).failures() == {"faces_true"}


@pytest.mark.parametrize("found_turn_deg", [0, 90, 180])
def test_a_turned_video_is_matched_in_any_orientation(perfect: Run, found_turn_deg: int) -> None:
    script = next(s for s in SCRIPTS if s.turn_deg == 270)
    run, truth = perfect.runs[script.challenge], perfect.truth.of(script.challenge)
    upright = run.face_crops.filter(pl.col("video_id") == script.file.removesuffix(".mp4"))[:3]
    quarter_turns = (found_turn_deg - 270) // 90
    boxes = []
    for row in upright.select(EDGES).iter_rows():
        x0, y0, x1, y1 = (round(value) for value in row)
        mask = np.zeros((script.height_px, script.width_px), dtype=bool)
        mask[y0:y1, x0:x1] = True
        rows, columns = np.nonzero(np.rot90(mask, quarter_turns))
        boxes.append((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    turned = upright.with_columns(
        *(
            pl.Series(edge, values, dtype=pl.Float64)
            for edge, values in zip(EDGES, zip(*boxes, strict=True), strict=True)
        ),
        rotation_deg=pl.lit(found_turn_deg, dtype=pl.Int64),
    )
    expected = faces_truth_for(upright, run.raw_videos, truth)
    found = faces_truth_for(turned, run.raw_videos, truth)
    np.testing.assert_allclose(found["iou"], expected["iou"], atol=0.03)
    unmarked = turned.with_columns(rotation_deg=pl.lit(270, dtype=pl.Int64))
    assert not faces_truth_for(unmarked, run.raw_videos, truth)["is_face"].any()


def test_people_mixed_up_or_torn_apart(perfect: Run) -> None:
    merged = perfect.spoilt(
        "identity_clusters",
        lambda c: c.with_columns(pl.col("identity_id").str.replace("P005", "P001")),
    )
    failures = {f"identity_ari/{key}" for key in KEYS} | {"people_ari"}
    assert merged.failures() == failures
    torn = perfect.spoilt("identity_clusters", lambda c: c.with_columns(identity_id="face_id"))
    assert failures <= torn.failures()
    forgotten = perfect.spoilt("identity_clusters", lambda c: c.head(0))
    assert failures <= forgotten.failures()
    apart = replace(perfect, people=perfect.people.with_columns(person_id=pl.col("identity_id")))
    assert apart.failures() == {"people_ari"}


def test_wrong_predictions_and_leaking_folds(perfect: Run) -> None:
    def one_class(name: str) -> pl.Expr:
        return pl.lit([float(name == c) for c in CLASSES]).alias("probs")

    constant = replace(perfect, predictions=perfect.predictions.with_columns(one_class("sad")))
    assert constant.failures() == {"macro_f1_ekman", "macro_f1_all"}
    no_smile = replace(
        perfect,
        predictions=perfect.predictions.filter(
            pl.col("probs").list.get(CLASSES.index("smiling")) < 1
        ),
    )
    assert "macro_f1_ekman" in no_smile.failures()
    none = replace(perfect, predictions=perfect.predictions.head(0))
    assert {"macro_f1_ekman", "macro_f1_all", "people_held_out", "folds_few"} == none.failures()
    leaking = replace(
        perfect,
        predictions=perfect.predictions.with_columns(
            fold=(pl.int_range(pl.len()) % 3).cast(pl.Int32)
        ),
    )
    assert leaking.failures() == {"people_held_out"}
    five = replace(
        perfect,
        predictions=perfect.predictions.with_columns(
            fold=(pl.int_range(pl.len()) % 5).cast(pl.Int32)
        ),
    )
    assert "folds_few" in five.failures()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("accepted", "quarantined"), ("quarantined", "accepted"), ("accepted", "duplicate")],
)
def test_a_file_with_the_wrong_fate(perfect: Run, wrong: str, right: str) -> None:
    def swap(videos: pl.DataFrame) -> pl.DataFrame:
        first = videos.filter(pl.col("status") == right)["path"][0]
        return videos.with_columns(
            status=pl.when(pl.col("path") == first).then(pl.lit(wrong)).otherwise("status")
        )

    assert "videos_sorted" in perfect.spoilt("raw_videos", swap).failures()


def test_a_reupload_has_to_name_its_source(perfect: Run) -> None:
    taken = perfect.spoilt("raw_videos", lambda v: v.with_columns(duplicate_of=pl.lit("other")))
    assert taken.failures() == {"videos_sorted"}


def test_the_truth_is_what_the_simulated_crowd_takes(perfect: Run) -> None:
    key = KEYS[0]
    run = perfect.runs[key]
    seen = faces_truth_for(run.face_crops, run.raw_videos, perfect.truth.of(key))
    told = crowd_truth(seen)
    beyond = [p.prompt_id for p in CHALLENGES[0].prompts if p.group == "beyond"]
    questionnaire = load_questionnaire().with_expressions(beyond=beyond)
    tasks = told.select("face_id", task_id="face_id", answers_wanted=pl.lit(3, dtype=pl.Int32))
    answers = simulate_answers(tasks, told, questionnaire)
    assert answers["task_id"].n_unique() == told.height
    assert set(told["gender"]) <= {"woman", "man"}
