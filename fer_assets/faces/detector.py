"""The face detector: pictures in, faces out.

Belongs here: running the network over canvases and the order of the searches. Does not belong
here: what each search's parts do (`letterbox.py`, `decoding.py`, `second_pass.py`,
`rotation.py`) and cropping (`alignment.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.compute.batching import Session
from fer_assets.compute.device import PROVIDERS, Device
from fer_assets.compute.sessions import open_session
from fer_assets.compute.staging import Staging
from fer_assets.faces.anchors import anchors
from fer_assets.faces.decoding import decode
from fer_assets.faces.detections import Detections
from fer_assets.faces.letterbox import Canvas, choose_canvas, place, shrink
from fer_assets.faces.rotation import (
    View,
    choose_view,
    held_rotation,
    is_surely_upright,
    turned_views,
    unturned_view,
)
from fer_assets.faces.second_pass import join_passes
from fer_assets.faces.settings import FaceSettings
from fer_assets.weights.loading import load_onnx

Image = NDArray[np.uint8]

DETECTOR_WEIGHTS: Final = "retinaface-mnet025"
"""Name of the network in the registry of weights."""


class FaceDetector:
    """RetinaFace MobileNet-0.25 (Deng et al., CVPR 2020) with two searches and a rotation fallback.

    Args:
        session: the network; outputs (n, a, 4), (n, a, 2) and (n, a, 10) in any order.
        settings: how faces are looked for.
        batch_size: pictures per run; batches are filled up with empty pictures, so that a result
            does not depend on what else is searched.

    Several threads may use it at once.
    """

    def __init__(self, session: Session, settings: FaceSettings, batch_size: int) -> None:
        self.settings = settings
        self.batch_size = batch_size
        self._session = session
        self._input_name = session.get_inputs()[0].name
        self._staging = Staging(is_pinned=self.provider == PROVIDERS["cuda"])

    @property
    def provider(self) -> str:
        """The execution provider of ONNX Runtime that runs the network."""
        return str(self._session.get_providers()[0])

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Find the faces in each picture; turn those without an upright one and look again.

        Args:
            images: (h, w, 3) uint8 RGB, of any and of different sizes.

        Returns:
            Per picture its faces in its own pixels, the most certain first.
        """
        return [self._alone(views) for views in self.views(images)]

    def views(self, images: Sequence[Image]) -> list[tuple[View, ...]]:
        """What each picture shows: as it is, and in the other rotations where that is not sure.

        Args:
            images: (h, w, 3) uint8 RGB, of any and of different sizes.

        Returns:
            Per picture the view of it as it is; if no face in it surely stands upright, then
            also one for each rotation of the settings.
        """
        views: list[tuple[View, ...]] = [(unturned_view(found),) for found in self._search(images)]
        odd = [
            at
            for at, (view,) in enumerate(views)
            if not is_surely_upright(view.evidence, self.settings)
        ]
        turned = turned_views([images[at] for at in odd], self._search, self.settings)
        for at, others in zip(odd, turned, strict=True):
            views[at] += others
        return views

    def _alone(self, views: Sequence[View]) -> Detections:
        """The faces of a picture that is all there is to decide by."""
        seen = [view.evidence for view in views]
        return views[choose_view(seen, held_rotation([seen], self.settings), self.settings)].faces

    def _search(self, images: Sequence[Image]) -> list[Detections]:
        """Both searches on pictures as they are."""
        settings = self.settings
        first, shrunk = self._search_at(images, images, settings.long_side_px)
        if not settings.second_pass_px:
            second = [Detections.none() for _ in images]
        else:
            second, _ = self._search_at(images, shrunk, settings.second_pass_px)
        return [
            join_passes(a, b, max(image.shape[:2]), settings)
            for image, a, b in zip(images, first, second, strict=True)
        ]

    def _search_at(
        self, images: Sequence[Image], sources: Sequence[Image], long_side: int
    ) -> tuple[list[Detections], list[Image]]:
        """Search `images` at one size, made from `sources`; also give the resized pictures."""
        resized: list[Image] = []
        by_canvas: dict[Canvas, list[int]] = defaultdict(list)
        for source in sources:
            canvas, scale = choose_canvas(source.shape[0], source.shape[1], long_side)
            by_canvas[canvas].append(len(resized))
            resized.append(shrink(source, scale))
        found = [Detections.none() for _ in images]
        for canvas, members in by_canvas.items():
            for start in range(0, len(members), self.batch_size):
                batch = members[start : start + self.batch_size]
                faces = self._run(canvas, [resized[i] for i in batch])
                for i, on_canvas in zip(batch, faces, strict=True):
                    scale_y, scale_x = np.divide(resized[i].shape[:2], images[i].shape[:2])
                    found[i] = on_canvas.divided(scale_x, scale_y)
        return found, resized

    def _run(self, canvas: Canvas, pictures: Sequence[Image]) -> list[Detections]:
        """One batch on one canvas: faces in canvas pixels."""
        batch = self._staging.array(self.batch_size, 3, *canvas)
        batch[len(pictures) :] = 0
        for out, picture in zip(batch, pictures, strict=False):
            place(picture, out)
        outputs = self._session.run(None, {self._input_name: batch})
        by_width = {output.shape[-1]: output for output in outputs}
        table = anchors(*canvas)
        return [
            decode(
                by_width[4][i],
                by_width[2][i],
                by_width[10][i],
                table,
                self.settings.min_score,
                self.settings.nms_iou,
            )
            for i in range(len(pictures))
        ]


def load_detector(weights_folder: Path, device: Device, settings: FaceSettings) -> FaceDetector:
    """Open the detector.

    Args:
        weights_folder: where `weights` keeps its files.
        device: ``"cpu"`` or ``"cuda"``, from `compute.device.choose_device`.
        settings: how faces are looked for.
    """
    # On the CPU each calling thread runs a picture of its own: with one picture the network's
    # own threads gain nothing, and a result does not depend on their number.
    session = open_session(load_onnx(DETECTOR_WEIGHTS, weights_folder), device, threads=1)
    return FaceDetector(session, settings, settings.cuda_batch if device == "cuda" else 1)
