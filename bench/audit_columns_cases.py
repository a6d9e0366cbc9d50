"""Faults of single columns, cells and marks, planted and looked for. See `audit_columns.py`."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import audit_columns_faults as faults
import numpy as np
import pandas as pd
from common import DATA
from PIL import Image, ImageDraw
from sklearn import datasets as sklearn_data

from upfit.audit.clean import cleaned
from upfit.audit.columns import columns
from upfit.audit.conflicts import conflicts
from upfit.audit.formats import formats
from upfit.audit.marks import marks
from upfit.audit.ranges import ranges
from upfit.audit.subject import Subject
from upfit.audit.text_quality import text_quality
from upfit.data.read import read
from upfit.values import Finding, Plan

ROWS = 1500

Found = Iterable[Finding]
Record = dict[str, Any]
Case = tuple[str, str, set[Any], set[Any], set[Any]]
"""Check, fault, and what was planted, flagged, and flagged in the data as they are."""


def tables(seed: int) -> Iterator[tuple[str, pd.DataFrame, str]]:
    """(name, rows, target) of real tables; samples of the larger ones."""
    for name in ("iris", "wine", "breast_cancer", "diabetes"):
        yield name, getattr(sklearn_data, f"load_{name}")(as_frame=True).frame, "target"
    for name, target in (("adult", "income"), ("ikea_price_mixed", "price")):
        frame = pd.read_csv(DATA / name / "train.csv")
        yield name, frame.sample(min(ROWS, len(frame)), random_state=seed, ignore_index=True), target


def texts(seed: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """(name, rows) of real texts in English with classes."""
    for name in ("hwu64", "sms_spam_imbalanced"):
        frame = pd.read_csv(DATA / name / "train.csv")
        yield name, frame.sample(min(ROWS, len(frame)), random_state=seed, ignore_index=True)


def looked(frame: pd.DataFrame, target: str, **kinds: Any) -> Subject:
    """A table under audit."""
    return Subject(read(frame, target=target, kinds=kinds or None))


def columns_of(found: Found, kind: str) -> set[str]:
    """Columns that findings of a kind would change."""
    return {action.column for one in found if one.kind == kind for action in one.actions}


def rows_of(found: Found, kind: str) -> set[int]:
    """Rows that findings of a kind name."""
    return {row for one in found if one.kind == kind for row in one.rows}


def numbers(seed: int) -> Iterator[Case]:
    """Numbers written in other ways; a hit is a column that is named and read back to within 1 %."""
    for _, frame, target in tables(seed):
        rng = np.random.default_rng(seed)
        names = faults.number_columns(frame, target)
        own = columns_of(formats(looked(frame, target)), "inconsistent_format")
        for fault, (write, scale) in faults.NUMBERS.items():
            for name in _some(names, rng):
                whole = frame[name].notna()
                dirty = frame.assign(**{name: frame[name].astype(object)})
                dirty.loc[whole, name] = write(frame.loc[whole, name].to_numpy(float), rng)
                if dirty[name].nunique() <= 10 or not dirty[name].astype(str).str.contains(r"[^0-9.]").any():
                    continue  # rounded to a category, or no fault at all: 460.10 has no thousands
                subject = looked(dirty, target)
                found = formats(subject)
                told = columns_of(found, "inconsistent_format")
                if name in told and not _read_back(subject, found, name, scale * frame[name].to_numpy(float)):
                    told = {*told - {name}, f"{name}, read wrongly"}
                yield "formats", fault, {name}, told, own


def _read_back(subject: Subject, found: Found, name: str, true: Any) -> bool:
    """Whether the proposed edit gives nearly all numbers back, in whichever unit."""
    actions = [one.replace(doubtful=False) for each in found for one in each.actions if one.column == name]
    frame = cleaned(subject.data, Plan(fingerprint=subject.data.fingerprint, actions=tuple(actions)))
    read_as = frame[name].to_numpy(float)
    ratio = read_as / true
    ratio = ratio[np.isfinite(ratio)]
    unit = np.median(ratio)
    same = np.abs(read_as - unit * true) <= 0.006 * max(1.0, unit) + 0.01 * np.abs(unit * true)
    return (
        bool(unit in (1.0, 1000.0) or abs(unit - 1) < 0.01) and float(same[np.isfinite(true)].mean()) > 0.95
    )


def dates(seed: int) -> Iterator[Case]:
    """A column of days in two writings."""
    for _, frame, target in tables(seed):
        rng = np.random.default_rng(seed)
        for name in _some(faults.number_columns(frame, target), rng):
            written, how = faults.two_writings(frame[name].fillna(frame[name].median()).to_numpy(float), rng)
            dirty = frame.assign(day=written)
            own = columns_of(formats(looked(frame, target)), "inconsistent_format")
            told = columns_of(formats(looked(dirty, target)), "inconsistent_format")
            fault = "dates in two writings" + (", one with two digits for the year" if "%y" in how else "")
            yield "formats", fault, {"day"}, told, own


def signs(seed: int) -> Iterator[Case]:
    """Cells that are out of range."""
    for _, frame, target in tables(seed):
        rng = np.random.default_rng(seed)
        own = {
            (action.column, row)
            for one in ranges(looked(frame, target))
            for action in one.actions
            for row in one.rows
        }
        for fault, change in faults.SIGNS.items():
            for name in _some(faults.number_columns(frame, target), rng):
                changed, rows = change(frame[name].to_numpy(float), rng)
                found = ranges(looked(frame.assign(**{name: changed}), target))
                told = {(a.column, row) for one in found for a in one.actions for row in one.rows}
                yield (
                    "ranges",
                    fault,
                    {(name, int(row)) for row in rows if np.isfinite(changed[row])},
                    told,
                    own,
                )


def twins(seed: int) -> Iterator[Case]:
    """A category in other words; with one row in fifty otherwise it is another column."""
    for _, frame, target in tables(seed):
        rng = np.random.default_rng(seed)
        names = [n for n in frame if n != target and 3 <= frame[n].nunique() <= len(frame) / 10]
        names = [n for n in names if not pd.api.types.is_float_dtype(frame[n])]
        own = columns_of(columns(looked(frame, target)), "redundant_column")
        for name in _some(names, rng):
            same = faults.recoded(frame[name], rng)
            told = columns_of(columns(looked(frame.assign(twin=same), target)), "redundant_column")
            yield "columns", "a column in other words", {"twin"}, told, own
            near = same.copy()
            spots = rng.choice(len(near), len(near) // 50, replace=False)
            near.iloc[spots] = rng.permutation(near.iloc[spots].to_numpy())
            told = columns_of(columns(looked(frame.assign(twin=near), target)), "redundant_column")
            if not near.equals(same):
                yield "columns", "nearly a column in other words (nothing to be said)", set(), told, own


def equal_inputs(seed: int) -> Iterator[Case]:
    """Rows repeated with another number in the target, a fifth to two deviations away."""
    for _, frame, target in tables(seed):
        if not pd.api.types.is_float_dtype(frame[target]):
            continue
        rng = np.random.default_rng(seed)
        own = rows_of(conflicts(looked(frame, target)), "conflicting_labels")
        rows = rng.choice(len(frame), 12, replace=False)
        away = rng.uniform(0.2, 2.0, 12) * frame[target].std()
        extra = frame.iloc[rows].assign(**{target: frame[target].iloc[rows] + away})
        found = conflicts(looked(pd.concat([frame, extra], ignore_index=True), target))
        planted = {*rows.tolist(), *range(len(frame), len(frame) + 12)}
        yield (
            "conflicts",
            "equal inputs with other numbers",
            planted,
            rows_of(found, "conflicting_labels"),
            own,
        )


def labels(seed: int) -> Iterator[Case]:
    """Several labels a row in one text; whole sets are counted."""
    for name, frame in texts(seed):
        rng = np.random.default_rng(seed)
        some = frame[frame["label"].isin(frame["label"].value_counts().index[:12])].reset_index(drop=True)
        for mark in ("; ", "|", ", "):
            joined = faults.joined_labels(some["label"].tolist(), mark, rng)
            schema = looked(some.assign(label=joined), "label").data.schema
            right = schema.task == "multilabel" and set(schema.classes) == set(some["label"])
            told = {name} if right else {"read otherwise"}
            yield "reading", f"labels joined by “{mark.strip()}”", {name}, told, set()
        odd = some.assign(label="of " + some["label"].str.replace("_", ", "))
        schema = looked(odd, "label").data.schema
        told = {name} if schema.task == "multilabel" else set()
        yield "reading", "names that hold a comma (nothing to be joined)", set(), told, set()


def sentences(seed: int) -> Iterator[Case]:
    """Boilerplate in one of two text columns, HTML, other languages, disguised letters: rows are counted."""
    for _, frame in texts(seed):
        rng = np.random.default_rng(seed)
        two = frame.assign(note=frame["text"].sample(frac=1, random_state=seed).to_numpy())
        rows = rng.choice(len(two), len(two) // 20, replace=False)
        head = faults.HEADERS[seed % len(faults.HEADERS)]
        long = two.copy()
        long.loc[rows, "note"] = [
            f"{head} {text}" if seed % 2 else f"{text} {head}" for text in two["note"].iloc[rows]
        ]
        yield from _told_rows(two, long, rows, {"boilerplate": "the same words in 5 % of one column"})
        rows = rng.choice(len(frame), 40, replace=False)
        for kind, fault, made in (
            ("markup", "pieces of HTML", [faults.tagged(text, rng) for text in frame["text"].iloc[rows]]),
            (
                "mixed_scripts",
                "letters of another script",
                [faults.disguised(t, rng) for t in frame["text"].iloc[rows]],
            ),
            ("foreign_language", "sentences of eight languages", _foreign(rng)),
        ):
            dirty = frame.copy()
            dirty.loc[rows[: len(made)], "text"] = made
            yield from _told_rows(frame, dirty, rows[: len(made)], {kind: fault})


def _foreign(rng: np.random.Generator) -> list[str]:
    return rng.permutation([one for many in faults.FOREIGN.values() for one in many]).tolist()


def _told_rows(clean: pd.DataFrame, dirty: pd.DataFrame, rows: Any, kinds: dict[str, str]) -> Iterator[Case]:
    written = {name: "text" for name in clean if name != "label"}
    own, found = (text_quality(looked(one, "label", **written)) for one in (clean, dirty))
    for kind, fault in kinds.items():
        yield "text_quality", fault, set(rows.tolist()), rows_of(found, kind), rows_of(own, kind)


def stamps(seed: int) -> Iterator[Case]:
    """One class of pictures with a stamp at one spot; classes are counted."""
    for name in ("clothing_small", "omniglot136"):
        rng = np.random.default_rng(seed)
        subject = Subject(read(str(DATA / name)))
        counts = np.bincount(np.asarray(subject.labels))
        classes = np.argsort(-counts, kind="stable")[:6]
        chosen = classes[int(rng.integers(len(classes)))]
        paths, given = [], []
        for index in classes:
            rows = subject.open_rows[np.asarray(subject.labels) == index]
            rows = rng.choice(rows, min(40, len(rows)), replace=False)
            paths += [subject.data.table[int(row)]["image"]["path"] for row in rows]
            given += [subject.data.schema.classes[index]] * len(rows)
        told = subject.data.schema.classes[chosen]
        with tempfile.TemporaryDirectory() as folder:
            made = _stamped(paths, [one == told for one in given], Path(folder), rng)
            frames = [pd.DataFrame({"image": each, "label": given}) for each in (paths, made)]
            own, found = (_classes(marks(looked(one, "label", image="image"))) for one in frames)
            if min(Counter(given).values()) >= 15:
                yield "giveaways", "a stamp at one spot of a class", {told}, found, own


def _stamped(
    paths: Sequence[str], marked: Sequence[bool], folder: Path, rng: np.random.Generator
) -> list[str]:
    """Copies; the marked ones with a filled box of an eighth of the sides, one colour and spot for all."""
    x, y = rng.uniform(0.02, 0.85, 2)
    colour = tuple(int(one) for one in rng.integers(0, 256, 3))
    made = []
    for number, (path, mark) in enumerate(zip(paths, marked, strict=True)):
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        if mark:
            left, top = x * image.width, y * image.height
            box = (left, top, left + image.width / 8, top + image.height / 8)
            ImageDraw.Draw(image).rectangle(box, fill=colour)
        target = folder / f"{number}.png"
        image.save(target)
        made.append(str(target))
    return made


def _classes(found: Found) -> set[str]:
    return {one.split("'")[1] for finding in found for one in finding.examples}


def _some(names: Sequence[str], rng: np.random.Generator, most: int = 3) -> list[str]:
    return [] if not len(names) else rng.choice(names, min(most, len(names)), replace=False).tolist()
