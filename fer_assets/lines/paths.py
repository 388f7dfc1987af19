"""What the videos of a challenge are called on its disk, whichever line it is of.

Belongs here: asking the line. Does not belong here: finding the files (`sources/`, the line).
"""

from __future__ import annotations

from fer_assets.lines.workspace import Workspace
from fer_assets.storage.planning import video_of


def known_paths(workspace: Workspace, partition: str) -> dict[str, str]:
    """Video id to path of everything that the challenge's folders hold now."""
    if workspace.catalog.load(partition).kind == "affect":
        from fer_assets.lines.frame_affect.found import find_affect_videos

        videos = find_affect_videos(workspace, partition).videos
        return {key: video.sources[0].path for key, video in videos.items() if video.sources}
    from fer_assets.lines.tiktokfer.videos import known_paths as prompted

    return prompted(workspace, partition)


def called(unit: str, paths: dict[str, str]) -> str:
    """A unit by the path of its video, and what else its key says; the key where there is none."""
    video_id = video_of(unit)
    if video_id is None or video_id not in paths:
        return unit
    rest = unit.removeprefix(video_id).removeprefix("-")
    return f"{paths[video_id]} ({rest})" if rest else paths[video_id]
