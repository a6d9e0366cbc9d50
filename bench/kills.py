"""`kill -9` half-way through a run of each technique, then `resume`: is it the same run to the last bit?

    python bench/kills.py                        # about a quarter of an hour; writes bench/results/kills.md
    python bench/kills.py --kinds text --only sam ema --dry

Each technique alone, on the packaged text and image backbones and real data that any clone can make. A run is
made whole, and once more in a process that ends itself with SIGKILL as soon as half of its steps are taken;
what is left of that one is resumed in a third process. Compared are the losses of all steps, the metrics of
all evaluations, and the file of weights, byte by byte.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from common import (
    RESULTS,
    machine,
    machine_line,
    markdown_table,
    packaged_data,
    write_result,
)

from upfit import fit, resume
from upfit.store import read_trace
from upfit.values import Change, Silent, Step

STEPS, HALF = 24, 12
SHORT = {
    "batching.size": 8,
    "stopping.steps": STEPS,
    "stopping.evaluations": 4,
    "stopping.patience": None,
    "precision": "fp32",
    "inputs.max_length": 32,
    "inputs.image_size": 64,
}
TECHNIQUES = {
    "the default": {},
    "gradual unfreezing": {"layers.train": {"gradual": {"every": 0.2}}},
    "sam": {"techniques.sam": {"rho": 0.05}},
    "ema": {"techniques.ema": {"decay": 0.9, "every": 1}},
    "swa": {"techniques.swa": {"start": 0.3, "every": 2}},
    "cosine restarts": {"schedule.name": "cosine_restarts", "schedule.cycles": 3},
    "plateau": {"schedule.name": "plateau", "schedule.patience": 0},
    "r_drop": {"techniques.r_drop": {"alpha": 1.0}, "layers.dropout": 0.1, "head.dropout": 0.1},
}
INTRO = f"""## Killed half-way and resumed

Runs of {STEPS} steps, killed with SIGKILL after step {HALF} and resumed in a new process, beside the same run
left alone. *From*: the step of the checkpoint that the resumed process went on from; steps behind it were
made again. *Equal*: losses of all steps, metrics of all evaluations and the bytes of the weights file.
"""


class Killer(Silent):
    """Ends the process, as `kill -9` does, as soon as half of the steps are taken."""

    def step(self, record: Step, total_steps: int) -> None:
        """Die if it is time to."""
        if record.step >= HALF:
            os.kill(os.getpid(), signal.SIGKILL)


def in_child(work: Callable[[], object]) -> int:
    """Do it in a process of its own; the exit status, or minus the signal that ended it."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def compared(data: str, place: Path, changes: dict[str, object]) -> list[str]:
    """The line of a technique."""
    whole, killed = place / "whole", place / "killed"
    asked = [Change(path=path, to=to) for path, to in {**SHORT, **changes}.items()]
    ends = [
        in_child(lambda: fit(data, out=whole, changes=asked)),
        in_child(lambda: fit(data, out=killed, changes=asked, watcher=Killer(), checkpoint_every=0.1)),
        in_child(lambda: resume(killed)),
    ]
    if ends != [0, -signal.SIGKILL, 0]:
        raise SystemExit(f"the runs ended with {ends}, not as they should")
    traces = [read_trace(folder / "trace.jsonl") for folder in (whole, killed)]
    resumed = [event.step for event in traces[1].events if event.kind == "resumed"]
    losses, scores = ([[getattr(one, what) for one in getattr(trace, part)] for trace in traces]
                      for part, what in (("steps", "loss"), ("evaluations", "metrics")))  # fmt: skip
    digests = [
        hashlib.sha256((folder / "model" / "model.safetensors").read_bytes()).hexdigest()[:12]
        for folder in (whole, killed)
    ]
    pairs = (losses, scores, digests)
    return [str(resumed[0]), str(len(losses[0])), *("yes" if one == other else "NO" for one, other in pairs)]


def lines(kinds: list[str], only: list[str]) -> Iterator[list[str]]:
    """All lines of the table."""
    for kind in kinds:
        with tempfile.TemporaryDirectory() as place:
            data = packaged_data(kind, place, 40)
            for name in only:
                folder = Path(place) / name.replace(" ", "_")
                folder.mkdir()
                line = [kind, name, *compared(data, folder, TECHNIQUES[name])]
                print(*line, sep="\t", flush=True)
                yield line


def main() -> int:
    """Kill, resume, compare; 1 if anything differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", nargs="+", default=["text", "image"], choices=["text", "image"])
    parser.add_argument("--only", nargs="+", default=list(TECHNIQUES), choices=TECHNIQUES)
    parser.add_argument("--dry", action="store_true", help="print the table, write nothing")
    args = parser.parse_args()
    about = machine()
    rows = list(lines(args.kinds, args.only))
    head = ("data", "technique", "from", "steps", "losses equal", "metrics equal", "weights equal")
    table = (
        f"{INTRO}\nCommand: `python bench/kills.py`. {machine_line(about)}\n\n{markdown_table(head, rows)}"
    )
    if args.dry:
        print(table)
    else:
        write_result(RESULTS / "kills.md", table)
    return int(any("NO" in row for row in rows))


if __name__ == "__main__":
    sys.exit(main())
