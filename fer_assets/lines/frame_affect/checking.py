"""Checking an affect challenge before anything is built from it.

Belongs here: trying out what the first step will read. Does not belong here: reading itself.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fer_assets.lines.frame_affect.found import find_affect_videos
from fer_assets.lines.frame_affect.videos import AffectVideos
from fer_assets.lines.workspace import Workspace

if TYPE_CHECKING:
    from fer_assets.frame_affect.frames.annotations import Annotation


def check_affect_challenge(workspace: Workspace, key: str) -> list[str]:
    """Findings about a challenge, one sentence each; every annotation file is read.

    Raises:
        FerError: the challenge can't be used: its file, its folders, a line of an annotation file,
            a video in two sets of a task.
    """
    from fer_assets.compute.progress import track
    from fer_assets.frame_affect.frames.tables import NO_FRAMES

    here = find_affect_videos(workspace, key)
    videos = list(here.videos.values())
    n_unannotated = sum(bool(video.sources) and not video.annotations for video in videos)
    annotations = _annotations(here)
    rows: Counter[str] = Counter()
    valid: Counter[str] = Counter()
    for annotation in track(annotations, len(annotations), "reading annotations"):
        labels = annotation.read()
        if labels is not None:
            rows[annotation.task] += len(labels)
            valid[annotation.task] += int(labels.is_annotated.sum())
    sources = [source for video in videos for source in video.sources]
    n_crops = sum(source.folder.n_crops for source in sources if source.folder)
    n_folders = sum(source.kind == "crops" for source in sources)
    findings = [
        f"{here.found.name}: {len(videos) - n_unannotated} annotated videos, "
        f"{n_folders} folders of crops with {n_crops:,} crops, "
        f"{len({s.path for s in sources if s.kind == 'film'})} films.",
        *(_task(here, task, rows[task], valid[task]) for task in _tasks(here)),
    ]
    if n_unannotated:
        findings.append(f"{n_unannotated} films are not annotated: they are only predicted.")
    n_missing = sum(absent.reason == NO_FRAMES for absent in here.absent)
    if n_missing:
        findings.append(f"{n_missing} annotated videos have neither crops nor a film.")
    if n_left := len(here.absent) - n_missing:
        findings.append(f"{n_left} folders of crops are not annotated, and in no test list.")
    findings += _oddities(here)
    if here.found.policy is None or not here.found.policy.source:
        findings.append("No [policy]: say where the videos come from and on what terms.")
    return findings


def _annotations(here: AffectVideos) -> list[Annotation]:
    found = [a for video in here.videos.values() for a in video.annotations]
    return [*found, *(a for absent in here.absent for a in absent.annotations)]


def _tasks(here: AffectVideos) -> list[str]:
    from fer_assets.challenges.vocabulary import AFFECT_TASKS

    known = {annotation.task for annotation in _annotations(here)}
    return [task for task in AFFECT_TASKS if task in known]


def _task(here: AffectVideos, task: str, n_rows: int, n_valid: int) -> str:
    sets = Counter(
        a.set for video in here.videos.values() for a in video.annotations if a.task == task
    )
    words = ", ".join(f"{sets[name]} {name}" for name in ("train", "validation", "test"))
    return f"{task}: {words} videos; {n_valid:,} of {n_rows:,} rows are valid."


def _oddities(here: AffectVideos) -> list[str]:
    videos = here.videos.values()
    findings: list[str] = []
    if n_copies := sum(len(video.sources) > 1 for video in videos):
        findings.append(f"{n_copies} videos are there under more than one name.")
    problems = Counter(
        source.folder.problem
        for video in videos
        for source in video.sources[:1]
        if source.folder and source.folder.problem
    )
    findings += [f"{n} videos will be quarantined: {why}." for why, n in sorted(problems.items())]
    people: dict[tuple[str, str], set[str]] = {}
    for video in videos:
        for annotation in video.annotations:
            film = annotation.name.removesuffix("_left").removesuffix("_right")
            people.setdefault((annotation.task, film), set()).add(annotation.set)
    if n_split := sum(len(sets) > 1 for sets in people.values()):
        findings.append(f"{n_split} times two people of one film are in different sets.")
    return findings
