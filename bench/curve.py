"""Do learning curves forecast? From the smaller half of the training rows, the accuracy with all of them.

`curve.py` fits the curve on nested subsets of half the training rows, forecasts the error at twice that, and
compares with what the same probe, equally regularised, reaches with all rows, on the same held-out rows. Half
the rows have the class shares of all. See `results/curve.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from common import (
    RESULTS,
    SETS,
    machine,
    machine_line,
    markdown_table,
    read_lines,
    write_lines,
    write_section,
)

from upfit.curate.embedding import embedder
from upfit.data.read import read
from upfit.data.targets import targets
from upfit.measure.power_law import forecasts
from upfit.split.given import given_parts
from upfit.train.curve import curve_sizes, losses_by_size, nested_order, probe_firmness
from upfit.train.objective import Objective

RAW = RESULTS / "curve.jsonl"
NAMES = (
    "hwu64",
    "hwu64_10shot",
    "sms_spam_imbalanced",
    "clothing_small",
    "omniglot136",
    "yoruba_topic_realnoise",
)
MOST_ROWS = 4000


def forecast(name: str) -> dict[str, Any]:
    """Forecast and truth of one set; held out are validation and test."""
    data = read(**SETS[name].reading())
    backbone = embedder(data)
    assert backbone is not None
    parts = {part: np.sort(rows) for part, rows in given_parts(data).items()}
    features = {part: backbone.features(rows) for part, rows in parts.items()}
    labels = {part: targets(data, rows) for part, rows in parts.items()}
    others = [part for part in parts if part != "train"]
    held = tuple(np.concatenate([known[part] for part in others]) for known in (features, labels))
    order = nested_order(labels["train"], seed=7)[:MOST_ROWS]
    train = features["train"][order], labels["train"][order]
    half = len(order) // 2
    objective = Objective.of(data.schema.task, train[1])
    outputs = data.schema.outputs
    sizes = curve_sizes(half, len(data.schema.classes))
    smaller = (train[0][:half], train[1][:half])
    firmness = probe_firmness(smaller, objective, outputs=outputs, size=half)
    losses = losses_by_size(smaller, held, objective, outputs=outputs, sizes=sizes, firmness=firmness)
    (ahead,) = forecasts(sizes.astype(float), losses, (2 * half,))
    both = np.array([half, 2 * half])
    true = losses_by_size(train, held, objective, outputs=outputs, sizes=both, firmness=firmness)
    return {
        "set": name,
        "rows": half,
        "held": len(held[1]),
        "now": 1 - float(losses[-1].mean()),
        "forecast": 1 - ahead.error.value,
        "low": 1 - ahead.error_80.high,
        "high": 1 - ahead.error_80.low,
        "true": 1 - float(true[-1].mean()),
    }


def table(records: Sequence[dict[str, Any]]) -> str:
    """The results as Markdown, with the two figures that matter."""
    head = ("set", "rows", "accuracy", "forecast at 2× (80 %)", "true at 2×", "inside", "off by (points)")
    lines, inside, off = [], 0, []
    for one in records:
        hit = one["low"] <= one["true"] <= one["high"]
        inside += hit
        off.append(100 * abs(one["forecast"] - one["true"]))
        shown = f"{one['forecast']:.3f} ({one['low']:.3f} to {one['high']:.3f})"
        verdict = "yes" if hit else "no"
        lines.append(
            (
                one["set"],
                one["rows"],
                f"{one['now']:.3f}",
                shown,
                f"{one['true']:.3f}",
                verdict,
                f"{off[-1]:.2f}",
            )
        )
    summary = f"Inside the 80 % interval: {inside} of {len(records)}; "
    summary += f"mean absolute error {np.mean(off):.2f} points."
    return markdown_table(head, lines) + "\n\n" + summary


def main(names: Sequence[str]) -> None:
    """Measure the sets, then write the table of everything measured so far."""
    for name in names:
        fresh = forecast(name)
        kept = [one for one in read_lines(RAW) if one["set"] != name]
        write_lines(RAW, [*kept, fresh])
    text = "# Learning curves: forecast from the smaller half\n\n`python bench/curve.py`\n\n"
    write_section(RESULTS / "curve.md", "", text + table(read_lines(RAW)) + "\n\n" + machine_line(machine()))


if __name__ == "__main__":
    main(sys.argv[1:] or NAMES)
