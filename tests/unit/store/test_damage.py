"""What is not as it was written becomes one error, and errors of upfit's own pass through."""

import json

import pytest

from upfit.errors import RunFolderError
from upfit.store import read_trace
from upfit.store.damage import reading
from upfit.values import Finding


@pytest.mark.parametrize("text", ["{", "[1]", "{}", "3"])
def test_whatever_breaks_is_named(tmp_path, text):
    path = tmp_path / "result.json"
    path.write_text(text)
    with (
        pytest.raises(RunFolderError, match=r"result\.json is damaged or from another version"),
        reading(path),
    ):
        json.loads(path.read_text())["test"]["accuracy"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RunFolderError, match=r"gone\.json is missing"), reading(tmp_path):
        (tmp_path / "gone.json").read_text()


def test_a_field_that_a_value_refuses_is_told_of_with_its_place(tmp_path):
    with pytest.raises(RunFolderError, match=r"damaged .*: Finding\.kind"), reading(tmp_path):
        Finding(kind=3, severity="info", message="")


def test_what_is_said_about_a_run_stays_as_it_is(tmp_path):
    with pytest.raises(RunFolderError, match="in use"), reading(tmp_path):
        raise RunFolderError("it is in use")


def test_lines_of_a_trace_that_are_no_records_are_passed_over(tmp_path):
    (tmp_path / "trace.jsonl").write_text('junk\n[]\n3\n{}\n{"kind_of_record": "other"}\n')
    assert read_trace(tmp_path / "trace.jsonl").steps == ()
