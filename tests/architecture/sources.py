"""The package as parsed source: its modules and who imports whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "src" / "upfit"


@dataclass(frozen=True)
class Module:
    """One source file; `room` is the folder it lies in, or the file's own name beside the rooms."""

    path: Path

    @property
    def name(self) -> str:
        parts = self.path.relative_to(PACKAGE.parent).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def room(self) -> str:
        return self.path.relative_to(PACKAGE).with_suffix("").parts[0]

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"))

    def imports(self, *, when_loaded: bool = False) -> Iterator[str]:
        """Dotted names of what it imports from upfit; with `when_loaded`, only what importing it runs."""
        for node in _nodes(self.tree, when_loaded=when_loaded):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "upfit")
            elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "upfit":
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules() -> list[Module]:
    return [Module(path) for path in sorted(PACKAGE.rglob("*.py"))]


def _nodes(node: ast.AST, *, when_loaded: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        lazy = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or _is_for_types(child)
        if not (when_loaded and lazy):
            yield child
            yield from _nodes(child, when_loaded=when_loaded)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
