"""Is `upfit fit` better than the two things people do now? Every image and text set, three seeds, one budget.

    python bench/compare.py                     # hours: all sets, seeds 0 to 2, 4 minutes each
    python bench/compare.py --sets hwu64_5shot --seeds 0 --budget 1m
    python bench/compare.py --table             # only write bench/results/compare.md from what is there
    python bench/compare.py --out /tmp/try.jsonl # runs and table elsewhere

Each run is a process of its own, its time counted from the start of that process, with an empty feature
cache. A run that is in the results already is not made again, so the script can be stopped and called again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from common import RAW, RESULTS, SETS, Child, append_line, machine, read_lines, run_child, script
from compare_table import write_table

from upfit.values import Recipe
from upfit.values.budget import seconds

METHODS = ("ours", "probe", "probe_full", "plain", "plain_long")
USUAL = ("ours", "probe", "plain")
PLAIN_EPOCHS = 20.0
"""A plain fine-tune takes this many epochs at most, or as many as ours where those are more."""


@dataclass(frozen=True)
class Case:
    """One run to make."""

    name: str
    seed: int
    method: str
    budget: float

    @property
    def scores(self) -> Path:
        """Where its test scores are kept."""
        return RAW / f"{self.name}-{self.seed}-{self.method}-{self.budget:.0f}s.npz"

    def made(self, records: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
        """Its record, if it is there."""
        wanted = (self.name, self.seed, self.method, self.budget)
        fields = ("set", "seed", "method", "budget")
        return next((one for one in records if tuple(one[name] for name in fields) == wanted), None)


def ours(case: Case, environment: dict[str, str]) -> tuple[Child, dict[str, Any]]:
    """`upfit fit` as a user types it; the test scores are then made with the model it saved."""
    folder = RAW / "runs" / case.scores.stem
    command = [sys.executable, "-m", "upfit", "fit", *SETS[case.name].flags()]
    command += ["--budget", f"{case.budget:.0f}s", "--seed", str(case.seed)]
    command += ["--out", str(folder), "--overwrite", "--json", "--quiet"]
    child = run_child(command, environment)
    if child.code:
        return child, {}
    result = child.json()
    scored = run_child(script("score.py", folder, case.scores), environment)
    if scored.code:
        return scored, {}
    shutil.rmtree(folder / "model")
    values = {name: one["value"] for name, one in result["validation"].items()}
    kept = {name: result[name] for name in ("chosen", "epochs", "steps")}
    kept["sampled"] = [one["message"] for one in result["findings"] if one["kind"] == "budget_sample"]
    # The baselines see images at the size that ours settled on.
    kept["image_size"] = Recipe.from_yaml((folder / "recipe.yaml").read_text()).inputs.image_size
    return child, {**kept, "validation": values, **scored.json()}


def baseline(
    case: Case, environment: dict[str, str], records: list[dict[str, Any]]
) -> tuple[Child, dict[str, Any]]:
    """One of the two baselines, by its own script."""
    rival = Case(case.name, case.seed, "ours", case.budget).made(records) or {}
    words = (case.name, case.seed, case.scores, rival.get("image_size", "auto"))
    if case.method.startswith("probe"):
        command = script("probe.py", *words[:3], "auto" if case.method == "probe_full" else words[3])
    else:
        epochs = max(PLAIN_EPOCHS, rival.get("epochs", 0.0)) if case.method == "plain" else 1e6
        flags = ("--budget", case.budget, "--epochs", epochs, "--started", time.time())
        command = script("plain.py", *words, *flags)
    child = run_child(command, environment)
    return child, {} if child.code else child.json()


def make(case: Case, out: Path) -> bool:
    """Make one run and append its record; False if it failed."""
    about = machine()
    with tempfile.TemporaryDirectory() as cache:
        environment = {"UPFIT_CACHE": cache}
        if case.method == "ours":
            child, found = ours(case, environment)
        else:
            child, found = baseline(case, environment, read_lines(out))
    if not found:
        print(f"failed: {case}", file=sys.stderr)
        return False
    record = {
        "set": case.name,
        "seed": case.seed,
        "method": case.method,
        "budget": case.budget,
        "seconds": round(child.seconds, 1),
        "peak_rss_mb": round(child.peak_rss_mb),
        **found,
        "machine": about,
    }
    append_line(out, record)
    shown = {name: round(value, 4) for name, value in found["test"].items()}
    print(f"{case.name} seed {case.seed} {case.method}: {child.seconds:.0f} s {shown}", flush=True)
    return True


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--budget", type=seconds, default=240.0)
    only = (
        "plain_long is a plain fine-tune that fills the whole budget, however many epochs that are; "
        "probe_full sees images at the side that suits them best, not at the one that our budget affords"
    )
    parser.add_argument("--only", nargs="+", choices=METHODS, default=list(USUAL), help=only)
    parser.add_argument("--out", type=Path, default=RESULTS / "compare.jsonl")
    parser.add_argument("--table", action="store_true", help="make no runs, only write the table")
    return parser.parse_args()


def main() -> int:
    """Make the runs that are missing, then write the table."""
    args = arguments()
    failed = 0
    cases = [Case(*case, args.budget) for case in product(args.sets, args.seeds, METHODS)]
    for case in cases:
        if not args.table and case.method in args.only and not case.made(read_lines(args.out)):
            failed += not make(case, args.out)
    records = [one for one in read_lines(args.out) if one["budget"] == args.budget]

    def scores_of(one: dict[str, Any]) -> Path:
        return Case(one["set"], one["seed"], one["method"], one["budget"]).scores

    if records:
        write_table(records, scores_of, args.out.with_suffix(".md"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
