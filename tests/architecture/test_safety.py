"""Nothing that a user hands us is unpickled or executed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "upfit"
FILES = sorted(PACKAGE.rglob("*.py"))
FORBIDDEN_MODULES = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
HARMLESS_NAMES = {"UnpicklingError"}  # an exception to catch; it reads nothing
FORBIDDEN_CALLS = {"eval", "exec", "yaml.load", "yaml.unsafe_load", "os.system"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_source_executes_nothing_it_reads(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not {alias.name.split(".")[0] for alias in node.names} & FORBIDDEN_MODULES
        elif isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names} - HARMLESS_NAMES
            assert not names or (node.module or "").split(".")[0] not in FORBIDDEN_MODULES
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in FORBIDDEN_CALLS, f"line {node.lineno}"
            settings = {word.arg: ast.unparse(word.value) for word in node.keywords}
            if called == "torch.load":
                assert settings.get("weights_only") == "True", f"line {node.lineno}"
            assert settings.get("shell") != "True", f"line {node.lineno}"
            assert settings.get("trust_remote_code") != "True", f"line {node.lineno}"
