"""Where the public benchmarks' data lies, as settings and environment say.

Belongs here: `[benchmarks]` of settings.toml and the folders below `FER_BENCHMARKS`. Does not
belong here: reading data (`public_data/readers`).

    [benchmarks]
    ck-plus = "/data/ck+"
    my-faces = { path = "/data/faces", layout = "image-folder", people_from = "folder" }
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fer_assets.errors import FerError
from fer_assets.lines.workspace import SETTINGS_FILE, Workspace


@dataclass(frozen=True)
class BenchmarkFolder:
    """One benchmark whose data may be there.

    Attributes:
        name: its key in the tables.
        path: folder or table.
        options: what its settings say beside the path: fields of `reading.ReadingSettings`, and
            whole_picture of `face_search.SearchSettings`.
    """

    name: str
    path: Path
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_there(self) -> bool:
        """Whether there is anything to read."""
        return self.path.exists()


def benchmark_folders(workspace: Workspace) -> list[BenchmarkFolder]:
    """The benchmarks that settings name, there or not, and the folders of FER_BENCHMARKS, by name.

    A path in the settings is absolute, or relative to FER_BENCHMARKS; ~ is the home folder. What
    settings say of a name goes before a folder of that name.

    Raises:
        FerError: the settings are not of this form.
    """
    found = {}
    if workspace.benchmarks.is_dir():
        for path in sorted(workspace.benchmarks.iterdir()):
            if path.is_dir() and not path.name.startswith("."):
                found[path.name] = BenchmarkFolder(path.name, path)
    given = workspace.settings.get("benchmarks", {})
    if not isinstance(given, Mapping):
        raise _wrong("benchmarks", "a table of names and paths", given)
    for name, value in given.items():
        found[name] = _named(workspace, name, value)
    return [found[name] for name in sorted(found)]


def _named(workspace: Workspace, name: str, value: object) -> BenchmarkFolder:
    options = dict(value) if isinstance(value, Mapping) else {"path": value}
    path = options.pop("path", str(workspace.benchmarks / name))
    if not isinstance(path, str) or not path:
        raise _wrong(f"benchmarks.{name}", "a path, or a table with one", value)
    return BenchmarkFolder(name, workspace.benchmarks / Path(path).expanduser(), options)


def _wrong(key: str, expected: str, found: object) -> FerError:
    return FerError(f"{SETTINGS_FILE}: {key}", expected=expected, found=repr(found))
