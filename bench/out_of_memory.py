"""Out of memory: a run whose batch of 64 does not fit ends with the same effective batch, and as good.

    python bench/out_of_memory.py       # about 10 minutes; writes bench/results/out_of_memory.md
    python bench/out_of_memory.py --kinds text --seeds 1 --steps 8 --dry

Each run is a child process. The limited ones get `resource.RLIMIT_AS` before the first step: what the process
has by then, and a part of what the unlimited run took on top.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
from pathlib import Path
from typing import Any

from common import (
    RESULTS,
    machine,
    machine_line,
    markdown_table,
    mean_interval,
    packaged_data,
    run_child,
    script,
    write_result,
)

SIZE = 64
PLENTY = 2**45
PART = 0.7
"""The limit: this part of the memory that the unlimited run took on top of what it began with."""
INTRO = f"""## Running out of memory

Batches of {SIZE} in a process that may take {PART:.0%} of the memory that they need (`RLIMIT_AS`),
against the same run without a limit. *Pieces* are the micro-batches that the limited run came down to, and
the step at which it did; examples per step are those of the unlimited run throughout. Everything learns:
packaged backbones, fp32, the defaults, dropout included (texts), whose random numbers differ once a batch is
cut. Gradients of pieces are those of the batch within rounding (1e-6 of their norm in fp32, 1e-15 in fp64);
the first steps of AdamW, which are as long for a gradient near nought as for any other, make more of it.
"""


def arguments() -> argparse.Namespace:
    """The command line, of the parent and of the children."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", nargs="+", default=["text", "image"], choices=["text", "image"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rows", type=int, default=100, help="examples per class")
    parser.add_argument("--dry", action="store_true", help="print the table, write nothing")
    parser.add_argument("--child", type=Path, help="data: make one run and print what came of it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=0, help="bytes on top; 0 for no limit")
    return parser.parse_args()


def child(args: argparse.Namespace) -> dict[str, Any]:
    """One run; what it took and how it ended."""
    # Only here: the parent stays small.
    import psutil
    import torch
    from setting import lay_out

    from upfit.data.read import read
    from upfit.train.settle import settle_techniques
    from upfit.train.stages import fresh_network, training_parts, validation_measure
    from upfit.train.tune import Places, Plan, tune
    from upfit.values import Change, Recipe

    # Both kinds from the start in a process whose addresses are limited, as `ulimit -v` has it: what is freed
    # goes back to the system then.
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (PLENTY, hard))
    changes = {"batching.size": SIZE, "head.init": "fresh", "precision": "fp32", "stopping.patience": None}
    recipe = Recipe(seed=args.seed).apply(*(Change(path=path, to=to) for path, to in changes.items()))
    with tempfile.TemporaryDirectory() as place:
        bench, backbone = lay_out(read(args.child), Path(place), recipe=recipe)
        bench = bench.with_recipe(settle_techniques(bench.recipe, args.steps))
        network = fresh_network(bench, backbone)
        model, source = training_parts(bench, network)
        validation = bench.evaluation_loader(bench.examples(backbone, bench.split.validation))
        began = psutil.Process().memory_info().vms
        if args.limit:
            resource.setrlimit(resource.RLIMIT_AS, (began + args.limit, hard))
        measure = validation_measure(bench, validation)
        tuned = tune(
            bench.recipe,
            model,
            network.groups,
            source=source,
            loss=bench.objective.loss(bench.recipe.loss),
            measure=measure,
            metric="accuracy",
            plan=Plan(args.steps, args.steps, args.steps),
            world=bench.world,
            watcher=bench.watcher,
            places=Places(),
        )
        loss, metrics = measure(network)
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmPeak" in line)
    return {
        "on_top": int(peak.split()[1]) * 1024 - began,
        "examples": [one.examples for one in tuned.trace.steps],
        "pieces": [
            (one.step, one.data["micro_size"]) for one in tuned.trace.events if one.kind == "out_of_memory"
        ],
        "log_loss": loss,
        "accuracy": metrics["accuracy"],
        "threads": torch.get_num_threads(),
    }


def run_once(data: str, args: argparse.Namespace, seed: int, limit: int) -> dict[str, Any]:
    """A child's answer."""
    flags = ("--child", data, "--steps", args.steps, "--seed", seed, "--limit", limit)
    found = run_child(script("out_of_memory.py", *flags))
    if found.code:
        raise SystemExit(f"a run with a limit of {limit} bytes failed")
    answer: dict[str, Any] = found.json()
    return answer


def lines(kind: str, args: argparse.Namespace) -> tuple[list[list[str]], list[str]]:
    """The rows of one kind of data, and what the limit changed over its seeds."""
    rows: list[list[str]] = []
    changed: dict[str, list[float]] = {"log_loss": [], "accuracy": []}
    with tempfile.TemporaryDirectory() as place:
        data = packaged_data(kind, place, args.rows)
        for seed in range(args.seeds):
            free = run_once(data, args, seed, 0)
            limited = run_once(data, args, seed, int(PART * free["on_top"]))
            pieces = ", ".join(f"{size} (step {step})" for step, size in limited["pieces"]) or "none"
            same = "yes" if limited["examples"] == free["examples"] else "no"
            row = [
                kind,
                seed,
                f"{free['on_top'] / 2**20:.0f}",
                f"{limited['on_top'] / 2**20:.0f}",
                pieces,
                same,
            ]
            row += [f"{one[name]:.3f}" for name in ("log_loss", "accuracy") for one in (free, limited)]
            for name, values in changed.items():
                values.append(limited[name] - free[name])
            rows.append([str(cell) for cell in row])
            print(*rows[-1], flush=True)
    intervals = [_difference(values) for values in changed.values()]
    return rows, [kind, str(args.seeds), *intervals]


def _difference(values: list[float]) -> str:
    """Mean and 95 % interval over the seeds, and whether it holds 0."""
    if len(values) < 2:
        return "one seed says nothing"
    mean, low, high = mean_interval(values)
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f}){', noise' if low <= 0 <= high else ''}"


def main() -> None:
    """Run pairs, write the table."""
    args = arguments()
    if args.child is not None:
        print(json.dumps(child(args)))
        return
    about = machine()
    found = [lines(kind, args) for kind in args.kinds]
    rows = [row for kept, _ in found for row in kept]
    head = ["kind", "seed", "MiB on top, free", "limited", "pieces", "same examples a step"]
    head += ["log-loss, free", "limited", "accuracy, free", "limited"]
    command = f"python bench/out_of_memory.py --seeds {args.seeds} --steps {args.steps} --rows {args.rows}"
    differences = markdown_table(
        ["kind", "seeds", "log-loss, limited minus free (95 %)", "accuracy, the same"],
        [changed for _, changed in found],
    )
    text = f"{INTRO}\nCommand: `{command}`. {machine_line(about)}\n\n{markdown_table(head, rows)}\n\n"
    text += f"What the limit changed, paired over the seeds:\n\n{differences}"
    if args.dry:
        print(text)
    else:
        write_result(RESULTS / "out_of_memory.md", text)


if __name__ == "__main__":
    main()
