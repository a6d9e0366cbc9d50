"""`upfit errors`: what a real run gets wrong, and its proposals applied to data and recipe."""

from __future__ import annotations

import json

import pytest

import upfit
from upfit.testing import digits_folder
from upfit.values import Action, Plan, Recipe


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return digits_folder(tmp_path_factory.mktemp("many") / "digits", per_class=16)


@pytest.fixture(scope="module")
def weak_run(digits, tmp_path_factory, quickly):
    """A run on real digits that learnt next to nothing: only its head was trained, for four steps."""
    changes = quickly(layers__train="head")
    return upfit.fit(digits, out=tmp_path_factory.mktemp("weak") / "run", changes=changes, seed=1)


@pytest.fixture(scope="module")
def mistakes(weak_run):
    return upfit.error_analysis(weak_run)


def test_a_proposed_change_trains(mistakes, weak_run, digits, tmp_path, quickly):
    """What is proposed against the errors of a real run is a field of the next one."""
    (change,) = [one for one in mistakes.changes if one.path == "layers.train"]
    run = upfit.fit(digits, out=tmp_path / "next", changes=(*quickly(), change), seed=1)
    assert run.recipe.layers.train == weak_run.recipe.apply(change).layers.train == "all"


def test_the_command_writes_a_page_and_a_plan_that_clean_applies(mistakes, weak_run, tmp_path, upfit_command):
    out = tmp_path / "errors"
    done = upfit_command("errors", weak_run.folder, "--out", out)
    assert done.returncode == 0, done.stderr
    for change in mistakes.changes:
        assert change.flag in done.stdout
    page = (out / "errors.html").read_text(encoding="utf-8")
    assert all(one.kind in page for one in mistakes.findings)
    assert "collect" in page
    told = json.loads((out / "errors.json").read_text(encoding="utf-8"))
    assert [one["kind"] for one in told["findings"]] == [one.kind for one in mistakes.findings]
    plan = Plan.from_yaml((out / "plan.yaml").read_text(encoding="utf-8"))
    assert plan == mistakes.plan
    assert any(one.do == "collect" for one in plan.actions)
    data = json.loads((weak_run.folder / "request.json").read_text())["data"]
    before = upfit.read(data)
    copy = upfit.read(upfit.clean(data, plan=out / "plan.yaml", out=tmp_path / "same"))
    assert len(copy) == len(before), "what a person has to look at, or to collect, is not done"
    row = int(mistakes.findings[0].rows[0])
    agreed = plan.replace(actions=(*plan.actions, Action(do="drop", rows=(row,))))
    assert len(upfit.read(upfit.clean(data, plan=agreed, out=tmp_path / "one-less"))) == len(before) - 1


def test_flags_say_what_changes_say(mistakes):
    """A flag, taken apart as a shell does, is the change again."""
    import shlex

    from upfit.commands import flags

    for change in mistakes.changes:
        name, text = shlex.split(change.flag)
        assert name == "--set"
        assert Recipe().apply(flags.change(text)) == Recipe().apply(change)
