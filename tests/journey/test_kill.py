"""`kill -9` at random instants of a short real run: it resumes and ends with the very same weights.

A server process loads the libraries once and forks a child for every session, so that the instants of the
kills fall into the run and not into the loading of libraries.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

import pytest

SERVER = """
import json, os, signal, sys, threading, time
import upfit, upfit.journey.fit, upfit.report.html, upfit.report.card
from upfit.values import Change

def session(task):
    out = task["out"]
    if not os.path.exists(os.path.join(out, "request.json")):
        changes = [Change(path=path, to=to) for path, to in task["changes"].items()]
        upfit.fit(task["data"], out=out, overwrite=True, changes=changes, model=task["model"],
                  checkpoint_every=task["every"])
    else:
        upfit.resume(out, checkpoint_every=task["every"])

for line in sys.stdin:
    task = json.loads(line)
    started = time.monotonic()
    child = os.fork()
    if not child:
        code = 1
        try:
            session(task)
            code = 0
        finally:
            os._exit(code)
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        seconds = time.monotonic() - started
        if done:
            break
        if task["kill_after"] is not None and seconds >= task["kill_after"]:
            os.kill(child, signal.SIGKILL)
            done, status = os.waitpid(child, 0)
            break
        time.sleep(0.005)
    print(json.dumps({"seconds": seconds, "status": status}), flush=True)
"""


class Server:
    """Sessions of upfit in processes of their own; `log` holds what they say."""

    def __init__(self, log):
        self.log = log
        environment = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
        with log.open("w") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-c", SERVER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=environment,
            )

    def session(self, task, kill_after=None):
        """One session; killed after so many seconds if it is not over by then."""
        self.process.stdin.write(json.dumps({**task, "kill_after": kill_after}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, self.log.read_text()[-3000:]
        return json.loads(answer)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server") / "stderr.txt")
    with server.process:
        yield server
        server.process.stdin.close()
        server.process.wait()


@pytest.fixture(scope="module")
def tasks(digits, sentences, small_text_model):
    """A short run on images and one on text, with everything random switched on."""
    common = {"batching.size": 8, "stopping.evaluations": 4, "precision": "fp32"}
    image = {
        "inputs.image_size": 32,
        "stopping.steps": 10,
        "layers.batch_norm": "updated",
        "augment.flip": True,
    }
    text = {"inputs.max_length": 16, "stopping.steps": 40, "layers.dropout": 0.2, "head.dropout": 0.1}
    return {
        "image": {"data": str(digits), "model": "auto", "changes": common | image, "every": 0.2},
        "text": {"data": str(sentences("multiclass")), "model": small_text_model,
                 "changes": common | text, "every": 0.1},
    }  # fmt: skip


def weights(folder):
    return (folder / "model" / "model.safetensors").read_bytes()


def tuned(folder):
    """What the loop left behind, whoever won: losses of all steps and metrics of all evaluations."""
    from upfit.store import read_trace

    trace = read_trace(folder / "trace.jsonl")
    return [one.loss for one in trace.steps], [one.metrics for one in trace.evaluations]


def survive(server, task, folder, *, kills, seed):
    """Run whole once; then again with so many kills at random instants, and compare."""
    whole = server.session({**task, "out": str(folder / "whole")})
    assert whole["status"] == 0, server.log.read_text()[-3000:]
    rng, killed, number = random.Random(seed), 0, 0
    while killed < kills:
        number += 1
        assert number <= 2 * kills, "most runs ended before they could be killed"
        out = folder / f"killed-{number}"
        for _ in range(3):
            end = server.session({**task, "out": str(out)}, kill_after=rng.uniform(0, whole["seconds"]))
            if end["status"] == 0:
                break
            assert end["status"] == 9, server.log.read_text()[-3000:]
            killed += 1
        if end["status"] != 0:
            end = server.session({**task, "out": str(out)})
        assert end["status"] == 0, server.log.read_text()[-3000:]
        assert tuned(out) == tuned(folder / "whole"), f"run {number} was trained differently"
        assert weights(out) == weights(folder / "whole"), f"run {number} ended with other weights"
        assert (out / "report.html").is_file()
        assert not (out / "checkpoints").exists()


@pytest.mark.parametrize("modality", ["image", "text"])
def test_three_kills(server, tasks, tmp_path, modality):
    survive(server, tasks[modality], tmp_path, kills=3, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("modality", ["image", "text"])
def test_fifteen_kills(server, tasks, tmp_path, modality):
    survive(server, tasks[modality], tmp_path, kills=15, seed=2)
