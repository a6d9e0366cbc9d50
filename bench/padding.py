"""How much of a batch of texts is padding: all that packing sequences into one another could ever save.

python bench/padding.py       # about a minute; writes bench/results/padding.md
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from common import DATA, RESULTS, SETS, machine, machine_line, markdown_table, packaged_data, write_result
from setting import lay_out

from upfit.data.order import epoch_batches
from upfit.data.read import read
from upfit.values import Change, Data, Recipe

EPOCHS = 3
INTRO = """# Padding

The share of tokens in training batches of 32 that is padding, over three epochs: batches drawn at random, and
with rows of like length together (`batching.bucket`, the default). *Packing at most*: how many times faster a
step would be if no token were padding and packing cost nothing.
"""


def padding(lengths: np.ndarray, *, size: int, bucket: bool) -> float:
    """Share of padding in the batches of a few epochs."""
    used = shown = 0
    for epoch in range(EPOCHS):
        grouped = lengths if bucket else None
        for batch in epoch_batches(len(lengths), size=size, seed=0, epoch=epoch, lengths=grouped):
            used += int(lengths[batch].sum())
            shown += len(batch) * int(lengths[batch].max())
    return 1 - used / shown


def row(name: str, data: Data, place: str) -> list[str]:
    """A set's line."""
    recipe = Recipe(precision="fp32").apply(Change(path="head.init", to="fresh"))
    bench, backbone = lay_out(data, Path(place) / name, recipe=recipe)
    lengths = bench.examples(backbone, bench.split.train).lengths
    assert lengths is not None
    size = int(bench.recipe.batching.size)
    random, grouped = (padding(lengths, size=size, bucket=bucket) for bucket in (False, True))
    tokens = f"{np.median(lengths):.0f} ({lengths.min()} to {lengths.max()})"
    return [name, f"{len(lengths):,}", tokens, f"{random:.1%}", f"{grouped:.1%}", f"{1 / (1 - grouped):.2f}"]


def main() -> None:
    """Measure every set of texts, write the table."""
    about = machine()
    with tempfile.TemporaryDirectory() as place:
        sets = {"docstrings": read(packaged_data("text", place, 100))}
        if DATA.is_dir():
            known = {name: read(**one.reading()) for name, one in SETS.items()}
            sets |= {name: data for name, data in known.items() if data.schema.modality == "text"}
        rows = [row(name, data, place) for name, data in sets.items()]
    head = ["set", "training rows", "tokens a row", "random batches", "bucketed", "packing at most"]
    about_line = f"Command: `python bench/padding.py`. {machine_line(about)}"
    write_result(RESULTS / "padding.md", f"{INTRO}\n{about_line}\n\n{markdown_table(head, rows)}")


if __name__ == "__main__":
    main()
