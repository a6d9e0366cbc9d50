"""What is the Doctor worth on cases that were written, labels and all, before its rules were looked at?

`.venv/bin/python bench/doctor_blind.py --round blind` watches every case of `doctor_cases/blind.py` in its
faulty and its hand-repaired form, and the controls; `--treat` has `upfit.treat` repair those that a Change
can cure. Runs that are in `results/doctor_blind.jsonl` under the same round are not made again. A later
round (`--round mended`) is the same after rules were changed with these cases in view: no longer blind.
`--own-clock` is for a core that others use as well: the seconds that a one-step test may take are then those
of this process, not of the clock on the wall.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from common import RESULTS, append_line, read_lines

LINES = RESULTS / "doctor_blind.jsonl"


def main() -> None:
    """Run what is missing, then write the page."""
    from doctor_blind_table import write_page

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--round", default="blind")
    batches = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
    parser.add_argument("--batch", default="first", choices=batches)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--only", default="", help="names, with commas between them; made in this order")
    parser.add_argument("--forms", default="", help="faulty, repaired, healthy; all where missing")
    parser.add_argument("--scored", action="store_true", help="forms repaired by hand: the score, unwatched")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each one-step test that trains")
    parser.add_argument("--treat", action="store_true", help="repair, after watching")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--show", action="store_true", help="print each report")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--own-clock", action="store_true", help="count this process's own seconds")
    given = parser.parse_args()
    if given.own_clock:
        time.monotonic = time.perf_counter = time.process_time
    for seed in () if given.table else map(int, given.seeds.split(",")):
        score_all(given, seed) if given.scored else watch_all(given, seed)
        if given.treat:
            treat_all(given, seed)
    write_page()


def records(turn: str) -> dict[tuple[str, str, int], dict[str, Any]]:
    """The newest record of each run of a round."""
    return {(one["name"], one["form"], one["seed"]): one for one in read_lines(LINES) if one["round"] == turn}


def jobs(seed: int, batch: str) -> Iterator[tuple[str, str, Any]]:
    """Name, form and build of each run."""
    from doctor_cases.blind import BATCHES, CONTROLS

    for case in BATCHES[batch]:
        for form in ("faulty", "repaired"):
            yield case.name, form, partial(case.build, form == "faulty", seed)
    for name, build in CONTROLS[batch].items():
        yield name, "healthy", partial(build, seed)


def chosen(given: argparse.Namespace, name: str) -> bool:
    """Whether a case was asked for."""
    return not given.only or name in given.only.split(",")


def watch_all(given: argparse.Namespace, seed: int) -> None:
    """Watch the runs that are missing."""
    from doctor import one_run

    known, order = records(given.round), given.only.split(",")
    wanted = [
        job
        for job in jobs(seed, given.batch)
        if chosen(given, job[0])
        and (given.again or (*job[:2], seed) not in known)
        and (not given.forms or job[1] in given.forms.split(","))
    ]
    for name, form, build in sorted(wanted, key=lambda job: order.index(job[0])) if given.only else wanted:
        record = one_run(name, form, seed, build, show=given.show, twin=False, tests=given.seconds)
        append_line(LINES, {"round": given.round} | record)
        print(name, form, seed, record["score"], record["findings"], flush=True)


def score_all(given: argparse.Namespace, seed: int) -> None:
    """Train hand-repaired forms without a Doctor: enough to know if a fault costs anything."""
    import torch
    from doctor_cases.blind import BATCHES
    from doctor_cases.parts import run

    known = records(given.round)
    for case in BATCHES[given.batch]:
        there = any((case.name, form, seed) in known for form in ("repaired", "scored"))
        if not there and chosen(given, case.name) and (case.name, "faulty", seed) in known:
            torch.manual_seed(seed)
            score = None if case.silent else round(run(case.build(False, seed)), 4)
            line = {"name": case.name, "form": "scored", "seed": seed, "score": score, "findings": []}
            append_line(LINES, {"round": given.round} | line)
            print(line, flush=True)


def treat_all(given: argparse.Namespace, seed: int) -> None:
    """Treat the cases that a Change can cure."""
    from doctor_cases.blind import BATCHES
    from doctor_repair import repaired

    known = records(given.round)
    for case in BATCHES[given.batch]:
        done = (case.name, "treated", seed) in known and not given.again
        if case.owner or case.silent or done or not chosen(given, case.name):
            continue
        record = repaired(case.name, case, partial(case.build, True, seed), seed)
        by_hand = known.get((case.name, "repaired", seed), known.get((case.name, "scored", seed), {}))
        aim = by_hand.get("score")
        append_line(LINES, {"round": given.round, "form": "treated", "aim": aim} | record)
        print(record, flush=True)


if __name__ == "__main__":
    main()
