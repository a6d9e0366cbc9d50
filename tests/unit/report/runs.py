"""Runs built by hand from real predictions: softmax regression on scikit-learn's digits, and its diabetes."""

import io

import datasets
import numpy as np
from PIL import Image
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression

from upfit.measure import baseline_scores, evidence, metrics, paired_gain
from upfit.values import (
    Candidate,
    Change,
    Column,
    Data,
    Evaluation,
    Event,
    Finding,
    Predictions,
    Recipe,
    Run,
    Schema,
    Split,
    Step,
    Trace,
)

ENVIRONMENT = {"python": "3.11.9", "upfit": "0.1.0", "cpu": "2 cores", "threads": 2, "precision": "fp32"}


def png(pixels):
    """An 8 x 8 digit as an image cell."""
    grey = Image.fromarray(255 - (pixels.reshape(8, 8) * 15.9).astype(np.uint8))
    buffer = io.BytesIO()
    grey.resize((64, 64), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return {"path": None, "bytes": buffer.getvalue()}


def thirds(count, seed=0):
    order = np.random.default_rng(seed).permutation(count)
    train, validation, test = np.split(order, [int(count * 0.6), int(count * 0.8)])
    return Split(np.sort(train), np.sort(validation), np.sort(test), "stratified 6:2:2, seed 0")


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def train_by_hand(inputs, targets, split, *, steps=240, batch=32):
    """Softmax regression by plain SGD with warm-up and cosine, traced; returns (trace, validation scores)."""
    rng = np.random.default_rng(0)
    weights = np.zeros((inputs.shape[1], 10))
    taken, judged, best = [], [], np.inf
    for step in range(1, steps + 1):
        rows = rng.choice(split.train, batch)
        off = softmax(inputs[rows] @ weights) - np.eye(10)[targets[rows]]
        loss = -np.log(softmax(inputs[rows] @ weights)[np.arange(batch), targets[rows]]).mean()
        gradient = inputs[rows].T @ off / batch
        rate = 0.5 * min(1, step / 24) * 0.5 * (1 + np.cos(np.pi * step / steps))
        weights -= rate * gradient
        norm = float(np.linalg.norm(gradient))
        epoch = step * batch / len(split.train)
        taken.append(Step(step, epoch, float(loss), rate, norm, batch, 0.05 * step, 412.0))
        if step % 20 == 0:
            scores = softmax(inputs[split.validation] @ weights)
            found = metrics("multiclass", scores, targets[split.validation])
            better = found["log_loss"] < best
            best = min(best, found["log_loss"])
            judged.append(Evaluation(step, epoch, found["log_loss"], found, better, 0.05 * step))
    events = (
        Event(60, "resumed", "resumed at step 60"),
        Event(120, "plan", "time is short: 240 steps instead of 300", {"total_steps": 240}),
        Event(240, "early_stop", "no progress in 5 evaluations"),
    )
    return Trace(tuple(taken), tuple(judged), events), softmax(inputs @ weights)


def table_of(columns, schema, source):
    table = datasets.Dataset.from_dict(columns)
    return Data(table, schema, "5a" * 32, source)


def digits_run(*, classes=None, folder=None):
    """(run, data) of the digits; `classes` renames the ten classes."""
    digits = load_digits()
    inputs, targets = digits.data / 16, digits.target.astype(np.int64)
    names = tuple(classes or (f"digit {number}" for number in range(10)))
    schema = Schema(
        columns=(Column(name="image", kind="image"),), target=("label",), task="multiclass", classes=names
    )
    data = table_of(
        {"image": [png(one) for one in digits.data], "label": [names[k] for k in targets]}, schema, "digits/"
    )
    split = thirds(len(targets))
    trace, tuned = train_by_hand(inputs, targets, split)
    probe = LogisticRegression(C=0.005).fit(inputs[split.train], targets[split.train]).predict_proba(inputs)
    base = baseline_scores("multiclass", targets[split.train], len(targets), 10)
    candidates = judge(
        "multiclass", "accuracy", [("majority", base), ("probe", probe), ("tuned", tuned)], targets, split
    )
    return build(
        schema,
        data,
        split,
        trace,
        candidates,
        metric="accuracy",
        scores=tuned,
        targets=targets,
        folder=folder,
    ), data


def judge(task, metric, named, targets, split):
    rows, best = split.validation, named[-1][1]
    return tuple(
        Candidate(
            name,
            evidence(task, scores[rows], targets[rows], resamples=200),
            seconds=0.0 if name in ("majority", "mean") else 3.2,
            chosen=scores is best,
            margin=None
            if scores is best
            else paired_gain(task, metric, best[rows], scores[rows], targets[rows], resamples=200),
        )
        for name, scores in named
    )


def build(schema, data, split, trace, candidates, *, metric, scores, targets, folder=None):
    rows = split.validation
    chosen = next(one for one in candidates if one.chosen)
    return Run(
        recipe=Recipe(backbone="timm:tf_efficientnet_lite0", seed=0),
        schema=schema,
        data_fingerprint=data.fingerprint,
        split=split,
        trace=trace,
        metric=metric,
        validation=chosen.validation,
        candidates=candidates,
        test=evidence(schema.task, scores[split.test], targets[split.test], resamples=200),
        test_openings=1,
        findings=(
            Finding(
                kind="unreadable_file",
                severity="warning",
                message="3 files could not be read as images and were left out.",
                evidence={"files": 3.0},
                examples=("4/broken.jpg", "7/<script>alert(1)</script>.png"),
            ),
            Finding(
                kind="underfit_budget",
                severity="info",
                message="Validation was still improving when the budget ended.",
                evidence={"slope": -0.0123},
                cures=(Change(path="stopping.epochs", to=20, because="the loss was still falling"),),
            ),
        ),
        predictions=Predictions(rows, scores[rows].astype(np.float32), targets[rows]),
        result={"seconds": 93.2, "peak_rss_mb": 812.0, "trained_parameters": 3384000, "epochs": 7.1},
        folder=folder,
    )


def text_run():
    """(run, data) of a binary text task; the texts hold markup, links and emoji."""
    rng = np.random.default_rng(0)
    count = 120
    targets = rng.integers(0, 2, count)
    bodies = [
        "Win a prize now 🎉 at http://example.org/?a=1&b=2 <b>click</b> " * 6,
        "See you at seven, {{ 7 * 7 }} {% raw %} bring <script>alert('x')</script> the cake",
    ]
    schema = Schema(
        columns=(Column(name="message", kind="text"), Column(name="length", kind="number")),
        target=("spam",),
        task="binary",
        classes=("ham", "spam"),
    )
    data = table_of(
        {
            "message": [f"{bodies[k]} {i}" for i, k in enumerate(targets)],
            "length": list(rng.integers(10, 300, count).astype(float)),
            "spam": [schema.classes[k] for k in targets],
        },
        schema,
        "messages.csv",
    )
    split = thirds(count)
    scores = softmax(rng.normal(size=(count, 2)) + 2 * np.eye(2)[targets])
    named = [("majority", baseline_scores("binary", targets, count, 2)), ("probe", scores)]
    candidates = judge("binary", "accuracy", named, targets, split)
    run = build(schema, data, split, Trace(), candidates, metric="accuracy", scores=scores, targets=targets)
    return run, data


def regression_run():
    """(run, data) of scikit-learn's diabetes data, its numbers as columns beside a text."""
    diabetes = load_diabetes()
    inputs, targets = diabetes.data, diabetes.target
    schema = Schema(
        columns=(Column(name="note", kind="text"), Column(name="bmi", kind="number")),
        target=("progression",),
        task="regression",
    )
    data = table_of(
        {
            "note": [f"patient {number}" for number in range(len(targets))],
            "bmi": list(inputs[:, 2]),
            "progression": list(targets),
        },
        schema,
        "diabetes.parquet",
    )
    split = thirds(len(targets))
    model = LinearRegression().fit(inputs[split.train], targets[split.train])
    scores = model.predict(inputs)[:, None]
    base = baseline_scores("regression", targets[split.train], len(targets), 1)
    candidates = judge("regression", "rmse", [("mean", base), ("probe", scores)], targets, split)
    return build(
        schema, data, split, Trace(), candidates, metric="rmse", scores=scores, targets=targets
    ), data


def multilabel_run():
    """(run, data) of the digits described by three labels: even, above four, prime."""
    digits = load_digits()
    number = digits.target[:600]
    targets = np.stack([number % 2 == 0, number > 4, np.isin(number, (2, 3, 5, 7))], axis=1).astype(np.int64)
    inputs = digits.data[:600] / 16
    split = thirds(600)
    scores = np.stack(
        [
            LogisticRegression().fit(inputs[split.train], one[split.train]).predict_proba(inputs)[:, 1]
            for one in targets.T
        ],
        axis=1,
    )
    names = ("even", "above four", "prime")
    schema = Schema(
        columns=(Column(name="image", kind="image"),), target=names, task="multilabel", classes=names
    )
    columns = {"image": [png(one) for one in digits.data[:600]]}
    data = table_of(
        columns | {name: list(one) for name, one in zip(names, targets.T, strict=True)}, schema, "d/"
    )
    base = baseline_scores("multilabel", targets[split.train], 600, 3)
    candidates = judge("multilabel", "map", [("majority", base), ("probe", scores)], targets, split)
    return build(schema, data, split, Trace(), candidates, metric="map", scores=scores, targets=targets), data
