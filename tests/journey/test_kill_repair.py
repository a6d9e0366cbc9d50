"""`kill -9` while cures are tried: the run goes on with the same trials and ends with the same weights."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("kill", Path(__file__).with_name("test_kill.py"))
kill = importlib.util.module_from_spec(spec)
sys.modules["kill"] = kill
spec.loader.exec_module(kill)

server = kill.server
POISONED = {
    "inputs.image_size": 32,
    "batching.size": 8,
    "stopping.steps": 40,
    "stopping.evaluations": 4,
    "precision": "fp32",
    "optimizer.lr": 0.3,
    "optimizer.head_lr": 0.3,
}


def ledger(folder):
    from upfit.store import RunFolder

    return [(one.outcome, one.kind, one.what) for one in RunFolder(folder).read_ledger()]


@pytest.mark.slow
def test_kills_before_amid_and_after_the_trials_lead_to_the_same_repaired_run(server, digits, tmp_path):
    """The rate is far too large: the run is stopped at step 20 or 30, and repaired."""
    task = {"data": str(digits), "model": "auto", "changes": POISONED, "every": 0.2}
    whole = server.session({**task, "out": str(tmp_path / "whole")})
    assert whole["status"] == 0, server.log.read_text()[-3000:]
    assert (tmp_path / "whole" / "attempts" / "1" / "trace.jsonl").is_file()
    killed = tmp_path / "killed"
    for part in (0.3, 0.3, 0.4):
        end = server.session({**task, "out": str(killed)}, kill_after=part * whole["seconds"])
        assert end["status"] in (0, 9), server.log.read_text()[-3000:]
    end = server.session({**task, "out": str(killed)}) if end["status"] else end
    assert end["status"] == 0, server.log.read_text()[-3000:]
    assert [line[:2] for line in ledger(killed)] == [line[:2] for line in ledger(tmp_path / "whole")]
    assert kill.tuned(killed) == kill.tuned(tmp_path / "whole")
    assert kill.weights(killed) == kill.weights(tmp_path / "whole")
