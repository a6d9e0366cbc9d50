"""One measurement of overhead.py: both loops taking turns, or (`--memory SIDE`) one of them alone."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from loops import OurLoop, PlainLoop, our_loop_on, plain_batches
from setting import lay_out
from torch import nn

from upfit.data.read import read
from upfit.models import Head, Network, load_backbone
from upfit.train.precision import choose_precision
from upfit.train.recorder import peak_rss_mb
from upfit.train.stages import fresh_network
from upfit.train.workbench import Workbench
from upfit.values import Change, Data, Recipe

BARE = (
    Change(path="techniques.clip", to="off"),
    Change(path="techniques.ema", to="off"),
    Change(path="augment.policy", to="none"),
    Change(path="batching.bucket", to=False),
    Change(path="watch", to="off"),
)


def recipe_of(mode: str) -> Recipe:
    """The defaults, or (mode `same`) those without what a hand-written loop would not do."""
    recipe = Recipe().apply(Change(path="head.init", to="fresh"))
    if mode == "same":
        return recipe.apply(*BARE, Change(path="precision", to="fp32"))
    # What the journey finds out by itself: digits may not be mirrored.
    return recipe.apply(Change(path="augment.flip", to=False))


def our_loop(data: Data, folder: Path, mode: str, total: int) -> tuple[OurLoop, Workbench]:
    """Our loop on a fresh network."""
    recipe = recipe_of(mode)
    bench, backbone = lay_out(data, folder, recipe=recipe)
    if mode == "defaults" and _precision(bench, backbone) == "bf16":
        bench, backbone = lay_out(data, folder, recipe=recipe.replace(precision="bf16"))
    return our_loop_on(bench, backbone, folder, total_steps=total), bench


def plain_loop(data: Data, folder: Path, mode: str, total: int) -> PlainLoop:
    """The hand-written loop on a fresh network, which in mode `same` starts as ours does."""
    bench, backbone = lay_out(data, folder, recipe=recipe_of("same"))
    network: nn.Module
    if mode == "same":
        network = fresh_network(bench, backbone)
    else:
        backbone = load_backbone("auto", data.schema.modality)  # type: ignore[arg-type]
        network = Network(backbone, Head(backbone.width, data.schema.outputs))
    size = bench.recipe.batching.size
    assert size != "auto"
    return PlainLoop(
        network,
        plain_batches(
            bench.examples(backbone, bench.split.train),
            torch.as_tensor(bench.objective.encode(bench.train_targets)),
            size=size,
            seed=bench.recipe.seed,
        ),
        bench.objective.loss(bench.recipe.loss),
        lr=3e-4,
        total_steps=total,
        freeze_norms=mode == "same",
    )


def _precision(bench: Workbench, backbone: Any) -> str:
    batch = next(iter(bench.evaluation_loader(bench.examples(backbone, bench.split.train[:16])).once()))
    names = ("image", "input_ids", "attention_mask")
    inputs = {name: batch[name] for name in names if name in batch}
    return choose_precision(backbone, inputs, name=backbone.name)


def take_turns(data: Data, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Both loops, block by block in the order A B B A; the first pair only warms up."""
    far = 10**6
    plain = plain_loop(data, folder, args.mode, far)
    ours, bench = our_loop(data, folder, args.mode, far)
    steps = args.steps if args.mode == "same" else len(ours.job.source)
    seconds: dict[str, list[float]] = {"ours": [], "plain": []}
    worked = {"ours": 0.0, "plain": 0.0}
    for block in range(args.blocks + 1):
        turns: list[tuple[str, OurLoop | PlainLoop]] = [("ours", ours), ("plain", plain)]
        for name, loop in turns if block % 2 else reversed(turns):
            mark = time.process_time()
            seconds[name].append(loop.run(steps))
            worked[name] += (time.process_time() - mark) * (block > 0)
    logs = np.log(np.array(seconds["plain"][1:]) / np.array(seconds["ours"][1:]))
    rng = np.random.default_rng(0)
    drawn = rng.choice(logs, (2000, len(logs))).mean(1)
    low, high = np.exp(np.quantile(drawn, [0.025, 0.975]))
    rates = {name: steps / float(np.median(taken[1:])) for name, taken in seconds.items()}
    ratio = {"ratio": float(np.exp(logs.mean())), "low": float(low), "high": float(high)}
    ratio["cpu_ratio"] = worked["plain"] / worked["ours"]
    return {**rates, **ratio, "precision": bench.recipe.precision, "steps": steps}


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--mode", choices=["same", "defaults"], required=True)
    parser.add_argument("--blocks", type=int, default=2)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--memory", choices=["ours", "plain"])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as aside:
        folder = Path(aside)
        data = read(args.data)
        if args.memory is None:
            print(json.dumps(take_turns(data, folder, args)))
            return
        libraries_mb = peak_rss_mb()
        # Longer than a block: memory that grows with steps would show.
        steps = 4 * args.steps
        if args.memory == "ours":
            our_loop(data, folder, args.mode, steps)[0].run(steps)
        else:
            plain_loop(data, folder, args.mode, steps).run(steps)
        print(json.dumps({"steps": steps, "libraries_mb": libraries_mb}))


if __name__ == "__main__":
    main()
