"""What does each technique earn? The default recipe against the same with the technique, seed by seed.

    python bench/techniques.py                                 # hours: every card on every set, seeds 0 to 4
    python bench/techniques.py --cards mixup sam --sets hwu64_5shot --seeds 0 1
    python bench/techniques.py --table                         # only write the table and the cards' figures

Both runs of a pair share data, split, starting weights, number of steps and order of the examples. Runs that
are in the results already are not made again, so the script can be stopped and called again. The table goes
to bench/results/techniques.md, and the figures that `upfit techniques NAME` quotes to the package.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np
from common import (
    RESULTS,
    ROOT,
    append_line,
    machine,
    machine_line,
    markdown_table,
    read_lines,
    run_child,
    script,
    write_result,
)
from scipy.stats import t as student

from upfit.techniques.catalogue import CARDS
from upfit.techniques.measured import Measured

LINES = RESULTS / "techniques.jsonl"
CARD_FIGURES = ROOT / "src" / "upfit" / "techniques" / "measured.json"
SETS = ("hwu64_5shot", "omniglot136", "sms_spam_imbalanced", "yoruba_topic_realnoise", "complex_lcp")
DEFAULT = "default"
Record = dict[str, Any]

INTRO = """## What each technique earns

Test score of the tuned weights (best by validation) with the technique switched on, minus the default
recipe's, paired over seeds; the interval is Student's t over the seeds' differences, 95 %. "noise" means that
it holds 0. Cost is training time as a multiple of the default's. A technique that asks for more steps than
these short runs have can earn more in a long one.
"""


def missing(
    sets: Iterable[str], seeds: Iterable[int], switches: Sequence[str]
) -> Iterable[tuple[str, int, list[str]]]:
    """What is yet to be run: (set, seed, switches)."""
    known = {(one["set"], one["seed"], one["switch"]) for one in read_lines(LINES)}
    for name, seed in product(sets, seeds):
        wanted = [switch for switch in switches if (name, seed, switch) not in known]
        if wanted:
            yield name, seed, wanted


def run(name: str, seed: int, switches: Sequence[str]) -> bool:
    """One process for all switches of a set and a seed; False if it failed."""
    child = run_child(script("technique_runs.py", name, seed, *switches))
    about = machine()
    for line in child.output.splitlines():
        if line.startswith("{"):
            append_line(LINES, {**json.loads(line), "machine": about})
            print(line, flush=True)
    return child.code == 0


def figures(records: Sequence[Record]) -> list[Measured]:
    """The gain of every switch on every set that has at least two paired seeds."""
    values = {(one["set"], one["switch"], one["seed"]): one for one in records if "value" in one}
    found = []
    for card in CARDS:
        for name in SETS:
            seeds = [
                s
                for d, switch, s in values
                if d == name and switch == card.switch and (d, DEFAULT, s) in values
            ]
            if len(seeds) >= 2:
                pairs = [(values[name, card.switch, s], values[name, DEFAULT, s]) for s in sorted(seeds)]
                found.append(_figure(card.name, card.switch, name, pairs))
    return found


def _figure(card: str, switch: str, name: str, pairs: Sequence[tuple[Record, Record]]) -> Measured:
    gains = np.array([one["value"] - other["value"] for one, other in pairs])
    half = float(student.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains)))
    cost = float(np.median([one["seconds"] / other["seconds"] for one, other in pairs]))
    gain = float(gains.mean())
    metric = pairs[0][0]["metric"]
    rounded = [round(value, 4) for value in (gain, gain - half, gain + half)]
    return Measured(card=card, switch=switch, data=name, metric=metric, gain=rounded[0], low=rounded[1],
                    high=rounded[2], seeds=len(gains), cost=round(cost, 2))  # fmt: skip


def write_table(records: Sequence[Record]) -> None:
    """The table of results, and the figures for the cards."""
    found = figures(records)
    rows = [
        (one.card, f"`{one.switch}`", one.data, one.metric, _interval(one), one.verdict, one.seeds, one.cost)
        for one in found
    ]
    head = ("technique", "switch", "set", "metric", "gain", "verdict", "seeds", "cost")
    refused = sorted({(one["switch"], one["set"], one["refused"]) for one in records if "refused" in one})
    lines = [f"- `{switch}` on {name}: {why}" for switch, name, why in refused]
    about = (
        f"Command: `python bench/techniques.py`. {machine_line(records[-1]['machine'])}" if records else ""
    )
    parts = [
        INTRO,
        about,
        markdown_table(head, rows),
        *(["Refused, with the reason:\n", *lines] if lines else []),
    ]
    write_result(RESULTS / "techniques.md", "\n".join(parts))
    CARD_FIGURES.write_text(
        json.dumps([one.model_dump() for one in found], indent=1) + "\n", encoding="utf-8"
    )


def _interval(one: Measured) -> str:
    return f"{one.gain:+.4f} ({one.low:+.4f} to {one.high:+.4f})"


def main() -> int:
    """Make the runs that are missing, then write the table."""
    names = [card.name for card in CARDS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cards", nargs="+", choices=names, default=names)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(5)))
    parser.add_argument("--table", action="store_true", help="make no runs, only write the table")
    args = parser.parse_args()
    switches = [DEFAULT, *(card.switch for card in CARDS if card.name in args.cards)]
    failed = 0
    if not args.table:
        for case in list(missing(args.sets, args.seeds, switches)):
            failed += not run(*case)
    write_table(read_lines(LINES))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
