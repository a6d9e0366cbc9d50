"""Steps of training on this machine's CPU: fp32 and bf16, as torch does them and as upfit does.

python bench/precision.py                        # about 3 minutes; writes bench/results/precision.md
python bench/precision.py --accuracy 0 1 2 3 4   # before that, runs of the shared sets with these seeds
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from contextlib import ExitStack, nullcontext
from itertools import product
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from common import (
    RESULTS,
    append_line,
    machine,
    machine_line,
    markdown_table,
    mean_interval,
    packaged_data,
    read_lines,
    run_child,
    script,
    write_result,
)
from setting import lay_out
from torch import nn

from upfit.data.read import read
from upfit.train.stages import fresh_network, training_parts
from upfit.train.world import Batch
from upfit.values import Change, Recipe

ROUNDS = 12
KEPT = RESULTS / "precision.jsonl"
SETS = ("clothing_small", "omniglot136", "hwu64_5shot")
OURS = ("upfit.models.image_backbone.FastDepthwise", "upfit.models.text_backbone.FastDropout")
INTRO = """## Mixed precision, depthwise gradients and dropout on the CPU

Forward, backward and AdamW on one batch of 32, everything learning, one thread, in turns: in fp32 and in bf16
(autocast), as torch computes gradients of depthwise convolutions and masks of dropout, and as upfit does
(`models/depthwise.py`, `models/dropout.py`). *Times faster*: the seconds of torch's fp32 over these, by pairs
of the same round (95 %). `precision: auto` takes bf16 where it is more than 1.1 times faster; without
instructions for it (avx512_bf16, amx_bf16) bf16 is emulated, and `auto` does not try it.
"""

JUDGED = """What bf16 does to the accuracy on the test part, in short runs of the default recipe (those of
`techniques.md`), same seed, split, starting weights and steps (`--accuracy`):
"""


def step(model: nn.Module, optimizer: torch.optim.Optimizer, batch: Batch, way: tuple[bool, bool]) -> float:
    """Seconds of one step; the way is (bf16, with upfit's kernels)."""
    mixed, ours = way
    began = time.perf_counter()
    with ExitStack() as stack:
        for name in () if ours else OURS:
            stack.enter_context(mock.patch(name, nullcontext))
        stack.enter_context(torch.autocast("cpu", torch.bfloat16, enabled=mixed))
        logits = model(batch)
    nn.functional.cross_entropy(logits.float(), batch["target"]).backward()
    optimizer.step()
    optimizer.zero_grad()
    return time.perf_counter() - began


def measured(kind: str) -> list[list[str]]:
    """The rows of one kind of data."""
    recipe = Recipe(precision="fp32").apply(Change(path="head.init", to="fresh"))
    ways = [(mixed, ours) for mixed in (False, True) for ours in (False, True)]
    with tempfile.TemporaryDirectory() as place:
        bench, backbone = lay_out(read(packaged_data(kind, place, 40)), Path(place) / "run", recipe=recipe)
        model, source = training_parts(bench, fresh_network(bench, backbone))
        batch = next(iter(source.epoch(0)))
        optimizer = torch.optim.AdamW(model.train().parameters(), lr=1e-5, fused=True)
        rounds = [[step(model, optimizer, batch, way) for way in ways] for _ in range(ROUNDS + 1)][1:]
    times = list(zip(*rounds, strict=True))
    return [
        [kind, "bf16" if mixed else "fp32", "upfit" if ours else "torch", *_figures(times[0], taken)]
        for (mixed, ours), taken in zip(ways, times, strict=True)
    ]


def _figures(plain: tuple[float, ...], taken: tuple[float, ...]) -> tuple[str, str]:
    """Milliseconds, and how many times faster than the plain way."""
    logs, faster = np.log(np.array(plain) / np.array(taken)), "1"
    if logs.any():
        mean, low, high = np.exp(mean_interval(logs.tolist()))
        faster = f"{mean:.2f} ({low:.2f} to {high:.2f})"
    return f"{1000 * statistics.median(taken):.0f}", faster


def run_sets(seeds: list[int]) -> None:
    """The runs of `techniques.py` with the default recipe in fp32 and bf16, as far as they are missing."""
    have = {(one["set"], one["seed"]) for one in read_lines(KEPT) if one["switch"] != "default"}
    for seed, name in product(seeds, SETS):
        if (name, seed) not in have:
            child = run_child(script("technique_runs.py", name, seed, "default", "precision=bf16"))
            for line in child.output.splitlines():
                append_line(KEPT, json.loads(line))


def accuracies() -> list[list[object]]:
    """The rows of the second table: bf16 against fp32 by seed."""
    runs = {(one["set"], one["switch"], one["seed"]): one["value"] for one in read_lines(KEPT)}
    rows: list[list[object]] = []
    for name in SETS:
        seeds = [s for d, switch, s in runs if (d, switch) == (name, "precision=bf16")]
        gains = [100 * (runs[name, "precision=bf16", s] - runs[name, "default", s]) for s in seeds]
        if len(gains) > 1:
            mean, low, high = mean_interval(gains)
            rows.append([name, len(gains), f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"])
    return rows


def main() -> None:
    """Measure both, write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accuracy", nargs="+", type=int, default=[], metavar="SEED")
    run_sets(parser.parse_args().accuracy)
    torch.set_num_threads(1)
    about = machine()
    rows = [row for kind in ("image", "text") for row in measured(kind)]
    about_line = f"Command: `python bench/precision.py`. {machine_line(about)}"
    head = ["kind", "precision", "as", "ms a step", "times faster (95 %)"]
    second = markdown_table(["set", "seeds", "accuracy of bf16 over fp32, points (95 %)"], accuracies())
    parts = (INTRO, about_line + "\n", markdown_table(head, rows) + "\n", JUDGED, second)
    write_result(RESULTS / "precision.md", "\n".join(parts))


if __name__ == "__main__":
    main()
