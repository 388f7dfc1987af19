"""Print the image's requirements from pyproject.toml: ``torch`` and its kin, or the ``rest``.

Torch comes from an index of its own, and dependencies are installed before the source is copied.
"""

import re
import sys
import tomllib
from pathlib import Path

TORCH = {"torch", "torchvision"}


def requirements(pyproject: Path, part: str) -> list[str]:
    """The requirements of `part`, ``"torch"`` or ``"rest"``; the rest includes PostgreSQL's."""
    project = tomllib.loads(pyproject.read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["postgres"]]
    names = {line: re.split(r"[^A-Za-z0-9_.-]", line, maxsplit=1)[0] for line in wanted}
    return [line for line, name in names.items() if (name in TORCH) == (part == "torch")]


if __name__ == "__main__":
    if sys.argv[1:] not in (["torch"], ["rest"]):
        sys.exit("usage: requirements.py torch|rest")
    print("\n".join(requirements(Path("pyproject.toml"), sys.argv[1])))
