import datetime
import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.release.content import content_digest, release_version, without_images
from fer_assets.release.publishing import publish
from fer_assets.release.verification import verify
from fer_assets.release.version_files import Version, VersionError, version_from_json
from fer_assets.release.versions import (
    keys,
    read_faces,
    read_rows,
    read_version,
    versions,
    withdraw_faces,
)
from fer_assets.storage.store import LocalStore
from fer_assets.storage.tombstones import add_tombstones
from fer_assets_tests.release.conftest import make_release, publication

KEY = "face-challenge"
DAY = datetime.date(2026, 5, 4)


class KilledError(Exception):
    """The run died here."""


class DyingStore(LocalStore):
    """Dies at the n-th write or deletion, as a killed process would."""

    def __init__(self, store: LocalStore, n: int) -> None:
        super().__init__(store.root)
        self._left = n

    def write(self, path: str, data: bytes) -> None:
        self._step()
        super().write(path, data)

    def delete(self, path: str) -> None:
        self._step()
        super().delete(path)

    def _step(self) -> None:
        if not self._left:
            raise KilledError
        self._left -= 1


def _bytes(store: LocalStore) -> dict[str, bytes]:
    return {path: store.read(path) for path in store.list("releases")}


def _published(store: LocalStore, release: pl.DataFrame, **changed: object) -> Version:
    return publish(store, release, publication(**changed))[0]


def test_a_version_holds_the_release(store: LocalStore, faces: pl.DataFrame) -> None:
    version, is_new = publish(store, faces, publication(note="first"))
    assert is_new
    assert version.name == release_version(version.digest)
    assert (version.number, version.note, version.published_on) == (1, "first", "2026-03-01")
    assert version.classes == ("angry", "kiss", "sad", "wink")
    assert version.counts["faces"] == faces.height == 30
    assert read_version(store, KEY) == read_version(store, KEY, version.name) == version
    assert version_from_json(version.to_json()) == version
    assert verify(store, version) == []
    assert keys(store) == [KEY]
    rows = read_rows(store, version)
    assert rows.drop("image_sha256").equals(faces.drop("image"))
    videos = list(read_faces(store, version, rows))
    assert [video["video_id"].n_unique() for video in videos] == [1] * 6
    assert pl.concat(videos).drop("image_sha256").select(faces.columns).equals(faces)


def test_publishing_again_changes_nothing(store: LocalStore, faces: pl.DataFrame) -> None:
    version = _published(store, faces)
    before = _bytes(store)
    again, is_new = publish(store, faces.reverse(), publication(note="other", title="Other"))
    assert (again, is_new) == (version, False)
    assert _bytes(store) == before


def test_a_second_version_costs_only_what_is_new(store: LocalStore, faces: pl.DataFrame) -> None:
    first = _published(store, faces)
    before = _bytes(store)
    second = _published(store, pl.concat([faces, make_release(1, first=6)]))
    assert [version.name for version in versions(store, KEY)] == [first.name, second.name]
    assert second.number == 2
    assert set(first.images) < set(second.images)
    added = set(_bytes(store)) - set(before)
    assert sum(path.startswith(f"releases/{KEY}/images/") for path in added) == 1
    assert all(_bytes(store)[path] == data for path, data in before.items())
    assert verify(store, first) == verify(store, second) == []


def test_the_digest_covers_rows_and_pictures(faces: pl.DataFrame) -> None:
    def digest(release: pl.DataFrame) -> str:
        return content_digest(without_images(release))

    assert digest(faces) == digest(faces.sample(fraction=1.0, shuffle=True, seed=1))
    other = {"bytes": b"other", "path": "0-0.jpg"}
    other_image = pl.lit(other, dtype=faces.schema["image"])
    is_first = pl.col("face_id") == faces["face_id"][0]
    changes = [
        faces.head(29),
        faces.with_columns(split=pl.when(is_first).then(pl.lit("val")).otherwise("split")),
        faces.with_columns(agreement=pl.when(is_first).then(0.5).otherwise("agreement")),
        faces.with_columns(
            image=pl.when(is_first).then(other_image).otherwise("image")
        ),
    ]  # fmt: skip
    assert len({digest(faces), *map(digest, changes)}) == 5


def test_an_empty_release_is_refused(store: LocalStore, faces: pl.DataFrame) -> None:
    with pytest.raises(VersionError, match="at least one face"):
        publish(store, faces.clear(), publication())


def test_an_unknown_version_names_the_known(store: LocalStore, faces: pl.DataFrame) -> None:
    with pytest.raises(VersionError, match="none published"):
        read_version(store, KEY)
    version = _published(store, faces)
    with pytest.raises(VersionError, match=version.name):
        read_version(store, KEY, "r-000000000000")


@pytest.mark.parametrize("n", range(0, 16))
def test_killed_while_publishing(store: LocalStore, faces: pl.DataFrame, n: int, tmp_path) -> None:
    whole = LocalStore(tmp_path / "whole")
    _published(whole, faces)
    try:
        _published(DyingStore(store, n), faces)
    except KilledError:
        assert versions(store, KEY) == []
    _published(store, faces)
    assert _bytes(store) == _bytes(whole)


def test_what_a_killed_publication_left_is_deleted(store: LocalStore, faces: pl.DataFrame) -> None:
    with pytest.raises(KilledError):
        _published(DyingStore(store, 4), faces)
    version = _published(store, make_release(2, first=7))
    assert {f"releases/{KEY}/{file.path}" for file in version.files} | {
        f"releases/{KEY}/{version.name}/manifest.json"
    } == set(store.list("releases"))


def _withdraw(store: LocalStore, gone: list[str], erasure_id: str = "e1"):
    return withdraw_faces(store, KEY, gone, erasure_id=erasure_id, on=DAY)


def test_withdrawal(store: LocalStore, faces: pl.DataFrame) -> None:
    grown = pl.concat([faces, make_release(1, first=6)])
    first, second = _published(store, faces), _published(store, grown)
    person = faces.filter(pl.col("identity_id") == "id02")
    one_more = [faces["face_id"][0], make_release(1, first=6)["face_id"][0]]
    gone = [*person["face_id"], *one_more]
    notices = _withdraw(store, gone)
    assert [(n.version, n.rows) for n in notices] == [(first.name, 6), (second.name, 7)]
    for version, before in zip(versions(store, KEY), (faces, grown), strict=True):
        left = before.filter(~pl.col("face_id").is_in(gone))
        assert read_rows(store, version).drop("image_sha256").equals(left.drop("image"))
        assert version.digest == content_digest(without_images(left)) == version.notices[0].digest
        assert version.counts["faces"] == left.height
        assert verify(store, version) == []
        assert "withdrawn in part" in version.citation
    stored = _bytes(store)
    video = person["video_id"][0]
    pictures = [image["bytes"] for image in person["image"]]
    for path, data in stored.items():
        assert video not in path
        assert video.encode() not in data
        assert not any(picture in data for picture in pictures)
    card = stored[f"releases/{KEY}/{first.name}/dataset_card.md"].decode()
    assert "6 rows were taken out" in card
    assert "6 rows were taken out" in stored[f"releases/{KEY}/{first.name}/TERMS.txt"].decode()


def test_notices_name_nobody(store: LocalStore, faces: pl.DataFrame) -> None:
    _published(store, faces)
    (notice,) = _withdraw(store, [faces["face_id"][0]])
    text = json.dumps(vars(notice))
    assert not any(faces[column][0] in text for column in ("face_id", "video_id", "identity_id"))


def test_withdrawing_twice_changes_nothing(store: LocalStore, faces: pl.DataFrame) -> None:
    _published(store, faces)
    notices = _withdraw(store, faces["face_id"][:3].to_list())
    before = _bytes(store)
    again = withdraw_faces(store, KEY, faces["face_id"][:3].to_list(), erasure_id="e1")
    assert again == notices
    assert _bytes(store) == before
    assert withdraw_faces(store, "nothing-here", ["x"], erasure_id="e1") == ()


def test_everybody_withdrawn(store: LocalStore, faces: pl.DataFrame) -> None:
    _published(store, faces)
    _withdraw(store, faces["face_id"].to_list())
    version = read_version(store, KEY)
    assert version.images == ()
    assert read_rows(store, version).is_empty()
    assert verify(store, version) == []


@pytest.mark.parametrize("n", range(0, 20))
def test_killed_while_withdrawing(store: LocalStore, faces: pl.DataFrame, n: int, tmp_path) -> None:
    whole = LocalStore(tmp_path / "whole")
    gone = faces.filter(pl.col("identity_id").is_in(["id01", "id02"]))["face_id"].to_list()
    for root in (store, whole):
        _published(root, faces.head(20))
        _published(root, faces)
    _withdraw(whole, gone)
    try:
        _withdraw(DyingStore(store, n), gone)
    except KilledError:
        # Every version can be read at any moment, before or after.
        for version in versions(store, KEY):
            rows = read_rows(store, version)
            assert pl.concat(read_faces(store, version, rows)).height == rows.height
    _withdraw(store, gone)
    assert _bytes(store) == _bytes(whole)


def test_what_was_withdrawn_is_not_published_again(store: LocalStore, faces: pl.DataFrame) -> None:
    _published(store, faces)
    _withdraw(store, [faces["face_id"][0]])
    with pytest.raises(VersionError, match="withdrawn in part on 2026-05-04"):
        _published(store, faces)
    assert _published(store, faces.slice(1)).number == 2


def test_tombstones_hide_rows_at_once(store: LocalStore, faces: pl.DataFrame) -> None:
    version = _published(store, faces)
    add_tombstones(store, "video", [faces["video_id"][0]])
    rows = read_rows(store, version)
    assert rows.height == 25
    assert pl.concat(read_faces(store, version, rows)).height == 25
    assert [finding.problem for finding in verify(store, version)] == [
        "holds 5 rows of withdrawn people, videos or uploaders"
    ]


@given(st.integers(0, 2**31), st.integers(1, 80))
@settings(deadline=None, max_examples=30)
def test_every_changed_byte_is_found(tmp_path_factory, seed: int, flip: int) -> None:
    """One byte of one file, anywhere."""
    store = LocalStore(tmp_path_factory.mktemp("verify"))
    version = _published(store, make_release(2, 2))
    file = version.files[seed % len(version.files)]
    path = f"releases/{KEY}/{file.path}"
    data = bytearray(store.read(path))
    data[seed % len(data)] ^= flip
    store.write(path, bytes(data))
    assert [finding.path for finding in verify(store, version)] == [path]


def test_missing_files_and_other_rows_are_found(store: LocalStore, faces: pl.DataFrame) -> None:
    version = _published(store, faces)
    store.delete(f"releases/{KEY}/{version.images[0].path}")
    assert [finding.problem for finding in verify(store, version)] == ["is gone"]


def test_a_pooled_release(store: LocalStore, faces: pl.DataFrame) -> None:
    pooled = faces.with_columns(
        challenge=pl.lit("face-challenge"), person_id=pl.concat_str(pl.lit("P"), "identity_id")
    )
    version = _published(store, pooled, key="pooled")
    assert version.counts["people"] == 6
    assert read_rows(store, version)["person_id"].n_unique() == 6
    assert verify(store, version) == []
    assert len(withdraw_faces(store, "pooled", [faces["face_id"][0]], erasure_id="e")) == 1
