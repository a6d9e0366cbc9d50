"""A recipe poisoned in eleven ways: does `upfit fit` end where the clean recipe does?

    python bench/poisoned.py                          # about a quarter of an hour a seed on one quiet core
    python bench/poisoned.py --poisons rate_too_large clip_too_small --budget 60s
    python bench/poisoned.py --table                  # only write the table

Data: scikit-learn's digits as an image folder, the packaged image backbone; half of the rows validate, so
that a gain can be told from noise. Without a budget all have the same steps. Each poison runs twice with the
same seed and budget: as it is, and with `watch=detect`, which looks but repairs nothing (`watch=off` trains
the same weights). Both are compared with the clean recipe on the same validation rows, paired. Runs that are
in the results already are not made again. `--keep FOLDER` keeps the run folders, reports and all.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from common import RESULTS, append_line, machine, machine_line, markdown_table, read_lines, write_result

LINES = RESULTS / "poisoned.jsonl"
CLEAN = "clean"
SHARED = {
    "inputs.image_size": 32,
    "batching.size": 16,
    "stopping.epochs": 6,
    "stopping.evaluations": 8,
}
"""Of all runs, the clean one included: small enough for a core without an accelerator."""
SPLIT = "4:5:1"
POISONS: dict[str, dict[str, Any]] = {
    CLEAN: {},
    "rate_too_large": {"optimizer.lr": 0.3, "optimizer.head_lr": 0.3},
    "rate_too_small": {"optimizer.lr": 1e-8, "optimizer.head_lr": 1e-8, "head.init": "fresh"},
    "exploding": {
        "optimizer.name": "sgd", "optimizer.lr": 30.0, "optimizer.head_lr": 30.0, "techniques.clip": "off",
    },
    "clip_too_small": {
        "optimizer.name": "sgd", "optimizer.lr": 0.05, "optimizer.head_lr": 0.05, "head.init": "fresh",
        "techniques.clip.norm": 1e-4,
    },
    "oscillating": {
        "batching.size": 2, "optimizer.lr": 0.02, "optimizer.head_lr": 0.02, "schedule.name": "constant",
        "techniques.ema": "off",
    },
    "decay_too_strong": {"optimizer.weight_decay": 300.0},
    "dropout_too_strong": {"head.dropout": 0.97, "layers.dropout": 0.9, "head.init": "fresh"},
    "frozen": {"layers.train": "head", "head.init": "fresh", "optimizer.head_lr": 1e-6},
    "wrong_augmentation": {"augment.policy": "strong", "augment.flip": True},
    "body_rate_too_large": {"optimizer.lr": 10.0},
    "too_short": {"stopping.steps": 12, "head.init": "fresh"},
    "fresh_decay_of_ten": {"optimizer.weight_decay": 10.0},
    "fresh_smoothing": {"loss.label_smoothing": 0.95},
    "fresh_mostly_frozen": {
        "layers.train": 1, "optimizer.lr": 1e-6, "optimizer.head_lr": 1e-5, "head.init": "fresh",
    },
    "fresh_batch_of_two": {"batching.size": 2},
    "newer_l2": {"techniques.l2": {"strength": 10.0}},
    "newer_noise": {"techniques.gradient_noise": {"strength": 100.0}},
    "newer_schedule": {"schedule.name": "exponential", "schedule.factor": 1e-6, "schedule.every": 0.1},
    "newer_mixup": {"techniques.mixup": {"alpha": 8.0}, "head.dropout": 0.8},
}  # fmt: skip
"""Poison → recipe fields; nothing was mended with the newer ones. The fresh ones were so until batches of two
and a decay of ten failed. Running out of memory is in bench/out_of_memory.py: nothing runs out here."""


def main() -> None:
    """Run what is missing, then write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--poisons", nargs="+", default=list(POISONS), choices=list(POISONS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--budget", help="of each run, e.g. 90s; none by default")
    parser.add_argument("--per-class", type=int, default=40, help="digits a class")
    parser.add_argument("--only", choices=["repair", "detect"], help="only these")
    parser.add_argument("--keep", type=Path, help="folder for the run folders")
    parser.add_argument("--table", action="store_true", help="only write the table")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if not given.table:
        for seed in given.seeds:
            for poison in dict.fromkeys((CLEAN, *given.poisons)):
                for watch in ("repair", "detect") if poison != CLEAN else ("repair",):
                    if given.only in (None, watch):
                        run_once(poison, seed, watch, given)
                    write(given)
    write(given)


def run_once(poison: str, seed: int, watch: str, given: argparse.Namespace) -> None:
    """One fit, its validation scores kept; nothing where it was made before."""
    budget, per_class = given.budget, given.per_class
    key = {"poison": poison, "seed": seed, "watch": watch, "budget": budget, "per_class": per_class}
    if any(key.items() <= line.items() for line in read_lines(LINES)):
        return
    import upfit
    from upfit.testing import digits_folder

    with tempfile.TemporaryDirectory() as place:
        data = digits_folder(Path(place) / "digits", per_class=per_class)
        fields = {**SHARED, **POISONS[poison], "watch": watch}
        changes = [upfit.Change(path=path, to=to) for path, to in fields.items()]
        begun = time.process_time()
        out = (given.keep or Path(place)) / f"{poison}-{seed}-{watch}"
        run = upfit.fit(data, budget=budget, changes=changes, seed=seed, split=SPLIT, out=out, overwrite=True)
        append_line(LINES, json.loads(json.dumps({**key, **record(run, time.process_time() - begun)})))


def record(run: Any, seconds: float) -> dict[str, Any]:
    """What is kept of a run."""
    from upfit.diagnose import diagnose

    return {
        "processor_seconds": seconds,
        "scores": run.predictions.scores.astype(float).round(5).tolist(),
        "targets": run.predictions.targets.tolist(),
        "chosen": run.result["chosen"],
        "candidates": {one.name: float(one.validation["accuracy"]) for one in run.candidates},
        "ledger": [cure.model_dump(mode="json") for cure in run.ledger],
        "findings": [one.kind for one in run.findings],
        "diagnosis": [one.kind for one in diagnose(run.trace).findings],
    }


def write(given: argparse.Namespace) -> None:
    """The table of everything that is in the results."""
    order = list(POISONS)
    lines = sorted(
        read_lines(LINES), key=lambda line: (order.index(line["poison"]), line["seed"], line["watch"])
    )
    rows = [row(line, clean_of(lines, line)) for line in lines]
    head = [
        "poison",
        "seed",
        "repair",
        "validation accuracy",
        "behind clean (95 %)",
        "tuned",
        "chosen",
        "named",
        "cures",
        "processor seconds",
    ]
    text = (
        "# Poisoned recipes\n\n"
        f"`python bench/poisoned.py`, {given.per_class} digits a class, "
        f"{'no budget' if given.budget is None else given.budget} · "
        f"{machine_line(machine())}\n\n"
        "*Behind clean*: what the clean recipe gains over this run, paired over validation examples; an "
        "interval that holds 0 is noise. *tuned*: accuracy of the tuned network by itself, before validation "
        "chose between it and the linear probe. *named*: what it was diagnosed with in the end. "
        "*cures*: the ledger.\n\n" + markdown_table(head, rows)
    )
    write_result(RESULTS / "poisoned.md", text)


def clean_of(lines: list[dict[str, Any]], line: dict[str, Any]) -> dict[str, Any] | None:
    """The clean run with the same seed and data."""
    same = ("seed", "budget", "per_class")
    return next((o for o in lines if o["poison"] == CLEAN and all(o[k] == line[k] for k in same)), None)


def row(line: dict[str, Any], clean: dict[str, Any] | None) -> list[str]:
    """A line of the table."""
    import numpy as np

    from upfit.measure import metrics, paired_gain

    scores, truth = np.array(line["scores"]), np.array(line["targets"])
    behind = "–"
    if clean is not None and clean is not line:
        behind = str(paired_gain("multiclass", "accuracy", np.array(clean["scores"]), scores, truth))
    cures = [
        f"{cure['outcome']} ({cure['kind']}): "
        + (", ".join(f"{c['path']}={c['to']}" for c in cure["changes"]) or "–")
        for cure in line["ledger"]
    ]
    tuned = line["candidates"].get("tuned")
    return [
        line["poison"],
        str(line["seed"]),
        "on" if line["watch"] == "repair" else "off",
        f"{metrics('multiclass', scores, truth)['accuracy']:.3f}",
        behind,
        "dropped" if tuned is None else f"{tuned:.3f}",
        line["chosen"],
        ", ".join(line.get("diagnosis", [])) or "–",
        "; ".join(cures) or "–",
        f"{line.get('processor_seconds', float('nan')):.0f}",
    ]


if __name__ == "__main__":
    main()
