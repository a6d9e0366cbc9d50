"""`augment`: which ways of varying examples keep their labels, and the policy that comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from upfit.curate.embedding import Embedder, embedder
from upfit.data.describe import describe
from upfit.data.read import read
from upfit.data.targets import targets
from upfit.errors import InputError
from upfit.measure import telling_metric
from upfit.split.make import make_split
from upfit.train.label_keeping import MOST_ROWS
from upfit.train.ladders import LADDERS
from upfit.train.objective import Objective
from upfit.train.policy_probe import HEAD_ROWS, MIRRORS, Ground, Held, Trial, sampled, try_transforms
from upfit.train.whole_policy import Whole, whole_policy
from upfit.values import Change, Data, Logged, Rows, Split, Transform, Watcher

FEWEST = 40
"""Training rows below which nothing can be told."""


@dataclass(frozen=True, eq=False)
class Augmentation:
    """Which ways of varying examples suit some data.

    Args:
        data: The data.
        rows: (M,) training rows that were varied.
        trials: What every try showed, in order.
        whole: What the accepted ones showed together.
    """

    data: Data
    rows: Rows
    trials: tuple[Trial, ...]
    whole: Whole

    @property
    def policy(self) -> tuple[Transform, ...]:
        """The transforms to use, each as strong as it keeps the label, alone and with the others."""
        return self.whole.policy

    @property
    def change(self) -> Change:
        """The change of a recipe that makes `fit` use the policy."""
        chosen = [one.model_dump() for one in self.policy]
        return Change(path="augment.policy", to=chosen or "none", because="measured on these data")

    def sentences(self) -> tuple[str, ...]:
        """What was found, a line a trial, in words."""
        metric = telling_metric(self.data.schema.task)
        lines = tuple(sentence(trial, metric=metric) for trial in self.trials)
        return (*lines, self.whole.sentence) if self.whole.sentence else lines

    def to_dict(self) -> dict[str, Any]:
        """As JSON would have it."""
        return {
            "task": self.data.schema.task,
            "metric": telling_metric(self.data.schema.task),
            "varied": len(self.rows),
            "policy": [one.model_dump() for one in self.policy],
            "together": [
                {
                    "policy": [each.model_dump() for each in one.policy],
                    "gain": (one.gain.value, one.gain.low, one.gain.high),
                    "held": None if one.held is None else (one.held.value, one.held.low, one.held.high),
                }
                for one in self.whole.tried
            ],
            "trials": [_trial(one) for one in self.trials],
        }


def augment(
    data: Any = None,
    *,
    model: str = "auto",
    only: Sequence[str] = (),
    rows: int = MOST_ROWS,
    seed: int = 0,
    watcher: Watcher | None = None,
    **reading: Any,
) -> Augmentation:
    """Which ways of varying training examples keep their labels on these data.

    Linear heads on features of a frozen backbone, each fitted without the examples that it judges, answer for
    a sample of training rows as they are and varied. Where the answers hardly change, the label is kept;
    where they change much, it is not; between the two, heads are trained with varied examples and without,
    and compared on examples as they are. What is accepted has to earn something together, and not to lose on
    validation. Test is not looked at.

    Args:
        data: As for `fit`, or `Data`.
        model: Backbone.
        only: Names of transforms to try; all where empty.
        rows: Training rows that are varied, at most.
        seed: Of split and sample.
        watcher: Sees progress.
        reading: More arguments of `read`: `target`, `task`, `kinds`, `parts`, `group`, `time`.

    Raises:
        InputError: Something about the data or the backbone, a name that no transform has, or too few rows.

    Example:
        >>> found = augment("flowers/")  # doctest: +SKIP
        >>> fit("flowers/", changes=[found.change])  # doctest: +SKIP
    """
    watcher = watcher or Logged()
    watcher.stage("reading the data")
    table = data if isinstance(data, Data) else read(data, **reading)
    watcher.note(describe(table))
    if table.schema.modality == "table":
        raise InputError("there is no image and no text to vary", hint="--kind COLUMN=text")
    _check_names(only, LADDERS[table.schema.modality])
    split = make_split(table, seed=seed)
    if len(split.train) < FEWEST:
        raise InputError(f"{len(split.train)} training rows tell nothing", expected=f"{FEWEST} or more")
    watcher.stage("features of the frozen backbone")
    ground = ground_of(table, split, model=model, rows=rows, seed=seed, watcher=watcher)
    watcher.stage("trying transforms")
    try:
        trials = try_transforms(ground, names=only or None, advance=watcher.advance)
        whole = whole_policy(ground, trials)
    finally:
        watcher.close()
    return Augmentation(table, ground.sample.rows[ground.sample.varied], trials, whole)


def ground_of(
    table: Data, split: Split, *, model: str = "auto", rows: int, seed: int, watcher: Watcher
) -> Ground:
    """What trials stand on: a sample of training rows, some of which are varied, and validation."""
    backbone = embedder(table, model=model, watcher=watcher)
    assert backbone is not None
    chosen = np.sort(np.random.default_rng(seed).permutation(split.train)[:HEAD_ROWS])
    known = targets(table, chosen)
    sample = sampled(chosen, backbone.features(chosen), known, most=rows, seed=seed)
    objective = Objective.of(table.schema.task, known, table.schema.classes)
    held = _held(table, backbone, split.validation)
    return Ground(backbone.bench, backbone.backbone, sample, objective, held)


def _held(table: Data, backbone: Embedder, rows: Rows) -> Held | None:
    """Validation rows as they are, as many as heads learn from at most."""
    if len(rows) < FEWEST:
        return None
    chosen = rows[:: -(-len(rows) // HEAD_ROWS)]
    return Held(backbone.features(chosen), targets(table, chosen))


def sentence(trial: Trial, *, metric: str) -> str:
    """A trial in words."""
    effect = trial.effect
    transform = effect.transform
    name = f"{transform.name} {transform.strength:g}"
    words = {"keeps": "keeps the label", "doubtful": "no use", "changes": "changes the label"}
    same = "" if effect.same is None else f", {100 * effect.same.value:.0f} % of answers the same"
    if effect.stayed is not None and transform.name in MIRRORS:
        same += f" ({100 * effect.stayed.value:.0f} % of the right and likely ones)"
    spelt = metric.replace("_", "-")
    line = f"{name:<12}{words[trial.verdict]:<18}{spelt} {effect.before:.3f} {effect.loss.value:+.3f}{same}"
    if trial.gain is not None:
        line += f"; learnt from: {trial.gain.value:+.3f} ({trial.gain.low:+.3f} to {trial.gain.high:+.3f})"
    return line


def _check_names(only: Sequence[str], known: dict[str, Any]) -> None:
    from upfit.errors import nearest

    for name in only:
        if name not in known:
            guess = nearest(name, known)
            raise InputError(
                f"no transform is called {name!r}",
                expected="one of " + ", ".join(known),
                hint=f"--only {guess}" if guess else "",
            )


def _trial(trial: Trial) -> dict[str, Any]:
    effect = trial.effect
    ends = {
        name: None if one is None else (one.value, one.low, one.high)
        for name, one in (
            ("same", effect.same),
            ("stayed", effect.stayed),
            ("loss", effect.loss),
            ("gain", trial.gain),
        )
    }
    return {
        "transform": effect.transform.name,
        "tried": effect.transform.strength,
        "used": trial.used if trial.accepted else 0.0,
        "verdict": trial.verdict,
        "before": effect.before,
        **ends,
    }
