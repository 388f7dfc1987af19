"""This project's own release over all prompted challenges as expressions to learn from.

Belongs here: which of its faces count and under which of AffectNet's names. Does not belong here:
other data (`picture_sets.py`), reading the release (`lines/frame_affect/`).
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import polars as pl

from fer_assets.challenges.vocabulary import AFFECTNET_EXPRESSIONS
from fer_assets.frame_affect.backbone.picture_sets import PictureSet
from fer_assets.frame_affect.backbone.specs import BackboneError
from fer_assets.media.face_template import CROP_PX, TEMPLATE_PX
from fer_assets.public_data.affectnet import OF_PROJECT
from fer_assets.public_data.pictures import added, in_words
from fer_assets.storage.pictures import StoredPictures

COLUMNS: Final = ("face_id", "split", "label", "is_simulated")
"""The columns of the release that are used, beside the pictures."""

SIMULATED: Final = "Some labels of the release are simulated."


def release_pictures(release: pl.DataFrame, pictures: StoredPictures) -> PictureSet:
    """Faces with a crowd's label that is one of AffectNet's, the release's people held out.

    Of a crop the square of the face template is seen, as everywhere in this line.

    Args:
        release: `COLUMNS` of POOLED_RELEASE.
        pictures: of the same release.

    Raises:
        BackboneError: no face has such a label.
    """
    left_out: Counter[str] = Counter()
    labelled = release.filter(pl.col("split") != "excluded")
    left_out["of the split excluded"] = release.height - labelled.height
    named = labelled.filter(pl.col("label").is_not_null())
    left_out["without a crowd's label"] = labelled.height - named.height
    kept = named.filter(pl.col("label").is_in(list(OF_PROJECT)))
    left_out["none of AffectNet's expressions"] = named.height - kept.height
    if kept.is_empty():
        raise BackboneError(
            "the pooled release",
            expected=f"faces labelled {', '.join(OF_PROJECT)}",
            found=in_words(added(left_out)) or "no face",
        )
    # Neighbours are read together: rows in the order they are stored in.
    rows = kept.with_columns(number=pl.Series(pictures.find(kept["face_id"]))).sort("number")
    return PictureSet(
        pictures,
        rows["number"].to_numpy(),
        tuple(OF_PROJECT[label] for label in rows["label"]),
        tuple(rows["face_id"]),
        is_held_out=tuple(split != "train" for split in rows["split"]),
        order=AFFECTNET_EXPRESSIONS,
        view=TEMPLATE_PX / CROP_PX,
        left_out=added(left_out),
        notes=(SIMULATED,) if rows["is_simulated"].any() else (),
    )
