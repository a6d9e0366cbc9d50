"""What choosing costs: the part of a budget that goes into measurements of the machine.

    python bench/choosing.py                  # about 10 minutes; writes bench/results/choosing.md
    python bench/choosing.py --kinds text --budget 60 --dry

Whole runs of `upfit fit` with a budget, each twice: with an empty cache, and with what the first one left
there, on one thread. Counted is the processor's time, which is the clock's on a quiet machine, of every call
that only measures: threads, precision, image size, batch size, what fits into memory, what a step costs,
loader processes, compiling, and how many rows the budget affords.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from common import RESULTS, machine, machine_line, markdown_table, packaged_data, write_result

MEASURES = {
    "threads": "upfit.journey.machine:choose_threads",
    "precision": "upfit.journey.machine:choose_precision",
    "batch size": "upfit.journey.machine:BatchSizes.chosen",
    "what fits": "upfit.journey.machine:fitting_size",
    "a step": "upfit.journey.machine:step_seconds",
    "loaders": "upfit.journey.machine:workers_for",
    "compiling": "upfit.journey.machine:settle_compile",
    "image size": "upfit.train.settle:image_seconds",
    "how images are kept": "upfit.train.settle:choose_keeping",
    "rows": "upfit.journey.course:seconds_per_example",
}
"""What is measured, and where the journey finds the function that does it."""
INTRO = """## What choosing costs

The processor's seconds (one thread) of whole runs of `upfit fit` that go into measurements of the machine,
whose answers decide how the run is made; the rest is the work itself. The second run of a kind finds verdicts
and features in the cache.
"""


class Spent:
    """Seconds of some functions, by name; of calls within calls only the outer one counts."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inside = False

    def watch(self, name: str, place: str) -> None:
        """Count a function from now on."""
        room, _, path = place.partition(":")
        owner: Any = importlib.import_module(room)
        *outer, last = path.split(".")
        for one in outer:
            owner = getattr(owner, one)
        setattr(owner, last, self._counted(name, getattr(owner, last)))

    def _counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **settings: Any) -> Any:
            if self._inside:
                return function(*args, **settings)
            self._inside, began = True, time.process_time()
            try:
                return function(*args, **settings)
            finally:
                self._inside = False
                self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - began

        return call


def lines(kinds: list[str], budget: float) -> Iterator[list[str]]:
    """A line a run."""
    from upfit import fit

    spent = Spent()
    for name, place in MEASURES.items():
        spent.watch(name, place)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["UPFIT_CACHE"] = str(Path(folder) / "cache")
        for kind in kinds:
            data = packaged_data(kind, folder, 300)
            for cache in ("empty", "filled"):
                spent.seconds.clear()
                began = time.monotonic()
                run = fit(data, budget=budget, out=Path(folder) / f"{kind}-{cache}")
                whole, measured = time.monotonic() - began, sum(spent.seconds.values())
                parts = ", ".join(
                    f"{name} {seconds:.1f}" for name, seconds in spent.seconds.items() if seconds >= 0.05
                )
                size = str(run.recipe.batching.size)
                line = [
                    kind,
                    cache,
                    f"{whole:.0f}",
                    f"{measured:.1f}",
                    f"{measured / budget:.1%}",
                    size,
                    parts,
                ]
                print(*line, sep="\t", flush=True)
                yield line


def main() -> None:
    """Run, write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", nargs="+", default=["text", "image"], choices=["text", "image"])
    parser.add_argument("--budget", type=float, default=120.0, help="seconds a run")
    parser.add_argument("--dry", action="store_true", help="print the table, write nothing")
    args = parser.parse_args()
    about = machine()
    rows = list(lines(args.kinds, args.budget))
    head = ("data", "cache", "run, s", "measuring, s", "of the budget", "batch size", "seconds of each")
    command = f"python bench/choosing.py --budget {args.budget:g}"
    text = f"{INTRO}\nCommand: `{command}`. {machine_line(about)}\n\n{markdown_table(head, rows)}"
    if args.dry:
        print(text)
    else:
        write_result(RESULTS / "choosing.md", text)


if __name__ == "__main__":
    sys.exit(main())
