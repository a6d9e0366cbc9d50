"""What the audit finds of faults planted in real data: precision and recall of each check.

`audit.py [SET ...]` plants flipped labels (5 %, symmetric and by class) in whole training parts; and, in a
sample of rows, near duplicates (3 %: crops and recompressions of images, one word of a text replaced),
strangers from another set (2 %), exact copies, and copies of test rows in train; and broken and odd files, a
dozen of each kind (`audit_broken.py`). What is flagged in the clean data as well is counted apart: real data
have such rows. The ranking by which outliers are flagged is judged too (area under the ROC curve). Results go
to `results/audit.md`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from audit_broken import broken_images, broken_texts
from common import (
    RESULTS,
    SETS,
    machine,
    machine_line,
    markdown_table,
    read_lines,
    write_lines,
    write_section,
)
from PIL import Image
from sklearn.metrics import roc_auc_score

from upfit.audit.checks import CHECKS
from upfit.audit.duplicates import duplicates
from upfit.audit.label_errors import label_errors
from upfit.audit.leaks import leaks
from upfit.audit.near_duplicates import near_duplicates
from upfit.audit.outliers import farness, outliers
from upfit.audit.subject import Subject
from upfit.curate.audit import subject_of
from upfit.data.read import read
from upfit.measure.proportions import wilson
from upfit.values import Data, Silent

RAW = RESULTS / "audit.jsonl"
IMAGES, TEXTS = ("clothing_small", "omniglot136"), ("hwu64", "sms_spam_imbalanced")
STRANGERS = {
    "clothing_small": "omniglot136",
    "omniglot136": "clothing_small",
    "hwu64": "sms_spam_imbalanced",
    "sms_spam_imbalanced": "hwu64",
}
TRAIN_ROWS, TEST_ROWS = 1200, 300
"""Of the planted sets but for flipped labels, which are planted in whole training parts."""

Rows = npt.NDArray[np.int64]


def flip(
    labels: npt.NDArray[Any], classes: int, share: float, *, by_class: bool, seed: int
) -> tuple[Any, Rows]:
    """Labels with some of them wrong, and where; by class: always mistaken for the same other class."""
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(len(labels), int(share * len(labels)), replace=False))
    away = 1 if by_class else rng.integers(1, classes, len(rows))
    flipped = labels.copy()
    flipped[rows] = (labels[rows] + away) % classes
    return flipped, rows


def with_labels(data: Data, rows: Rows, labels: npt.NDArray[np.int64]) -> Data:
    """The data with other labels in some rows."""
    name = data.schema.target[0]
    cells = np.array(data.table[name], dtype=object)
    cells[rows] = np.array(data.schema.classes, dtype=object)[labels]
    table = data.table.remove_columns(name).add_column(name, cells.tolist())
    return replace(data, table=table)


def measured(found: Sequence[Any], planted: Rows, natural: Rows) -> dict[str, float]:
    """Hits, planted, flagged, and flagged that are flagged in the clean data as well."""
    flagged = {row for finding in found for row in finding.rows}
    return {
        "hits": len(flagged & set(planted.tolist())),
        "planted": len(planted),
        "flagged": len(flagged),
        "natural": len(flagged & set(natural.tolist()) - set(planted.tolist())),
    }


def flips(name: str) -> list[dict[str, Any]]:
    """Label errors in the whole training part."""
    data = read(**SETS[name].reading())
    subject = subject_of(data, watcher=Silent())
    records = [{"check": "label_errors", "fault": "none", **_severe(subject)}]
    for fault, by_class in (("5 % flipped, symmetric", False), ("5 % flipped, by class", True)):
        labels, places = flip(subject.labels, len(data.schema.classes), 0.05, by_class=by_class, seed=1)
        dirty = with_labels(data, subject.open_rows, labels)
        seen = Subject(dirty, subject.embedded, subject.features_ED)
        found = measured(label_errors(seen), subject.open_rows[places], np.empty(0, np.int64))
        records.append({"check": "label_errors", "fault": fault, **found})
    return records


def _severe(subject: Subject) -> dict[str, float]:
    severe = {row for one in label_errors(subject) if one.severity == "error" for row in one.rows}
    return {"hits": 0, "planted": 0, "flagged": len(severe), "natural": 0, "rows": len(subject.data)}


def frames(name: str, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(train, test) rows of a set, sampled; images as paths."""
    data = read(**SETS[name].reading())
    subject = Subject(data)
    column = data.schema.columns[0].name
    parts = []
    for part, most in (("train", TRAIN_ROWS), ("test", TEST_ROWS)):
        rows = subject.rows_of(part)
        rows = np.sort(rng.choice(rows, min(most, len(rows)), replace=False))
        chosen = data.table[rows.tolist()]
        inputs = [cell["path"] if isinstance(cell, dict) else cell for cell in chosen[column]]
        parts.append(pd.DataFrame({"input": inputs, "label": chosen[data.schema.target[0]]}))
    return parts[0], parts[1]


def edited(text: str, rng: np.random.Generator) -> str:
    """A text with one word dropped, doubled, or one letter changed: as people copy and edit."""
    words = text.split()
    place, kind = int(rng.integers(len(words))), int(rng.integers(3))
    if kind == 0 and len(words) > 4:
        del words[place]
    elif kind == 1:
        words.insert(place, ["please", "now", "just", "really"][int(rng.integers(4))])
    else:
        word = words[place]
        spot = int(rng.integers(len(word)))
        words[place] = word[:spot] + "abcdefghij"[int(rng.integers(10))] + word[spot + 1 :]
    return " ".join(words)


def altered(path: str, target: Path, rng: np.random.Generator) -> str:
    """An image cropped by 4 % at most a side, or recompressed as JPEG of quality 40 to 70."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    if rng.random() < 0.5:
        width, height = image.size
        cut = [int(rng.uniform(0.01, 0.04) * side) for side in (width, height, width, height)]
        image = image.crop((cut[0], cut[1], width - cut[2], height - cut[3]))
        image.save(target.with_suffix(".png"))
        return str(target.with_suffix(".png"))
    image.save(target.with_suffix(".jpg"), quality=int(rng.integers(40, 71)))
    return str(target.with_suffix(".jpg"))


def planted(name: str, folder: Path) -> list[dict[str, Any]]:
    """Copies, near copies, strangers and leaks, planted together; what the clean data show is taken apart."""
    rng = np.random.default_rng(0)
    train, test = frames(name, rng)
    other, _ = frames(STRANGERS[name], rng)
    image = name in IMAGES
    long = np.array([image or len(text) >= 25 for text in train["input"]])
    near = rng.choice(np.flatnonzero(long), int(0.03 * len(train)), replace=False)
    exact = rng.choice(len(train), int(0.02 * len(train)), replace=False)
    leaked = rng.choice(len(test), int(0.1 * len(test)), replace=False)
    strange = rng.choice(len(other), int(0.02 * len(train)), replace=False)
    make = (
        (lambda text, number: altered(text, folder / f"near{number}", rng))
        if image
        else (lambda text, number: edited(text, rng))
    )
    pieces = {
        "clean": train,
        "near": train.iloc[near].assign(
            input=[make(one, k) for k, one in enumerate(train["input"].iloc[near])]
        ),
        "exact": train.iloc[exact],
        "leaked": test.iloc[leaked],
        "strange": other.iloc[strange].assign(label=rng.choice(train["label"].unique(), len(strange))),
    }
    joined = pd.concat(pieces.values(), ignore_index=True)
    spans = np.cumsum([0, *(len(piece) for piece in pieces.values())])
    where = {key: np.arange(a, b) for key, a, b in zip(pieces, spans, spans[1:], strict=False)}
    kinds = {"input": "image" if image else "text"}
    data = read(parts={"train": joined, "test": test}, target="label", kinds=kinds)
    assert len(data) == len(joined) + len(test), "rows were left out on reading"
    subject = subject_of(data, watcher=Silent())
    clean_rows = np.concatenate([where["clean"], np.arange(len(joined), len(data))])
    clean = Subject(
        replace(data, table=data.table.select(clean_rows.tolist())),
        np.arange(len(clean_rows)),
        subject.features_ED[clean_rows],
    )
    test_rows = len(joined) + leaked
    return [
        _checked(duplicates, subject, clean, clean_rows, "2 % exact copies", where["exact"]),
        _checked(leaks, subject, clean, clean_rows, "10 % of test copied to train", test_rows),
        _checked(
            near_duplicates, subject, clean, clean_rows, "3 % near duplicates", where["near"], within=True
        ),
        {
            **_checked(outliers, subject, clean, clean_rows, "2 % strangers", where["strange"]),
            "auroc": _ranked(subject, where["strange"]),
        },
    ]


def _ranked(subject: Subject, strange: Rows) -> float:
    """Area under the ROC curve of the ranking by which outliers are flagged."""
    inside = np.isin(subject.embedded, subject.open_rows)
    assert subject.features_ED is not None
    beyond = farness(
        subject.features_ED[inside],
        subject.unit_features_ED[inside],
        subject.classes_of_rows[subject.open_rows],
    )
    return float(roc_auc_score(np.isin(subject.open_rows, strange), beyond))


def broken(name: str, folder: Path) -> list[dict[str, Any]]:
    """Broken and odd files or texts."""
    train, _ = frames(name, np.random.default_rng(0))
    return (broken_images if name in IMAGES else broken_texts)(train, folder)


def _checked(
    check: Callable[[Subject], Any],
    subject: Subject,
    clean: Subject,
    clean_rows: Rows,
    fault: str,
    rows: Rows,
    *,
    within: bool = False,
) -> dict[str, Any]:
    def run(one: Subject) -> list[Any]:
        return [found for found in check(one) if not within or found.kind == "near_duplicates"]

    natural = np.array([clean_rows[row] for found in run(clean) for row in found.rows], np.int64)
    return {"check": check.__name__, "fault": fault, **measured(run(subject), rows, natural)}


def table(records: Sequence[dict[str, Any]]) -> str:
    """The results as Markdown."""
    head = ("set", "check", "planted", "recall (95 %)", "precision (95 %)", "flagged in the clean data too")
    head = (*head, "measured")
    lines = []
    for one in records:
        if not one["planted"]:
            share = one["flagged"] / one["rows"]
            severe = f"severe: {one['flagged']} ({share:.1%})"
            lines.append((one["set"], one["check"], "nothing", "–", "–", severe, one["date"]))
            continue
        recall = wilson(one["hits"], one["planted"])
        counted = max(1, one["flagged"] - one["natural"])
        precision = wilson(min(one["hits"], counted), counted)
        fault = one["fault"] + (f" (AUROC {one['auroc']:.3f})" if "auroc" in one else "")
        lines.append((one["set"], one["check"], fault, recall, precision, one["natural"], one["date"]))
    return markdown_table(head, lines)


PIECES = ("flips", "planted", "broken")


def measure(name: str, piece: str) -> list[dict[str, Any]]:
    """Records of one set, of one kind of faults."""
    if piece == "flips":
        return flips(name)
    with tempfile.TemporaryDirectory() as folder:
        return (planted if piece == "planted" else broken)(name, Path(folder))


def main() -> None:
    """Measure the sets, then write the table of everything measured so far."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="*", default=[*IMAGES, *TEXTS])
    parser.add_argument("--only", nargs="+", default=PIECES, choices=PIECES)
    given = parser.parse_args()
    for name in given.sets:
        for piece in given.only:
            about = {"set": name, "piece": piece, "date": machine()["date"]}
            fresh = [{**about, **one} for one in measure(name, piece)]
            kept = [one for one in read_lines(RAW) if (one["set"], one.get("piece")) != (name, piece)]
            write_lines(RAW, kept + fresh)
            write_section(RESULTS / "audit.md", "", page(read_lines(RAW)))


def page(records: Sequence[dict[str, Any]]) -> str:
    """The results' page."""
    text = (
        "# Audit: planted faults found\n\n"
        f"`python bench/audit.py`; {len(CHECKS)} checks in all. The last column says when each line was\n"
        "made, by upfit as it was then.\n"
        "Precision leaves out rows that are flagged in the clean data as well: those are the data's own, "
        "counted in the last column.\n\n"
    )
    return text + table(records) + "\n\n" + machine_line(machine())


if __name__ == "__main__":
    main()
