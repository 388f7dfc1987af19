"""A storage root with one challenge whose tasks are made, for tests of the steps after them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from fer_assets.lines.step import StepReport, run_step
from fer_assets.lines.tiktokfer.answers import CROWD_ANSWERS_STEP
from fer_assets.lines.tiktokfer.names import FACE_CROPS, IDENTITY_CLUSTERS
from fer_assets.lines.tiktokfer.tasks import LABELLING_TASKS_STEP
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schema import Schema
from fer_assets.storage.schemas.catalog import ASSET_TABLES

KEY = "faces"


def make_root(folder: Path, faces: pl.DataFrame, labels: str = "") -> Workspace:
    """A workspace at `folder` whose challenge has the given faces (as `make_tasks` takes them)."""
    challenge = folder / "challenges" / KEY
    (challenge / "prompts").mkdir(parents=True)
    prompts = ""
    for name in ("angry", "sad", "smiling", "kiss"):
        (challenge / "prompts" / f"{name}.wav").write_bytes(b"RIFF")
        prompts += f'[[prompts]]\nid = "{name}"\naudio = "prompts/{name}.wav"\n'
    text = f"{prompts}[settings.labels]\n{labels}\n" if labels else prompts
    (challenge / "challenge.toml").write_text(text, encoding="utf-8")
    workspace = open_workspace(folder)
    crops = {"face_crops": _filled(ASSET_TABLES[FACE_CROPS]["face_crops"], faces)}
    table = ASSET_TABLES[IDENTITY_CLUSTERS]["identity_clusters"]
    _publish(workspace, FACE_CROPS, crops)
    _publish(workspace, IDENTITY_CLUSTERS, {"identity_clusters": _filled(table, faces)})
    return workspace


def make_tasks(workspace: Workspace) -> StepReport:
    return run_step(LABELLING_TASKS_STEP, workspace, KEY)


def count_answers(workspace: Workspace) -> StepReport:
    return run_step(CROWD_ANSWERS_STEP, workspace, KEY)


def _publish(workspace: Workspace, asset: str, tables: Mapping[str, pl.DataFrame]) -> None:
    build = Build(Place(asset, KEY), ASSET_TABLES[asset], 1)
    rebuild(workspace.store, build, [Unit(WHOLE, {})], lambda _: [Output(WHOLE, tables)])


def _filled(schema: Schema, faces: pl.DataFrame) -> pl.DataFrame:
    """The table's columns: from `faces` where it has them, else a value that is allowed."""
    columns = []
    for column in schema.columns:
        if column.name in faces.columns:
            columns.append(pl.col(column.name))
            continue
        empty = pl.Series([None], dtype=column.dtype)
        value: object = None
        if not column.is_nullable:
            value = _value(empty.dtype, column.choices)
        columns.append(pl.lit(pl.Series([value], dtype=column.dtype)).first().alias(column.name))
    return faces.select(columns)


def _value(dtype: pl.DataType, choices: object) -> object:
    if isinstance(choices, tuple | list):
        return choices[0]
    if dtype == pl.String:
        return "x"
    if dtype == pl.Boolean:
        return False
    if isinstance(dtype, pl.List):
        return [0.0] * 10
    if isinstance(dtype, pl.Struct):
        return {"bytes": b"\xff\xd8\xff", "path": "x.jpg"}
    return 1
