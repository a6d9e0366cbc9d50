"""Memory is flat in the number of steps: resident memory over 5,000 steps, and its slope.

    python bench/memory.py              # about 2 minutes; writes bench/results/memory.md
    python bench/memory.py --steps 1000 --dry

A small network on scikit-learn's digits with everything on that could grow: journal on disk, evaluations,
checkpoints, best weights, EMA, clipping, accumulation. Resident memory is what the run itself wrote down.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from common import RESULTS, machine, machine_line, markdown_table, write_result
from sklearn.datasets import load_digits
from torch import nn

from upfit.data.examples import FeatureExamples
from upfit.data.loader import Loader
from upfit.models.groups import find_groups
from upfit.techniques.losses import cross_entropy
from upfit.train.settle import settle_own, settle_techniques
from upfit.train.tune import Places, Plan, tune
from upfit.train.world import World
from upfit.values import Change, Recipe, Silent, Trace

BLOCK = 50
"""Steps whose mean is one observation: the next is close to it, and blocks are less so."""
WARM = 0.2
"""Part of the run left out: libraries and allocators settle."""
INTRO = """## Memory over steps

Resident memory of a run, per block of 50 steps, the first fifth left out: its slope by the median of the
slopes between all pairs of blocks (Theil and Sen), with a 95 % interval from 2,000 resamples of runs of 10
blocks that follow each other. *Flat* means that the interval includes 0.
"""


class Small(nn.Module):
    """Digits to classes by one hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.1), nn.Linear(256, 10))

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Logits (B, 10)."""
        logits: torch.Tensor = self.layers(batch["features"])
        return logits


def run(steps: int, folder: Path) -> Trace:
    """Train for so many steps; the trace."""
    pixels, labels = load_digits(return_X_y=True)
    pixels = (pixels / 16).astype(np.float32)
    network, held_out = Small(), torch.tensor(pixels[1500:])

    def measure(net: nn.Module) -> tuple[float, dict[str, float]]:
        with torch.inference_mode():
            logits = net.eval()({"features": held_out})
        right = (logits.argmax(1).numpy() == labels[1500:]).mean()
        return float(cross_entropy(logits, torch.as_tensor(labels[1500:])).mean()), {"accuracy": float(right)}

    changes = (
        Change(path="batching.micro_size", to=16),
        Change(path="stopping.patience", to=None),
        Change(path="optimizer.lr", to=1e-4),
    )
    return tune(
        settle_techniques(settle_own(Recipe().apply(*changes), count=1500), steps),
        network,
        find_groups(network),
        source=Loader(FeatureExamples(pixels[:1500]), labels[:1500], size=32),
        loss=cross_entropy,
        measure=measure,
        metric="accuracy",
        plan=Plan(steps, max(1, steps // 20), steps),
        world=World(),
        watcher=Silent(),
        # Often from the start on: the first takes its memory before the slope is looked at.
        places=Places(folder, every=1.0),
    ).trace


def slopes(values: npt.NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float, float]:
    """KiB per 1,000 steps of MiB per block: the estimate, and a 95 % interval."""
    at = np.arange(len(values), dtype=float)
    first, second = np.triu_indices(len(values), 1)
    estimate = float(np.median((values[second] - values[first]) / (at[second] - at[first])))
    rest, drawn = values - estimate * at, []
    length = min(10, len(values))
    for _ in range(2000):
        starts = rng.integers(0, len(values) - length + 1, -(-len(values) // length))
        noise = np.concatenate([rest[start : start + length] for start in starts])[: len(values)]
        drawn.append(np.polyfit(at, estimate * at + noise, 1)[0])
    scale = 1024 * 1000 / BLOCK
    low, high = np.quantile(drawn, [0.025, 0.975])
    return estimate * scale, float(low) * scale, float(high) * scale


def main() -> None:
    """Train, fit the slope, write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--dry", action="store_true", help="print the table, write nothing")
    args = parser.parse_args()
    about = machine()
    with tempfile.TemporaryDirectory() as place:
        trace = run(args.steps, Path(place))
    rss = np.array([one.rss_mb for one in trace.steps])
    blocks = rss[: len(rss) // BLOCK * BLOCK].reshape(-1, BLOCK).mean(1)
    print("MiB per block:", *(f"{value:.2f}" for value in blocks), file=sys.stderr)
    late = blocks[int(WARM * len(blocks)) :]
    slope, low, high = slopes(late, np.random.default_rng(0))
    flat = "yes" if low <= 0 <= high else "no"
    head = ["steps", "RSS after warming up", "at the end", "slope, KiB per 1,000 steps (95 %)", "flat"]
    row = [
        args.steps,
        f"{late[0]:.1f} MiB",
        f"{late[-1]:.1f} MiB",
        f"{slope:.2f} ({low:.2f} to {high:.2f})",
        flat,
    ]
    command = f"python bench/memory.py --steps {args.steps}"
    text = f"{INTRO}\nCommand: `{command}`. {machine_line(about)}\n\n{markdown_table(head, [row])}"
    if args.dry:
        print(text)
    else:
        write_result(RESULTS / "memory.md", text)


if __name__ == "__main__":
    main()
