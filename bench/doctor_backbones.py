"""The Doctor on planted faults of fine-tuning: the packaged backbones, few examples, a plain loop.

`.venv/bin/python bench/doctor_backbones.py --seeds 0` runs each case in its faulty and its hand-repaired
form; runs that are in `results/doctor_backbones.jsonl` are not made again. Then the page of `doctor.py` is
written anew with these figures in it.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from common import RAW, RESULTS, append_line, markdown_table, read_lines

LINES = RESULTS / "doctor_backbones.jsonl"


def main() -> None:
    """Run what is missing, then write the page."""
    from doctor import latest, one_run
    from doctor_cases.backbones import BACKBONE_CASES
    from doctor_table import table

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--only", default="")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    known = {(one["name"], one["form"], one["seed"]) for one in read_lines(LINES)}
    for seed in map(int, given.seeds.split(",")):
        for case in BACKBONE_CASES:
            for form in ("faulty", "repaired"):
                fresh = given.again or (case.name, form, seed) not in known
                if fresh and given.only in case.name and not given.table:
                    build = partial(case.build, form == "faulty", seed)
                    record = one_run(case.name, form, seed, build, twin=False)
                    append_line(LINES, record)
                    print(case.name, form, seed, record["score"], record["findings"], flush=True)
                    write_part()
    write_part()
    (RESULTS / "doctor.md").write_text(table(latest()).rstrip() + "\n", encoding="utf-8")


def write_part() -> None:
    """The section of the page."""
    from doctor_cases.backbones import BACKBONE_CASES
    from doctor_table import is_case, share, show

    found = {(one["name"], one["form"], one["seed"]): one for one in read_lines(LINES)}
    rows, counted, alarmed = [], [], []
    for case in BACKBONE_CASES:
        for seed in sorted({seed for _, _, seed in found}):
            faulty, mended = (found.get((case.name, form, seed)) for form in ("faulty", "repaired"))
            if faulty is None or mended is None:
                continue
            first = faulty["findings"][0] if faulty["findings"] else "–"
            counts = is_case(case, faulty, mended)
            if counts:
                counted.append((bool(faulty["findings"]), first in case.labels))
            alarmed.append(bool(mended["findings"]))
            rows.append(
                (
                    case.name, seed, show(faulty["score"]), show(mended["score"]), "yes" if counts else "no",
                    " / ".join(case.labels), first, ", ".join(faulty["findings"][1:4]) or "–",
                    ", ".join(mended["findings"]) or "–",
                )
            )  # fmt: skip
    head = (
        "case", "seed", "faulty", "repaired", "counts", "accepted", "first finding", "then",
        "alarms when repaired",
    )  # fmt: skip
    text = [
        "## On the packaged backbones",
        "",
        "`.venv/bin/python bench/doctor_backbones.py` · MiniLM on 200 sentences of docstrings, "
        "EfficientNet-Lite0 on 200 digits of 32 pixels, three epochs of a plain loop.",
        "",
        f"Of {len(counted)} cases that count, {share(counted, lambda one: one[0])} were detected and "
        f"{share(counted, lambda one: one[1])} named by the first finding; {sum(alarmed)} of {len(alarmed)} "
        "repaired forms alarmed.",
        "",
        markdown_table(head, rows),
    ]
    RAW.mkdir(parents=True, exist_ok=True)
    (RAW / "doctor_backbones.md").write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
