"""Is `torch.compile` worth its minute? Steps of the packaged backbones, compiled and as they are, in turns.

python bench/compiling.py       # about 5 minutes on one core; writes bench/results/compiling.md
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import torch
from common import RESULTS, machine, machine_line, markdown_table, packaged_data, write_result
from setting import lay_out
from torch import nn

from upfit.data.read import read
from upfit.train.compiling import Compiled
from upfit.train.micro import row_count
from upfit.train.stages import fresh_network, training_parts
from upfit.train.world import Batch
from upfit.values import Change, Recipe

ROUNDS = 8
INTRO = """## Compiled steps

Forward, backward and AdamW on one batch of 32, everything learning, fp32, one thread: as the network is, and
through `torch.compile`, in turns. *Pays after* is the training time that earns back the compiling.
"""


def measured(kind: str) -> list[str]:
    """The row of one kind of data."""
    recipe = Recipe(precision="fp32").apply(Change(path="head.init", to="fresh"))
    with tempfile.TemporaryDirectory() as place:
        bench, backbone = lay_out(read(packaged_data(kind, place, 40)), Path(place) / "run", recipe=recipe)
        network = fresh_network(bench, backbone)
        model, source = training_parts(bench, network)
        batch = next(iter(source.epoch(0)))
        model.train()
        fast = Compiled(model, row_count(batch)).train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)

        def step(through: nn.Module, batch: Batch = batch) -> float:
            began = time.perf_counter()
            loss = nn.functional.cross_entropy(through(batch), batch["target"])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            return time.perf_counter() - began

        step(model)
        compiling = step(fast)
        step(fast)
        pairs = [(step(model), step(fast)) for _ in range(ROUNDS)]
    plain, faster = (statistics.median(times) for times in zip(*pairs, strict=True))
    gained = 1 - faster / plain
    after = f"{compiling / gained / 60:.0f} min" if gained > 0 else "never"
    return [
        kind,
        f"{1000 * plain:.0f}",
        f"{1000 * faster:.0f}",
        f"{plain / faster:.2f}",
        f"{compiling:.0f}",
        after,
    ]


def main() -> None:
    """Measure both, write the table."""
    about = machine()
    rows = [measured(kind) for kind in ("image", "text")]
    head = ["kind", "ms a step", "compiled", "times faster", "seconds to compile", "pays after"]
    about_line = f"Command: `python bench/compiling.py`. {machine_line(about)}"
    write_result(RESULTS / "compiling.md", f"{INTRO}\n{about_line}\n\n{markdown_table(head, rows)}")


if __name__ == "__main__":
    main()
