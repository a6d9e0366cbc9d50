"""The first baseline: scikit-learn's cross-validated linear model on features of the frozen backbone.

`probe.py SET SEED SCORES.npz IMAGE_SIZE` prints its test metrics. It shares the split, the backbone and the
image size or text length with `upfit fit`, and nothing of its probe.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from common import SETS
from setting import keep_scores, lay_out, recipe_at
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from threadpoolctl import threadpool_limits

from upfit.data.read import read
from upfit.measure import metrics
from upfit.train.infer import outputs

STRENGTHS = np.logspace(-3, 1, 9)
ALPHAS = np.logspace(-2, 6, 17)


def fit_linear(x: npt.NDArray[Any], y: npt.NDArray[Any], *, regression: bool) -> Any:
    """The model, its strength chosen by cross-validation on the training rows."""
    if regression:
        return RidgeCV(alphas=ALPHAS).fit(x, y)
    # Many small products: one thread is faster than several that wait for each other.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        model = LogisticRegressionCV(Cs=STRENGTHS, cv=3, max_iter=300, tol=1e-3, scoring="accuracy")
        return model.fit(x, y)


def predicted(model: Any, x: npt.NDArray[Any], outputs: int) -> npt.NDArray[np.float32]:
    """(N, K) probabilities, or (N, 1) values; classes without a training row get probability 0."""
    if not hasattr(model, "classes_"):
        return np.asarray(model.predict(x), np.float32)[:, None]
    scores = np.zeros((len(x), outputs), np.float32)
    scores[:, model.classes_] = model.predict_proba(x)
    return scores


def main(name: str, seed: str, out: str, image_size: str) -> None:
    """Features, fit, score, print."""
    with tempfile.TemporaryDirectory() as aside:
        data = read(**SETS[name].reading())
        bench, backbone = lay_out(data, Path(aside), recipe=recipe_at(int(seed), image_size))
        split = bench.split
        features = [
            outputs(backbone, bench.evaluation_loader(bench.examples(backbone, rows)), bench.world)
            for rows in (split.train, split.validation, split.test)
        ]
    # One number for all features: it only renames the strengths, and the solver converges sooner.
    mean, spread = features[0].mean(0), features[0].std(0).mean()
    train, validation, test = ((x - mean) / spread for x in features)
    model = fit_linear(train, bench.train_targets, regression=data.schema.task == "regression")
    held = predicted(model, validation, data.schema.outputs)
    scores = predicted(model, test, data.schema.outputs)
    strength = float(np.ravel(getattr(model, "C_", getattr(model, "alpha_", 0.0)))[0])
    record = {
        "test": keep_scores(Path(out), data, split.test, scores),
        "validation": metrics(data.schema.task, held, bench.validation_targets),
        "strength": strength,
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main(*sys.argv[1:])
