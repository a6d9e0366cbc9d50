"""`upfit.audit` and what it writes: a page that escapes, a plan, JSON; the command line on real digits."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

import upfit
from upfit.audit.result import Audit
from upfit.audit.subject import Subject
from upfit.commands.audit import run_audit
from upfit.curate.audit import noticed
from upfit.curate.audit_files import free_folder
from upfit.curate.clean import read_plan
from upfit.data.read import read
from upfit.errors import InputError
from upfit.report.audit_page import audit_page
from upfit.report.audit_table import audit_lines, audit_table
from upfit.values import Finding, Silent
from upfit.values.shortened import shortened

QUICK = ("label_names", "conflicts", "duplicates", "balance", "leaks")


@pytest.fixture
def messy(sentences_frame):
    """Sentences with five copies, a class name written in two ways, and a text that is hostile to a page."""
    frame = pd.concat([sentences_frame, sentences_frame[:5]], ignore_index=True)
    frame.loc[[240, 241], "text"] = "<script>alert('x')</script> & <img src=x onerror=alert(1)>"
    frame.loc[7, "label"] = "PANDAS"
    return frame


def test_the_audit_ranks_and_plans(messy):
    audit = upfit.audit(messy, checks=QUICK, rows=100)
    grades = [one.severity for one in audit.findings]
    assert grades == sorted(grades, key=["error", "warning", "info"].index)
    assert {"inconsistent_names", "exact_duplicates"} <= {one.kind for one in audit.findings}
    assert {action.do for action in audit.plan.actions} >= {"merge", "drop"}
    assert 0 < audit.severe_share < 0.02


def test_a_hostile_text_is_escaped_on_the_page(messy):
    page = audit_page(upfit.audit(messy, checks=QUICK, rows=100))
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;" in page


def test_a_hostile_name_commands_no_terminal():
    """Escape sequences and turned directions are written out, in a terminal and in a pipe."""
    name = "\x1b[2Jcat \u202etac"
    found = [Finding(kind="a", severity="error", message=f"{name} is odd", examples=(f"row 1: {name}",))]
    console = Console(force_terminal=True, width=200)
    with console.capture() as captured:
        console.print(audit_table(found))
    for shown in (captured.get(), audit_lines(found)):
        assert shown.count(r"\x1b[2Jcat \u202etac") == 2
        assert "\x1b[2J" not in shown
        assert "\u202e" not in shown


def test_what_is_said_of_names_stands_below_no_row(messy):
    page = audit_page(upfit.audit(messy, checks=["label_names"], rows=100))
    notes = re.findall(r'<dd class="whole small" title="([^"]*)"', page)
    assert notes == ["row 7"]
    assert "<li>&#39;PANDAS&#39;: 1 rows</li>" in page


def test_the_folder_holds_page_plan_and_json(messy, tmp_path):
    source = tmp_path / "messy.csv"
    messy.to_csv(source, index=False)
    out = tmp_path / "audit"
    settings = {"train": None, "checks": QUICK, "rows": 100, "target": "label"}
    text = run_audit(str(source), out, overwrite=False, as_json=False, settings=settings)
    assert "written in 2 ways" in text
    assert f"upfit clean {source} --target label --plan {out / 'plan.yaml'} --out FOLDER" in text
    assert read_plan(out / "plan.yaml").fingerprint == read(source).fingerprint
    assert json.loads((out / "audit.json").read_text())["rows"] == len(messy)
    with pytest.raises(InputError, match="holds an audit already"):
        free_folder(source, out, overwrite=False)
    (out / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="holds other files"):
        free_folder(source, out, overwrite=True)


def test_what_a_kill_left_half_written_is_cleared_away(tmp_path):
    out = tmp_path / "audit"
    out.mkdir()
    half = out / ".audit.html.4711.tmp"
    half.write_text("<html")
    assert free_folder("data.csv", out, overwrite=False) == out
    assert not half.exists()


def test_part_of_an_audit_is_not_taken_for_a_whole_one(tmp_path):
    out = tmp_path / "audit"
    out.mkdir()
    (out / "audit.html").write_text("<html>")
    (out / ".plan.yaml.4711.tmp").write_text("fing")
    with pytest.raises(InputError, match=r"part of an audit that was interrupted(?s:.*)--overwrite"):
        free_folder("data.csv", out, overwrite=False)
    assert (out / ".plan.yaml.4711.tmp").exists()
    assert free_folder("data.csv", out, overwrite=True) == out


def test_a_check_that_there_is_not(messy):
    with pytest.raises(InputError, match="--check duplicates"):
        upfit.audit(messy, checks=["duplicate"])


def test_clean_data_have_nothing_to_say(sentences_frame):
    assert audit_lines(upfit.audit(sentences_frame, checks=QUICK, rows=100).findings) == "Nothing stood out."


def test_fit_begins_with_the_cheap_checks(messy):
    data = noticed(read(messy))
    assert "inconsistent_names" in {one.kind for one in data.findings}
    assert not any(one.rows or one.actions for one in data.findings)
    assert data.fingerprint == read(messy).fingerprint


def test_below_a_text_stands_what_is_odd_about_it_however_long_its_label():
    data = read(pd.DataFrame({"text": [f"so good {k}" for k in range(20)], "label": ["a", "b"] * 10}))
    told = f"{Subject(data).show(1)}: {shortened('L' * 10_000)}, rather a"
    found = Finding(kind="label_errors", severity="error", message="odd", rows=(1,), examples=(told,))
    page = audit_page(Audit(data, (found,), looked_at=20))
    assert f"row 1: {shortened('L' * 10_000)}, rather a</dd>" in page


def test_two_audits_at_once_do_not_share_a_folder(messy, tmp_path, monkeypatch):
    """The second began before the first had written anything."""
    monkeypatch.chdir(tmp_path)
    messy.to_csv("messy.csv", index=False)

    class Slow(Silent):
        def stage(self, title):
            if title == "checking leaks" and not Path("audits").exists():
                run_audit("messy.csv", None, overwrite=False, as_json=False, settings=settings(Silent()))

    def settings(watcher):
        return {"train": None, "checks": QUICK, "rows": 100, "target": "label", "watcher": watcher}

    text = run_audit("messy.csv", None, overwrite=False, as_json=False, settings=settings(Slow()))
    assert "audits/messy-2/plan.yaml" in text
    assert {place.name for place in Path("audits").iterdir()} == {"messy-1", "messy-2"}


def test_it_says_first_what_the_data_were_taken_for(messy):
    """A target that was guessed wrong makes every line below wrong."""
    said = []

    class Listening(Silent):
        def note(self, text):
            said.append(text)

    upfit.audit(messy, checks=("duplicates",), rows=100, watcher=Listening())
    assert "target   label   [--target COLUMN]" in said[0]
