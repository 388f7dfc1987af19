from __future__ import annotations

import numpy as np
import pytest

from fer_assets.demo.prompt_sounds import write_wav
from fer_assets.lines.tiktokfer.checking import check_challenge
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.sources.uploads import SourceError


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    folder = tmp_path / "challenges" / "one"
    (folder / "prompts").mkdir(parents=True)
    sound = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    write_wav(folder / "prompts" / "angry.wav", sound)
    text = 'name = "One"\n\n[[prompts]]\nid = "angry"\naudio = "prompts/angry.wav"\n'
    (folder / "challenge.toml").write_text(text, encoding="utf-8")
    return open_workspace(tmp_path)


def test_a_challenge_without_videos_and_manifest_is_told_what_is_missing(workspace):
    with pytest.raises(SourceError, match="video folder"):
        check_challenge(workspace, "one")
    (workspace.catalog.folder / "one" / "videos").mkdir()
    findings = check_challenge(workspace, "one")
    assert any("No video yet" in finding for finding in findings)
    assert any("No [policy]" in finding for finding in findings)


def test_a_manifest_stands_in_for_videos(workspace):
    folder = workspace.catalog.folder / "one"
    manifest = "url,uploader,date,caption\nhttps://example.org/1.mp4,ann,2024-05-01,hello\n"
    (folder / "manifest.csv").write_text(manifest, encoding="utf-8")
    with (folder / "challenge.toml").open("a", encoding="utf-8") as file:
        file.write('\n[policy]\nsource = "example.org"\n')
    findings = check_challenge(workspace, "one")
    assert "1 addresses in the manifest." in findings
    assert not any("No " in finding for finding in findings)
