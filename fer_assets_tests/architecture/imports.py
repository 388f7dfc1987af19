"""Which module of the package imports which, read from the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "fer_assets"


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Dotted name and syntax tree of every module."""
    for file in sorted(PACKAGE.rglob("*.py")):
        relative = file.relative_to(PACKAGE.parent).with_suffix("")
        parts = [part for part in relative.parts if part != "__init__"]
        yield ".".join(parts), ast.parse(file.read_text(encoding="utf-8"))


def imported(tree: ast.Module, *, at_import: bool = False) -> set[str]:
    """Names of all modules that a module imports; with `at_import` only when it is imported."""
    found: set[str] = set()
    for node in _nodes(tree, skip_functions=at_import):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
    return found


def room(module: str) -> str:
    """First part below the package, e.g. ``faces``; the package itself is ``fer_assets``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def _nodes(tree: ast.AST, *, skip_functions: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(tree):
        if skip_functions and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if skip_functions and isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from _nodes(child, skip_functions=skip_functions)
