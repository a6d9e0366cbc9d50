"""Does measuring the number of threads pay? Passes of the packaged backbones, alone and beside busy programs.

python bench/threads.py       # about 3 minutes on two cores; writes bench/results/threads.md
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from contextlib import ExitStack
from functools import partial

from common import RESULTS, machine, machine_line, markdown_table, write_result

os.environ.pop("OMP_NUM_THREADS", None)
import torch

from upfit.models import load_backbone
from upfit.train.costs import pass_seconds
from upfit.train.threads import choose_threads, like_real_examples, threads

ROUNDS = 5
INTRO = """# Threads

Seconds of a forward and a backward pass of 16 examples with all threads and with one, in turns, and what
`upfit fit` chose. *Beside* are other programs that compute without end, each on one core.
"""


def busy(count: int, stack: ExitStack) -> None:
    """Have so many programs compute until the stack is left."""
    for _ in range(count):
        child = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
        stack.callback(child.kill)


def row(modality: str, beside: int) -> list[str]:
    """Measured beside so many busy programs."""
    backbone = load_backbone("auto", modality).eval()
    once = partial(pass_seconds, backbone, like_real_examples(backbone))
    most = torch.get_num_threads()
    with ExitStack() as stack:
        busy(beside, stack)
        chosen = choose_threads(backbone)
        pairs = []
        for _ in range(ROUNDS):
            all_of_them = once()
            with threads(1):
                pairs.append((all_of_them, once()))
    whole, one = (statistics.median(times) for times in zip(*pairs, strict=True))
    taken = {most: whole, 1: one}.get(chosen)
    times = "–" if taken is None else f"{whole / taken:.2f}"
    return [modality, str(beside), f"{whole:.3f}", f"{one:.3f}", f"{chosen} of {most}", times]


def main() -> None:
    """Measure, write the table."""
    about = machine()
    cores = len(os.sched_getaffinity(0))
    rows = [row(modality, beside) for beside in (0, cores // 2, cores) for modality in ("image", "text")]
    head = ["backbone", "beside", "all threads", "one thread", "chosen", "times faster than all"]
    about_line = f"Command: `python bench/threads.py`. {machine_line(about)}"
    write_result(RESULTS / "threads.md", f"{INTRO}\n{about_line}\n\n{markdown_table(head, rows)}")


if __name__ == "__main__":
    main()
