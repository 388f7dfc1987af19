"""What rebuilds by itself: new videos up to labelling_tasks, new answers up to dataset_release.

Belongs here: automation conditions. The sensors that notice what is new outside of Dagster are in
`sensors.py`; training and scoring run nightly (`schedules.py`) or on request.
"""

from __future__ import annotations

from typing import Any, Final

import dagster as dg

FOLLOWS_VIDEOS: Final = (
    "prompt_clips",
    "face_crops",
    "face_embeddings",
    "identity_clusters",
    "labelling_tasks",
    "frame_features",
)
FOLLOWS_ANSWERS: Final = ("crowd_labels", "dataset_release")


def rebuilds_by_itself(asset: str) -> dg.AutomationCondition[Any] | None:
    """The condition of an asset that follows its inputs' content; None for the others.

    Content, not events: an upstream rebuild that changed nothing leaves it alone.
    """
    if asset.split("/")[1] not in FOLLOWS_VIDEOS + FOLLOWS_ANSWERS:
        return None
    changed = dg.AutomationCondition.any_deps_match(
        dg.AutomationCondition.data_version_changed()
    ).since_last_handled()
    return (
        changed
        & ~dg.AutomationCondition.any_deps_missing()
        & ~dg.AutomationCondition.any_deps_in_progress()
        & ~dg.AutomationCondition.in_progress()
    ).with_label("an input's content changed")
