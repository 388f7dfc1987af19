"""Step 3: faces that are exact copies of a face in another video.

Belongs here: marking copies within one identity. Does not belong here: copied files, which
`sources/` finds by hash.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_assets.identities.graph import similarity_graph

ORIGINAL = -1
"""In an array of originals: the face is no copy."""


def mark_duplicates(
    features: NDArray[np.float32],
    identities: NDArray[np.int64],
    videos: NDArray[np.int64],
    threshold: float,
) -> NDArray[np.int64]:
    """For each face the earliest face that it copies.

    Faces are looked at in their order. A face is a copy if an earlier face that is no copy itself
    has the same identity, another video, and a cosine of at least the threshold; the earliest such
    face is the original. So originals are never copies, and every copy names an original.

    Args:
        features: (n, d) float32, L2-normalised, in the order (video_id, timestamp_ms, face_id).
        identities: (n,) identity of each face.
        videos: (n,) video of each face.
        threshold: cosine in (0, 1].

    Returns:
        (n,) int64: index of the original, or `ORIGINAL`.
    """
    originals = np.full(len(features), ORIGINAL, dtype=np.int64)
    by_identity = np.argsort(identities, kind="stable")
    bounds = np.flatnonzero(np.diff(identities[by_identity])) + 1
    for members in np.split(by_identity, bounds):
        if len(members) < 2 or (videos[members] == videos[members[0]]).all():
            continue
        graph = similarity_graph(features[members], threshold)
        for at in range(len(members)):
            face = members[at]
            alike = members[graph.indices[graph.indptr[at] : graph.indptr[at + 1]]]
            earlier = alike[(alike < face) & (videos[alike] != videos[face])]
            earlier = earlier[originals[earlier] == ORIGINAL]
            if len(earlier):
                originals[face] = earlier.min()
    return originals
