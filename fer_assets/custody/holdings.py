"""What each line holds of people, by the names of its tables: custody's only list of them.

Belongs here: data. Does not belong here: what is done with it (`known.py`, `checkpoints.py`,
`part_scrubbing.py`). Tables are found by their schemas' subjects; a line is listed here for what a
schema does not say: which table has the files, which has the faces, what a run learned from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fer_assets.lines.frame_affect import names as affect
from fer_assets.lines.tiktokfer import names as tiktokfer

Table = tuple[str, str]
"""An asset and one of its tables."""


@dataclass(frozen=True)
class Holding:
    """What one line holds of people.

    Attributes:
        files: the table with a row per file, with video_id, path and uploader_id.
        faces: the table with a row per face, with face_id and video_id.
        learns_from: asset with checkpoints to the release that its runs learned from; one without
            the input ``release`` learned from none.
        lists_videos: asset with checkpoints to its own table of the videos each run learned from.
        aggregates: assets whose tables are computed over everybody and name nobody.
    """

    files: Table
    faces: Table
    learns_from: Mapping[str, str] = field(default_factory=dict)
    lists_videos: Mapping[str, str] = field(default_factory=dict)
    aggregates: frozenset[str] = frozenset()


TIKTOKFER: Final = Holding(
    files=(tiktokfer.RAW_VIDEOS, "raw_videos"),
    faces=(tiktokfer.FACE_CROPS, "face_crops"),
    learns_from={
        tiktokfer.TRAINED_CHECKPOINTS: tiktokfer.DATASET_RELEASE,
        tiktokfer.POOLED_CHECKPOINT: tiktokfer.POOLED_RELEASE,
    },
)

FRAME_AFFECT: Final = Holding(
    files=(affect.ANNOTATED_FRAMES, "affect_videos"),
    faces=(affect.ANNOTATED_FRAMES, "annotated_frames"),
    learns_from={affect.EXPRESSION_BACKBONE: tiktokfer.POOLED_RELEASE},
    lists_videos={affect.AFFECT_HEADS: "head_videos"},
    aggregates=frozenset({affect.AFFECT_SCORES}),
)

HOLDINGS: Final = (TIKTOKFER, FRAME_AFFECT)

LEARNS_FROM: Final = {
    asset: release for held in HOLDINGS for asset, release in held.learns_from.items()
}
"""Asset with checkpoints to the release that it learns from."""

HAS_SPLITS: Final = frozenset(TIKTOKFER.learns_from)
"""Those whose runs learn the release's own classes and leave out its test split, or a fold."""

LISTS_VIDEOS: Final = {
    asset: table for held in HOLDINGS for asset, table in held.lists_videos.items()
}
"""Asset with checkpoints to its table of the videos that each run learned from."""

AGGREGATES: Final = frozenset().union(*(held.aggregates for held in HOLDINGS))
"""Assets whose tables are dropped where somebody withdrew."""
