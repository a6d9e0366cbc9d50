"""Run: one finished training with its evidence; Finding and Candidate, which it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from upfit.errors import RunFolderError
from upfit.values.action import Action
from upfit.values.base import Value
from upfit.values.change import Change
from upfit.values.cure import Cure
from upfit.values.data import Schema
from upfit.values.estimate import Estimate
from upfit.values.recipe import Recipe
from upfit.values.split import Rows, Split
from upfit.values.trace import Trace

if TYPE_CHECKING:
    import pandas


class Finding(Value):
    """Something that is wrong, what shows it, and what may cure it.

    Args:
        kind: A word of the vocabulary, e.g. `unreadable_file`, `data_leakage`.
        severity: `info`, `warning` or `error`.
        message: One sentence a newcomer understands.
        evidence: The numbers behind it.
        examples: The rows or files concerned, the first few.
        cures: Recipe changes that may help, best first.
        rows: Rows of the data concerned, the gravest first.
        scores: One number for each of the rows; higher is graver.
        actions: Edits of the data that may help.
        step: Step of the first alarm, where a run was watched.
        confidence: How sure the diagnosis is, 0 to 1.
        advice: What to do that no Change can.
        plot: The curve that shows it: `loss`, `gradient_norm`, `update_ratio`, `activations`, `validation`.
        causes: Kinds of other findings that explain this one, the likeliest first.
    """

    kind: str
    severity: Literal["info", "warning", "error"]
    message: str
    evidence: dict[str, float] = Field(default_factory=dict)
    examples: tuple[str, ...] = ()
    cures: tuple[Change, ...] = ()
    rows: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()
    actions: tuple[Action, ...] = ()
    step: int | None = None
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0
    advice: str = ""
    plot: str = ""
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model said about rows of the data.

    Args:
        rows: (N,) row indices.
        scores: (N, K) class probabilities, or (N, 1) values for regression.
        targets: (N,) class indices, (N, K) 0/1 for multilabel, (N,) values for regression.
    """

    rows: Rows
    scores: npt.NDArray[np.float32]
    targets: npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Candidate:
    """One model that competed on validation: its name, its metrics, what it cost in seconds.

    `margin` is the winner's gain over this candidate on the primary metric, paired over examples
    (positive: the winner is better); None for the winner itself.
    """

    name: Literal["majority", "mean", "probe", "tuned", "refitted"]
    validation: Mapping[str, Estimate]
    seconds: float
    chosen: bool = False
    margin: Estimate | None = None


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run: the settled recipe, the evidence, and the model behind it.

    `predict` and `open_test` call functions that whoever built the run handed in, so that this value
    stays free of files and models. `ledger` lists the repairs that were tried on the way, in order.
    """

    recipe: Recipe
    schema: Schema
    data_fingerprint: str
    split: Split
    trace: Trace
    metric: str
    validation: Mapping[str, Estimate]
    candidates: tuple[Candidate, ...] = ()
    test: Mapping[str, Estimate] | None = None
    test_openings: int = 0
    findings: tuple[Finding, ...] = ()
    ledger: tuple[Cure, ...] = ()
    predictions: Predictions | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    module: Any = None
    predictor: Callable[[Any], pandas.DataFrame] | None = None
    test_opener: Callable[[], Mapping[str, Estimate]] | None = None

    def __repr__(self) -> str:
        """What it reached, in a line: notebooks print this, and all steps and rows would fill pages."""
        said = (
            [f"{self.metric} {self.validation[self.metric]} on validation"]
            if self.metric in self.validation
            else []
        )
        said += [f"{self.test[self.metric]} on test"] if self.test and self.metric in self.test else []
        said += [f"{count} {name}" for count, name in self._counts() if count]
        said += [str(self.folder)] if self.folder else []
        return f"Run({self.schema.task}: {', '.join(said)})"

    def _counts(self) -> tuple[tuple[int, str], ...]:
        steps, tried, found = len(self.trace.steps), len(self.ledger), len(self.findings)
        return ((steps, "steps"), (tried, "repairs tried"), (found, "findings"))

    def predict(self, inputs: Any) -> pandas.DataFrame:
        """Predict for file paths, texts, records, a folder, a table file or a DataFrame.

        Returns one row per input: `prediction`, and one probability column per class.
        """
        if self.predictor is None:
            raise RunFolderError("this run keeps no model to predict with")
        return self.predictor(inputs)

    def open_test(self) -> Mapping[str, Estimate]:
        """Break the seal: metrics on the test part. Every opening is counted in the run folder."""
        if self.test_opener is None:
            raise RunFolderError("this run has no test part to open")
        return self.test_opener()
