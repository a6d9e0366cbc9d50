"""The table of compare.py: mean test scores, and what upfit gains over each baseline with its interval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from common import machine_line, markdown_table, write_result

Record = dict[str, Any]
Floats = npt.NDArray[np.float64]
RESAMPLES = 2000
NAMES = {
    "ours": "`upfit fit`",
    "probe": "frozen features + logistic / ridge",
    "probe_full": "the same, images at their best side",
    "plain": "plain fine-tune",
    "plain_long": "plain fine-tune, whole budget",
}
INTRO = """## Against a linear probe and a plain fine-tune

Mean test score over the seeds; accuracy, and Pearson correlation for the regression set. The gain is upfit's
score minus the other's, with a 95 % interval from drawing seeds and test examples anew together (2,000 times,
the same draw for both). With few seeds their part of the interval is rough. "win" and "loss" mean that the
interval lies on one side of 0, "tie" that it does not.

All three share the backbone, the split, the image size or text length, and the budget, which counts from the
start of the process, imports included. Plain fine-tune: fused AdamW at one rate (5e-5 text, 5e-4 image),
10 % warm-up and a cosine to 0, batch 32, fresh head, best epoch by validation, as many epochs as fit, at
most 20 or as many as upfit took. The probe has no time limit.
"""


def write_table(records: Sequence[Record], scores_of: Callable[[Record], Path], path: Path) -> None:
    """Write the table to `path`; records without their raw scores are left out, and said so."""
    here = [one for one in records if scores_of(one).is_file()]
    missing = len(records) - len(here)
    names = list(dict.fromkeys(one["set"] for one in here))
    if not names:
        print("no raw scores in bench/results/raw: run bench/compare.py first")
        return
    sections = [_section(name, [one for one in here if one["set"] == name], scores_of) for name in names]
    left_out = (
        f"\n{missing} runs are left out: their raw scores are not on this machine.\n" if missing else ""
    )
    budgets = sorted({one["budget"] for one in here})
    command = f"python bench/compare.py --budget {budgets[0]:.0f}s"
    about = f"Command: `{command}`. {machine_line(here[-1]['machine'])}\n{left_out}"
    write_result(path, "\n".join([INTRO, about, *sections]))


def _section(name: str, records: list[Record], scores_of: Callable[[Record], Path]) -> str:
    """One set's table."""
    by_method = {
        method: {one["seed"]: one for one in records if one["method"] == method}
        for method in NAMES
        if any(one["method"] == method for one in records)
    }
    regression = "rmse" in records[0]["test"]
    second = "rmse" if regression else "macro_f1"
    score = "Pearson" if regression else "accuracy"
    head = [
        "method", score, "by seed", second, "gain of upfit (95 %)", "verdict", "seconds", "peak MiB", "epochs"
    ]  # fmt: skip
    rows = [_row(method, by_method, scores_of, second) for method in by_method]
    sampled = {note: None for one in records for note in one.get("sampled", ())}
    notes = "".join(f"\nIn a run of upfit, {note}.\n" for note in sampled)
    return f"### {name}\n\n{markdown_table(head, rows)}\n{notes}"


def _row(
    method: str, by_method: dict[str, dict[int, Record]], scores_of: Callable[[Record], Path], second: str
) -> list[str]:
    runs, ours = by_method[method], by_method.get("ours", {})
    primary = "pearson" if second == "rmse" else "accuracy"
    values = [runs[seed]["test"][primary] for seed in sorted(runs)]
    shared = sorted(set(runs) & set(ours)) if method != "ours" else []
    gain, verdict = "", ""
    if shared:
        pairs = [(_load(scores_of(ours[seed])), _load(scores_of(runs[seed]))) for seed in shared]
        value, low, high = paired_gain(pairs)
        gain = f"{value:+.3f} ({low:+.3f} to {high:+.3f})"
        verdict = "win" if low > 0 else "loss" if high < 0 else "tie"
    return [
        NAMES[method],
        f"{np.mean(values):.3f}",
        " ".join(f"{value:.3f}" for value in values),
        _mean(one["test"].get(second) for one in runs.values()),
        gain,
        verdict,
        f"{max(one['seconds'] for one in runs.values()):.0f}",
        f"{max(one['peak_rss_mb'] for one in runs.values())}",
        _mean((one.get("epochs") for one in runs.values()), digits=1),
    ]


def _mean(values: Iterable[float | None], *, digits: int = 3) -> str:
    known = [value for value in values if value is not None]
    return f"{np.mean(known):.{digits}f}" if known else ""


Predicted = tuple[Floats, Floats]
"""(predictions, targets): class indices, or values."""


def _load(path: Path) -> Predicted:
    with np.load(path, allow_pickle=False) as kept:
        scores, truth = kept["scores"], kept["targets"]
    answers = scores[:, 0] if scores.shape[1] == 1 else scores.argmax(1)
    return answers.astype(float), truth.astype(float)


def paired_gain(pairs: Sequence[tuple[Predicted, Predicted]]) -> tuple[float, float, float]:
    """Mean gain of the first over the second of each pair, and its 95 % interval.

    Args:
        pairs: One a seed; all on the same test rows.
    """
    truth = pairs[0][0][1]
    # Whole numbers are classes: the regression sets have targets between 0 and 1.
    score = _accuracy if (truth == truth.round()).all() else _pearson
    for first, second in pairs:
        if not (np.array_equal(first[1], truth) and np.array_equal(second[1], truth)):
            raise ValueError("the runs were tested on different rows")
    rng = np.random.default_rng(0)

    def gain(seeds: Iterable[int], rows: npt.NDArray[np.int64]) -> float:
        gains = [
            score(pairs[k][0][0][rows], truth[rows]) - score(pairs[k][1][0][rows], truth[rows]) for k in seeds
        ]
        return float(np.mean(gains))

    count, seeds = len(truth), len(pairs)
    drawn = [
        gain(rng.integers(seeds, size=seeds).tolist(), rng.integers(count, size=count))
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return gain(range(seeds), np.arange(count)), float(low), float(high)


def _accuracy(answers: Floats, truth: Floats) -> float:
    return float((answers == truth).mean())


def _pearson(answers: Floats, truth: Floats) -> float:
    return float(np.corrcoef(answers, truth)[0, 1])
