"""The review page with many rows: processor time of what a person waits for.

    python bench/review.py [ROWS …]

Writes bench/results/review.md. A decision waits for the disk (fsync), so its time is wall-clock.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from common import RESULTS, machine, machine_line, markdown_table, write_result

SIZES = (1_000, 10_000, 100_000)


def main(sizes: tuple[int, ...]) -> None:
    """Measure each size and write the table."""
    about = machine()
    rows = [measured(size) for size in sizes]
    head = ["rows", "list of all rows (ms)", "its JSON (kB)", "one screen of items (ms)", "a decision (ms)"]
    text = "\n".join(
        [
            "# The review page with many rows",
            "",
            "`python bench/review.py`",
            "",
            "Median processor time of 20; wall-clock for decisions, which wait for the disk (fsync).",
            "",
            markdown_table(head, rows),
            "",
            "In a real browser (`pytest tests/unit/review/test_page.py`): keys relabel, drop and undo;",
            "kill -9 of the server loses nothing; 10,000 rows stay below 80 cards and 1,200 elements.",
            "",
            machine_line(about),
        ]
    )
    write_result(RESULTS / "review.md", text)


def measured(size: int) -> list[str]:
    """One line of the table: sentences, all of them suspected."""
    import pandas as pd

    from upfit.data.read import read
    from upfit.review.desk import Desk
    from upfit.review.items import items
    from upfit.review.reasons import Reason, gathered
    from upfit.store.corrections_file import Ledger
    from upfit.testing import docstring_sentences
    from upfit.values.corrections import Corrections

    some = docstring_sentences(task="binary", per_class=100)
    data = read(pd.concat([some] * (size // len(some)), ignore_index=True))
    about = Corrections(fingerprint=data.fingerprint, target=data.schema.target[0])
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder, "corrections.jsonl"), about)
        found = [(row, Reason("label", "planted", -row)) for row in range(len(data))]
        desk = Desk(data, gathered(found, open_rows=range(len(data))), ledger, by="bench")
        listed = median(lambda at: desk.rows(), time.process_time)
        shown = median(lambda at: items(desk, range(at * 30, at * 30 + 40)), time.process_time)
        decided = median(lambda at: (desk.decide(at, "keep"), desk.counts()), time.perf_counter)
        weight = len(json.dumps(desk.rows())) / 1000
        ledger.close()
    return [f"{len(data):,}", f"{listed:.1f}", f"{weight:.0f}", f"{shown:.1f}", f"{decided:.1f}"]


def median(work: Callable[[int], object], clock: Callable[[], float]) -> float:
    """Milliseconds."""
    times = []
    for at in range(20):
        start = clock()
        work(at)
        times.append(1000 * (clock() - start))
    return statistics.median(times)


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or SIZES)
