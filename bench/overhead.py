"""What our loop costs beside a hand-written PyTorch loop: steps per second and peak memory.

    python bench/overhead.py            # about 15 minutes; writes bench/results/overhead.md
    python bench/overhead.py --blocks 2 --rows 10 --steps 2 --dry     # a quick look, nothing written

Time: both loops take turns in one process (A B B A …), block by block, so that a machine that slows down
slows both. Memory: each loop alone in a process. Data: scikit-learn's digits, docstrings' sentences.
"""

from __future__ import annotations

import argparse
import tempfile

from common import (
    RESULTS,
    machine,
    machine_line,
    markdown_table,
    packaged_data,
    run_child,
    script,
    write_result,
)

INTRO = """## Overhead of the loop

Steps per second of `upfit.train.loop` divided by those of a hand-written PyTorch loop, with a 95 % interval
over pairs of blocks that took turns in one process; above 1, ours is faster. Peak resident memory likewise,
each loop alone in a process, both with the same libraries loaded; the last column counts only what came on
top of those and of the data.

*Same work*: same network, batches in the same order, fp32, fused AdamW, BatchNorm and dropout alike;
clipping, EMA, augmentation, bucketing and watching off. Ours also keeps its journal on disk. Checkpoints are
not in it: they are timed so as to cost about 2 % at most.

*Our defaults*: bucketing, bf16 if it pays here, clipping, EMA, light augmentation of images, watching;
against the hand-written loop as people write it: fp32, random order, each batch padded to its longest, the
backbone's own dropout, BatchNorm updating. Each block is a whole epoch.

Wall clocks are only worth reading on a quiet machine; the ratio of processor seconds stands beside them.
"""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--blocks", type=int, default=12, help="pairs of blocks")
    parser.add_argument("--steps", type=int, default=10, help="steps per block where the work is the same")
    parser.add_argument("--rows", type=int, default=100, help="examples per class")
    parser.add_argument("--kinds", nargs="+", default=["text", "image"], choices=["text", "image"])
    parser.add_argument("--dry", action="store_true", help="print the table, write nothing")
    return parser.parse_args()


def measure(kind: str, mode: str, common: tuple[object, ...], blocks: int) -> list[str]:
    """One line of the table."""
    worker = script("overhead_worker.py", *common, "--mode", mode)
    timed = run_child([*worker, "--blocks", str(blocks)])
    sides = [run_child([*worker, "--memory", side]) for side in ("ours", "plain")]
    if any(child.code for child in (timed, *sides)):
        raise SystemExit(1)
    found = timed.json()
    ours, plain = (child.peak_rss_mb for child in sides)
    own = [child.peak_rss_mb - child.json()["libraries_mb"] for child in sides]
    return [
        kind,
        "same work" if mode == "same" else f"our defaults ({found['precision']})",
        f"{found['ours']:.2f}",
        f"{found['plain']:.2f}",
        f"{found['ratio']:.3f} ({found['low']:.3f} to {found['high']:.3f})",
        f"{found['cpu_ratio']:.3f}",
        f"{ours:.0f} / {plain:.0f}",
        f"{ours / plain:.3f}",
        f"{own[0] / own[1]:.3f}",
    ]


def main() -> None:
    """Run the workers, write the table."""
    args, about, rows = arguments(), machine(), []
    for kind in args.kinds:
        with tempfile.TemporaryDirectory() as folder:
            data = packaged_data(kind, folder, args.rows)
            for mode in ("same", "defaults"):
                rows.append(measure(kind, mode, (data, "--steps", args.steps), args.blocks))
                print(*rows[-1], flush=True)
                if not args.dry:  # after each line: a run that is cut off leaves what it found
                    write_result(RESULTS / "overhead.md", table(args, about, rows))
    if args.dry:
        print(table(args, about, rows))


def table(args: argparse.Namespace, about: dict[str, object], rows: list[list[str]]) -> str:
    """The page, from the lines so far."""
    head = [
        "kind",
        "what",
        "ours, steps/s",
        "plain, steps/s",
        "ratio (95 %)",
        "by CPU time",
        "peak MiB",
        "memory ratio",
        "without libraries",
    ]
    command = f"python bench/overhead.py --blocks {args.blocks} --steps {args.steps} --rows {args.rows}"
    return f"{INTRO}\nCommand: `{command}`. {machine_line(about)}\n\n{markdown_table(head, rows)}"


if __name__ == "__main__":
    main()
