"""A training that the page began ends soon after the page, however that ended."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import time

from upfit.store import RunFolder, read_trace
from upfit.values import Recipe

LONG = Recipe(
    stopping={"steps": 100_000},
    inputs={"image_size": 32},
    batching={"size": 8},
    precision="fp32",
    compile="off",
).to_yaml()
"""More steps than any machine makes while a test waits."""


def test_a_run_stops_saved_when_its_standard_input_ends(digits, tmp_path):
    (tmp_path / "long.yaml").write_text(LONG)
    words = ["fit", str(digits), "--recipe", str(tmp_path / "long.yaml"), "--out", str(tmp_path / "run")]
    begun = subprocess.Popen(
        [sys.executable, "-m", "upfit.review.leash", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with begun:
        assert any(line.startswith("  step ") for line in begun.stderr)
        begun.stdin.close()
        begun.stderr.read()
    assert begun.returncode == 130
    folder = RunFolder.open(tmp_path / "run")
    folder.lock()
    folder.unlock()
    assert not folder.has("result.json")
    # As after Ctrl-C: the last step is in the checkpoint, so that nothing is done twice.
    last = read_trace(folder.path / "trace.jsonl").steps[-1].step
    assert list(folder.path.glob(f"checkpoints/step-{last:09d}-*.pt"))


def test_a_killed_page_takes_its_training_along(serve, digits, tmp_path):
    page = serve(digits, request={"recipe": LONG})
    assert page.json("api/retrain", {})["stage"] == "before"
    state = page.json("api/retrain")
    while not state["line"].startswith("step "):
        assert state["stage"] == "before", state
        time.sleep(0.2)
        state = page.json("api/retrain")
    page.kill()
    run = tmp_path / "runs" / "before"
    with (run / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits for the process that holds the run
    assert not (run / "result.json").exists()
    assert list(run.glob("checkpoints/*"))
