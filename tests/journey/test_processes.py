"""Two processes under `accelerate launch` (gloo, CPU): the losses of one, and a resume after a kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from upfit.store import read_trace

DRIVER = """
import json, os, signal, sys
task = json.loads(sys.argv[1])
import upfit
from upfit.values import Change, Silent

class KillAt(Silent):
    "Ends this process without warning, as a failing machine would."
    def step(self, record, total_steps):
        if record.step >= task["kill_at"]:
            os.kill(os.getpid(), signal.SIGKILL)

watcher = KillAt() if task.get("kill_at") else Silent()
if task.get("resume"):
    upfit.resume(task["out"], watcher=watcher, checkpoint_every=0)
else:
    changes = [Change(path=path, to=to) for path, to in task["changes"].items()]
    upfit.fit(task["data"], out=task["out"], changes=changes, model=task["model"], watcher=watcher,
              checkpoint_every=0)
"""


def launch(processes, task, port, *, fine=True):
    """Run the driver in so many processes; returns the exit code."""
    # `--multi_gpu` asks for several processes here; accelerate's own `--cpu` would start but one.
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "1"]
    command += ["--num_processes", str(processes), "--main_process_port", str(port)]
    command += ["--mixed_precision", "no", "--dynamo_backend", "no", "-m", "driver"]
    environment = os.environ | {"PYTHONPATH": task["driver"], "ACCELERATE_USE_CPU": "true"}
    run = subprocess.run(
        [*command, json.dumps(task)], env=environment, capture_output=True, text=True, timeout=500
    )
    assert (run.returncode == 0) == fine, run.stdout[-2000:] + run.stderr[-4000:]
    return run.returncode


@pytest.fixture
def task(sentences, small_text_model, tmp_path):
    (tmp_path / "driver.py").write_text(DRIVER)
    changes = {
        "batching.size": 15,
        "stopping.steps": 24,
        "stopping.evaluations": 3,
        "inputs.max_length": 16,
        "layers.dropout": 0.0,
        "precision": "fp32",
    }
    data = str(sentences("multiclass"))
    return {"data": data, "model": small_text_model, "changes": changes, "driver": str(tmp_path)}


@pytest.fixture
def free_port():
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def traced(folder):
    trace = read_trace(folder / "trace.jsonl")
    return [one.loss for one in trace.steps], [one.loss for one in trace.evaluations]


@pytest.fixture
def alone(task, tmp_path):
    """Losses of the steps and evaluations of one process."""
    from upfit.journey.fit import fit
    from upfit.values import Change

    changes = [Change(path=path, to=to) for path, to in task["changes"].items()]
    fit(task["data"], out=tmp_path / "one", changes=changes, model=task["model"])
    losses = traced(tmp_path / "one")
    assert len(losses[0]) == 24
    return losses


def test_two_processes_give_the_losses_of_one(task, alone, tmp_path, free_port):
    launch(2, {**task, "out": str(tmp_path / "two")}, free_port)
    steps, evaluations = traced(tmp_path / "two")
    assert steps == pytest.approx(alone[0], abs=1e-5)
    assert evaluations == pytest.approx(alone[1], abs=1e-5)
    assert json.loads((tmp_path / "two" / "environment.json").read_text())["processes"] == 2
    assert json.loads((tmp_path / "two" / "result.json").read_text())["test_openings"] == 1


@pytest.mark.slow
def test_two_processes_resume_after_a_kill(task, alone, tmp_path, free_port):
    launch(2, {**task, "out": str(tmp_path / "two"), "kill_at": 21}, free_port, fine=False)
    assert not (tmp_path / "two" / "result.json").exists()
    launch(2, {**task, "out": str(tmp_path / "two"), "resume": True}, free_port)
    steps, evaluations = traced(tmp_path / "two")
    assert steps == pytest.approx(alone[0], abs=1e-5)
    assert evaluations == pytest.approx(alone[1], abs=1e-5)
    events = read_trace(tmp_path / "two" / "trace.jsonl").events
    assert [(event.kind, event.step) for event in events] == [("resumed", 20)]


@pytest.mark.slow
def test_two_processes_unfreeze_gradually_like_one(task, tmp_path, free_port):
    """Groups that have no gradient yet, and a boundary that moves, in both processes at the same step."""
    from upfit.journey.fit import fit
    from upfit.values import Change

    stages = {"layers.train": {"every": "5 steps", "groups": 1}, "stopping.steps": 14}
    task = {**task, "changes": {**task["changes"], **stages}}
    changes = [Change(path=path, to=to) for path, to in task["changes"].items()]
    fit(task["data"], out=tmp_path / "one", changes=changes, model=task["model"])
    launch(2, {**task, "out": str(tmp_path / "two")}, free_port)
    one, two = traced(tmp_path / "one"), traced(tmp_path / "two")
    assert two[0] == pytest.approx(one[0], abs=1e-5)
    assert two[1] == pytest.approx(one[1], abs=1e-5)
    events = read_trace(tmp_path / "two" / "trace.jsonl").events
    assert [(event.kind, event.step) for event in events] == [("unfreeze", 5), ("unfreeze", 10)]
