"""Accumulation: 1×32, 2×16 and 8×4 examples take the same steps.

    python bench/accumulation.py        # about 4 minutes; writes bench/results/accumulation.md
    python bench/accumulation.py --dry  # writes nothing

The packaged text backbone, all of it learning, on docstrings' sentences: padding that differs from piece to
piece, class weights, and a last batch that is short.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from common import RESULTS, machine, machine_line, markdown_table, packaged_data, write_result
from loops import our_loop_on
from setting import lay_out

from upfit.data.read import read
from upfit.values import Change, Data, Recipe

SIZE, STEPS = 32, 20
CUTS = (32, 16, 4)
RATES = {"adamw": 3e-4, "sgd": 0.03}
INTRO = f"""## Accumulation of gradients

Weights after {STEPS} steps of {SIZE} examples that went through in pieces, against those of whole batches:
the norm of the difference over that of the weights, for all weights together and for the worst single tensor.
Packaged text backbone, everything learning, fp32, dropout 0, clipping and EMA on, class weights `auto`, a
short last batch, batches padded to their longest text and pieces to theirs.

AdamW divides a gradient by its own size, so a weight whose gradient is nothing but rounding still moves by
about the learning rate; *worst tensor* is such a one (the bias of an attention's keys, on which the network's
output does not depend). With plain SGD there is no such division.
"""


def recipe_of(optimizer: str, micro_size: int) -> Recipe:
    """The default recipe without chance, its batches cut."""
    fields = {
        "batching.size": SIZE,
        "batching.micro_size": micro_size,
        "optimizer.name": optimizer,
        "optimizer.lr": RATES[optimizer],
        "optimizer.head_lr": RATES[optimizer],
        "optimizer.layer_decay": 1.0,
        "layers.dropout": 0.0,
        "head.init": "fresh",
        "loss.class_weights": "auto",
        "precision": "fp32",
        "inputs.max_length": 48,
    }
    changes = [Change(path=path, to=to) for path, to in fields.items()]
    return Recipe().apply(*changes)


def trained(data: Data, folder: Path, optimizer: str, micro_size: int) -> tuple[dict[str, torch.Tensor], str]:
    """Weights after the steps, and what the batches were."""
    bench, backbone = lay_out(data, folder, recipe=recipe_of(optimizer, micro_size))
    loop = our_loop_on(bench, backbone, folder / f"{optimizer}-{micro_size}", total_steps=STEPS)
    loop.run(STEPS)
    rows = len(bench.split.train)
    return loop.state.network.state_dict(), f"{rows} rows, so {rows % SIZE} in the last batch of a pass"


def difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> tuple[float, float, str]:
    """Relative differences: of all weights together, of the worst tensor, and its name."""
    names = [name for name, value in one.items() if value.is_floating_point()]
    apart = {name: float((one[name] - other[name]).double().norm()) for name in names}
    size = {name: float(one[name].double().norm()) for name in names}
    whole = sum(value**2 for value in apart.values()) ** 0.5 / sum(value**2 for value in size.values()) ** 0.5
    worst = max(names, key=lambda name: apart[name] / max(size[name], 1e-12))
    return whole, apart[worst] / max(size[worst], 1e-12), worst


def main() -> None:
    """Train six times, write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=29, help="examples per class")
    parser.add_argument("--dry", action="store_true", help="print the table, write nothing")
    args = parser.parse_args()
    about, rows, batches = machine(), [], ""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        data = read(packaged_data("text", place, args.rows))
        for optimizer in ("sgd", "adamw"):
            found = {}
            for size in CUTS:
                found[size], batches = trained(data, folder, optimizer, size)
            for size in CUTS[1:]:
                whole, worst, name = difference(found[CUTS[0]], found[size])
                cut = f"{SIZE // size} × {size}"
                rows.append([optimizer, cut, f"{whole:.1e}", f"{worst:.1e}", f"`{name}`"])
                print(*rows[-1], flush=True)
    head = ["optimizer", "pieces", "all weights", "worst tensor", "which"]
    table = markdown_table(head, rows)
    text = f"{INTRO}\nCommand: `python bench/accumulation.py`. {batches}. {machine_line(about)}\n\n{table}"
    if args.dry:
        print(text)
    else:
        write_result(RESULTS / "accumulation.md", text)


if __name__ == "__main__":
    main()
