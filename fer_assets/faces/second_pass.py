"""Joining the search at full size with the search at small size.

The network misses or misplaces faces that fill the frame, and sees further faces inside them; on
a small canvas they are of ordinary size. The small search is a tenth of the work, so it is always
made: a duet may hold a face for each search.

Belongs here: the rule of joining. Does not belong here: running the searches (`detector.py`).
"""

from __future__ import annotations

import numpy as np

from fer_assets.faces.detections import Detections
from fer_assets.faces.settings import FaceSettings
from fer_assets.faces.suppression import suppress


def join_passes(
    first: Detections, second: Detections, long_side: int, settings: FaceSettings
) -> Detections:
    """The faces of both searches, each once.

    Only the large faces of the second search count; where both found one, its position is taken
    from the second. Nested boxes are one face.

    Args:
        first: faces found at full size, in pixels of the picture.
        second: faces found at small size, in pixels of the picture.
        long_side: longer side of the picture in pixels.
        settings: overlaps and the size from which a face is large.

    Returns:
        Faces, the most certain first.
    """
    is_large = second.sizes >= settings.large_face_share * long_side
    both = Detections.joined([second.take(is_large), first])
    comes_first = np.arange(len(both)) < np.count_nonzero(is_large)
    is_kept = both.sizes >= settings.min_face_px
    both, priority = both.take(is_kept), (both.scores + comes_first)[is_kept]
    both = both.take(suppress(both.boxes, priority, settings.nms_iou, settings.nested_share))
    return both.take(np.argsort(-both.scores, kind="stable"))
