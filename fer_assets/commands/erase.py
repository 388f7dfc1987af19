"""`fer-assets erase`: take a video, an uploader, a person or a face out of everything.

Belongs here: options, asking for confirmation, printing. Does not belong here: erasing (`custody`).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from fer_assets.commands.printing import json_option, print_rows, progress_bars

if TYPE_CHECKING:
    from fer_assets.custody.erasure import Wishes
    from fer_assets.custody.journal import Journal
    from fer_assets.custody.subjects import Asked, Subject
    from fer_assets.lines.workspace import Workspace


@click.command()
@click.option("--video", metavar="ID|PATH", help="A video by its id, PATH or KEY/PATH, with its "
              "re-uploads.")  # fmt: skip
@click.option("--uploader", metavar="NAME", help="All videos of an uploader.")
@click.option("--identity", metavar="ID", help="A person of one challenge; with --partition.")
@click.option("--person", metavar="ID", help="A person over all challenges.")
@click.option("--face", metavar="ID", help="One face and exact copies of it.")
@click.option("--worker", metavar="NAME", help="All answers of a worker.")
@click.option("--partition", metavar="KEY", help="The challenge of an identity.")
@click.option("--dry-run", is_flag=True, help="Only say what would be taken out.")
@click.option("--keep-source", is_flag=True, help="Leave the video files where they are.")
@click.option("--with-shared-videos", is_flag=True, help="Videos with others in them go whole.")
@click.option("--exports", is_flag=True, help="Scrub recorded exports, too.")
@click.option("--reason", metavar="TEXT", help="Kept in the journal; it should name nobody.")
@click.option("--wait", "wait_s", type=float, default=60.0, show_default=True, metavar="SECONDS",
              help="How long to wait for what is being built.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--resume", "is_resume", is_flag=True, help="Only finish what was interrupted.")
@click.option("--again", is_flag=True, help="Sweep everything anew, as after a restored backup.")
@click.option("--verify", is_flag=True, help="Only look for what is left of anybody withdrawn.")
@click.option(
    "--look-for", multiple=True, metavar="TEXT", help="With --verify: a name to look for."
)
@json_option
@click.pass_obj
def erase(
    root: str | None,
    video: str | None,
    uploader: str | None,
    identity: str | None,
    person: str | None,
    face: str | None,
    worker: str | None,
    partition: str | None,
    dry_run: bool,
    keep_source: bool,
    with_shared_videos: bool,
    exports: bool,
    reason: str | None,
    wait_s: float,
    yes: bool,
    is_resume: bool,
    again: bool,
    verify: bool,
    look_for: tuple[str, ...],
    as_json: bool,
) -> None:
    """Take a subject out of every table, picture, release, answer and file, for good.

    Interrupted, it is finished by the next call. At the end everything is read, and the report
    says what was touched, what is left, and what only you can do. Exit code 1: something is left.
    """
    from fer_assets.custody.erasure import Wishes
    from fer_assets.lines.workspace import open_workspace

    named = {"video": video, "uploader": uploader, "identity": identity, "person": person,
             "face": face, "worker": worker}  # fmt: skip
    workspace = open_workspace(root)
    wishes = Wishes(keep_source, exports, reason, wait_s)
    if verify:
        _verify(workspace, look_for, as_json=as_json)
        return
    if is_resume or again:
        _go_on(workspace, wishes, again=again, as_json=as_json)
        return
    asked = _asked(named, partition)
    if dry_run:
        _preview(workspace, asked, takes_shared=with_shared_videos, as_json=as_json)
        return
    _go_on(workspace, wishes, again=False, as_json=as_json, is_silent=True)
    from fer_assets.custody.subjects import find_subject

    subject = find_subject(workspace, asked, takes_shared_videos=with_shared_videos)
    if not yes:
        _confirm(subject)
    _erase(workspace, subject, wishes, as_json=as_json)


def _asked(named: dict[str, str | None], partition: str | None) -> Asked:
    from fer_assets.custody.subjects import SUBJECTS, Asked

    given = [kind for kind in SUBJECTS if named[kind]]
    if len(given) != 1:
        raise click.UsageError(f"Give exactly one of --{', --'.join(SUBJECTS)}.")
    if given[0] == "identity" and not partition:
        raise click.UsageError("--identity needs --partition KEY.")
    return Asked(given[0], str(named[given[0]]), partition)


def _confirm(subject: Subject) -> None:
    counts = {kind: subject.count(kind) for kind in ("video", "identity", "task")}
    click.echo(
        f"{subject.n_faces} faces, {counts['video']} videos, {counts['identity']} identities and "
        f"{counts['task']} tasks go for good, in {len(subject.partitions)} challenges."
    )
    click.confirm("Go on?", abort=True)


def _preview(workspace: Workspace, asked: Asked, *, takes_shared: bool, as_json: bool) -> None:
    from fer_assets.custody.erasure import preview, running
    from fer_assets.custody.subjects import find_subject

    subject = find_subject(workspace, asked, takes_shared_videos=takes_shared)
    found = preview(workspace, subject)
    if as_json:
        names = {kind: subject.count(kind) for kind in sorted(subject.names)}
        report = {
            "faces": subject.n_faces,
            "names": names,
            "shared_videos": subject.n_shared_videos,
            "places": found,
            "interrupted": running(workspace),
        }
        click.echo(json.dumps(report, indent=1))
        return
    rows = [{"place": place, "takes_out": _said(counts)} for place, counts in found.items()]
    print_rows(rows, ("place", "takes_out"), as_json=False)
    click.echo(
        f"{subject.n_faces} faces, {subject.count('video')} videos, "
        f"{subject.count('identity')} identities; {subject.n_shared_videos} videos with others "
        "would stay. Nothing was changed."
    )


def _erase(workspace: Workspace, subject: Subject, wishes: Wishes, *, as_json: bool) -> None:
    from fer_assets.custody.erasure import erase as carry_out

    with progress_bars(is_quiet=as_json):
        journal = carry_out(workspace, subject, wishes)
    texts = [subject.asked.name] if subject.asked.kind in ("uploader", "worker") else []
    _report(workspace, [journal], texts, as_json=as_json)


def _go_on(
    workspace: Workspace, wishes: Wishes, *, again: bool, as_json: bool, is_silent: bool = False
) -> None:
    from fer_assets.custody.erasure import apply_again, resume

    with progress_bars(is_quiet=as_json):
        done = resume(workspace, wishes.wait_s)
        if again:
            done.append(apply_again(workspace, wishes.wait_s))
    if done and not is_silent:
        _report(workspace, done, (), as_json=as_json)
    elif done:
        click.echo(f"{len(done)} interrupted erasures were finished.", err=True)
    elif not is_silent:
        click.echo("[]" if as_json else "Nothing was interrupted.")


def _report(
    workspace: Workspace, journals: list[Journal], texts: list[str] | tuple[()], *, as_json: bool
) -> None:
    from fer_assets.custody.reporting import make_report
    from fer_assets.custody.verify import find_traces

    with progress_bars(is_quiet=as_json):
        findings = find_traces(workspace, texts)
    reports = [make_report(workspace, journal, findings) for journal in journals]
    if as_json:
        click.echo(json.dumps([asdict(report) for report in reports], indent=1))
    for report in reports if not as_json else []:
        click.echo(f"Erasure {report.erasure_id}: {_with_article(report.kind)}")
        rows = [{"place": p, "taken_out": _said(c)} for p, c in report.touched.items()]
        print_rows(rows, ("place", "taken_out"), as_json=False)
        for notice in report.notices:
            click.echo(f"Version {notice.version}: notice of {notice.rows} rows withdrawn.")
        print_rows([asdict(s) for s in report.stale], ("asset", "partition", "run"), as_json=False)
        for finding in report.findings:
            click.secho(f"Left: {finding.place} ({', '.join(finding.kinds)})", fg="red")
        if report.is_clean:
            click.echo("Verified: everything was read, and nothing is left.")
        for sentence in report.left_to_do:
            click.echo(f"- {sentence}")
    if any(not report.is_clean for report in reports):
        raise click.exceptions.Exit(1)


def _verify(workspace: Workspace, texts: tuple[str, ...], *, as_json: bool) -> None:
    from fer_assets.custody.verify import find_traces

    with progress_bars(is_quiet=as_json):
        findings = find_traces(workspace, texts)
    rows = [{"place": f.place, "found": ", ".join(f.kinds)} for f in findings]
    if rows or as_json:
        print_rows(rows, ("place", "found"), as_json=as_json)
    else:
        click.echo("Everything was read, and nothing is left of anybody withdrawn.")
    if rows:
        raise click.exceptions.Exit(1)


def _said(counts: object) -> str:
    pairs = counts.items() if isinstance(counts, dict) else ()
    return ", ".join(f"{n} {what}" for what, n in pairs if n)


def _with_article(kind: str) -> str:
    """``an uploader``, ``a video``; what already says who it is stays as it is."""
    if " " in kind:
        return kind
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
