"""Does the Doctor notice planted faults, name them, and keep quiet on healthy runs?

`.venv/bin/python bench/doctor.py` runs every case of `doctor_cases` in its faulty and its hand-repaired form,
and the healthy controls; runs that are in `results/doctor.jsonl` are not made again. `--only A2,C1` chooses,
`--seeds 0,1,2`, `--again` makes them anew, `--table` only writes the table. Each training is made twice,
watched and unwatched: the weights are compared bit for bit, and the unwatched one is what the rules of other
tools see.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
import traceback
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from common import append_line
from doctor_records import LINES, Key, latest, others_path, trace_path

ALARMING = ("warning", "error")


def main() -> None:
    """Run what is asked for, then write the table."""
    from doctor_table import write_page

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--judge", action="store_true", help="only apply the rules to the kept traces again")
    parser.add_argument("--show", action="store_true", help="print each report")
    given = parser.parse_args()
    if given.judge:
        judge_again()
    elif not given.table:
        run_all(given)
    write_page()


def run_all(given: argparse.Namespace) -> None:
    """Make the runs that are missing."""
    from doctor_cases import CASES, HEALTHY

    known = latest()
    chosen = set(filter(None, given.only.split(",")))
    for seed in map(int, given.seeds.split(",")):
        jobs: list[tuple[str, str, Any]] = [
            (case.name, form, partial(case.build, form == "faulty", seed))
            for case in CASES
            for form in ("faulty", "repaired")
        ]
        jobs += [(name, "healthy", partial(build, seed)) for name, build in HEALTHY.items()]
        for name, form, build in jobs:
            wanted = not chosen or name in chosen or form in chosen
            if wanted and (given.again or (name, form, seed) not in known):
                record = one_run(name, form, seed, build, show=given.show)
                append_line(LINES, record)
                print(name, form, seed, record["score"], record["findings"], flush=True)


def one_run(
    name: str, form: str, seed: int, build: Any, *, show: bool = False, twin: bool = True, tests: float = 2.0
) -> dict[str, Any]:
    """Train once, watched, and note what the Doctor says before, after one step more, and at the end."""
    import torch
    from doctor_cases.parts import run

    from upfit import Doctor

    torch.manual_seed(seed)
    training = build()
    doctor = Doctor(
        training.model,
        training.optimizer,
        training.loss_fn,
        training.train,
        training.validation,
        task=training.task,
        **training.doctor,
    )
    begun = time.process_time()
    before = [one.kind for one in doctor.preflight(seconds=tests)]
    preflight = time.process_time() - begun
    early: dict[int, list[str]] = {}

    def look(step: int) -> None:
        if step == 2:
            early[step] = [one.kind for one in doctor.findings]

    begun, score, error = time.process_time(), math.nan, ""
    try:
        with doctor:
            score = run(training, doctor, before_step=look)
    except Exception as raised:
        error = f"{type(raised).__name__}: {raised}"
        if not training.stop_on_error:
            traceback.print_exc()
    watched = time.process_time() - begun
    if show:
        print(doctor.report())
    findings = [one for one in doctor.findings if one.severity in ALARMING]
    keep_trace(doctor.trace, (name, form, seed))
    return {
        "name": name,
        "form": form,
        "seed": seed,
        "score": None if math.isnan(score) else round(score, 4),
        "findings": [one.kind for one in findings],
        "steps": [one.step for one in findings],
        "unexplained": [one.kind for one in findings if not one.causes],
        "before": before,
        "second_step": early.get(2, []),
        "preflight_seconds": round(preflight, 2),
        "train_seconds": round(watched, 2),
        "watching_share": round(doctor.overhead, 4),
        "error": error,
        **(plain_run(name, form, seed, build, training.model) if twin else {}),
    }


def plain_run(name: str, form: str, seed: int, build: Any, watched: Any) -> dict[str, Any]:
    """The same training unwatched: what others look at is kept, and its weights are compared."""
    import torch
    from doctor_cases.others_seen import Notes
    from doctor_cases.parts import run

    torch.manual_seed(seed)
    training = build()
    notes = Notes(training)
    try:
        run(training, notes=notes)
    except Exception:
        if not training.stop_on_error:
            traceback.print_exc()
    path = others_path((name, form, seed))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notes.as_dict()))
    ours, theirs = training.model.state_dict(), watched.state_dict()
    same = all(value.numpy().tobytes() == theirs[key].numpy().tobytes() for key, value in ours.items())
    return {"same": same}


def keep_trace(trace: Any, key: Key) -> None:
    """Write what was seen to `results/raw`, so that `--judge` can apply changed rules to it."""
    from upfit.store import Journal

    path = trace_path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    journal = Journal(path)
    for record in (*trace.events, *trace.steps, *trace.healths, *trace.evaluations):
        journal.add(record)
    journal.close()


def judge_again() -> None:
    """Apply the rules as they are now to the kept traces: milliseconds each."""
    from upfit.diagnose import diagnose
    from upfit.store import read_trace

    for key, record in latest().items():
        path = trace_path(key)
        if path.is_file():
            findings = [one for one in diagnose(read_trace(path)).findings if one.severity in ALARMING]
            new = [one.kind for one in findings]
            if new != record["findings"]:
                print(*key, record["findings"], "→", new)
                unexplained = [one.kind for one in findings if not one.causes]
                append_line(LINES, record | {"findings": new, "unexplained": unexplained})


if __name__ == "__main__":
    main()
