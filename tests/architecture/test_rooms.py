"""The house stands: imports go down the list of rooms, nothing is circular, no room is empty."""

from __future__ import annotations

import importlib.util
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("sources", Path(__file__).with_name("sources.py"))
sources = importlib.util.module_from_spec(spec)
sys.modules["sources"] = sources
spec.loader.exec_module(sources)

ROOMS = (
    "values",
    "measure",
    "data",
    "models",
    "store",
    "audit",
    "split",
    "techniques",
    "train",
    "diagnose",
    "search",
    "ensemble",
    "transfer",
    "compress",
    "report",
    "testing",
    "curate",
    "journey",
    "integrations",
    "review",
    "commands",
)
"""From the ground up: a room may import from those named before it."""

MODULES = sources.modules()
IN_ROOMS = [module for module in MODULES if module.path.parent != sources.PACKAGE]
FOLDERS = sorted(path for path in sources.PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__")
LONGEST = 350


@pytest.mark.parametrize("module", IN_ROOMS, ids=lambda module: module.name)
def test_a_room_imports_only_from_the_rooms_below_it(module):
    allowed = {"errors", *ROOMS[: ROOMS.index(module.room) + 1]}
    above = [
        name for name in module.imports() if name != "upfit.__version__" and name.split(".")[1] not in allowed
    ]
    assert not above, f"{module.name} may import from {sorted(allowed)}"


def test_values_import_nothing_heavy():
    heavy = {"torch", "transformers", "datasets", "sklearn", "pandas", "pyarrow", "timm", "accelerate"}
    for module in MODULES:
        if module.room in (
            "values",
            "errors",
            "cli",
            "commands",
            "__init__",
        ):
            loaded = {name.split(".")[0] for name in _outside_imports(module)}
            assert not loaded & heavy, module.name


def test_nothing_but_the_command_line_imports_the_command_line():
    for module in MODULES:
        if module.room not in ("cli", "__main__"):
            assert not [name for name in module.imports() if name.startswith("upfit.cli")], module.name


def test_no_module_waits_for_itself():
    names = {module.name for module in MODULES}
    graph = {
        module.name: {known for name in module.imports(when_loaded=True) if (known := _module(name, names))}
        - {module.name}
        for module in MODULES
    }
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail("circular imports: " + " -> ".join(error.args[1]))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_room_is_in_the_list_and_furnished(folder):
    assert folder.name in ROOMS
    written = [
        path for path in folder.rglob("*.py") if path.name != "__init__.py" and path.stat().st_size > 200
    ]
    assert written, f"{folder.name} is an empty room"
    assert (folder / "__init__.py").is_file()


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_files_stay_readable(module):
    lines = len(module.path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST, f"{module.path.name} has {lines} lines: split it by idea"


def _outside_imports(module):
    import ast

    for node in sources._nodes(module.tree, when_loaded=True):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def _module(name, names):
    """The module that an imported dotted name lies in: itself, or its parent for a name inside."""
    return name if name in names else (parent if (parent := name.rpartition(".")[0]) in names else None)
