"""`fer-assets trace`: where a face comes from and what rests on it, or the other way.

Belongs here: options and printing. Does not belong here: tracing (`custody`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from fer_assets.commands.printing import json_option, print_rows

if TYPE_CHECKING:
    from fer_assets.custody.trace import Record, Trace

_UPRIGHT_FIELDS = 7
"""A single record with more fields is printed a field a line."""


@click.command()
@click.argument("face_id", required=False)
@click.option("--checkpoint", metavar="ASSET/PARTITION/RUN", help="What it learned from.")
@click.option("--score", metavar="PARTITION/BENCHMARK/PROTOCOL/METRIC", help="What it rests on; of "
              "annotated video PARTITION/RUN/SMOOTHING/METRIC.")  # fmt: skip
@click.option("--video", metavar="ID", help="All that is there of a video, by id or path.")
@click.option("--identity", metavar="ID", help="All that is there of a person of a challenge.")
@click.option("--partition", metavar="KEY", help="The challenge of an identity.")
@click.option("--person", metavar="ID", help="All that is there of a person.")
@click.option("--uploader", metavar="NAME", help="All that is there of an uploader.")
@json_option
@click.pass_obj
def trace(
    root: str | None,
    face_id: str | None,
    checkpoint: str | None,
    score: str | None,
    video: str | None,
    identity: str | None,
    partition: str | None,
    person: str | None,
    uploader: str | None,
    as_json: bool,
) -> None:
    """Trace a face from its second of video to the scores that rest on it.

    FACE_ID is video/time in ms/x-y or video/frame-N, as in the tables. With an option instead: the
    other way.
    """
    from fer_assets.custody import trace_back as back
    from fer_assets.custody.trace import trace_face
    from fer_assets.lines.workspace import open_workspace

    ways = {
        "a face": (face_id, trace_face),
        "--checkpoint": (checkpoint, back.trace_checkpoint),
        "--score": (score, back.trace_score),
        "--video": (video, back.trace_video),
        "--person": (person, back.trace_person),
        "--uploader": (uploader, back.trace_uploader),
    }
    given = [(name, way) for name, way in ways.values() if name]
    if len(given) + bool(identity) != 1:
        raise click.UsageError("Give one face, or exactly one option.")
    workspace = open_workspace(root)
    if identity:
        found = back.trace_identity(workspace, identity, partition)
    else:
        name, way = given[0]
        found = way(workspace, str(name))
    _print(found, as_json=as_json)


def _print(found: Trace, *, as_json: bool) -> None:
    if as_json:
        data = {"about": found.about, **found.sections}
        click.echo(json.dumps(data, indent=1, default=str))
        return
    for title, all_records in found.sections.items():
        click.secho(title, bold=True)
        if not all_records:
            click.echo("  nothing")
            continue
        records, n_slices = _without_slices(all_records)
        columns = list(dict.fromkeys(name for record in records for name in record))
        if len(records) == 1 and len(columns) >= _UPRIGHT_FIELDS:
            upright = [{"what": name, "is": _said(records[0][name])} for name in columns]
            print_rows(upright, ("what", "is"), as_json=False)
        else:
            plain = [{name: _said(value) for name, value in r.items()} for r in records]
            print_rows(plain, columns, as_json=False)
        if n_slices:
            click.echo(f"  and {n_slices} by class or slice: --json")


def _without_slices(records: Sequence[Record]) -> tuple[list[Record], int]:
    """Scores over everything, and how many are of one class or slice: ``f1/sad``."""
    kept = [record for record in records if "/" not in str(record.get("metric", ""))]
    return kept, len(records) - len(kept)


def _said(value: Any) -> str | None:
    """A value short enough for a table; distributions by their largest shares."""
    if value is None:
        return None
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        shares = sorted(value, key=lambda share: -share.get("prob", 0))[:3]
        return ", ".join(f"{s.get('expression')} {s.get('prob', 0):.2f}" for s in shares)
    if isinstance(value, list):
        return ", ".join(str(_said(item)) for item in value)
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 and text.isalnum() else text
