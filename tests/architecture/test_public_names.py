"""The public list is the namespace, and asking for it is cheap."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import upfit

SOURCE = Path(upfit.__file__).read_text(encoding="utf-8")


def test_every_public_name_is_there():
    for name in upfit.__all__:
        assert getattr(upfit, name) is not None


def test_the_list_is_sorted_and_short():
    assert upfit.__all__ == sorted(upfit.__all__)
    assert len(upfit.__all__) <= 40


def test_type_checkers_see_the_same_names():
    block = next(node for node in ast.parse(SOURCE).body if isinstance(node, ast.If))
    typed = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed | {"__version__"} == set(upfit.__all__)


def test_dir_lists_the_public_names():
    assert dir(upfit) == upfit.__all__


def test_functions_stay_functions_whatever_is_imported_first():
    rooms = "import upfit, upfit.train.loop, upfit.audit.result"
    code = f"{rooms}; assert callable(upfit.audit) and callable(upfit.train)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        upfit.nonsense  # noqa: B018


def test_importing_upfit_and_its_values_loads_no_framework():
    code = (
        "import sys, upfit; upfit.Recipe; upfit.DataError; import upfit.cli;"
        "heavy = {'torch', 'transformers', 'datasets', 'pandas', 'sklearn', 'pyarrow'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "[]"
