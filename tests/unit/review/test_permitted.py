"""A file of corrections that these data cannot follow is refused by line, and stays as it was."""

from __future__ import annotations

import contextlib

import pytest
from sklearn.datasets import load_iris

from upfit.data.read import read
from upfit.errors import InputError
from upfit.review.open import Subjects, open_desk
from upfit.review.permitted import Permitted
from upfit.store.corrections_file import Ledger
from upfit.testing import docstring_sentences
from upfit.values import Silent
from upfit.values.corrections import Corrections

GOOD = '{"row": 1, "do": "drop", "by": "ada", "time": 1}\n'


@pytest.fixture(scope="module")
def tables():
    """Data by what their rows can be relabelled to."""
    iris = load_iris(as_frame=True).frame.sample(40, random_state=0).drop(columns="target")
    return {
        "class": read(docstring_sentences(task="binary", per_class=20)),
        "several": read(docstring_sentences(task="multilabel", per_class=20)),
        "number": read(iris, target="petal width (cm)"),
    }


@pytest.fixture
def opened(tmp_path):
    """`opened(data, lines)`: what stands in a file of so many lines, opened for these data."""
    path = tmp_path / "corrections.jsonl"

    def made(data, lines, fingerprint=None):
        about = Corrections(fingerprint=data.fingerprint, target=data.schema.target[0])
        path.write_text(about.replace(fingerprint=fingerprint or data.fingerprint).header() + lines)
        with contextlib.closing(Ledger(path, about, Permitted(data).require)) as ledger:
            return ledger.standing.all()

    made.path = path
    return made


@pytest.mark.parametrize(
    ("kind", "line", "message"),
    [
        ("class", '{"row": 40, "do": "drop"}', r"there is no row 40\n  expected: a row from 0 to 39"),
        ("class", '{"row": 40, "do": "keep"}', "there is no row 40"),
        ("class", '{"row": -1, "do": "drop"}', "greater than or equal to 0; got -1"),
        ("class", '{"row": "3", "do": "drop"}', "valid integer; got '3'"),
        ("class", '{"row": true, "do": "drop"}', "valid integer; got True"),
        ("class", '{"row": 3.0, "do": "drop"}', "valid integer; got 3.0"),
        ("class", '{"row": NaN, "do": "drop"}', "valid integer; got nan"),
        ("class", '{"row": 3, "do": "drop", "time": 1e300}', "less than or equal to"),
        ("class", '{"row": 3, "do": "drop", "time": NaN}', "time"),
        ("class", '{"row": 3, "do": "relabel", "to": "nosuch"}', r"no class 'nosuch'\n  expected: \w+, \w+"),
        ("class", '{"row": 3, "do": "relabel", "to": {"a": 1}}', "there is no class"),
        ("several", '{"row": 3, "do": "relabel", "to": ["nosuch"]}', "there is no class 'nosuch'"),
        ("several", '{"row": 3, "do": "relabel", "to": "nosuch"}', "no list of classes"),
        ("number", '{"row": 3, "do": "relabel", "to": "much"}', "'much' is no number"),
        ("number", '{"row": 3, "do": "relabel", "to": NaN}', "nan is no number"),
    ],
)
def test_a_line_that_cannot_be_followed_is_named_and_the_file_left_alone(opened, tables, kind, line, message):
    with pytest.raises(InputError, match=rf"corrections.jsonl, line 3: (?s:.*){message}"):
        opened(tables[kind], f"{GOOD}{line}\n")
    assert opened.path.read_text().endswith(f"{GOOD}{line}\n")


def test_the_page_does_not_open_over_such_a_file(tables, tmp_path):
    data, path = tables["class"], tmp_path / "corrections.jsonl"
    about = Corrections(fingerprint=data.fingerprint, target="label")
    path.write_text(about.header() + GOOD + '{"row": 40, "do": "drop"}\n')
    made = {"folder": tmp_path / "made", "file": path, "by": "ada", "settings": {}, "watcher": Silent()}
    with pytest.raises(InputError, match=r"line 3: there is no row 40"):
        open_desk(Subjects(data, {}, ()), **made)
    assert list(tmp_path.iterdir()) == [path]


def test_half_a_last_line_is_still_forgiven(opened, tables):
    assert list(opened(tables["class"], GOOD + '{"row": 99999, "do": "dr')) == [1]
    assert opened.path.read_text().endswith(GOOD)


def test_other_data_are_told_before_what_does_not_fit_these(opened, tables):
    with pytest.raises(InputError, match="made for other data"):
        opened(tables["class"], '{"row": 99999, "do": "drop"}\n', tables["several"].fingerprint)
