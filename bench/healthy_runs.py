"""The runs of healthy.py: what run n trains, on which data, and what it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import DATA, RESULTS, append_line, read_lines

LINES = RESULTS / "healthy.jsonl"


@dataclass(frozen=True)
class Outcome:
    """What came of a run: its trace and findings, and a result with its distance from the reference."""

    run: Any
    score: float
    reference: float
    behind: tuple[float, float, float]


def recipe_fields(rng: np.random.Generator) -> dict[str, Any]:
    """What all families vary."""
    fields: dict[str, Any] = {
        "schedule.name": pick(rng, "cosine", "linear", "one_cycle", "wsd", "constant", "cosine_restarts"),
        "schedule.warmup": pick(rng, 0.0, 0.05, 0.1, 0.2),
        "optimizer.name": pick(rng, "adamw", "adamw", "adam", "nadam", "radam", "sgd"),
        "loss.label_smoothing": pick(rng, 0.0, 0.05, 0.1),
        "watch": "detect",
    }
    if rng.random() < 0.3:
        fields["techniques.ema"] = "off"
    if rng.random() < 0.2:
        fields["techniques.clip"] = "off"
    return fields


def pick(rng: np.random.Generator, *choices: Any) -> Any:
    """One of them."""
    return choices[int(rng.integers(len(choices)))]


def near(rng: np.random.Generator, usual: float) -> float:
    """A rate within a factor of three of what is usual."""
    return float(f"{usual * 3 ** rng.uniform(-1, 1):.2g}")


# Tables, through upfit.train.


def table_run(rng: np.random.Generator, n: int, place: Path) -> tuple[dict[str, Any], Outcome]:
    """A small network on a small table."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    import upfit

    name = pick(rng, *TABLES)
    x, y, task = table(name, n)
    half = len(x) // 2
    torch.manual_seed(n)
    width, depth = pick(rng, 16, 32, 64, 128), pick(rng, 1, 2, 3)
    act = pick(rng, "ReLU", "ReLU", "GELU", "Tanh", "SiLU")
    normalised, dropout = bool(rng.random() < 0.3), pick(rng, 0.0, 0.0, 0.1, 0.25)
    outputs = 1 if task == "regression" else int(y.max()) + 1
    module = network(x.shape[1], width, depth, outputs, act=act, normalised=normalised, dropout=dropout)
    size = pick(rng, 8, 16, 32, 64)
    fields = recipe_fields(rng)
    if task == "regression":
        fields["loss.name"] = pick(rng, "squared_error", "huber")
        fields.pop("loss.label_smoothing")
    fields["optimizer.lr"] = near(rng, 0.05 if fields["optimizer.name"] == "sgd" else 3e-3)
    per_epoch = -(-half // size)
    fields["stopping.epochs"] = float(max(10, round(int(rng.integers(200, 500)) / per_epoch)))
    fields["seed"] = n
    kind = torch.float32 if task == "regression" else torch.int64
    tensors = torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y, dtype=kind)
    train = TensorDataset(*(one[:half] for one in tensors))
    judge = TensorDataset(*(one[half:] for one in tensors))
    loaders = DataLoader(train, size, shuffle=True), DataLoader(judge, 256)
    recipe = upfit.Recipe().apply(*(upfit.Change(path=p, to=v) for p, v in fields.items()))
    run = upfit.train(module, *loaders, recipe, task=task)
    about = {"set": name, "recipe": fields | {"width": width, "depth": depth, "act": act, "size": size}}
    return about, judged_table(run, (x, y, task), half)


def network(columns: int, width: int, depth: int, outputs: int, **kind: Any) -> Any:
    """Linear layers with activations between them, as asked with normalisation and dropout."""
    from torch import nn

    layers: list[Any] = []
    for number in range(depth):
        layers.append(nn.Linear(columns if number == 0 else width, width))
        layers += [nn.BatchNorm1d(width)] if kind["normalised"] else []
        layers += [getattr(nn, kind["act"])()]
        layers += [nn.Dropout(kind["dropout"])] if kind["dropout"] else []
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def judged_table(run: Any, data: tuple[Any, Any, str], half: int) -> Outcome:
    """Beside a linear model and neighbours."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    from upfit.measure import metrics, paired_gain

    x, y, task = data
    truth = run.predictions.targets
    if task == "regression":
        models = (Ridge(1.0), KNeighborsRegressor(5))
        known = [one.fit(x[:half], y[:half]).predict(x[half:])[:, None] for one in models]
    else:
        models = (LogisticRegression(max_iter=500), KNeighborsClassifier(5))
        known = [one.fit(x[:half], y[:half]).predict_proba(x[half:]) for one in models]
    kind, metric = ("regression", "r2") if task == "regression" else ("multiclass", "accuracy")
    values = [float(metrics(kind, one.astype(np.float32), truth)[metric]) for one in known]
    best = int(np.argmax(values))
    scores = run.predictions.scores
    gain = paired_gain(kind, metric, known[best].astype(np.float32), scores, truth)
    mine = float(metrics(kind, scores, truth)[metric])
    return Outcome(run, mine, values[best], (gain.value, gain.low, gain.high))


TABLES = (
    "digits",
    "wine",
    "breast_cancer",
    "iris",
    "diabetes",
    "moons",
    "blobs",
    "classification",
    "friedman",
)


def table(name: str, seed: int) -> tuple[Any, Any, str]:
    """(N, D) standardised columns, targets, and the task, in random order."""
    from sklearn import datasets
    from sklearn.preprocessing import StandardScaler

    made = {
        "moons": lambda: datasets.make_moons(600, noise=0.2, random_state=seed),
        "blobs": lambda: datasets.make_blobs(600, 8, centers=5, cluster_std=3.0, random_state=seed),
        "classification": lambda: datasets.make_classification(
            600, 20, n_informative=8, n_classes=3, random_state=seed
        ),
        "friedman": lambda: datasets.make_friedman1(600, noise=0.5, random_state=seed),
    }
    x, y = made[name]() if name in made else getattr(datasets, f"load_{name}")(return_X_y=True)
    task = "regression" if name in ("diabetes", "friedman") else "multiclass"
    order = np.random.default_rng(seed).permutation(len(x))[:1000]
    x, y = StandardScaler().fit_transform(x[order]), y[order]
    return x, (y - y.mean()) / y.std() if task == "regression" else y, task


# Images and texts, through upfit.fit.


def image_run(rng: np.random.Generator, n: int, place: Path) -> tuple[dict[str, Any], Outcome]:
    """Digits as pictures."""
    from upfit.testing import digits_folder

    source = digits_folder(place / "digits", per_class=30)
    fields = fit_fields(rng, image=True)
    fields["augment.policy"] = pick(rng, "none", "light", "light", "medium")
    fields |= {"inputs.image_size": 32, "stopping.epochs": float(pick(rng, 8, 10, 12))}
    return fitted(source, fields, n, place, name="digits pictures")


def text_run(rng: np.random.Generator, n: int, place: Path) -> tuple[dict[str, Any], Outcome]:
    """Sentences."""
    name = pick(rng, "docstrings", "docstrings", "hwu64", "complex_lcp")
    source, name = texts(name, seed_of(n), place)
    fields = fit_fields(rng, image=False)
    fields |= {"inputs.max_length": 16, "stopping.epochs": float(pick(rng, 4, 5, 6))}
    if name == "complex_lcp":
        fields["loss.name"] = pick(rng, "squared_error", "huber")
        fields.pop("loss.label_smoothing")
    return fitted(source, fields, n, place, name=name)


def fit_fields(rng: np.random.Generator, *, image: bool) -> dict[str, Any]:
    """A recipe for a pretrained backbone."""
    fields = recipe_fields(rng)
    usual = (1e-3 if image else 3e-4) * (30 if fields["optimizer.name"] == "sgd" else 1)
    size = pick(rng, 8, 16, 32)
    return fields | {
        "optimizer.lr": near(rng, usual),
        "optimizer.head_lr": near(rng, 0.03 if fields["optimizer.name"] == "sgd" else 1e-3),
        "optimizer.layer_decay": pick(rng, 0.8, 0.9, 1.0),
        "batching.size": size,
        "layers.train": pick(rng, "all", "all", "all", "head", 2),
        "stopping.evaluations": pick(rng, 4, 6, 8),
    }


def texts(name: str, seed: int, place: Path) -> tuple[Path, str]:
    """A csv of 120 rows of the set, or of docstrings where it is not there."""
    import pandas as pd

    from upfit.testing import docstring_sentences

    path = place / "texts.csv"
    if name == "hwu64" and (DATA / name).is_dir():
        table = pd.read_csv(DATA / name / "train.csv")
        label = table.columns[-1]
        common = table[label].value_counts().index[:6]
        table = table[table[label].isin(common)].sample(120, random_state=seed)
    elif name == "complex_lcp" and (DATA / name).is_dir():
        table = pd.read_csv(DATA / name / "train.csv").sample(150, random_state=seed)
    else:
        name, table = "docstrings", docstring_sentences(per_class=24)
    table.to_csv(path, index=False)
    return path, name


def fitted(
    source: Path, fields: dict[str, Any], n: int, place: Path, *, name: str
) -> tuple[dict[str, Any], Outcome]:
    """The run beside the default recipe on the same rows."""
    metric = "r2" if name == "complex_lcp" else "accuracy"
    run = fit(source, fields, seed_of(n), place / "run", name=name)
    mine = tuned_of(run, metric)
    value, half = reference(source, name, seed_of(n), place, metric=metric)
    # Two intervals of the same rows, as if they were independent: a careful way to call a run worse.
    gap, noise = value - mine[0], float(np.hypot(mine[1], half))
    return {"set": name, "recipe": fields}, Outcome(run, mine[0], value, (gap, gap - noise, gap + noise))


def fit(source: Path, fields: dict[str, Any], seed: int, out: Path, *, name: str) -> Any:
    """`upfit.fit` with these fields."""
    import upfit

    target = "complexity" if name == "complex_lcp" else None
    made = [upfit.Change(path=path, to=to) for path, to in fields.items()]
    return upfit.fit(source, target=target, changes=made, seed=seed, split="5:4:1", out=out)


def reference(source: Path, name: str, seed: int, place: Path, *, metric: str) -> tuple[float, float]:
    """What the default recipe's tuned network reaches, made once for a set and a seed."""
    key = {"reference_of": name, "seed": seed}
    known = next((line for line in read_lines(LINES) if key.items() <= line.items()), None)
    if known is None:
        inputs = {"inputs.image_size": 32} if name == "digits pictures" else {"inputs.max_length": 16}
        fields = {**inputs, "batching.size": 16, "stopping.epochs": 6.0, "watch": "detect"}
        value, half = tuned_of(fit(source, fields, seed, place / "reference", name=name), metric)
        known = {**key, "value": value, "half": half}
        append_line(LINES, known)
    return float(known["value"]), float(known["half"])


def seed_of(n: int) -> int:
    """Of rows, split and training of a picture or text run: two, so that references are shared."""
    return n // 5 % 2


def tuned_of(run: Any, metric: str) -> tuple[float, float]:
    """The tuned network's result on validation, and half of its interval."""
    found = next(one for one in run.candidates if one.name == "tuned").validation[metric]
    return float(found.value), float(found.high - found.low) / 2
