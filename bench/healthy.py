"""A hundred healthy runs: how often does a rule raise a warning, or would a repair begin?

    python bench/healthy.py                         # 100 runs, an hour on one quiet core; resumable
    python bench/healthy.py --families table --minutes 5
    python bench/healthy.py --table                 # only write the table

Run number n is drawn from its number alone: a set, a recipe, a seed. Recipes are sensible ones, not ours:
optimizers, rates within a factor of three of what is usual, schedules, batches, layers, augmentation, losses.

- table: small networks of many kinds on scikit-learn's sets and generators, through `upfit.train`;
- image: digits as an image folder, the packaged image backbone, through `upfit.fit`;
- text: sentences of docstrings, and rows of hwu64 and complex_lcp where they are there, the packaged text
  backbone, through `upfit.fit`.

A run counts as healthy where its result on validation is not below a reference beyond noise (95 %): for
tables the better one of a linear model and five nearest neighbours of scikit-learn, paired; for the others
the tuned network of the default recipe on the same rows, by the two intervals. An alarm on a run that is
worse is no false one. Rules were mended with odd numbers; the even ones are reported apart.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from common import (
    RESULTS,
    append_line,
    machine,
    machine_line,
    markdown_table,
    proportion,
    read_lines,
    write_result,
)
from healthy_runs import LINES, image_run, table_run, text_run

FAMILY = ("table", "table", "image", "table", "text")
"""Of run n: n modulo five."""
COUNT = 100


def main() -> None:
    """Make the runs that are missing, then write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--families", nargs="+", default=["table", "image", "text"])
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--half", choices=["odd", "even"], help="only these numbers")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no run after so many")
    parser.add_argument("--table", action="store_true", help="only write the table")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    until = time.monotonic() + 60 * given.minutes
    numbers = [n for n in range(given.count) if given.half is None or n % 2 == (given.half == "odd")]
    for n in () if given.table else numbers:
        done = {line["n"] for line in runs_made()}
        if FAMILY[n % 5] in given.families and n not in done and time.monotonic() < until:
            append_line(LINES, json.loads(json.dumps(line_of(n))))
            write()
    write()


def line_of(n: int) -> dict[str, Any]:
    """Make run n."""
    rng = np.random.default_rng(n)
    family, begun = FAMILY[n % 5], time.process_time()
    with tempfile.TemporaryDirectory() as place:
        make = {"table": table_run, "image": image_run, "text": text_run}[family]
        about, outcome = make(rng, n, Path(place))
        value, low, _ = outcome.behind
        return {
            "n": n,
            "family": family,
            **about,
            "score": outcome.score,
            "reference": outcome.reference,
            "behind": outcome.behind,
            "healthy": not (value > 0 and low > 0),
            **alarms_of(outcome.run),
            "processor_seconds": time.process_time() - begun,
        }


def alarms_of(run: Any) -> dict[str, Any]:
    """Warnings of the rules on the whole run, and illnesses for which `fit` would have begun a repair."""
    from upfit.diagnose import diagnose
    from upfit.journey.preflight import QUIET
    from upfit.journey.repair_alarm import EARLY, FEWEST, LATE, ill, severe, until

    trace, loud = run.trace, ("warning", "error")
    total = trace.steps[-1].step
    raised = {one.kind for one in diagnose(trace).findings if one.severity in loud}
    told = {one.kind for one in run.findings if one.severity in loud} - QUIET
    begun = {one.kind for one in ill(trace)}
    for one in trace.evaluations:
        if one.step >= FEWEST and EARLY <= one.step / total <= LATE:
            begun |= {finding.kind for finding in severe(until(trace, one.step))}
    return {"raised": sorted(raised - QUIET), "told": sorted(told), "repair": sorted(begun)}


def runs_made() -> list[dict[str, Any]]:
    """The lines of runs; those of references are left out."""
    return [line for line in read_lines(LINES) if "n" in line]


def write() -> None:
    """The table of everything that is in the results."""
    lines = sorted(runs_made(), key=lambda line: line["n"])
    rows = []
    for name, wanted in (("all", (0, 1)), ("odd (rules were mended with them)", (1,)), ("even", (0,))):
        part = [line for line in lines if line["n"] % 2 in wanted]
        for family in ("table", "image", "text", "together"):
            these = [line for line in part if family in (line["family"], "together")]
            rows += [counted(name, family, these)] if these else []
    loud = [line for line in lines if line["raised"] or line["told"] or line["repair"]]
    shown = [
        [
            str(line["n"]),
            line["set"],
            "yes" if line["healthy"] else "no",
            f"{line['score']:.3f}",
            f"{line['reference']:.3f}",
            ", ".join(sorted({*line["raised"], *line["told"]})) or "–",
            ", ".join(line["repair"]) or "–",
        ]
        for line in loud
    ]
    head = [
        "numbers",
        "family",
        "runs",
        "healthy",
        "with a warning (95 %)",
        "repair begun (95 %)",
        "worse: warned",
    ]
    detail = ["run", "set", "healthy", "score", "reference", "raised", "repair would begin for"]
    text = (
        "# Healthy runs\n\n`python bench/healthy.py --families table --count 320`, "
        f"`--families image text --count 60` · {machine_line(machine())}\n\n"
        "How a run is drawn and when it counts as healthy is in the script's first lines. Rates of false "
        "alarms are of healthy runs, with Wilson's intervals (95 %); *worse: warned* is how many of the "
        "runs that fell behind their reference had a warning.\n\n"
        + markdown_table(head, rows)
        + "\n\nRuns with a warning, healthy or not:\n\n"
        + markdown_table(detail, shown)
    )
    write_result(RESULTS / "healthy.md", text)


def counted(name: str, family: str, lines: list[dict[str, Any]]) -> list[str]:
    """A line of the table."""
    well = [line for line in lines if line["healthy"]]
    worse = [line for line in lines if not line["healthy"]]
    warned = sum(bool(line["raised"] or line["told"]) for line in worse)
    return [
        name,
        family,
        str(len(lines)),
        str(len(well)),
        proportion(sum(bool(line["raised"] or line["told"]) for line in well), len(well)),
        proportion(sum(bool(line["repair"]) for line in well), len(well)),
        f"{warned} of {len(worse)}",
    ]


if __name__ == "__main__":
    main()
