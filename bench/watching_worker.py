"""One measurement of watching.py: the default loop watched and unwatched, taking turns."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from loops import OurLoop, our_loop_on
from setting import lay_out

from upfit.data.read import read
from upfit.train.infer import outputs
from upfit.train.stages import validation_measure
from upfit.train.watch import Watch
from upfit.values import Change, Data, Recipe

RECIPE = Recipe().apply(
    Change(path="head.init", to="fresh"),
    Change(path="augment.flip", to=False),
    # A run that has lost its patience takes no steps, and a ratio of nothing is no measurement.
    Change(path="stopping.patience", to=None),
)


def loop_on(data: Data, folder: Path, *, watched: bool, steps: int, blocks: int) -> OurLoop:
    """A loop with evaluations, one at the end of each block."""
    bench, backbone = lay_out(data, folder, recipe=RECIPE)
    loop = our_loop_on(bench, backbone, folder, total_steps=steps * (blocks + 1))
    validation = bench.evaluation_loader(bench.examples(backbone, bench.split.validation))
    measure = validation_measure(bench, validation)
    loop.job = replace(loop.job, evaluate_every=steps, measure=lambda: measure(loop.state.network))
    loop.around = replace(loop.around, watch=Watch(loop.around.journal, bench.world, on=watched))
    outputs(loop.state.network, validation, bench.world)
    return loop


def take_turns(data: Data, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Both loops, block by block in the order A B B A; the first pair only warms up."""
    names = {"watched": True, "plain": False}
    loops = {
        name: loop_on(data, folder / name, watched=on, steps=args.steps, blocks=args.blocks)
        for name, on in names.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    worked: dict[str, list[float]] = {name: [] for name in loops}
    # One process has one random stream, and each run goes on where its own stopped.
    random = dict.fromkeys(names, torch.get_rng_state())
    for block in range(args.blocks + 1):
        for name in names if block % 2 else reversed(names):
            torch.set_rng_state(random[name])
            mark = time.process_time()
            seconds[name].append(loops[name].run(args.steps))
            worked[name].append(time.process_time() - mark)
            random[name] = torch.get_rng_state()
    weights = [loop.state.network.state_dict() for loop in loops.values()]
    same = all(torch.equal(value, weights[1][key]) for key, value in weights[0].items())
    healths = loops["watched"].around.journal.trace().healths
    return {
        **ratio(seconds),
        **{f"cpu_{name}": value for name, value in ratio(worked).items()},
        "step": float(np.median(seconds["plain"][1:])) / args.steps,
        "every": max(one.every for one in healths),
        "probes": sum(one.examples > 0 for one in healths),
        "examples": max(one.examples for one in healths),
        "same": same,
    }


def ratio(taken: dict[str, list[float]]) -> dict[str, float]:
    """Watched over unwatched, with a 95 % interval over pairs of blocks; the first pair is left out."""
    logs = np.log(np.array(taken["watched"][1:]) / np.array(taken["plain"][1:]))
    drawn = np.random.default_rng(0).choice(logs, (2000, len(logs))).mean(1)
    low, high = np.exp(np.quantile(drawn, [0.025, 0.975]))
    return {"ratio": float(np.exp(logs.mean())), "low": float(low), "high": float(high)}


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--blocks", type=int, default=12)
    parser.add_argument("--steps", type=int, default=40)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as aside:
        print(json.dumps(take_turns(read(args.data), Path(aside), args)))


if __name__ == "__main__":
    main()
