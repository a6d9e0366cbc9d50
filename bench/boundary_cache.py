"""Fine-tuning the last third of a backbone behind cached activations, against running its frozen layers.

    python bench/boundary_cache.py      # about 10 minutes; writes bench/results/boundary_cache.md

Both go through our loop: same weights at the start, same batches in the same order. Times are processor
seconds of one thread, so that other programs on the machine do not count.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import RESULTS, machine, machine_line, markdown_table, packaged_data, write_result
from loops import OurLoop
from setting import lay_out
from torch.utils.flop_counter import FlopCounterMode

from upfit.data.read import read
from upfit.train.feed import Feed, feed_of
from upfit.train.infer import outputs
from upfit.train.stages import fresh_network
from upfit.train.workbench import Workbench
from upfit.values import Change, Data, Recipe

THIRD = {"text": 2, "image": 6}
"""A third of the layer groups: 2 of MiniLM's 6 layers, 6 of EfficientNet-Lite0's 17 blocks."""
LAST = {"text": 1, "image": 2}
"""Fewer: the last layer, the last two blocks."""
NEEDED = 3.0
RECIPE = Recipe().apply(
    Change(path="layers.dropout", to=0.0),
    Change(path="head.init", to="fresh"),
    Change(path="augment.policy", to="none"),
    Change(path="precision", to="fp32"),
)
INTRO = """## The last layers of a backbone behind cached activations

Processor seconds (one thread) of an epoch: a pass over the training rows and an evaluation on validation, as
in a run. Without the cache the frozen layers run in evaluation mode and without gradients; with it their
activations come from the disk. The ways took turns, medians over the epochs. Same weights, batches and order,
fp32, no augmentation, image files decoded in every epoch where images are needed. "All layers" is the same
run with nothing frozen, for comparison. "Differ by": the greatest difference of any training loss.
"""
NOTE = """
Where an epoch's time goes, in processor seconds: each part by itself, on the same batches.

"Most" is the factor that no cache could beat: an epoch with the frozen layers run, over nothing but the
forward and backward pass of the layers that learn and the evaluation behind the boundary.
"""
ARITHMETIC = """
Where its limit lies, in multiplications and additions of one epoch (`torch.utils.flop_counter`, 10⁹): the
frozen layers go forward once, the others forward and backward; validation goes forward. The cache saves the
first column and the frozen part of the evaluation, and nothing else. "Most" is all of it over what is left,
were everything but arithmetic free. The counter takes the backward pass of depthwise convolutions for dense
ones, so that backward and "most" of images are wrong here: for those only the seconds above count.
"""
WHY = """
{verdict}

With a part f of equal layers learning, a frozen layer costs one forward pass and a layer that learns three
(its own, the gradient of its input, that of its weights). An ideal cache makes a pass (1 - f + 3 f) / 3 f
times faster: 1.7 for the last third, 2.7 for the last sixth, 3 from the last seventh on. PyTorch keeps no
graph of frozen layers whose input needs no gradient, so that "without the cache" is the whole forward pass
and nothing more; whoever lets all layers learn pays "all layers".
"""


@dataclass(frozen=True)
class Way:
    """One way of training: where batches come from and what trains on them."""

    bench: Workbench
    feed: Feed
    loop: OurLoop

    def epoch(self) -> float:
        """Processor seconds of a pass and an evaluation."""
        return timed(lambda: (self.loop.run(len(self.loop.job.source)), self.answers()))

    def answers(self) -> Any:
        """Logits of the validation rows."""
        return outputs(self.feed.model, self.feed.validation, self.bench.world)

    def accuracy(self) -> float:
        """On validation."""
        return float((self.answers().argmax(1) == self.bench.validation_targets).mean())

    def losses(self) -> list[float]:
        """Of all steps."""
        self.loop.around.recorder.flush(0)
        return [one.loss for one in self.loop.around.journal.trace().steps]


def timed(work: Callable[[], Any]) -> float:
    """Processor seconds of some work."""
    started = time.process_time()
    work()
    return time.process_time() - started


def lay(data: Data, folder: Path, *changes: Change, epochs: int) -> tuple[Way, float]:
    """A way of training, and the processor seconds of making it ready."""
    bench, backbone = lay_out(data, folder, recipe=RECIPE.apply(*changes))
    network = fresh_network(bench, backbone)
    made: list[Feed] = []
    seconds = timed(lambda: made.append(feed_of(bench, network)))
    [feed] = made
    loop = OurLoop(
        bench,
        feed.model,
        feed.groups,
        source=feed.source,
        loss=bench.objective.loss(bench.recipe.loss),
        folder=folder / "-".join(str(change.to) for change in changes),
        total_steps=epochs * len(feed.source),
    )
    return Way(bench, feed, loop), seconds


@dataclass(frozen=True)
class Lines:
    """Lines of the three tables."""

    main: list[str]
    parts: list[str]
    operations: list[str]
    factor: float


def measure(kind: str, layers: int, *, data: Data, epochs: int, folder: Path) -> Lines:
    """Train so many last layers behind the cache, without it, and all of them."""
    learning = Change(path="layers.train", to=layers)
    off, on = (Change(path="layers.cache", to=to) for to in ("off", "fp32"))
    cached, once = lay(data, folder, learning, on, epochs=epochs)
    whole, _ = lay(data, folder, learning, off, epochs=epochs)
    every, _ = lay(data, folder, Change(path="layers.train", to="all"), off, epochs=epochs)
    seconds = np.array([[way.epoch() for way in (every, whole, cached)] for _ in range(epochs)])
    every_s, whole_s, cached_s = np.median(seconds, axis=0)
    difference = max(abs(a - b) for a, b in zip(whole.losses(), cached.losses(), strict=True))
    disk = sum(file.stat().st_size for file in (folder / "features").glob("*.npy")) / 2**20
    name = f"{kind}, last {layers} of {len(whole.feed.groups) - 1}"
    line = [
        name, len(whole.bench.split.train), f"{once:.1f}", f"{disk:.0f}", f"{every_s:.2f}", f"{whole_s:.2f}",
        f"{cached_s:.2f}", f"{whole_s / cached_s:.1f}", f"{every_s / cached_s:.1f}",
        f"{whole.accuracy():.4f}", f"{cached.accuracy():.4f}", f"{difference:.0e}",
    ]  # fmt: skip
    parts = profile(name, whole, cached, whole_s=whole_s, cached_s=cached_s)
    sums = arithmetic(name, whole, cached)
    return Lines([str(cell) for cell in line], parts, sums, whole_s / cached_s)


def arithmetic(name: str, whole: Way, cached: Way) -> list[str]:
    """10⁹ operations of the parts of an epoch, and the factor that an ideal cache reaches."""
    network, cut, loss = whole.feed.model, cached.feed.model.cut, cached.loop.job.loss
    whole.loop.job.model.eval()
    with torch.no_grad():
        prefix = operations(lambda: [cut.prefix(batch) for batch in whole.feed.source.epoch(0)])
        judged = operations(lambda: [network(batch) for batch in whole.feed.validation.once()])
        judged_cached = operations(lambda: [cached.feed.model(b) for b in cached.feed.validation.once()])
        suffix = operations(lambda: [cached.feed.model(batch) for batch in cached.feed.source.epoch(0)])

    def learn() -> None:
        for batch in cached.feed.source.epoch(0):
            loss(cached.feed.model(batch), batch["target"]).mean().backward()
            cached.feed.model.zero_grad(set_to_none=True)

    both = operations(learn)
    most = (prefix + both + judged) / (both + judged_cached)
    parts = [prefix, suffix, both - suffix, judged, judged_cached]
    return [name, *(f"{part:.0f}" for part in parts), f"{most:.2f}"]


def operations(work: Callable[[], Any]) -> float:
    """10⁹ floating-point operations of some work."""
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops()) / 1e9


def profile(kind: str, whole: Way, cached: Way, *, whole_s: float, cached_s: float) -> list[str]:
    """Seconds of the parts of a training pass."""
    cut = cached.feed.model.cut
    inputs: list[Any] = []
    kept: list[Any] = []
    preparing = timed(lambda: inputs.extend(whole.feed.source.epoch(0)))
    reading = timed(lambda: kept.extend(cached.feed.source.epoch(0)))
    with torch.no_grad():
        prefix = timed(lambda: [cut.prefix(batch) for batch in inputs])
    answering = timed(lambda: cached.answers())

    def learn() -> None:
        for batch in kept:
            loss = cached.loop.job.loss(cached.feed.model(batch), batch["target"]).mean()
            loss.backward()
            cached.feed.model.zero_grad(set_to_none=True)

    suffix = timed(learn)
    rest = cached_s - reading - answering - suffix
    parts = [preparing, prefix, reading, suffix, answering, rest, whole_s / (suffix + answering)]
    return [kind, *(f"{part:.2f}" for part in parts[:-1]), f"{parts[-1]:.1f}"]


def main() -> None:
    """Measure both kinds, write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100, help="examples per class")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", default=["text", "image"], choices=["text", "image"])
    parser.add_argument("--dry", action="store_true", help="print the tables, write nothing")
    args, about = parser.parse_args(), machine()
    torch.set_num_threads(1)
    found = []
    for kind in args.kinds:
        with tempfile.TemporaryDirectory() as aside:
            data = read(packaged_data(kind, aside, args.rows))
            for layers in (THIRD[kind], LAST[kind]):
                folder = Path(aside) / str(layers)
                found.append(measure(kind, layers, data=data, epochs=args.epochs, folder=folder))
                print(*found[-1].main, *found[-1].operations, flush=True)
    head = [
        "layers that learn", "training rows", "activations once, s", "on disk, MiB", "all layers, s/epoch",
        "without the cache, s/epoch", "cached, s/epoch", "times faster", "against all layers",
        "accuracy", "accuracy, cached", "differ by",
    ]  # fmt: skip
    where = [
        "layers that learn", "preparing inputs", "prefix, forward", "reading activations",
        "suffix, forward and backward", "evaluation, cached", "the rest of the loop", "most",
    ]  # fmt: skip
    sums = [
        "layers that learn", "prefix, forward", "suffix, forward", "suffix, backward", "evaluation",
        "evaluation, cached", "most",
    ]  # fmt: skip
    reached = all(one.factor >= NEEDED for one in found[::2])
    verdict = "" if reached else f"{NEEDED:g} times was asked for on the last third; not reached, because:"
    command = f"python bench/boundary_cache.py --rows {args.rows} --epochs {args.epochs}"
    text = f"{INTRO}\nCommand: `{command}`. {machine_line(about)}\n\n"
    text += markdown_table(head, [one.main for one in found]) + f"\n{NOTE}\n"
    text += markdown_table(where, [one.parts for one in found]) + f"\n{ARITHMETIC}\n"
    text += markdown_table(sums, [one.operations for one in found]) + f"\n{WHY.format(verdict=verdict)}"
    if args.dry:
        print(text)
    else:
        write_result(RESULTS / "boundary_cache.md", text)


if __name__ == "__main__":
    main()
