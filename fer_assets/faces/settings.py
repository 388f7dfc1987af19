"""What can be chosen about finding faces.

Belongs here: `FaceSettings`. Does not belong here: what the network fixes (`anchors.py`) and what
the crop's readers rely on (`media/face_template.py`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FaceSettings:
    """How faces are looked for.

    Attributes:
        min_score: lowest confidence of a face, in (0, 1). A cat reaches 0.6 with this network.
        nms_iou: of two boxes that overlap by more than this, the weaker goes.
        nested_share: of two boxes the smaller goes if at least this share of it lies inside the
            other: the network sees a face in the mouth or eye of a very large one.
        long_side_px: longest side at which a frame is searched; smaller frames are not enlarged.
        second_pass_px: longest side of the second search, for faces that fill the frame; 0: none.
        large_face_share: a face whose size (root of the box area) is at least this share of the
            frame's long side is located by the second search where both found it.
        rotations_deg: counter-clockwise rotations tried on a frame without an upright face.
        min_uprightness: from which `rotation.uprightness` a face counts as upright.
        turning_gain: how many times more upright faces must be seen turned than not, to turn a
            video or a single picture, and then a frame unlike its video; above 1, since most
            pictures are not turned.
        min_rotated_score: lowest confidence of a face in a rotated frame; higher, because every
            rotation is one more chance for a false one.
        min_face_px: smallest face kept, root of the box area in pixels of the frame.
        cuda_batch: pictures per run on a GPU; on the CPU it is 1, which is the fastest there.
        frames_at_once: decoded frames that may wait to be searched.
    """

    min_score: float = 0.8
    nms_iou: float = 0.4
    nested_share: float = 0.8
    long_side_px: int = 640
    second_pass_px: int = 160
    large_face_share: float = 0.3
    rotations_deg: tuple[int, ...] = (90, 270, 180)
    min_uprightness: float = 0.7
    turning_gain: float = 1.25
    min_rotated_score: float = 0.9
    min_face_px: float = 16.0
    cuda_batch: int = 16
    frames_at_once: int = 8

    def __post_init__(self) -> None:
        for name in ("min_score", "min_rotated_score", "nms_iou", "nested_share"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(f"FaceSettings.{name} is in (0, 1], not {getattr(self, name)}")
        for name in ("long_side_px", "cuda_batch", "frames_at_once"):
            if getattr(self, name) < 1:
                raise ValueError(f"FaceSettings.{name} is at least 1, not {getattr(self, name)}")
        if wrong := [deg for deg in self.rotations_deg if deg not in (90, 180, 270)]:
            raise ValueError(f"FaceSettings.rotations_deg are 90, 180 or 270, not {wrong[0]}")
