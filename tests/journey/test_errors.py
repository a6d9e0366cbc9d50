"""`upfit errors`: what a real run gets wrong, and its proposals applied to data and recipe."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

import upfit
from upfit.commands.errors import run_errors
from upfit.errors import InputError, RunFolderError
from upfit.store import RunFolder
from upfit.testing import digits_folder
from upfit.values import Action, Plan, Recipe, Silent


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


def test_a_plan_that_was_cut_down_is_not_written_over(weak_run, tmp_path):
    """The plan is there to be edited; the same command again, or another's folder, must not lose that."""
    run, again = tmp_path / "run", {"as_json": False, "watcher": Silent()}
    shutil.copytree(weak_run.folder, run)
    plan = run / "errors" / "plan.yaml"
    for _ in range(2):
        assert f"{plan}\n" in run_errors(run, None, **again)
    cut = plan.read_text(encoding="utf-8").split("actions:")[0] + "actions: []\n"
    plan.write_text(cut, encoding="utf-8")
    assert f"{run / 'errors-2' / 'plan.yaml'}\n" in run_errors(run, None, **again)
    with pytest.raises(InputError, match="holds an error analysis already"):
        run_errors(run, run / "errors", **again)
    audit = tmp_path / "audit"
    audit.mkdir()
    (audit / "audit.html").write_text("<html>")
    shutil.copy(plan, audit)
    with pytest.raises(InputError, match="holds other files"):
        run_errors(run, audit, overwrite=True, **again)
    assert plan.read_text(encoding="utf-8") == (audit / "plan.yaml").read_text(encoding="utf-8") == cut
    run_errors(run, None, overwrite=True, **again)
    assert plan.read_text(encoding="utf-8") != cut


def test_predictions_of_another_run_are_refused(weak_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(weak_run.folder, run)
    said = weak_run.predictions
    RunFolder.open(run).write_predictions(replace(said, scores=said.scores[:, :2]))
    with pytest.raises(RunFolderError, match=r"predictions.parquet is of another run"):
        upfit.error_analysis(run)
    RunFolder.open(run).write_predictions(replace(said, rows=weak_run.split.train[: len(said.rows)]))
    with pytest.raises(RunFolderError, match=r"predictions.parquet is of another run"):
        upfit.error_analysis(run)
