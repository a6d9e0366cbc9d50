"""What the audit finds of faults planted in single columns, cells and marks: recall, precision, clean sets.

`audit_columns.py` plants, five times each with other seeds, in tables of scikit-learn and in samples of the
shared sets: numbers and dates written in several ways, turned signs, codes, misplaced points, columns that
say the same, equal inputs with other numbers, joined labels, boilerplate, HTML, other languages, disguised
letters, and stamps in pictures. What is counted are columns, or rows where rows are named; what is flagged
without the fault as well is the data's own and counted apart. Every check then looks at every set as it is.
Results go into a section of `results/audit.md`.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from audit_columns_cases import (
    Case,
    dates,
    equal_inputs,
    labels,
    numbers,
    sentences,
    signs,
    stamps,
    twins,
)
from common import DATA, RESULTS, machine, machine_line, markdown_table, write_section
from sklearn import datasets as sklearn_data

from upfit.audit.columns import columns
from upfit.audit.conflicts import conflicts
from upfit.audit.formats import formats
from upfit.audit.giveaways import giveaways
from upfit.audit.ranges import ranges
from upfit.audit.slices import slices
from upfit.audit.subject import Subject
from upfit.audit.text_quality import text_quality
from upfit.data.read import read
from upfit.measure.proportions import wilson

SEEDS = range(5)
HEADING = "Faults of single columns, cells and marks"

PIECES: tuple[Callable[[int], Iterator[Case]], ...] = (
    numbers, dates, signs, twins, equal_inputs, labels, sentences, stamps,
)  # fmt: skip


def measured(pieces: Sequence[Callable[[int], Iterator[Case]]]) -> list[tuple[str, ...]]:
    """A line a fault: recall and precision over all seeds and sets, with intervals."""
    sums: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for piece in pieces:
        for seed in SEEDS:
            for check, fault, planted, flagged, own in piece(seed):
                fresh = flagged - (own - planted)
                sums[check, fault].update(
                    cases=1,
                    hits=len(planted & flagged),
                    planted=len(planted),
                    flagged=len(fresh),
                    own=len(own),
                )
    return [
        (
            check,
            fault,
            one["cases"],
            str(wilson(one["hits"], one["planted"])) if one["planted"] else "–",
            _precision(one),
            one["own"],
        )
        for (check, fault), one in sums.items()
    ]


def _precision(one: Counter[str]) -> str:
    if not one["planted"]:
        return f"{one['flagged']} false alarms"
    return str(wilson(one["hits"], one["flagged"])) if one["flagged"] else "–"


UNTOUCHED = (formats, ranges, columns, conflicts, giveaways, text_quality, slices)


def untouched() -> list[tuple[str, ...]]:
    """What these checks say of each set as it is."""
    lines = []
    shared = (
        "hwu64",
        "sms_spam_imbalanced",
        "complex_lcp",
        "yoruba_topic_realnoise",
        "adult",
        "ikea_price_mixed",
    )
    sources: list[tuple[str, Any, Any]] = [
        (name, getattr(sklearn_data, f"load_{name}")(as_frame=True).frame, "target")
        for name in ("iris", "wine", "breast_cancer", "diabetes")
    ]
    target = {"complex_lcp": "complexity", "ikea_price_mixed": "price", "adult": "income"}
    sources += [(name, str(DATA / name / "train.csv"), target.get(name)) for name in shared]
    sources += [(name, str(DATA / name), None) for name in ("clothing_small", "omniglot136")]
    for name, source, target in sources:
        subject = Subject(read(source, target=target))
        kinds = Counter(one.kind for check in UNTOUCHED for one in check(subject))
        said = ", ".join(f"{kind} {count}" if count > 1 else kind for kind, count in sorted(kinds.items()))
        lines.append((name, sum(kinds.values()), said or "nothing"))
    return lines


def main() -> None:
    """Measure, and write the section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = {piece.__name__: piece for piece in PIECES}
    parser.add_argument("--only", nargs="+", default=list(known), choices=list(known))
    given = parser.parse_args()
    head = ("check", "planted", "cases", "recall (95 %)", "precision (95 %)", "flagged in the clean data too")
    text = (
        f"`python bench/audit_columns.py`; {len(SEEDS)} seeds, up to three columns a set and seed.\n\n"
        + markdown_table(head, measured([known[name] for name in given.only]))
        + "\n\nThe same checks on the sets as they are:\n\n"
        + markdown_table(("set", "findings", "kinds"), untouched())
        + "\n\n"
        + machine_line(machine())
    )
    if len(given.only) < len(known):
        print(text)
    else:
        write_section(RESULTS / "audit.md", HEADING, text)


if __name__ == "__main__":
    main()
