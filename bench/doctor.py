"""Does the Doctor notice planted faults, name them, and keep quiet on healthy runs?

`.venv/bin/python bench/doctor.py` runs every case of `doctor_cases` in its faulty and its hand-repaired form,
and the healthy controls; runs that are in `results/doctor.jsonl` are not made again. `--only A2,C1` chooses,
`--seeds 0,1,2`, `--again` makes them anew, `--table` only writes the table.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
import traceback
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from common import RAW, RESULTS, append_line, machine, machine_line, markdown_table, read_lines, write_result

LINES = RESULTS / "doctor.jsonl"
ALARMING = ("warning", "error")


def main() -> None:
    """Run what is asked for, then write the table."""
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
    write_result(RESULTS / "doctor.md", table())


def run_all(given: argparse.Namespace) -> None:
    """Make the runs that are missing."""
    from doctor_cases import CASES, HEALTHY

    known = {(one["name"], one["form"], one["seed"]) for one in read_lines(LINES)}
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


def one_run(name: str, form: str, seed: int, build: Any, *, show: bool = False) -> dict[str, Any]:
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
    before = [one.kind for one in doctor.preflight()]
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
    if show:
        print(doctor.report())
    keep_trace(doctor.trace, name, form, seed)
    findings = [one for one in doctor.findings if one.severity in ALARMING]
    return {
        "name": name,
        "form": form,
        "seed": seed,
        "score": None if math.isnan(score) else round(score, 4),
        "findings": [one.kind for one in findings],
        "unexplained": [one.kind for one in findings if not one.causes],
        "before": before,
        "second_step": early.get(2, []),
        "preflight_seconds": round(preflight, 2),
        "train_seconds": round(time.process_time() - begun, 2),
        "watching_share": round(doctor.overhead, 4),
        "error": error,
    }


def keep_trace(trace: Any, name: str, form: str, seed: int) -> None:
    """Write what was seen to `results/raw`, so that `--judge` can apply changed rules to it."""
    from upfit.store import Journal

    path = RAW / "doctor" / f"{name}-{form}-{seed}.jsonl"
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

    for (name, form, seed), record in latest().items():
        path = RAW / "doctor" / f"{name}-{form}-{seed}.jsonl"
        if path.is_file():
            findings = [one for one in diagnose(read_trace(path)).findings if one.severity in ALARMING]
            new = [one.kind for one in findings]
            if new != record["findings"]:
                print(name, form, seed, record["findings"], "→", new)
                unexplained = [one.kind for one in findings if not one.causes]
                append_line(LINES, record | {"findings": new, "unexplained": unexplained})


def latest() -> dict[tuple[str, str, int], dict[str, Any]]:
    """The newest record of each run."""
    return {(one["name"], one["form"], one["seed"]): one for one in read_lines(LINES)}


def half_of(name: str) -> str:
    """`odd` where the case's number is odd: rules are tuned on those alone."""
    return "odd" if int("".join(filter(str.isdigit, name))) % 2 else "even"


def table() -> str:
    """Detection, naming and false alarms as Markdown."""
    from doctor_cases import CASES

    found = latest()
    seeds = sorted({seed for _, _, seed in found})
    rows, tallies = [], {"odd": [], "even": []}
    for case in CASES:
        for seed in seeds:
            faulty, repaired = (
                found.get((case.name, "faulty", seed)),
                found.get((case.name, "repaired", seed)),
            )
            if faulty is None or repaired is None:
                continue
            counts = is_case(case, faulty, repaired)
            first = faulty["findings"][0] if faulty["findings"] else "–"
            named = first in case.labels
            strictly = first == case.labels[0]
            wired = bool(set(faulty["before"] + faulty["second_step"]) & set(case.labels))
            if counts:
                tallies[half_of(case.name)].append(
                    (bool(faulty["findings"]), named, strictly, case.wiring, wired)
                )
            rows.append(
                (
                    case.name,
                    seed,
                    show(faulty["score"]),
                    show(repaired["score"]),
                    "yes" if counts else "no",
                    case.labels[0],
                    first,
                    "first" if strictly else "accepted" if named else "no",
                    ", ".join(faulty["findings"][1:4]) or "–",
                    ", ".join(repaired["findings"]) or "–",
                )
            )
    head = [
        "case",
        "seed",
        "faulty",
        "repaired",
        "counts",
        "label",
        "first finding",
        "named",
        "then",
        "alarms when repaired",
    ]
    return "\n".join(
        [
            "# The Doctor on planted faults",
            "",
            "`.venv/bin/python bench/doctor.py` · " + machine_line(machine()),
            "",
            *summary(tallies, found),
            "",
            READ_WITH_CARE,
            "",
            markdown_table(head, rows),
            "",
            "## Healthy controls",
            "",
            markdown_table(
                ("control", "seed", "score", "alarms"),
                [
                    (name, seed, show(one["score"]), ", ".join(one["findings"]) or "–")
                    for (name, form, seed), one in found.items()
                    if form == "healthy"
                ],
            ),
        ]
    )


def is_case(case: Any, faulty: dict[str, Any], repaired: dict[str, Any]) -> bool:
    """Whether the fault costs at least 0.05 of the score, or is silent by nature."""
    if case.silent or faulty["score"] is None or repaired["score"] is None:
        return True
    return repaired["score"] - faulty["score"] >= 0.05


def summary(tallies: dict[str, list[tuple[bool, ...]]], found: dict[Any, dict[str, Any]]) -> list[str]:
    """The figures, for the half that was tuned on and for the other."""
    rows = []
    for half, several in tallies.items():
        number = max(1, len(several))
        wiring = [one[4] for one in several if one[3]]
        rows.append(
            (
                half,
                len(several),
                *(
                    f"{sum(one[i] for one in several)} ({sum(one[i] for one in several) / number:.0%})"
                    for i in (0, 1, 2)
                ),
                f"{sum(wiring)} of {len(wiring)}",
            )
        )
    well = [one for (_, form, _), one in found.items() if form != "faulty"]
    alarmed = [one for one in well if one["findings"]]
    shares = sorted(one["watching_share"] for one in found.values())
    middle = shares[len(shares) // 2] if shares else math.nan
    head = (
        "half",
        "cases",
        "detected",
        "named (any label)",
        "named (first label)",
        "wiring faults by step 2",
    )
    return [
        markdown_table(head, rows),
        "",
        f"False alarms: {len(alarmed)} of {len(well)} healthy or repaired runs "
        f"({len(alarmed) / max(1, len(well)):.0%}); a run counts once however many findings it has. "
        f"Watching took {middle:.1%} of the time (median; these runs last a second or two, "
        "and the looks that are always made weigh most there).",
    ]


READ_WITH_CARE = """\
**Read with care.** Seeds as listed; all changes were made with seed 0 in view. The even half is not \
untouched: after a first look at all cases, two rules were mended because of A4 and A10 (and A4, D2, E2, \
G1, G3 and O1 were given more steps, since their repaired forms were not done), and the thresholds \
against false alarms were set with these very controls and repaired forms in view. The networks and \
faulty forms are ports made by the same hands as the rules. Naming on cases of other hands will be lower. \
Of the wiring faults, C5 (validation in training mode) can only show at the first evaluation, not by the \
second step. G3 does not count here: with this model the rate of 0.1 did no harm. X1, the cases on the \
packaged backbones, repairs, and the published thresholds of others beside ours are not measured yet.\
"""


def show(score: float | None) -> str:
    """A score, or a dash for one that is no number."""
    return "–" if score is None else f"{score:.3f}"


if __name__ == "__main__":
    main()
