"""What `upfit diagnose` prints."""

from __future__ import annotations

import json
from pathlib import Path

from upfit.diagnose.diagnosis import diagnose
from upfit.diagnose.logs import read_log
from upfit.diagnose.seen import Seen
from upfit.diagnose.text import report_text
from upfit.errors import InputError
from upfit.store import RunFolder, read_trace
from upfit.values import Trace


def explain(run: Path | None, log: Path | None, *, as_json: bool = False) -> str:
    """The diagnosis of a run folder or of another trainer's log, as text or as JSON.

    Args:
        run: A run folder, finished or running.
        log: `trainer_state.json`, `metrics.csv`, or a TensorBoard folder.
        as_json: For programs.

    Raises:
        InputError: Neither or both are given, or cannot be read.
    """
    trace = _trace(run, log)
    diagnosis = diagnose(trace)
    if as_json:
        content = {
            "verdict": diagnosis.verdict,
            "findings": [one.model_dump(mode="json") for one in diagnosis.findings],
            "not_measured": {kind: list(needs) for kind, needs in diagnosis.not_measured.items()},
            "healthy": list(diagnosis.healthy),
        }
        return json.dumps(content, indent=2)
    return report_text(diagnosis, Seen(trace))


def _trace(run: Path | None, log: Path | None) -> Trace:
    if (run is None) == (log is None):
        raise InputError("nothing to diagnose, or two things", expected="RUN, or --log FILE")
    if log is not None:
        return read_log(log)
    assert run is not None
    return read_trace(RunFolder.open(run).path / "trace.jsonl")
