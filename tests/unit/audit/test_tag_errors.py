"""Wrong labels where rows have several: real sentences and digits with labels put in or left out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits

from upfit.audit.clean import cleaned
from upfit.audit.label_errors import label_errors
from upfit.audit.subject import Subject
from upfit.audit.tag_errors import doubted
from upfit.data.read import read
from upfit.values import Plan

PIXELS, DIGITS = load_digits(return_X_y=True)
PIXELS, DIGITS = PIXELS[:600].astype(np.float32), DIGITS[:600]
TAGS = np.stack([np.isin(DIGITS, some) for some in ((0, 2, 3), (0, 6, 5), (1, 4, 6))], 1).astype(np.int64)
NAMES = ("open", "round", "tall")


def spoilt(count):
    """Tags of which one a row is turned round on so many rows, and which."""
    rng = np.random.default_rng(0)
    rows, given = np.sort(rng.permutation(len(TAGS))[:count]), TAGS.copy()
    tags = rng.integers(3, size=count)
    given[rows, tags] ^= 1
    return given, set(zip(rows.tolist(), tags.tolist(), strict=True))


def test_labels_too_many_and_too_few_are_found():
    given, wrong = spoilt(30)
    odd, odds = doubted(PIXELS, given)
    found = set(zip(*(one.tolist() for one in np.nonzero(odd)), strict=True))
    assert len(found & wrong) >= 12
    assert len(found & wrong) >= 0.6 * len(found)
    assert odds.max() <= 0.5


def test_labels_that_hardly_anybody_has_are_left_alone():
    given, _ = spoilt(0)
    rare = np.zeros((len(given), 1), np.int64)
    rare[:3] = 1
    odd, _ = doubted(PIXELS, np.hstack([given, rare]))
    assert not odd[:, 3].any()


@pytest.fixture
def table(tmp_path):
    """`table(columns)`: digits as JSONL with lists of labels, or with columns of 0 and 1."""

    def made(columns):
        given, wrong = spoilt(30)
        rows = []
        for number, tags in enumerate(given.tolist()):
            names = [name for name, tag in zip(NAMES, tags, strict=True) if tag]
            targets = dict(zip(NAMES, tags, strict=True)) if columns else {"tags": names}
            rows.append({"text": f"digit {number}", **targets})
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        target = ",".join(NAMES) if columns else "tags"
        return read(path, target=target, kinds={"text": "text"}), {row for row, _ in wrong}

    return made


@pytest.mark.parametrize("columns", [False, True], ids=["lists", "columns"])
def test_rows_are_named_and_a_plan_puts_them_right(table, columns):
    data, wrong = table(columns)
    assert data.schema.task == "multilabel"
    subject = Subject(data, features_ED=PIXELS, embedded=np.arange(len(data)))
    [finding] = label_errors(subject)
    assert len(set(finding.rows) & wrong) >= 12
    assert "rather with" in finding.examples[0]
    assert all(action.doubtful for action in finding.actions)
    plan = Plan(
        fingerprint=data.fingerprint,
        actions=tuple(action.replace(doubtful=False) for action in finding.actions),
    )
    frame = cleaned(data, plan)
    lists = [
        [name for name in NAMES if frame[name][row]] if columns else sorted(frame["tags"][row])
        for row in range(len(data))
    ]
    right = [[name for name, tag in zip(NAMES, tags, strict=True) if tag] for tags in TAGS.tolist()]
    assert sum(one != other for one, other in zip(lists, right, strict=True)) <= len(wrong) - 8
