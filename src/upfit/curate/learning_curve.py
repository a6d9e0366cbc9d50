"""`curve`: is more data worth it? Probes on growing subsets, a power law through them, a look ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.audit.table_features import table_features
from upfit.curate.embedding import embedder
from upfit.data.describe import describe
from upfit.data.read import read
from upfit.data.targets import targets
from upfit.errors import InputError
from upfit.measure.power_law import Forecast, forecasts
from upfit.split.make import make_split
from upfit.train.curve import curve_sizes, losses_by_size
from upfit.train.objective import Objective
from upfit.values import Data, Logged, Split, Watcher

ENOUGH = 0.005
"""A gain of twice the data below half a point is not worth collecting for."""
FEWEST_HELD = 15
"""Validation rows that a curve, or a class's own, needs for a verdict."""
FEWEST = 20
"""Training rows below which there are no growing subsets to speak of."""


@dataclass(frozen=True)
class ClassNeed:
    """What twice the data would bring to one class: its error now, and the gain with its interval."""

    name: str
    held: int
    error: float
    forecast: Forecast


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Error against the number of training examples, and what more of them would bring.

    Errors are shares of wrong answers; for regression, root mean squared errors over the deviation of the
    target. The model is a linear probe on the frozen backbone, unless it was tuned: tuning lies lower, and
    mostly runs parallel.

    Args:
        task: What is predicted.
        sizes: (S,) numbers of training examples.
        errors: (S,) error on validation, mean of five nested subsets.
        ahead: At twice and at four times as many.
        classes: The classes that would gain, the most first.
        held: Validation rows.
        tuned: Whether each point is a tuned model.
        remarks: What was left out, and why.
    """

    task: str
    sizes: npt.NDArray[np.int64]
    errors: npt.NDArray[np.float64]
    ahead: tuple[Forecast, ...]
    classes: tuple[ClassNeed, ...]
    held: int
    tuned: bool = False
    remarks: tuple[str, ...] = ()

    def sentences(self) -> tuple[str, ...]:
        """The answer in words."""
        error = _points(self.errors[-1])
        wrong = f"off by {error} % of the target's deviation" if self.task == "regression" else ""
        lines = [
            f"{wrong or f'{error} points wrong'} with {self.sizes[-1]:,} training rows"
            f" (validation: {self.held:,} rows; {'tuned models' if self.tuned else 'linear probes'})"
        ]
        for factor, one in zip(("twice", "four times"), self.ahead, strict=True):
            gain = one.gain
            lines.append(
                f"{factor} the data: {_points(gain.value, sign=True)} points better "
                f"({_points(gain.low, sign=True)} to {_points(gain.high, sign=True)})"
            )
        if self.held < FEWEST_HELD:
            lines.append(f"{self.held} validation rows are too few to tell whether more data will help")
        elif self.ahead[0].gain.high < ENOUGH:
            lines.append("more of the same data will hardly help")
        elif self.ahead[0].gain.low > ENOUGH:
            lines.append("more data will help")
        else:
            lines.append("more data may help; the curve does not say for certain")
        if self.classes:
            shown = ", ".join(
                f"{one.name} ({_points(one.forecast.gain.value, sign=True)} from {_points(one.error)} wrong)"
                for one in self.classes[:5]
            )
            lines.append(f"collect first: {shown}")
        return (*lines, *self.remarks)

    def to_dict(self) -> dict[str, Any]:
        """As JSON would have it."""
        return {
            "task": self.task,
            "sizes": self.sizes.tolist(),
            "errors": self.errors.tolist(),
            "held": self.held,
            "tuned": self.tuned,
            "remarks": list(self.remarks),
            "ahead": [_forecast(one) for one in self.ahead],
            "classes": [
                {"class": one.name, "held": one.held, "error": one.error, "twice": _forecast(one.forecast)}
                for one in self.classes
            ],
        }


def curve(
    data: Any = None, *, model: str = "auto", seed: int = 0, watcher: Watcher | None = None, **reading: Any
) -> LearningCurve:
    """How the error falls with the number of training examples, and how far it would go on falling.

    Args:
        data: As for `fit`, or `Data`.
        model: Backbone.
        seed: Of the split.
        watcher: Sees progress.
        reading: More arguments of `read`: `target`, `task`, `kinds`, `parts`, `group`, `time`.

    Raises:
        InputError: Something about the data or the backbone.
    """
    watcher = watcher or Logged()
    table = data if isinstance(data, Data) else read(data, **reading)
    watcher.note(describe(table))
    split = split_for_curve(table, seed=seed)
    watcher.stage("features of the frozen backbone")
    backbone = embedder(table, model=model, watcher=watcher)

    if backbone is None:
        # Ranks and values have to mean the same in both parts.
        both = table_features(table, np.concatenate([split.train, split.validation]))
        train_ND, held_MD = both[: len(split.train)], both[len(split.train) :]
    else:
        train_ND, held_MD = backbone.features(split.train), backbone.features(split.validation)
    watcher.stage("probes on growing subsets")
    found = curve_of(
        table,
        (train_ND, targets(table, split.train)),
        (held_MD, targets(table, split.validation)),
        watcher=watcher,
    )
    watcher.close()
    return found


def split_for_curve(data: Data, *, seed: int) -> Split:
    """The split of a curve.

    Raises:
        InputError: Too few training rows.
    """
    split = make_split(data, seed=seed)
    if len(split.train) < FEWEST:
        raise InputError(
            f"{len(split.train)} training rows are too few for a curve", expected=f"{FEWEST} or more"
        )
    return split


def curve_of(
    data: Data,
    train: tuple[npt.NDArray[np.float32], npt.NDArray[Any]],
    held: tuple[npt.NDArray[np.float32], npt.NDArray[Any]],
    *,
    watcher: Watcher | None = None,
) -> LearningCurve:
    """The curve of features and targets that are there already."""
    schema = data.schema
    sizes = curve_sizes(len(train[1]), len(schema.classes))
    losses = losses_by_size(
        train,
        held,
        Objective.of(schema.task, train[1]),
        outputs=schema.outputs,
        sizes=sizes,
        advance=(watcher or Logged()).advance,
    )
    return curve_from(data, sizes, losses, held[1])


def curve_from(
    data: Data,
    sizes: npt.NDArray[np.int64],
    losses: npt.NDArray[np.float64],
    held: npt.NDArray[Any],
    *,
    tuned: bool = False,
    remarks: tuple[str, ...] = (),
) -> LearningCurve:
    """The curve through losses that are there already.

    Args:
        data: Whose task and classes they are.
        sizes: (S,) numbers of training examples.
        losses: (S, R, M) loss of each of M validation rows, R times at each size.
        held: (M,) or (M, K) their targets.
        tuned: Whether models were tuned, or probes fitted on a frozen backbone.
        remarks: What was left out, and why.
    """
    schema = data.schema
    if schema.task == "regression":
        losses = losses / max(float(np.var(held)), 1e-12)
    ahead = forecasts(sizes.astype(float), losses, (2 * int(sizes[-1]), 4 * int(sizes[-1])))
    classes = _needs(schema.classes, held, losses, sizes) if held.ndim == 1 and schema.classes else ()
    return LearningCurve(schema.task, sizes, losses.mean((1, 2)), ahead, classes, len(held), tuned, remarks)


def _needs(
    names: tuple[str, ...],
    labels: npt.NDArray[Any],
    losses: npt.NDArray[np.float64],
    sizes: npt.NDArray[np.int64],
) -> tuple[ClassNeed, ...]:
    """Classes whose error would fall, beyond the noise, with twice the data."""
    found = []
    for index, name in enumerate(names):
        mine = labels == index
        if mine.sum() < FEWEST_HELD:
            continue
        (twice,) = forecasts(sizes.astype(float), losses[:, :, mine], (2 * int(sizes[-1]),), resamples=100)
        if twice.gain.low > 0:
            error = float(losses[-1][:, mine].mean())
            found.append(ClassNeed(name, int(mine.sum()), error, twice))
    return tuple(sorted(found, key=lambda one: -one.forecast.gain.value))


def _points(value: float, *, sign: bool = False) -> str:
    """A share in points, hundredths of the whole."""
    return f"{100 * value:{'+' if sign else ''}.1f}"


def _forecast(one: Forecast) -> dict[str, Any]:
    ends = {
        name: (getattr(one, name).value, getattr(one, name).low, getattr(one, name).high)
        for name in ("error", "error_80", "gain")
    }
    return {"size": one.size, **ends}
