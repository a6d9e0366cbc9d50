"""With a fifth of the training labels wrong, how much of what that costs does cleaning bring back?

    python bench/label_noise.py clothing_small hwu64_10shot            # linear probes
    python bench/label_noise.py clothing_small hwu64_10shot --fits 30  # whole runs of 30 seconds
    python bench/label_noise.py clothing_small --epochs 4              # of four epochs
    python bench/label_noise.py clothing_small hwu64_10shot --to-next  # classes confused in pairs
    python bench/label_noise.py clothing_small --steps 250             # of 250 steps, fewer rows or not

Labels of the training part are flipped to another class at random, 20 %, five seeds; validation and test keep
theirs. Learnt from: the true labels, the flipped ones, and the flipped ones after what `fit --clean auto`
does. All three are judged on the same held-out rows (validation and test; test alone for whole runs). Whole
runs see a sample of the rows, the same in all three (`FIT_ROWS`), and images of `--pixels`; a run that does
not count comes first, so that all three find what the cache keeps. Those of so many epochs or steps are
neither watched nor repaired, so that no clock has a say; a fourth run of so many steps leaves out exactly
the wrong rows, which is the most that leaving rows out can bring back. Results go to
`results/label_noise.md`, line by line; what is there already is not repeated.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from common import (
    RESULTS,
    SETS,
    append_line,
    machine,
    machine_line,
    markdown_table,
    mean_interval,
    read_lines,
    write_section,
)

from upfit.curate.embedding import embedder
from upfit.data.read import read
from upfit.data.targets import targets
from upfit.split.given import given_parts
from upfit.train.firmness import Firmness
from upfit.train.label_cleaning import probably_wrong
from upfit.train.objective import Objective
from upfit.train.probe import fit_probe
from upfit.values import Change, Data

RAW = RESULTS / "label_noise.jsonl"
SEEDS, SHARE = 5, 0.2
PAIRS = "probe, each wrong label the next class"
IMAGES = ("clothing_small", "omniglot136")
FIT_ROWS = {"train": 1000, "validation": 300, "test": 1000}
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Length:
    """How long whole runs are: seconds, epochs or steps; none of them is a linear probe."""

    seconds: float | None = None
    epochs: float | None = None
    steps: int | None = None

    def changes(self) -> list[Change]:
        """What the recipe says of it."""
        asked = {"stopping.epochs": self.epochs, "stopping.steps": self.steps}
        told = [Change(path=path, to=to) for path, to in asked.items() if to is not None]
        return [*told, Change(path="watch", to="off")] if told else []

    def said(self, pixels: int | None) -> str:
        """What a line of the table is about."""
        units = {"s": self.seconds, "epochs": self.epochs, "steps": self.steps}
        told = [f"fit, {amount:g} {unit}" for unit, amount in units.items() if amount is not None]
        return told[0] + (f", {pixels} px" if pixels else "") if told else "probe"


def flipped(labels: Labels, classes: int, seed: int, *, to_next: bool = False) -> Labels:
    """Labels, a fifth of them another class: any one, or the next, so that classes are confused in pairs."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(labels), int(SHARE * len(labels)), replace=False)
    noisy = labels.copy()
    noisy[rows] = (labels[rows] + (1 if to_next else rng.integers(1, classes, len(rows)))) % classes
    return noisy


def probe_records(name: str, seeds: range, *, to_next: bool) -> Any:
    """A record a seed: accuracy of linear probes on frozen features."""
    data = read(**SETS[name].reading())
    backbone = embedder(data)
    assert backbone is not None
    parts = given_parts(data)
    train, true = backbone.features(parts["train"]), targets(data, parts["train"])
    others = [part for part in parts if part != "train"]
    held = np.concatenate([backbone.features(parts[part]) for part in others])
    known = np.concatenate([targets(data, parts[part]) for part in others])
    outputs = data.schema.outputs
    # Cross-validated once for true, wrong and cleaned labels each: `fit` asks anew with every run.
    known_firmness: dict[str, Firmness] = {}

    def accuracy(what: str, chosen: npt.NDArray[Any], labels: Labels) -> float:
        objective = Objective.of(data.schema.task, labels, data.schema.classes)
        firmness = known_firmness.get(what)
        probe = fit_probe(train[chosen], labels[chosen], objective, outputs=outputs, firmness=firmness)
        known_firmness.setdefault(what, probe.firmness)
        return float((probe.logits(held).argmax(1).numpy() == known).mean())

    everyone = np.ones(len(true), bool)
    clean = accuracy("clean", everyone, true)
    for seed in seeds:
        noisy = flipped(true, outputs, seed, to_next=to_next)
        touched = probably_wrong(train, noisy)
        stays = ~np.isin(np.arange(len(noisy)), touched)
        unclean = accuracy("noisy", everyone, noisy)
        yield {
            "set": name,
            "model": PAIRS if to_next else "probe",
            "seed": seed,
            "held": len(known),
            "clean": clean,
            "noisy": unclean,
            "cleaned": accuracy("cleaned", stays, noisy),
            "without_wrong": accuracy("without_wrong", noisy == true, noisy),
            "dropped": len(touched),
            "recall": float((noisy != true)[touched].sum() / (noisy != true).sum()),
            "precision": float((noisy != true)[touched].mean()) if len(touched) else 1.0,
        }


def fit_records(name: str, seeds: range, length: Length, *, pixels: int | None) -> Any:
    """A record a seed: accuracy of whole runs on test."""
    data = read(**SETS[name].reading())
    rng = np.random.default_rng(0)
    parts = {
        part: np.sort(rng.permutation(rows)[: FIT_ROWS[part]]) for part, rows in given_parts(data).items()
    }
    frames = {part: _frame(data, rows) for part, rows in parts.items()}
    changes = [Change(path="precision", to="fp32"), *length.changes()]
    if pixels:
        changes.append(Change(path="inputs.image_size", to=pixels))
    true = targets(data, parts["train"])

    def fitted(labels: Labels, rows: npt.NDArray[np.bool_], clean: Any, seed: int) -> tuple[float, int]:
        given = frames["train"].assign(label=np.array(data.schema.classes, dtype=object)[labels])[rows]
        asked = {"changes": changes, "budget": length.seconds, "clean": clean, "seed": seed}
        return _fitted({**frames, "train": given}, data, asked)

    if len(seeds):
        fitted(true, np.ones(len(true), bool), "off", 0)
    for seed in seeds:
        noisy = flipped(true, data.schema.outputs, seed)
        record: dict[str, Any] = {"set": name, "model": length.said(pixels), "seed": seed}
        record |= {"rows": len(true)}
        everyone = np.ones(len(true), bool)
        asked = {"clean": (true, everyone, "off"), "noisy": (noisy, everyone, "off")}
        asked["cleaned"] = (noisy, everyone, "auto")
        if length.steps:
            asked["without_wrong"] = (noisy, noisy == true, "off")
        for what, (labels, rows, clean) in asked.items():
            record[what], record["held"] = fitted(labels, rows, clean, seed)
        yield record


def _fitted(frames: dict[str, pd.DataFrame], data: Data, asked: dict[str, Any]) -> tuple[float, int]:
    """Accuracy on the sealed test part, and its rows: validation chose the weights and cannot judge them."""
    import upfit

    kinds: Any = {column.name: column.kind for column in data.schema.columns}
    with TemporaryDirectory() as folder:
        run = upfit.fit(**frames, target="label", kinds=kinds, out=Path(folder) / "run", **asked)
    assert run.test is not None
    return run.test["accuracy"].value, len(run.split.test)


def _frame(data: Data, rows: npt.NDArray[np.int64]) -> pd.DataFrame:
    chosen = data.table[rows.tolist()]
    inputs = {
        column.name: [cell["path"] if isinstance(cell, dict) else cell for cell in chosen[column.name]]
        for column in data.schema.columns
    }
    return pd.DataFrame({**inputs, "label": chosen[data.schema.target[0]]})


def table(records: list[dict[str, Any]]) -> str:
    """The results as Markdown: means over seeds, and the share of the loss that came back."""
    head = ("set", "model", "seeds", "held out", "true labels", "20 % wrong", "cleaned")
    head = (*head, "all wrong rows left out")
    head = (
        *head,
        "lost (points)",
        "brought back (95 %)",
        "gain of cleaning, paired (95 %)",
        "touched: recall, precision",
    )
    lines = []
    for key in dict.fromkeys((one["set"], one["model"]) for one in records):
        mine = [one for one in records if (one["set"], one["model"]) == key]
        clean, noisy, cleaned = (
            np.array([one[name] for one in mine]) for name in ("clean", "noisy", "cleaned")
        )
        lost = float((clean - noisy).mean())
        found = "–"
        if "recall" in mine[0]:
            found = ", ".join(
                f"{np.mean([one[name] for one in mine]):.2f}" for name in ("recall", "precision")
            )
        lines.append(
            (
                *key,
                len(mine),
                mine[0]["held"],
                *(f"{values.mean():.3f}" for values in (clean, noisy, cleaned)),
                _oracle(mine, noisy, clean),
                f"{100 * lost:.1f}",
                _recovered(cleaned - noisy, clean - noisy) if lost > 0 else "–",
                _paired(cleaned - noisy),
                found,
            )
        )
    return markdown_table(head, lines)


def _oracle(records: list[dict[str, Any]], noisy: Any, clean: Any) -> str:
    """Accuracy without exactly the wrong rows, and the share of the loss that this brings back."""
    if "without_wrong" not in records[0]:
        return "–"
    best = np.mean([one["without_wrong"] for one in records])
    return f"{best:.3f} ({(best - noisy.mean()) / (clean - noisy).mean():.0%})"


def _recovered(back: npt.NDArray[np.float64], lost: npt.NDArray[np.float64]) -> str:
    """Share of the loss that came back, with its interval over seeds.

    The shares s for which the mean of back - s · lost is not told from 0: Fieller 1954.
    """
    from scipy.stats import t

    share = f"{back.mean() / lost.mean():.0%}"
    if len(back) < 2:
        return share
    squared = t.ppf(0.975, len(back) - 1) ** 2 / len(back)
    covariance = np.cov(lost, back)
    powers = [
        lost.mean() ** 2 - squared * covariance[0, 0],
        -2 * (lost.mean() * back.mean() - squared * covariance[0, 1]),
        back.mean() ** 2 - squared * covariance[1, 1],
    ]
    # Where the loss itself is not told from 0, no share is ruled out.
    low, high = np.sort(np.roots(powers).real) if powers[0] > 0 else (-np.inf, np.inf)
    return f"{share} ({low:.0%} to {high:.0%})"


def _paired(gains: npt.NDArray[np.float64]) -> str:
    """Mean gain over seeds with its t interval, in points."""
    if len(gains) < 2:
        return f"{100 * gains.mean():+.1f}"
    mean, low, high = mean_interval((100 * gains).tolist())
    return f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"


def main() -> None:
    """Measure what is missing, then write the table of everything measured so far."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="*", default=["clothing_small"], choices=[*SETS])
    parser.add_argument("--fits", type=float, help="whole runs of so many seconds, instead of probes")
    parser.add_argument("--epochs", type=float, help="whole runs of so many epochs")
    parser.add_argument("--steps", type=int, help="whole runs of so many steps")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--pixels", type=int, default=64, help="side of images in whole runs")
    parser.add_argument("--to-next", action="store_true", help="probes: wrong labels are the next class")
    given = parser.parse_args()
    length = Length(given.fits, given.epochs, given.steps)
    for name in given.sets:
        pixels = given.pixels if name in IMAGES else None
        model = PAIRS if given.to_next else length.said(pixels)
        done = sum((one["set"], one["model"]) == (name, model) for one in read_lines(RAW))
        seeds = range(done, given.seeds)
        make: Any = probe_records(name, seeds, to_next=given.to_next)
        if length != Length():
            make = fit_records(name, seeds, length, pixels=pixels)
        for record in make:
            append_line(RAW, record)
            text = "# A fifth of the training labels wrong: what cleaning brings back\n\n"
            lengths = "[--fits SECONDS | --epochs EPOCHS | --steps STEPS]"
            text += f"`python bench/label_noise.py SET … {lengths} [--pixels SIDE]`\n\n"
            text += table(read_lines(RAW)) + "\n\n" + machine_line(machine())
            write_section(RESULTS / "label_noise.md", "", text)


if __name__ == "__main__":
    main()
