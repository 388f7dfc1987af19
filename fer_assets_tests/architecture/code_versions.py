"""The stages' code versions beside digests of their sources, and recording a decision.

After changing a stage: raise `CODE_VERSION` in its ``__init__.py`` if its results change, then
``python -m fer_assets_tests.architecture.code_versions`` records that somebody decided.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import json
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "fer_assets"
RECORD = Path(__file__).with_name("code_versions.json")
STAGES = (
    "benchmarks", "expressions", "faces", "frame_affect", "identities", "labels", "prompts",
    "release", "sources",
)  # fmt: skip


def source_digest(stage: str) -> str:
    """Digest of what the stage's modules do; comments, docstrings and layout do not count."""
    digest = hashlib.sha256()
    folder = PACKAGE / stage
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        if file.suffix == ".py":
            digest.update(f"{file.relative_to(folder)}\n{_meaning(file)}\n".encode())
        elif file.suffix in {".toml", ".csv", ".jinja", ".html", ".j2"}:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def current() -> dict[str, dict[str, object]]:
    """Stage to its code version and the digest of its sources, as they are now."""
    return {
        stage: {
            "code_version": importlib.import_module(f"fer_assets.{stage}").CODE_VERSION,
            "sources": source_digest(stage),
        }
        for stage in STAGES
    }


def recorded() -> dict[str, dict[str, object]]:
    """What was recorded last."""
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}


def _meaning(file: Path) -> str:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list) or not body or not isinstance(body[0], ast.Expr):
            continue
        if isinstance(body[0].value, ast.Constant) and isinstance(body[0].value.value, str):
            body[0].value.value = ""
    return ast.dump(tree)


if __name__ == "__main__":
    RECORD.write_text(json.dumps(current(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"recorded {RECORD.name}")
