"""Training a head on cached features against running the frozen backbone in every epoch.

    python bench/head_only.py           # about 3 minutes; writes bench/results/head_only.md

Both go through our loop with the same head, the same batches in the same order, and nothing else learning.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import RESULTS, machine, machine_line, markdown_table, packaged_data, write_result
from loops import OurLoop
from setting import lay_out
from torch import nn

from upfit.data.loader import Loader
from upfit.data.read import read
from upfit.models import Backbone
from upfit.train.features import cached_features
from upfit.train.infer import outputs
from upfit.train.stages import fresh_network, training_parts
from upfit.train.workbench import Workbench
from upfit.values import Change, Recipe

RECIPE = Recipe().apply(
    Change(path="layers.train", to="head"),
    Change(path="layers.dropout", to=0.0),
    Change(path="head.init", to="fresh"),
    Change(path="augment.policy", to="none"),
    Change(path="batching.bucket", to=False),
    Change(path="precision", to="fp32"),
)
INTRO = """## Training a head on cached features

Seconds per epoch when only the head learns: with features that were computed once, and with the frozen
backbone run in every epoch (the median of the epochs; the two took turns). Same head, batches and order;
fp32, no augmentation. Accuracy is that of the trained heads on validation. What computing the features
costs, once, is in its own column.
"""


def accuracy(bench: Workbench, network: nn.Module, loader: Loader) -> float:
    """Accuracy on validation."""
    answers = outputs(network, loader, bench.world).argmax(1)
    return float((answers == bench.validation_targets).mean())


def measure(kind: str, *, rows: int, epochs: int, folder: Path) -> list[str]:
    """One line of the table."""
    data = read(packaged_data(kind, str(folder), rows))
    bench, backbone = lay_out(data, folder, recipe=RECIPE)
    started = time.perf_counter()
    features_ND, _ = cached_features(bench, backbone, bench.split.validation)
    cached_features(bench, backbone, bench.split.train)
    once = time.perf_counter() - started
    head, fast = on_features(bench, backbone, folder, epochs)
    whole, slow = with_backbone(bench, backbone, folder, epochs)
    steps = len(fast.job.source)
    seconds = np.array([[slow.run(steps), fast.run(steps)] for _ in range(epochs)])
    slow_s, fast_s = np.median(seconds, axis=0)
    validation = bench.evaluation_loader(bench.examples(backbone, bench.split.validation))
    kept = bench.evaluation_loader(bench.feature_loader(np.asarray(features_ND)).examples)
    return [
        kind, f"{len(bench.split.train)}", f"{once:.1f}", f"{slow_s:.2f}", f"{fast_s:.3f}",
        f"{slow_s / fast_s:.0f}", f"{accuracy(bench, whole, validation):.4f}",
        f"{accuracy(bench, head, kept):.4f}",
    ]  # fmt: skip


def on_features(bench: Workbench, backbone: Backbone, folder: Path, epochs: int) -> tuple[nn.Module, OurLoop]:
    """What `layers.train: head` does: the head alone, on features from the cache."""
    network = fresh_network(bench, backbone)
    head, source = training_parts(bench, network)
    loop = OurLoop(
        bench,
        head,
        network.groups[-1:],
        source=source,
        loss=bench.objective.loss(bench.recipe.loss),
        folder=folder / "fast",
        total_steps=epochs * len(source),
    )
    return head, loop


def with_backbone(
    bench: Workbench, backbone: Backbone, folder: Path, epochs: int
) -> tuple[nn.Module, OurLoop]:
    """The same head below a frozen backbone that is run again for every batch."""
    network = fresh_network(bench, backbone)
    source = bench.training_loader(bench.examples(backbone, bench.split.train))
    bench = replace(bench, recipe=bench.recipe.apply(Change(path="layers.batch_norm", to="frozen")))
    loop = OurLoop(
        bench,
        network,
        network.groups,
        source=source,
        loss=bench.objective.loss(bench.recipe.loss),
        folder=folder / "slow",
        total_steps=epochs * len(source),
    )
    return network, loop


def main() -> None:
    """Measure both kinds, write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100, help="examples per class")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--kinds", nargs="+", default=["text", "image"], choices=["text", "image"])
    parser.add_argument("--dry", action="store_true", help="print the table, write nothing")
    args, about, rows = parser.parse_args(), machine(), []
    for kind in args.kinds:
        with tempfile.TemporaryDirectory() as aside:
            rows.append(measure(kind, rows=args.rows, epochs=args.epochs, folder=Path(aside)))
    head = [
        "kind", "training rows", "features once, s", "backbone, s/epoch", "cached, s/epoch", "times faster",
        "accuracy, backbone", "accuracy, cached",
    ]  # fmt: skip
    command = f"python bench/head_only.py --rows {args.rows} --epochs {args.epochs}"
    text = f"{INTRO}\nCommand: `{command}`. {machine_line(about)}\n\n{markdown_table(head, rows)}"
    if args.dry:
        print(text)
    else:
        write_result(RESULTS / "head_only.md", text)


if __name__ == "__main__":
    main()
