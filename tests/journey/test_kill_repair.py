"""`kill -9` while cures are tried: the run goes on with the same trials and ends with the same weights."""

from __future__ import annotations

import pytest

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
    whole = server.finish({**task, "out": str(tmp_path / "whole")})
    assert (tmp_path / "whole" / "attempts" / "1" / "trace.jsonl").is_file()
    killed = tmp_path / "killed"
    for part in (0.3, 0.3, 0.4):
        end = server.session({**task, "out": str(killed)}, kill_after=part * whole["seconds"])
        assert end["status"] in (0, 9), server.log.read_text()[-3000:]
    if end["status"]:
        server.finish({**task, "out": str(killed)})
    assert [line[:2] for line in ledger(killed)] == [line[:2] for line in ledger(tmp_path / "whole")]
    server.require_same(killed, tmp_path / "whole")
