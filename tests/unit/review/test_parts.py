"""The parts behind the page: suspects in order, pictures within bounds, undo, merging on the command line."""

from __future__ import annotations

import pandas as pd
import pytest

from upfit.audit.subject import Subject
from upfit.commands.review import review
from upfit.data.read import read
from upfit.errors import InputError
from upfit.review.desk import Desk
from upfit.review.items import items
from upfit.review.pictures import Pictures
from upfit.review.reasons import Reason, gathered
from upfit.review.suspects import suspects_of
from upfit.store.corrections_file import Ledger, read_corrections
from upfit.testing import docstring_sentences
from upfit.values.corrections import Correction, Corrections


@pytest.fixture
def desk_over(tmp_path):
    """`desk_over(data)`: a desk with every row suspected."""
    opened = []

    def made(data, by="ada"):
        about = Corrections(fingerprint=data.fingerprint, target=data.schema.target[0])
        ledger = Ledger(tmp_path / "corrections.jsonl", about)
        opened.append(ledger)
        everything = range(len(data))
        found = [(row, Reason("label", "planted", -row)) for row in everything]
        return Desk(data, gathered(found, open_rows=everything), ledger, by=by)

    yield made
    for one in opened:
        one.close()


def test_the_gravest_come_first_and_sealed_rows_never():
    found = [(5, Reason("outlier", "far", 9)), (5, Reason("label", "x", 0.1)), (7, Reason("label", "x", 0.9))]
    found += [(8, Reason("duplicate", "copy")), (9, Reason("label", "x", 1.0))]
    made = gathered(found, open_rows=[5, 7, 8])
    assert [one.row for one in made] == [7, 5, 8]
    assert [one.kind for one in made[1].reasons] == ["label", "outlier"]


def test_copies_and_conflicts_are_found_with_what_they_are_copies_of():
    frame = docstring_sentences(task="binary", per_class=60)[["text", "label"]]
    first, last = frame[:1], frame[-1:]
    torn = first.assign(label=last["label"].item())
    data = read(pd.concat([frame, last, torn], ignore_index=True))
    made = {one.row: one.reasons for one in suspects_of(Subject(data))}
    count = len(frame)
    assert {(one.kind, one.like) for one in made[count]} >= {("duplicate", (count - 1,))}
    assert {(one.kind, one.like) for one in made[0]} >= {("conflict", (count + 1,))}
    assert {(one.kind, one.like) for one in made[count + 1]} >= {("conflict", (0,))}


def test_a_given_test_part_is_sealed(desk_over):
    frame = docstring_sentences(task="binary", per_class=20)
    data = read(parts={"train": frame[:30], "test": frame[30:]})
    desk = desk_over(data)
    with pytest.raises(InputError, match="not open to corrections"):
        desk.decide(35, "drop")
    assert items(desk, [35])[0]["label"] is None
    assert items(desk, [35])[0]["part"] == "test"


def test_undo_is_ones_own(desk_over):
    data = read(docstring_sentences(task="binary", per_class=20))
    ada = desk_over(data)
    ada.decide(1, "drop")
    ada.decide(2, "keep")
    ada.decide(1, "keep")
    bob = Desk(data, tuple(ada.suspects.values()), ada.ledger, by="bob")
    assert bob.undo() is None
    assert [ada.undo(), ada.undo(), ada.undo(), ada.undo()] == [1, 2, 1, None]
    assert ada.decided() == {"keep": 0, "relabel": 0, "drop": 0}


def test_numbers_are_relabelled_and_what_is_no_number_is_refused(desk_over, sentences):
    data = read(sentences("regression"), task="regression")
    desk = desk_over(data)
    assert desk.decide(0, "relabel", 2).to == 2.0
    for wrong in ("two", None, float("nan"), True):
        with pytest.raises(InputError, match="no number"):
            desk.decide(0, "relabel", wrong)


def test_rows_with_several_labels_get_several(desk_over, sentences):
    data = read(sentences("multilabel"))
    desk = desk_over(data)
    assert isinstance(desk.label(0), list)
    two = data.schema.classes[2], data.schema.classes[0]
    # In the order of the classes, each once.
    assert desk.decide(0, "relabel", [*two, two[0]]).to == two[::-1]
    assert desk.decide(1, "relabel", []).to == ()
    with pytest.raises(InputError, match="no list of classes"):
        desk.decide(0, "relabel", two[0])
    with pytest.raises(InputError, match="there is no class 'Return'") as caught:
        desk.decide(0, "relabel", ["Return"])
    assert "Returns" in str(caught.value)


def test_pictures_kept_in_memory_are_bounded(digits):
    data = read(digits)
    pictures = Pictures(data, [digits], limit_bytes=1000)
    for row in range(20):
        content, kind = pictures.get(row)
        assert kind == "image/png"
        assert pictures.size_bytes <= 1000
    assert pictures.get(19) == (content, kind)
    assert sum(len(one) for one, _ in pictures._kept.values()) == pictures.size_bytes > 0


def test_two_files_become_one_on_the_command_line(tmp_path, capsys):
    none = Corrections(fingerprint="f", target="label")
    for name, do in (("ada", "keep"), ("bob", "drop")):
        when = float(len(do))
        entries = (
            Correction(row=7, do=do, by=name, time=when),
            Correction(row=8, do="keep", by=name, time=when),
        )
        (tmp_path / f"{name}.jsonl").write_text(none.replace(entries=entries).to_lines())
    files = [str(tmp_path / "ada.jsonl"), str(tmp_path / "bob.jsonl")]
    review(files, merge=True, out=tmp_path / "both.jsonl")
    told = capsys.readouterr().err
    assert "row 7 is disputed: keep (ada" in told
    assert "drop (bob" in told
    assert "2 rows decided, 1 disputed" in told
    assert len(read_corrections(tmp_path / "both.jsonl").entries) == 4
    with pytest.raises(InputError, match="exists already"):
        review(files, merge=True, out=tmp_path / "both.jsonl")
    with pytest.raises(InputError, match="two files or more"):
        review(files[:1], merge=True)


def test_names_of_people_and_labels_cannot_command_a_terminal(tmp_path, capsys):
    none = Corrections(fingerprint="f", target="label")
    for name, to in (("ada\x1b]0;pwned\x07", "cat\x1b[2J"), ("bob", "L" * 10_000)):
        made = (Correction(row=7, do="relabel", to=to, by=name, time=1.0),)
        (tmp_path / f"{name[:3]}.jsonl").write_text(none.replace(entries=made).to_lines())
    review(
        [str(tmp_path / "ada.jsonl"), str(tmp_path / "bob.jsonl")], merge=True, out=tmp_path / "both.jsonl"
    )
    told = capsys.readouterr().err
    assert "row 7 is disputed" in told
    assert not {"\x1b", "\x07"} & set(told)
    assert len(told) < 500


def test_a_merge_that_cannot_be_written_is_not_told_as_done(tmp_path, capsys):
    none = Corrections(fingerprint="f", target="label")
    files = [tmp_path / "ada.jsonl", tmp_path / "bob.jsonl"]
    for path in files:
        path.write_text(none.to_lines())
    with pytest.raises(InputError, match="cannot write"):
        review([str(path) for path in files], merge=True, out=files[0] / "both.jsonl")
    assert "rows decided" not in capsys.readouterr().err
