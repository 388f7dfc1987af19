"""Exports as the programs see them that they are made for."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fer_assets.media.image_codec import decode_image
from fer_assets.release.exports.exporting import FORMATS, export
from fer_assets.release.exports.source import file_name
from fer_assets.release.version_files import Version
from fer_assets.storage.store import LocalStore

Published = tuple[LocalStore, Version]
CLASSES = ["angry", "kiss", "sad", "wink"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory, published: Published) -> dict[str, Path]:
    store, version = published
    folders = {layout: tmp_path_factory.mktemp("export") / layout for layout in FORMATS}
    for layout, folder in folders.items():
        export(store, version, folder, layout, shard_rows=6)
    return folders


def _pictures(release: pl.DataFrame) -> dict[str, bytes]:
    return {face: image["bytes"] for face, image in release.select("face_id", "image").iter_rows()}


def _split(release: pl.DataFrame, split: str) -> pl.DataFrame:
    return release.filter(pl.col("split") == split)


@pytest.fixture
def datasets(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return pytest.importorskip("datasets")


@pytest.mark.parametrize("is_folder", [True, False])
def test_datasets_reads_parquet(
    exported: dict[str, Path], release: pl.DataFrame, datasets, is_folder: bool, tmp_path: Path
) -> None:
    """From the folder with its README, and from bare files: pictures decoded, labels named."""
    files = {
        split: sorted(str(path) for path in (exported["parquet"] / "data").glob(f"{split}-*"))
        for split in ("train", "val", "test")
    }
    found = (
        datasets.load_dataset(str(exported["parquet"]), cache_dir=str(tmp_path))
        if is_folder
        else datasets.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path))
    )
    assert len(files["train"]) == 4
    pictures, rows = _pictures(release), {row["face_id"]: row for row in release.to_dicts()}
    for split in ("train", "val", "test"):
        assert len(found[split]) == _split(release, split).height
    assert found["train"].features["label"].names == CLASSES
    for face in found["train"]:
        row = rows[face["face_id"]]
        assert face["label"] == (None if row["label"] is None else CLASSES.index(row["label"]))
        assert face["prompt"] == CLASSES.index(row["prompt"])
        soft = {one["expression"]: one["prob"] for one in row["soft_label"]}
        assert face["soft_label"] == [soft.get(name, 0.0) for name in CLASSES]
        assert (face["age_group"], face["agreement"]) == (row["age_group"], row["agreement"])
        # Another JPEG decoder rounds differently.
        apart = np.abs(
            np.asarray(face["image"], float) - decode_image(pictures[face["face_id"]]).astype(float)
        )
        assert apart.mean() < 2


def test_polars_and_pyarrow_read_the_same_parquet(exported: dict[str, Path]) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    for path in sorted((exported["parquet"] / "data").iterdir()):
        table = pq.read_table(path)
        assert pl.from_arrow(table).equals(pl.read_parquet(path))
        assert set(table.schema.metadata) == {b"huggingface"}


def test_datasets_reads_the_image_folder(
    exported: dict[str, Path], release: pl.DataFrame, datasets, tmp_path: Path
) -> None:
    found = datasets.load_dataset(str(exported["imagefolder"]), cache_dir=str(tmp_path))
    labelled = release.drop_nulls("label")
    assert {split: len(rows) for split, rows in found.items()} == {
        split: _split(labelled, split).height for split in ("train", "val", "test")
    }
    assert np.asarray(found["val"][0]["image"]).shape == (224, 224, 3)
    assert found["val"][0]["label"] in CLASSES


def test_image_folder_by_path(exported: dict[str, Path], release: pl.DataFrame) -> None:
    for row in release.drop_nulls("label").to_dicts():
        name = f"{row['split']}/{row['label']}/{file_name(row['face_id'])}.jpg"
        assert (exported["imagefolder"] / name).read_bytes() == row["image"]["bytes"]
    lines = (exported["imagefolder"] / "train" / "metadata.jsonl").read_text().splitlines()
    assert all(
        (exported["imagefolder"] / "train" / json.loads(x)["file_name"]).exists() for x in lines
    )


def test_webdataset_reads_the_shards(exported: dict[str, Path], release: pl.DataFrame) -> None:
    wds = pytest.importorskip("webdataset")
    shards = sorted(str(path) for path in exported["webdataset"].glob("train-*.tar"))
    assert len(shards) == 4
    found = list(wds.WebDataset(shards, shardshuffle=False))
    pictures = _pictures(release)
    assert len(found) == _split(release, "train").height
    for sample in found:
        row = json.loads(sample["json"])
        assert sample["__key__"] == file_name(row["face_id"])
        assert sample["jpg"] == pictures[row["face_id"]]
        assert ("cls" in sample) == (row["label"] is not None)
        if "cls" in sample:
            assert CLASSES[int(sample["cls"])] == row["label"]


def test_tar_headers_say_nothing_of_the_machine(exported: dict[str, Path]) -> None:
    with tarfile.open(exported["webdataset"] / "val-000000.tar") as archive:
        for member in archive:
            assert (member.mtime, member.uid, member.gid, member.uname) == (0, 0, 0, "")
            assert member.mode == 0o644


def test_csv(exported: dict[str, Path], release: pl.DataFrame) -> None:
    table = pl.read_csv(exported["csv"] / "faces.csv")
    assert table.height == release.height
    pictures = _pictures(release)
    for name, face_id in table.select("file_name", "face_id").iter_rows():
        assert (exported["csv"] / name).read_bytes() == pictures[face_id]
    with_soft = table.filter(pl.col("label").is_not_null())
    assert with_soft["soft_wink"].to_list() == [0.25] * with_soft.height
    assert (
        release.select("face_id", "label", "split")
        .sort("face_id")
        .equals(table.select("face_id", "label", "split").sort("face_id"))
    )


@pytest.mark.parametrize("layout", FORMATS)
def test_croissant(exported: dict[str, Path], layout: str, release: pl.DataFrame) -> None:
    mlc = pytest.importorskip("mlcroissant")
    dataset = mlc.Dataset(str(exported[layout] / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings
    rows = {row["face_id"]: row for row in release.to_dicts()}
    records = list(dataset.records("faces"))
    expected = release.drop_nulls("label") if layout == "imagefolder" else release
    assert len(records) == expected.height
    for record in records:
        row = rows[record["faces/face_id"].decode()]
        assert record["faces/split"].decode() == row["split"]
        assert record["faces/agreement"] == row["agreement"]
        if layout == "parquet":
            assert record["faces/image"].size == (224, 224)
    names = [one["expressions/expression"] for one in dataset.records("expressions")]
    assert names == CLASSES


def test_croissant_of_a_version(published: Published, release: pl.DataFrame) -> None:
    mlc = pytest.importorskip("mlcroissant")
    store, version = published
    path = store.local(f"releases/{version.key}/{version.name}/croissant.json")
    dataset = mlc.Dataset(str(path))
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings
    found = {one["faces/face_id"].decode() for one in dataset.records("faces")}
    assert found == set(release["face_id"])
    data = json.loads(path.read_bytes())
    assert data["citeAs"] == version.citation
    assert data["license"] == "CC-BY-4.0"
    assert data["rai:personalSensitiveInformation"]
    for file in data["distribution"]:
        assert (path.parent / file["contentUrl"]).resolve().exists()


def test_a_shard_holds_what_it_should(exported: dict[str, Path]) -> None:
    paths = sorted((exported["parquet"] / "data").glob("train-*"))
    heights = [pl.read_parquet(io.BytesIO(path.read_bytes())).height for path in paths]
    assert heights == [6, 6, 6, 2]
