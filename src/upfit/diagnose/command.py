"""What `upfit diagnose` prints."""

from __future__ import annotations

import json
from pathlib import Path

from upfit.diagnose.diagnosis import Diagnosis, diagnose
from upfit.diagnose.logs import read_log
from upfit.diagnose.seen import Seen
from upfit.diagnose.text import report_text
from upfit.errors import InputError
from upfit.store import RunFolder, read_trace
from upfit.values import Trace

ONLY_PROBE = (
    "No layer was trained in this run: its model is the linear probe on features as they are, which is "
    "solved in one go. There was no training to watch."
)


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
    verdict = ONLY_PROBE if run is not None and _only_probed(run, diagnosis) else diagnosis.verdict
    if as_json:
        content = {
            "verdict": verdict,
            "findings": [one.model_dump(mode="json") for one in diagnosis.findings],
            "not_measured": {kind: list(needs) for kind, needs in diagnosis.not_measured.items()},
            "healthy": list(diagnosis.healthy),
        }
        return json.dumps(content, indent=2)
    return report_text(diagnosis, Seen(trace), verdict=verdict)


def _only_probed(run: Path, diagnosis: Diagnosis) -> bool:
    """Whether a run is over, and nothing that could be measured was trained in it."""
    silent = not diagnosis.findings and not diagnosis.healthy
    return silent and RunFolder.open(run).has("result.json")


def _trace(run: Path | None, log: Path | None) -> Trace:
    if (run is None) == (log is None):
        raise InputError("nothing to diagnose, or two things", expected="RUN, or --log FILE")
    if log is not None:
        return read_log(log)
    assert run is not None
    return read_trace(RunFolder.open(run).path / "trace.jsonl")
