"""`upfit check` as a user types it: a sound start, a planted fault, a finished run, and wrong requests."""

from __future__ import annotations

import json

import pytest

from upfit.cli import main


def checked(capsys, *words):
    code = main(["check", *map(str, words), "--json", "--quiet"])
    found = json.loads(capsys.readouterr().out)
    return code, found, {one["kind"] for one in found["findings"]}


def test_a_sound_start_has_no_fault_of_training(digits, capsys):
    code, found, kinds = checked(capsys, digits, "--set", "inputs.image_size=32")
    assert code == 0
    assert found["measured"]["labels.classes"] == 10
    assert found["could_not_run"] == {}
    assert not kinds & {"lr_too_large", "exploding_gradient", "frozen_params", "optimizer_model_mismatch"}


def test_a_rate_that_overshoots_is_named_before_anything_is_trained(digits, capsys):
    rate = ("--set", "optimizer.lr=3.0", "--set", "optimizer.head_lr=3.0")
    _, found, kinds = checked(capsys, digits, "--set", "inputs.image_size=32", *rate)
    assert "lr_too_large" in kinds
    assert next(one for one in found["findings"] if one["kind"] == "lr_too_large")["cures"]


def test_a_run_is_checked_with_its_own_data_and_recipe(text_run, capsys):
    before = sorted(path.name for path in text_run.folder.iterdir())
    code, found, _ = checked(capsys, text_run.folder)
    assert code == 0
    assert found["measured"]["labels.examples"] > 0
    assert sorted(path.name for path in text_run.folder.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "nothing to check"),
        (("no-such-folder",), "no-such-folder"),
        (("x.csv", "--sett", "a=1"), "did you mean --set"),
        (("x.csv", "--set", "optimizer.lrr=1"), "optimizer.lr"),
    ],
)
def test_a_wrong_request_is_refused(words, message, capsys):
    assert main(["check", *words]) == 2
    assert message in capsys.readouterr().err
