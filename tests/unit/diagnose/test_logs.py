"""Logs of other trainers: curves are judged, the rest is not measured; damaged ones end in one message."""

from __future__ import annotations

import json

import pytest
from torch.utils.tensorboard import SummaryWriter

from upfit import InputError
from upfit.diagnose import diagnose
from upfit.diagnose.command import explain
from upfit.diagnose.logs import read_log

OVERFITTED = [(i, 2.0 * 0.6**i, 0.6 + 0.15 * max(0, i - 2)) for i in range(1, 12)]


def hugging_face(folder):
    rows = []
    for i, train, held in OVERFITTED:
        rows.append(
            {"step": 10 * i, "epoch": float(i), "loss": train, "learning_rate": 1e-4, "grad_norm": 1.0}
        )
        rows.append(
            {"step": 10 * i, "epoch": float(i), "eval_loss": held, "eval_accuracy": 0.8, "eval_runtime": 3.0}
        )
    path = folder / "trainer_state.json"
    path.write_text(json.dumps({"global_step": 110, "log_history": rows}))
    return path


def lightning(folder):
    lines = ["epoch,step,train_loss,val_loss,val_acc,lr-Adam"]
    for i, train, held in OVERFITTED:
        lines += [f"{i},{10 * i},{train},,,0.0001", f"{i},{10 * i},,{held},0.8,"]
    path = folder / "metrics.csv"
    path.write_text("\n".join(lines))
    return path


def tensorboard(folder):
    with SummaryWriter(str(folder / "events")) as writer:
        for i, train, held in OVERFITTED:
            writer.add_scalar("train/loss", train, 10 * i)
            writer.add_scalar("eval/loss", held, 10 * i)
    return folder / "events"


@pytest.mark.parametrize("write", [hugging_face, lightning, tensorboard])
def test_overfitting_is_seen_in_a_log(write, tmp_path):
    trace = read_log(write(tmp_path))
    assert len(trace.steps) == len(trace.evaluations) == 11
    diagnosis = diagnose(trace)
    assert diagnosis.findings[0].kind == "overfit"
    assert diagnosis.findings[0].step == 10
    assert {"dead_units", "missing_zero_grad", "label_noise"} <= set(diagnosis.not_measured)


def test_the_text_says_what_could_not_be_seen(tmp_path):
    text = explain(None, hugging_face(tmp_path))
    assert "overfit" in text.splitlines()[2]
    assert "Not measured: " in text
    assert json.loads(explain(None, tmp_path, as_json=True))["findings"][0]["kind"] == "overfit"


def test_gaps_and_a_last_line_cut_off_are_survived(tmp_path):
    path = lightning(tmp_path)
    path.write_text(path.read_text()[:-9] + "\n,,nonsense,,,\n12,120,0.00")
    assert len(read_log(path).steps) >= 11


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("trainer_state.json", '{"log_history": [{"step": 1, ', "cut off"),
        ("trainer_state.json", "[1, 2]", "no log_history"),
        ("metrics.csv", "a,b\n1,2\n", "no loss"),
        ("log.txt", "loss 3", "no log that can be read"),
    ],
)
def test_what_is_no_log_ends_in_one_message(name, content, said, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=said):
        read_log(tmp_path / name)


def test_a_run_or_a_log_is_needed(tmp_path):
    with pytest.raises(InputError, match="nothing to diagnose"):
        explain(None, None)
    with pytest.raises(InputError, match="is not a run folder"):
        explain(tmp_path, None)
