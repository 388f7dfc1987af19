"""What stands beside a release: its version, card, figures, and who was lost on the way.

Belongs here: reading the tables that a card rests on. Does not belong here: the card's content
(`release/card.py`) and the steps (`release.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from fer_assets.lines.inputs import challenge
from fer_assets.lines.tiktokfer.faces import DETECTOR, embedder_name
from fer_assets.lines.tiktokfer.names import (
    CROWD_LABELS,
    DATASET_RELEASE,
    FACE_CROPS,
    IDENTITY_CLUSTERS,
    PROMPT_CLIPS,
    RAW_VIDEOS,
)
from fer_assets.lines.tiktokfer.release_settings import release_settings
from fer_assets.lines.tiktokfer.tasks import questionnaire_of
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.digests import canonical_json, sha256_bytes
from fer_assets.storage.layout import Place

if TYPE_CHECKING:
    from fer_assets.release.card import CardFacts
    from fer_assets.release.counts import Counts
    from fer_assets.release.group_losses import Stages

CARD: Final = "dataset_card.md"
CARD_PAGE: Final = "dataset_card.html"
VERSION_FILE: Final = "version.json"


@dataclass(frozen=True)
class Beside:
    """What a build stores beside the rows: files by name, and LOSSES_BY_GROUP."""

    blobs: Mapping[str, bytes]
    group_losses: pl.DataFrame | None


def counts_of(workspace: Workspace, partition: str | None) -> Counts:
    """The challenge's row of the paper's Table 4."""
    from fer_assets.release.counts import dataset_counts

    data = workspace.data
    return dataset_counts(
        data.table(RAW_VIDEOS, partition),
        data.table(FACE_CROPS, partition, "frames"),
        data.table(FACE_CROPS, partition, columns=["face_id", "video_id"]),
        data.table(IDENTITY_CLUSTERS, partition, "identity_clusters"),
    )


def losses_of(
    workspace: Workspace, partition: str | None, release: pl.DataFrame | None = None
) -> pl.DataFrame:
    """What is left after each step, of the given release or of the one that is stored."""
    from fer_assets.release.counts import losses

    found = _stages(workspace, partition, release)
    return losses(
        found.raw_videos,
        found.frames,
        found.face_crops,
        found.clusters,
        found.labels,
        found.release,
    )


def stored_release(workspace: Workspace, partition: str | None) -> pl.DataFrame:
    """The release's rows, their crops left where they are."""
    from fer_assets.storage.schemas.tiktokfer import DATASET_RELEASE as SCHEMA

    columns = [name for name in SCHEMA.dtypes if name != "image"]
    return workspace.data.table(DATASET_RELEASE, partition, columns=columns)


def beside_challenge(
    workspace: Workspace, partition: str | None, release: pl.DataFrame, n_near_pairs: int
) -> Beside:
    """Version, card and figures of a challenge's release."""
    from fer_assets.release.card import CardFacts
    from fer_assets.release.group_losses import losses_by_group

    found, settings = challenge(workspace, partition), release_settings(workspace, partition)
    group_losses = losses_by_group(_stages(workspace, partition, release))
    version, digest = _version(release)
    facts = CardFacts(
        title=found.name,
        version=version,
        digest=digest,
        counts=counts_of(workspace, partition),
        losses=losses_of(workspace, partition, release),
        group_losses=group_losses,
        agreement=workspace.data.table(CROWD_LABELS, partition, "agreement"),
        ekman=found.ekman,
        groups=groups_in_order(workspace, [str(partition)]),
        methods=_methods(workspace, partition),
        licence=settings.licence,
        licences={**_weight_licences(workspace, [partition]), **terms_of(workspace, partition)},
        n_near_pairs=n_near_pairs,
    )
    return Beside(_blobs(Place(DATASET_RELEASE, partition), release, facts), group_losses)


def beside_pool(
    workspace: Workspace, place: Place, release: pl.DataFrame, n_near_pairs: int
) -> Beside:
    """Version, card and figures of the release over all challenges."""
    from fer_assets.release.card import CardFacts

    keys = sorted(release["challenge"].unique().to_list())
    names = [challenge(workspace, key).name for key in keys]
    version, digest = _version(release)
    facts = CardFacts(
        title=POOL_TITLE,
        version=version,
        digest=digest,
        ekman=ekman_of(workspace, keys),
        groups=groups_in_order(workspace, keys),
        methods=[
            f"Challenges: {', '.join(names)}." if names else "No challenge yet.",
            "The same person in several challenges is one person; a file put into two challenges "
            "counts in the first by name. Splits are by person over all challenges.",
        ],
        licence=release_settings(workspace, None).licence,
        licences={**_weight_licences(workspace, keys), **pooled_terms(workspace, keys)},
        n_near_pairs=n_near_pairs,
    )
    return Beside(_blobs(place, release, facts), None)


POOL_TITLE: Final = "All challenges"


def classes_of(workspace: Workspace, keys: Sequence[str]) -> tuple[str, ...]:
    """Expressions of the challenges, Ekman's first."""
    found = [challenge(workspace, key) for key in keys]
    ekman = [name for one in found for name in one.ekman]
    beyond = [name for one in found for name in one.beyond_ekman]
    return tuple(dict.fromkeys([*ekman, *beyond]))


def ekman_of(workspace: Workspace, keys: Sequence[str]) -> tuple[str, ...]:
    """Those of them that are Ekman's."""
    return tuple(dict.fromkeys(name for key in keys for name in challenge(workspace, key).ekman))


def terms_of(workspace: Workspace, partition: str | None) -> dict[str, str]:
    """What the challenge's owner states about the videos."""
    policy = challenge(workspace, partition).policy
    if policy is None:
        return {}
    stated = {
        "videos, source": policy.source,
        "videos, terms": policy.terms,
        "videos, legal basis": policy.legal_basis,
    }
    return {name: text for name, text in stated.items() if text}


def pooled_terms(workspace: Workspace, keys: Sequence[str]) -> dict[str, str]:
    """What the owners of several challenges state, each under its challenge's name."""
    return {
        f"{challenge(workspace, key).name}: {name}": text
        for key in keys
        for name, text in terms_of(workspace, key).items()
    }


def groups_in_order(workspace: Workspace, keys: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Answers of the questions on skin tone, age and gender, in the questionnaire's order."""
    from fer_assets.release.group_losses import ATTRIBUTES

    asked = [questionnaire_of(workspace, key) for key in keys]
    return {
        attribute: tuple(
            dict.fromkeys(answer.id for one in asked for answer in one.question(attribute).answers)
        )
        for attribute in ATTRIBUTES
    }


def _stages(workspace: Workspace, partition: str | None, release: pl.DataFrame | None) -> Stages:
    from fer_assets.release.group_losses import Stages

    data = workspace.data
    return Stages(
        raw_videos=data.table(RAW_VIDEOS, partition),
        prompt_clips=data.table(PROMPT_CLIPS, partition, columns=["video_id"]),
        frames=data.table(FACE_CROPS, partition, "frames"),
        face_crops=data.table(FACE_CROPS, partition, columns=["face_id", "video_id"]),
        clusters=data.table(IDENTITY_CLUSTERS, partition, "identity_clusters"),
        labels=data.table(CROWD_LABELS, partition, "crowd_labels"),
        demographics=data.table(CROWD_LABELS, partition, "demographics"),
        release=stored_release(workspace, partition) if release is None else release,
    )


def _version(release: pl.DataFrame) -> tuple[str, str]:
    from fer_assets.release.content import content_digest, release_version, without_images

    digest = content_digest(without_images(release))
    return release_version(digest), digest


def _methods(workspace: Workspace, partition: str | None) -> list[str]:
    return [
        "Prompts found by a normalised matched filter, frames at 2 per second of each clip.",
        f"Faces by {DETECTOR}, identities by {embedder_name(workspace, partition)} and Chinese "
        "whispers.",
        "Labels by a convincing majority; soft labels weigh workers.",
        "Exact copies of a person's face in other videos are left out.",
    ]


def _weight_licences(workspace: Workspace, keys: Sequence[str | None]) -> dict[str, str]:
    from fer_assets.weights.registry import find_weight

    names = dict.fromkeys([DETECTOR, *(embedder_name(workspace, key) for key in keys)])
    return {f"weights {name}": find_weight(name).licence for name in names}


def _blobs(place: Place, release: pl.DataFrame, facts: CardFacts) -> dict[str, bytes]:
    """The files; the card in Markdown links its figures as they are stored beside it."""
    from fer_assets.release.card import dataset_card
    from fer_assets.release.card_figures import card_figures
    from fer_assets.release.page import as_html, as_markdown

    figures = card_figures(release, facts.ekman, facts.groups, facts.group_losses)
    page = dataset_card(release, facts, figures)
    links = stored_names(place, page.pictures)
    about = {"version": facts.version, "digest": facts.digest, "faces": release.height}
    return {
        CARD: as_markdown(page, links).encode(),
        CARD_PAGE: as_html(page).encode(),
        VERSION_FILE: canonical_json(about, indent=1) + b"\n",
        **page.pictures,
    }


def stored_names(place: Place, pictures: Mapping[str, bytes]) -> dict[str, str]:
    """A figure's name to the file's name under which the ledger stores it."""
    return {
        name: place.blob(name, sha256_bytes(png)).rsplit("/", 1)[1]
        for name, png in pictures.items()
    }


def built_version(workspace: Workspace, asset: str, partition: str | None) -> str | None:
    """Name of the version that the asset holds now; None where it was never built so."""
    if VERSION_FILE not in workspace.data.blobs(asset, partition):
        return None
    return str(json.loads(workspace.data.blob(asset, partition, VERSION_FILE))["version"])
