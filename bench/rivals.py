"""Steps per second and peak memory: our loop, a hand-written one, Hugging Face Trainer, Lightning, fastai.

    pip install lightning fastai        # beside the dev extra; a rival that is missing is left out
    python bench/rivals.py              # about 20 minutes; writes bench/results/rivals.md
    python bench/rivals.py --as-written # the same, rivals with the network and optimizer of their tutorials
    python bench/rivals.py --as-written --bf16  # in mixed precision, for processors that have it
    python bench/rivals.py --kinds text --blocks 1 --steps 2 --rows 10 --dry

Every contestant is one process; they take turns block by block, forth and back, so that a machine that slows
down slows all. Blocks are kept in bench/results/rivals.jsonl as they are made: called again after an
interruption, only what is missing is measured. `--fresh` forgets them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
from common import (
    RESULTS,
    ROOT,
    append_line,
    machine,
    machine_line,
    markdown_table,
    packaged_data,
    read_lines,
    script,
    write_result,
)

KEPT = RESULTS / "rivals.jsonl"
NEEDS = {
    "ours": "upfit",
    "ours, defaults": "upfit",
    "plain": "torch",
    "trainer": "transformers",
    "lightning": "lightning",
    "fastai": "fastai",
}
NAMES = {
    "ours": "upfit, same work",
    "ours, defaults": "upfit, its defaults",
    "plain": "hand-written loop",
    "trainer": "Hugging Face Trainer",
    "lightning": "Lightning",
    "fastai": "fastai",
}
INTRO = """## Our loop beside others

Steps per second over those of our loop on the same work (median of the blocks; the ratio by pairs of blocks
of the same round, with a 95 % interval; by the clock, which other programs on the machine disturb, and by
the processor's time, which they disturb less), and peak resident memory over that of our loop, each in a
process of its own. Same network with the same weights (packaged backbones, everything learning, BatchNorm
statistics frozen), same examples prepared in advance, batches of 32, fp32 or bf16, fused AdamW, cosine
schedule, gradients clipped at 1, shuffled, padded to the longest of the batch, no augmentation, no
evaluation, no checkpoints, no progress bar. Below 1, the other is slower, or takes less memory.

*Its defaults*: our loop with bucketing by length, EMA and light augmentation of images on top.

*Network*: with *ours*, everybody trains the network as upfit puts it together, channels-last on images, with
fused AdamW: the rows compare loops. With *as written*, rivals train the same weights in the layout in which
timm and transformers hand them out, with the AdamW that each library or torch chooses by itself: the rows
compare what people get. In bf16 everybody uses torch's autocast; fastai has it on GPUs alone.
"""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", nargs="+", default=["text", "image"], choices=["text", "image"])
    parser.add_argument("--names", nargs="+", default=list(NEEDS), choices=list(NEEDS))
    parser.add_argument("--blocks", type=int, default=10, help="measured blocks of each; one more warms up")
    parser.add_argument("--steps", type=int, default=8, help="steps per block")
    parser.add_argument("--rows", type=int, default=100, help="examples per class")
    parser.add_argument("--as-written", action="store_true", help="rivals as their tutorials write them")
    parser.add_argument("--bf16", action="store_true", help="everybody in mixed precision")
    parser.add_argument("--fresh", action="store_true", help="forget the blocks of earlier calls")
    parser.add_argument(
        "--table", action="store_true", help="only write the table of the blocks that are kept"
    )
    parser.add_argument("--dry", action="store_true", help="keep and write nothing")
    return parser.parse_args()


class Contestant:
    """A process that takes a block of steps whenever it is told to."""

    def __init__(self, name: str, kind: str, data: str, args: argparse.Namespace) -> None:
        self.name = name
        blocks = str(args.blocks + 1)
        flags = [flag for flag, on in (("--as-written", args.as_written), ("--bf16", args.bf16)) if on]
        command = script(
            "rivals_worker.py", name, kind, data, *flags, "--steps", args.steps, "--blocks", blocks
        )
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env=os.environ, text=True
        )

    def block(self) -> dict[str, float]:
        """Seconds, processor seconds and peak memory (MiB) of one more block."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        # Libraries greet on the same stream.
        for line in self.process.stdout:
            if line.startswith("{"):
                found: dict[str, float] = json.loads(line)
                return found
        raise SystemExit(f"{self.name} ended early")

    def end(self) -> None:
        """Stop the process."""
        self.process.kill()
        self.process.wait()


def network_of(args: argparse.Namespace) -> str:
    """Whose network the rivals train."""
    return "as written" if args.as_written else "ours"


def contestants_of(args: argparse.Namespace) -> list[str]:
    """Those that are installed and can do it: fastai has mixed precision on GPUs alone."""
    able = [name for name in args.names if not (args.bf16 and name == "fastai")]
    return [name for name in able if find_spec(NEEDS[name]) is not None]


def measure(kind: str, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Every block that is missing, as it is made."""
    names = contestants_of(args)
    setting = {"kind": kind, "network": network_of(args), "steps": args.steps, "rows": args.rows}
    setting["precision"] = "bf16" if args.bf16 else "fp32"
    kept = [] if args.dry else [one for one in read_lines(KEPT) if setting.items() <= one.items()]
    have = {(one["name"], one["round"]) for one in kept}
    yield from kept
    rounds = [number for number in range(args.blocks) if any((name, number) not in have for name in names)]
    if not rounds:
        return
    with tempfile.TemporaryDirectory() as place:
        data = packaged_data(kind, place, args.rows)
        contestants = [Contestant(name, kind, data, args) for name in names]
        try:
            for one in contestants:
                one.block()
            for number in rounds:
                for one in contestants if number % 2 else reversed(contestants):
                    found = {**setting, "name": one.name, "round": number, **one.block()}
                    if (one.name, number) not in have:
                        if not args.dry:
                            append_line(KEPT, found)
                        yield found
        finally:
            for one in contestants:
                one.end()


def case_of(block: dict[str, Any]) -> tuple[str, str, str, int, int]:
    """What has to be alike for blocks to be compared."""
    return block["kind"], block["network"], block["precision"], block["steps"], block["rows"]


def table_of(blocks: list[dict[str, Any]]) -> list[list[str]]:
    """The rows of one case, the fastest first."""
    kind, network, precision, steps, _ = case_of(blocks[0])
    seconds: dict[str, dict[int, float]] = {}
    worked: dict[str, dict[int, float]] = {}
    peaks: dict[str, float] = {}
    for one in blocks:
        seconds.setdefault(one["name"], {})[one["round"]] = one["seconds"] / one["steps"]
        if "cpu" in one:
            worked.setdefault(one["name"], {})[one["round"]] = one["cpu"] / one["steps"]
        peaks[one["name"]] = max(one["peak_mb"], peaks.get(one["name"], 0.0))
    rows = []
    for name, taken in seconds.items():
        rate = 1 / float(np.median(list(taken.values())))
        ratios = [ratio(one.get("ours", {}), one.get(name, {})) for one in (seconds, worked)]
        against = ["1", "1"] if name == "ours" else ratios
        memory = f"{peaks[name]:.0f}", f"{peaks[name] / peaks['ours']:.3f}"
        size = f"{len(seconds['ours'].keys() & taken.keys())} × {steps}"
        rows.append((rate, [kind, network, precision, size, NAMES[name], f"{rate:.2f}", *against, *memory]))
    return [row for _, row in sorted(rows, key=lambda pair: -pair[0])]


def ratio(ours: dict[int, float], taken: dict[int, float]) -> str:
    """Our time over another's, by pairs of blocks of the same round, with its interval."""
    shared = sorted(ours.keys() & taken.keys())
    if not shared:
        return "–"
    logs = np.log([ours[number] / taken[number] for number in shared])
    means = np.random.default_rng(0).choice(logs, (2000, len(logs))).mean(1)
    low, high = np.exp(np.quantile(means, [0.025, 0.975]))
    return f"{np.exp(logs.mean()):.3f} ({low:.3f} to {high:.3f})"


def main() -> None:
    """Let them take turns, write the table."""
    args, about, rows = arguments(), machine(), []
    if "ours" not in args.names:
        raise SystemExit("--names has to hold ours, which the others are compared with")
    if args.fresh and not args.dry:
        KEPT.unlink(missing_ok=True)
    made = []
    for kind in [] if args.table else args.kinds:
        for block in measure(kind, args):
            made.append(block)
            print(json.dumps(block), file=sys.stderr, flush=True)
    blocks = made if args.dry else read_lines(KEPT)
    for case in sorted({case_of(one) for one in blocks}):
        rows += table_of([one for one in blocks if case_of(one) == case])
    head = ["kind", "network", "precision", "blocks", "loop"]
    head += ["steps/s", "steps/s over ours (95 %)", "by the processor's time (95 %)", "peak MiB"]
    head.append("peak over ours")
    command = f"python bench/rivals.py --blocks {args.blocks} --steps {args.steps} --rows {args.rows}"
    command += " --as-written" if args.as_written else ""
    command += " --bf16" if args.bf16 else ""
    text = f"{INTRO}\nCommand: `{command}`. {machine_line(about)}\n\n{markdown_table(head, rows)}"
    missing = [NAMES[name] for name in args.names if find_spec(NEEDS[name]) is None]
    text += f"\n\nNot installed, so not measured: {', '.join(missing)}." if missing else ""
    if args.dry:
        print(text)
    else:
        write_result(RESULTS / "rivals.md", text)


if __name__ == "__main__":
    main()
