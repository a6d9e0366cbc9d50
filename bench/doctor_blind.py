"""What is the Doctor worth on cases that were written, labels and all, before its rules were looked at?

`.venv/bin/python bench/doctor_blind.py --round blind` watches every case of `doctor_cases/blind.py` in its
faulty and its hand-repaired form, and the controls; `--treat` has `upfit.treat` repair those that a Change
can cure. Runs that are in `results/doctor_blind.jsonl` under the same round are not made again. A later
round (`--round mended`) is the same after rules were changed with these cases in view: no longer blind.
"""

from __future__ import annotations

import argparse
import sys
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
    parser.add_argument("--batch", default="first", choices=("first", "second", "third"))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--only", default="", help="names, with commas between them")
    parser.add_argument("--treat", action="store_true", help="repair, after watching")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--show", action="store_true", help="print each report")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    for seed in () if given.table else map(int, given.seeds.split(",")):
        watch_all(given, seed)
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

    known = records(given.round)
    for name, form, build in jobs(seed, given.batch):
        if chosen(given, name) and (given.again or (name, form, seed) not in known):
            record = one_run(name, form, seed, build, show=given.show, twin=False)
            append_line(LINES, {"round": given.round} | record)
            print(name, form, seed, record["score"], record["findings"], flush=True)


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
        aim = known.get((case.name, "repaired", seed), {}).get("score")
        append_line(LINES, {"round": given.round, "form": "treated", "aim": aim} | record)
        print(record, flush=True)


if __name__ == "__main__":
    main()
