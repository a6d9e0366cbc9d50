"""Sessions of upfit that can be killed: a server process loads the libraries once and forks a child for each.

So the instants of the kills fall into the run and not into the loading of libraries.
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

    def finish(self, task):
        """One session that has to come to its end."""
        end = self.session(task)
        assert end["status"] == 0, self.log.read_text()[-3000:]
        return end

    def survive(self, task, folder, *, kills, seed):
        """Run whole once; then again with so many kills at random instants, and compare."""
        lasts = self.finish({**task, "out": str(folder / "whole")})["seconds"]
        rng, killed, number = random.Random(seed), 0, 0
        while killed < kills:
            number += 1
            assert number <= 2 * kills, "most runs ended before they could be killed"
            out = folder / f"killed-{number}"
            for session in range(3):
                end = self.session({**task, "out": str(out)}, kill_after=rng.uniform(0, lasts))
                if end["status"] == 0:
                    # The whole one may have been made while the machine was busier.
                    lasts = lasts if session else min(lasts, end["seconds"])
                    break
                assert end["status"] == 9, self.log.read_text()[-3000:]
                killed += 1
            if end["status"] != 0:
                self.finish({**task, "out": str(out)})
            self.require_same(out, folder / "whole")
            assert (out / "report.html").is_file()
            assert not (out / "checkpoints").exists()

    @staticmethod
    def require_same(one, other):
        """Two run folders hold the same training, whoever won, and the same weights."""
        assert tuned(one) == tuned(other), f"{one.name} was trained differently"
        assert weights(one) == weights(other), f"{one.name} ended with other weights"


def weights(folder):
    return (folder / "model" / "model.safetensors").read_bytes()


def tuned(folder):
    """What the loop left behind: losses of all steps and metrics of all evaluations."""
    from upfit.store import read_trace

    trace = read_trace(folder / "trace.jsonl")
    return [one.loss for one in trace.steps], [one.metrics for one in trace.evaluations]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server") / "stderr.txt")
    with server.process:
        yield server
        server.process.stdin.close()
        server.process.wait()
