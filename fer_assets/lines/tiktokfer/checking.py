"""Checking a prompted challenge before anything is built from it.

Belongs here: trying out what the first steps will read. Does not belong here: reading itself.
"""

from __future__ import annotations

from fer_assets.lines.workspace import Workspace


def check_challenge(workspace: Workspace, key: str) -> list[str]:
    """Findings about a challenge, one sentence each.

    Raises:
        FerError: the challenge can't be used: its file, a prompt's sound or its video folder.
    """
    from fer_assets.challenges.manifest import read_manifest_rows
    from fer_assets.prompts.templates import load_templates
    from fer_assets.sources.uploads import find_uploads, read_uploaders
    from fer_assets.storage.tombstones import read_salt

    found = workspace.catalog.load(key)
    templates = load_templates(found.prompts)
    wanted = read_manifest_rows(found.folder)
    # What nobody has fetched yet has no folder yet.
    uploads = []
    if found.videos.is_dir() or not wanted:
        uploads = find_uploads(
            found.videos,
            read_uploaders(found.file("uploads.csv")),
            read_salt(workspace.store),
            workspace.state / "hashes" / f"{key}.json",
        )
    shortest = min(len(template.samples) / template.rate_hz for template in templates)
    contents = {upload.sha256 for upload in uploads}
    findings = [
        f"{found.name}: {len(templates)} prompts, the shortest of {shortest:.2f} s.",
        f"{len(uploads)} uploads, {len(contents)} of different content.",
    ]
    if wanted:
        findings.append(f"{len(wanted)} addresses in the manifest.")
    if found.policy is None or not found.policy.source:
        findings.append("No [policy]: say where the videos come from and on what terms.")
    if not uploads and not wanted:
        findings.append(f"No video yet: put the uploads into {found.videos}.")
    return findings
