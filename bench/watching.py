"""What watching a run from inside costs: our loop watched and unwatched, taking turns in one process.

    python bench/watching.py                  # about 15 minutes; writes bench/results/watching.md
    python bench/watching.py --blocks 4 --rows 20 --dry      # a quick look, nothing written

Both loops are those of the default recipe (image: digits; text: sentences of docstrings) with an evaluation
at the end of each block; only watching differs. They take turns block by block (A B B A …), so that a machine
that slows down slows both. Kinds may be measured one at a time: the table has the newest line of each.
"""

from __future__ import annotations

import argparse
import tempfile

from common import (
    RAW,
    RESULTS,
    append_line,
    machine,
    machine_line,
    markdown_table,
    packaged_data,
    read_lines,
    run_child,
    script,
    write_result,
)

LINES = RAW / "watching.jsonl"
INTRO = """## What watching costs

Seconds of the default loop that is watched divided by those of the same loop unwatched, an evaluation in
each block included, with a 95 % interval over pairs of blocks that took turns in one process. *Looks every*
is what the run chose from the measured cost of a look. The ratio of processor seconds stands beside it: wall
clocks are only worth reading on a quiet machine. The weights at the end are compared bit for bit.
"""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--blocks", type=int, default=12, help="pairs of blocks")
    parser.add_argument("--steps", type=int, default=40, help="steps per block")
    parser.add_argument("--rows", type=int, default=60, help="examples per class")
    parser.add_argument("--kinds", nargs="+", default=["image", "text"], choices=["text", "image"])
    parser.add_argument("--dry", action="store_true", help="print the table, write nothing")
    return parser.parse_args()


def measure(kind: str, data: str, args: argparse.Namespace) -> list[str]:
    """One line of the table."""
    child = run_child(script("watching_worker.py", data, "--blocks", args.blocks, "--steps", args.steps))
    if child.code:
        raise SystemExit(1)
    found = child.json()
    return [
        kind,
        f"{1000 * found['step']:.0f} ms",
        f"{found['ratio']:.3f} ({found['low']:.3f} to {found['high']:.3f})",
        f"{found['cpu_ratio']:.3f} ({found['cpu_low']:.3f} to {found['cpu_high']:.3f})",
        f"{found['every']} steps",
        f"{found['probes']} of {found['examples']} examples",
        "equal" if found["same"] else "DIFFERENT",
    ]


def main() -> None:
    """Run the workers, write the table."""
    args, about, rows = arguments(), machine(), []
    for kind in args.kinds:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(kind, packaged_data(kind, folder, args.rows), args))
        print(*rows[-1], flush=True)
        if not args.dry:  # after each line: a run that is cut off leaves what it found
            append_line(
                LINES, {"row": rows[-1], "blocks": args.blocks, "steps": args.steps, "rows": args.rows}
            )
            newest = {one["row"][0]: one["row"] for one in read_lines(LINES)}
            write_result(RESULTS / "watching.md", table(args, about, list(newest.values())))
    if args.dry:
        print(table(args, about, rows))


def table(args: argparse.Namespace, about: dict[str, object], rows: list[list[str]]) -> str:
    """The page, from the lines so far."""
    head = ["kind", "step", "ratio (95 %)", "by CPU time", "looks every", "probes", "weights"]
    command = f"python bench/watching.py --blocks {args.blocks} --steps {args.steps} --rows {args.rows}"
    return f"{INTRO}\nCommand: `{command}`. {machine_line(about)}\n\n{markdown_table(head, rows)}"


if __name__ == "__main__":
    main()
