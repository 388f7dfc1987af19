"""The report of an erasure: what was touched, what is stale, what is left to the operator.

Belongs here: putting the report together and storing it. Does not belong here: printing
(`commands/erase.py`), looking for what is left (`verify.py`).

A stored report names no subject: places and counts. A place whose own name would tell is given by
its folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import polars as pl

from fer_assets.custody.checkpoints import StaleCheckpoint, stale_checkpoints
from fer_assets.custody.journal import Journal, report_path
from fer_assets.custody.published import exports_with_subjects, notices_of
from fer_assets.custody.reading import Rows
from fer_assets.custody.sweep import Sweep
from fer_assets.custody.verify import Finding
from fer_assets.lines.frame_affect.names import EXPRESSION_BACKBONE
from fer_assets.lines.workspace import Workspace
from fer_assets.release.version_files import WithdrawalNotice
from fer_assets.storage.digests import canonical_json
from fer_assets.storage.layout import Place


@dataclass(frozen=True)
class ErasureReport:
    """What an erasure came to.

    Attributes:
        erasure_id: its id.
        kind: what the operator named.
        withdrawn: how many of each kind of name.
        touched: place to what was taken out there.
        notices: withdrawal notices on published versions.
        stale: checkpoints that learned from the subject and are stored still.
        findings: what the verification found; empty where nothing is left.
        kept_sources: video files, or memories of them, that were kept as asked.
        left_to_do: what only the operator can do, one sentence each.
    """

    erasure_id: str
    kind: str
    withdrawn: Mapping[str, int]
    touched: Mapping[str, Mapping[str, int]]
    notices: Sequence[WithdrawalNotice]
    stale: Sequence[StaleCheckpoint]
    findings: Sequence[Finding]
    kept_sources: int
    left_to_do: Sequence[str]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found that was not kept as asked."""
        return not self.findings


def make_report(
    workspace: Workspace, journal: Journal, findings: Sequence[Finding]
) -> ErasureReport:
    """The report of a finished erasure, stored beside its journal.

    Args:
        workspace: the places.
        journal: everything done.
        findings: of `verify.find_traces`.
    """
    sweep = Sweep.of(workspace)
    kept = [f for f in findings if f.is_source and journal.keeps_source]
    open_findings = [_redacted(sweep, f) for f in findings if f not in kept]
    stale = stale_checkpoints(workspace.store)
    report = ErasureReport(
        erasure_id=journal.erasure_id,
        kind=journal.kind,
        withdrawn=journal.counts,
        touched={name: counts for name, counts in journal.done.items() if counts},
        notices=notices_of(sweep, journal.erasure_id),
        stale=stale,
        findings=open_findings,
        kept_sources=len(kept),
        left_to_do=_left_to_do(sweep, journal, len(stale), len(open_findings)),
    )
    data = canonical_json(asdict(report), indent=1) + b"\n"
    workspace.store.write(report_path(journal.erasure_id), data)
    return report


def _redacted(sweep: Sweep, finding: Finding) -> Finding:
    place = finding.place
    while sweep.names.kinds_in(place) and "/" in place:
        place = place.rsplit("/", 1)[0]
    return Finding(place, finding.kinds, finding.is_source)


def _taught_backbones(sweep: Sweep) -> list[str]:
    """Backbones that were trained on folders of pictures which no table lists."""
    rows = Rows(sweep.workspace).all(Place(EXPRESSION_BACKBONE), "backbones")
    taught = pl.col("n_identity_images") + pl.col("n_expression_images") > 0
    return rows.filter(taught)["backbone"].sort().to_list()


def _left_to_do(sweep: Sweep, journal: Journal, n_stale: int, n_findings: int) -> list[str]:
    todo = []
    if n_findings:
        todo.append(f"Look into {n_findings} files where something was found, and delete it there.")
    if journal.n_shared_videos:
        todo.append(
            f"{journal.n_shared_videos} video files show the subject beside others and were kept; "
            "no face of it comes out of them again. With --with-shared-videos they go, too."
        )
    if journal.keeps_source:
        todo.append("The video files were kept as asked; they stay out of every build.")
    if n_stale:
        todo.append(
            f"{n_stale} checkpoints learned from a withdrawn subject: train them anew "
            "(`fer-assets materialize`), and call back their copies."
        )
    if taught := _taught_backbones(sweep):
        todo.append(
            f"Backbones {', '.join(taught)} learned from pictures outside of this root (settings "
            "of expression_backbone): nobody is recognised there. If the subject is among them, "
            "take it out and materialise the asset anew."
        )
    if not journal.scrubs_exports:
        todo += [
            f"Export {export.format} of {export.key} {export.version} at {export.path} holds the "
            "subject: delete it or call again with --exports."
            for export in exports_with_subjects(sweep)
        ]
    todo.append("Build what follows: `fer-assets backfill --all`; start a labelling page anew.")
    todo.append(
        "Not reached: backups, other storage roots, copies that were handed out. When a backup is "
        "put back, keep the folder custody and call `fer-assets erase --again`."
    )
    return todo
