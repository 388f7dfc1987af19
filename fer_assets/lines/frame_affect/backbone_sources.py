"""What the backbones are made from: `[frame_affect.backbones]` of settings.toml and its pictures.

Belongs here: which backbones there are to be, where their pictures lie, the digests of those. Does
not belong here: the step (`backbone.py`), reading pictures
(`frame_affect/backbone/picture_sets.py`).

    [frame_affect.backbones.affect-b0]
    identities = "/data/vggface2"            # PERSON/picture.jpg
    expressions = "/data/affectnet"          # training.csv and validation.csv, class folders, …

    [frame_affect.backbones.my-resnet]
    architecture = "resnet18"
    expressions = "pooled_release"           # of the tiktokfer line
    all = { max_epochs = 3 }
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from fer_assets.errors import FerError
from fer_assets.lines.frame_affect.picture_digests import digest_cache, set_digest
from fer_assets.lines.frame_affect.settings import affect_settings
from fer_assets.lines.tiktokfer.names import POOLED_RELEASE
from fer_assets.lines.workspace import SETTINGS_FILE, Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.manifests import read_manifest
from fer_assets.storage.store import LocalStore

if TYPE_CHECKING:
    from fer_assets.frame_affect.backbone.data import PhaseData
    from fer_assets.frame_affect.backbone.specs import BackboneSpec

Kind = Literal["identities", "expressions"]
KINDS: Final[tuple[Kind, ...]] = ("identities", "expressions")

ABSENT: Final = "nothing there"


def backbone_specs(workspace: Workspace) -> dict[str, BackboneSpec]:
    """The backbones that settings describe and affect challenges name, by name.

    Without any it is the default one.

    Raises:
        FerError: the settings are not of this form, or name what there is not.
    """
    from fer_assets.frame_affect.backbone.specs import DEFAULT_BACKBONE, find_spec

    described = _described(workspace)
    names = set(described)
    for key in workspace.catalog.keys("affect"):
        names |= set(affect_settings(workspace.catalog.load(key)).backbones)
    specs = [find_spec(name, described.get(name)) for name in sorted(names or {DEFAULT_BACKBONE})]
    return {spec.name: spec for spec in specs}


def _described(workspace: Workspace) -> Mapping[str, Mapping[str, Any]]:
    line = workspace.settings.get("frame_affect", {})
    found = line.get("backbones", {}) if isinstance(line, Mapping) else line
    is_fine = isinstance(found, Mapping) and all(
        isinstance(table, Mapping) for table in found.values()
    )
    if not is_fine:
        raise FerError(
            f"{SETTINGS_FILE}: frame_affect.backbones",
            expected="a table for each backbone: [frame_affect.backbones.NAME]",
            found=repr(found)[:200],
        )
    return dict(found)


def source_path(workspace: Workspace, given: str) -> Path:
    """A path of the settings: absolute, or relative to the storage root; ~ is the home folder."""
    store = workspace.store
    base = store.root if isinstance(store, LocalStore) else Path.cwd()
    return base / Path(given).expanduser()


def source_digest(workspace: Workspace, given: str, *, reads: bool) -> str:
    """Digest of the content of a data set.

    Args:
        workspace: keeps what was read before.
        given: a path of the settings.
        reads: read files that are new or changed; else `UNREAD` stands for such a data set, and
            `ABSENT` for one that is not there.

    Raises:
        PublicDataError: if it reads and there is nothing.
    """
    from fer_assets.frame_affect.backbone.picture_sets import picture_files

    path = source_path(workspace, given)
    if not reads and not path.exists():
        return ABSENT
    files = picture_files(path)
    cache = digest_cache(workspace.state, path)
    return set_digest(path, files, cache.digests(files) if reads else cache.known(files))


def source_inputs(workspace: Workspace, spec: BackboneSpec, *, reads: bool) -> dict[str, str]:
    """What a backbone learns from: name of an input to the digest of its content.

    The pooled release is called "release", by which custody finds who learned from it. Arguments
    and errors as for `source_digest`.
    """
    inputs = {}
    for kind in KINDS:
        given = getattr(spec, kind)
        if kind == "expressions" and learns_from_release(spec):
            manifest = read_manifest(workspace.store, Place(POOLED_RELEASE))
            inputs["release"] = ABSENT if manifest is None else manifest.data_version
        elif given:
            inputs[kind] = source_digest(workspace, given, reads=reads)
    return inputs


def learns_from_release(spec: BackboneSpec) -> bool:
    """Whether a backbone learns expressions from this project's own release."""
    from fer_assets.frame_affect.backbone.specs import POOLED_RELEASE as WORD

    return spec.expressions == WORD


def waiting(workspace: Workspace) -> str | None:
    """A backbone that learns from the release waits for its first labels."""
    if not any(learns_from_release(spec) for spec in backbone_specs(workspace).values()):
        return None
    if read_manifest(workspace.store, Place(POOLED_RELEASE)) is None:
        return "the pooled release was never built"
    labels = workspace.data.table(POOLED_RELEASE, columns=["label"])["label"]
    return None if labels.count() else "no face of the pooled release has a label yet"


def phase_reader(
    workspace: Workspace, spec: BackboneSpec, kind: Kind
) -> Callable[[], PhaseData] | None:
    """What reads the pictures of a kind when their phase comes; None where none are configured."""
    given = spec.identities if kind == "identities" else spec.expressions
    if not given:
        return None

    def read() -> PhaseData:
        from fer_assets.frame_affect.backbone import data as backbone_data
        from fer_assets.frame_affect.backbone import picture_sets

        if kind == "expressions" and learns_from_release(spec):
            return _of_release(workspace, spec)
        path = source_path(workspace, given)
        digests = digest_cache(workspace.state, path).digests
        if kind == "identities":
            people = picture_sets.identity_pictures(path, digests)
            return backbone_data.identity_data(people, spec.image_px, spec.identity.seed)
        expressions = picture_sets.expression_pictures(path, digests)
        return backbone_data.expression_data(expressions, spec.image_px, spec.all.seed)

    return read


def _of_release(workspace: Workspace, spec: BackboneSpec) -> PhaseData:
    from fer_assets.frame_affect.backbone.data import expression_data
    from fer_assets.frame_affect.backbone.release_pictures import COLUMNS, release_pictures

    rows = workspace.data.table(POOLED_RELEASE, columns=list(COLUMNS))
    found = release_pictures(rows, workspace.data.pictures(POOLED_RELEASE))
    return expression_data(found, spec.image_px, spec.all.seed)
