"""What the README and the documentation show, works."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from pathlib import Path

import pytest
import typer

import upfit
from upfit.cli import app

REPOSITORY = Path(__file__).parents[2]
PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]
RUNNABLE = re.compile(r"^<!-- run -->\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
COMMANDS = typer.main.get_command(app).commands


def _name(path):
    return str(path.relative_to(REPOSITORY))


def _text(path):
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [page for page in PAGES if RUNNABLE.search(_text(page))], ids=_name)
def test_python_snippets_run(page, tmp_path):
    """The snippets of a page run in order, in one namespace, in an empty folder."""
    namespace = {"__name__": "snippet"}
    with contextlib.chdir(tmp_path):
        for number, snippet in enumerate(RUNNABLE.findall(_text(page)), start=1):
            exec(compile(snippet, f"{_name(page)} snippet {number}", "exec"), namespace)


def _typed_lines():
    for page in PAGES:
        for block in FENCE.findall(_text(page).replace("\\\n", " ")):
            for line in block.splitlines():
                if re.match(r"(\$ )?upfit ", line):
                    yield pytest.param(line.removeprefix("$ "), id=f"{_name(page)}: {line}")


@pytest.mark.parametrize("line", list(_typed_lines()))
def test_command_lines_exist(line):
    _, name, *rest = shlex.split(line.split(" | ")[0], comments=True)
    if name.startswith("-"):
        return
    assert name in COMMANDS
    known = {flag for parameter in COMMANDS[name].params for flag in parameter.opts} | {"--help"}
    flags = {word.split("=")[0] for word in rest if word.startswith("--")}
    assert flags <= known


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_between_pages_lead_somewhere(page):
    missing = [link for link in LINK.findall(_text(page)) if not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_readme_names_its_two_commands(target):
    assert f"make {target}" in _text(REPOSITORY / "README.md")
    assert f"\n{target}:" in _text(REPOSITORY / "Makefile")


def test_every_page_is_in_the_menu():
    menu = _text(REPOSITORY / "mkdocs.yml")
    for page in PAGES:
        if page.is_relative_to(REPOSITORY / "docs"):
            assert os.path.relpath(page, REPOSITORY / "docs") in menu


def test_every_public_name_is_in_the_reference():
    """`docs/api.md` promises that what it does not list may move."""
    listed = _text(REPOSITORY / "docs" / "api.md") + _text(REPOSITORY / "docs" / "errors.md")
    missing = [
        name for name in upfit.__all__ if name != "__version__" and not re.search(rf"\b{name}\b", listed)
    ]
    assert not missing
