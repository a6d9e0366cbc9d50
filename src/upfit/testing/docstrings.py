"""Real text without a download: sentences from the docstrings of installed libraries."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from upfit.errors import DataError

LIBRARIES = {
    "numpy": "numpy",
    "pandas": "pandas",
    "scikit-learn": "sklearn",
    "scipy": "scipy",
    "torch": "torch",
}
"""Label → package. All of them come with upfit."""

SECTIONS = ("Parameters", "Returns", "Raises", "See Also", "Notes", "References", "Examples")
"""Labels of the multilabel table: the sections that a docstring may have."""

_PAIR = ("pandas", "torch")
_SECTIONED = ("numpy", "pandas", "scikit-learn", "scipy")
_GIVEAWAY = re.compile(r"numpy|np\.|ndarray|pandas|pd\.|scikit|sklearn|scipy|torch|cuda", re.IGNORECASE)
_SENTENCE = re.compile(r"[A-Z][^.!?`>{}|]*[a-z)]\.(?=\s|$)")
_HEADING = re.compile(r"^([A-Z][A-Za-z ]+)\n-{3,}\s*$", re.MULTILINE)

DocTask = Literal["binary", "multiclass", "multilabel", "regression"]


def docstring_sentences(
    path: str | Path | None = None, *, task: DocTask = "multiclass", per_class: int = 200
) -> pd.DataFrame:
    """A table of real English sentences, the same on every call with the same libraries installed.

    * multiclass: sentence → the library it documents (five classes); binary: pandas or torch. Sentences that
      name a library are left out, so that the topic has to tell.
    * multilabel: the first sentence of a docstring → which sections follow (`SECTIONS`), as a list.
    * regression: sentence → how many words it has.

    Args:
        path: Where to write it too: .csv, .jsonl or .parquet; lists need one of the last two.
        task: Which of the four.
        per_class: Sentences per library, at most.

    Returns:
        Columns `text` and `label` (`labels` for multilabel, `words` for regression), libraries taking turns.

    Example:
        >>> sorted(set(docstring_sentences(task="binary", per_class=5)["label"]))
        ['pandas', 'torch']
    """
    libraries = {"binary": _PAIR, "multilabel": _SECTIONED}.get(task, tuple(LIBRARIES))
    taken: set[str] = set()
    rows = [row for library in libraries for row in _rows(library, task, per_class, taken)]
    frame = pd.DataFrame(rows)
    turns = frame.groupby("library").cumcount()
    frame = frame.assign(turn=turns).sort_values(["turn", "library"], ignore_index=True)
    frame = frame.drop(columns=["turn", "library"])
    if path is not None:
        _write(frame, Path(path))
    return frame


def _rows(library: str, task: DocTask, count: int, taken: set[str]) -> list[dict[str, Any]]:
    """Up to `count` rows of one library; a text that was `taken` before (by any library) is passed over."""
    name = {"multilabel": "labels", "regression": "words"}.get(task, "label")
    found: list[dict[str, Any]] = []
    for docstring in _docstrings(LIBRARIES[library]):
        for text, value in _examples(docstring, task, library):
            if len(found) == count:
                return found
            if text.casefold() not in taken:
                taken.add(text.casefold())
                found.append({"text": text, name: value, "library": library})
    return found


def _examples(docstring: str, task: DocTask, library: str) -> Iterator[tuple[str, Any]]:
    """(text, target) pairs of one docstring."""
    sentences = _sentences(docstring)
    if task == "multilabel":
        headings = {heading.strip() for heading in _HEADING.findall(docstring)}
        if sentences and headings:
            yield sentences[0], [section for section in SECTIONS if section in headings]
        return
    for sentence in sentences:
        yield sentence, len(sentence.split()) if task == "regression" else library


def _sentences(docstring: str) -> list[str]:
    """Whole sentences of its prose: 6 to 40 words, no code, no library's name."""
    prose = _HEADING.split(docstring)[0]
    paragraphs = (
        " ".join(part.split()) for part in prose.split("\n\n") if not part.startswith((" ", ">>>", ".."))
    )
    found = (sentence for paragraph in paragraphs for sentence in _SENTENCE.findall(paragraph))
    return [one for one in found if 6 <= len(one.split()) <= 40 and not _GIVEAWAY.search(one)]


def _docstrings(package: str) -> Iterator[str]:
    """Docstrings of a package, read from its files without running them, in a shuffled but fixed order."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise DataError(f"{package} is not installed")
    root = Path(spec.origin).parent
    files = [file for file in root.rglob("*.py") if not {"tests", "test", "testing"} & set(file.parts)]
    for file in sorted(files, key=lambda one: _shuffle_key(one.relative_to(root).as_posix())):
        try:
            tree = ast.parse(file.read_text("utf-8"))
        except (SyntaxError, ValueError, OSError):
            continue
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        for node in ast.walk(tree):
            if isinstance(node, documented) and (docstring := ast.get_docstring(node)):
                yield docstring


def _shuffle_key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _write(frame: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = path.suffix.lower()
    if suffix == ".csv" and "labels" not in frame:
        frame.to_csv(path, index=False)
    elif suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True, force_ascii=False)
    elif suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        raise DataError(f"cannot write {path}", expected=".csv (no lists), .jsonl or .parquet")
