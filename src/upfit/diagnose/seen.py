"""What the rules see of a run: its Trace, with the curves and numbers they ask for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from upfit.measure import higher_is_better
from upfit.values import Evaluation, Event, Step, Trace
from upfit.values.trace import Health

Curve = npt.NDArray[np.float64]

SCORES = ("accuracy", "balanced_accuracy", "acc", "r2", "f1", "macro_f1", "auroc", "subset_accuracy")
"""Validation metrics that can be compared with the reference's score, the likeliest first."""

LOPSIDED, GONE, BY_HEART = 0.6, 0.01, 40
"""Share of the commonest class; of the highest rate, less than which moves nothing; and steps on one batch
that a small model needs to know it by heart."""


class Seen:
    """A Trace as rules read it.

    Example:
        >>> seen = Seen(Trace())
        >>> seen.has("loss"), seen.fact("labels.classes")
        (False, nan)
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.facts = trace.facts()

    def has(self, need: str) -> bool:
        """Whether a need was recorded; `a or b` when one of them was."""
        return any(self._has(one) for one in need.split(" or "))

    def _has(self, need: str) -> bool:
        trace = self.trace
        recorded = {
            "loss": len(trace.steps) > 0,
            "gradient_norm": any(math.isfinite(s.gradient_norm) for s in trace.steps),
            "memory": any(math.isfinite(s.rss_mb) for s in trace.steps),
            "validation": len(trace.evaluations) > 0,
            "layers": any(h.gradient_norms for h in trace.healths),
            "updates": any(h.update_ratios for h in trace.healths),
            "activations": any(h.dead or h.saturated for h in trace.healths),
            "repairs": len(self.taken_back) > 0,
            "mode_losses": any(math.isfinite(h.evaluation_mode_loss) for h in trace.healths),
        }
        if need in recorded:
            return recorded[need]
        return need in self.facts or any(name.startswith(f"{need}.") for name in self.facts)

    def fact(self, name: str, otherwise: float = math.nan) -> float:
        """A number that a one-step test measured; NaN where it did not, which no comparison is true for."""
        return self.facts.get(name, otherwise)

    @property
    def taken_back(self) -> tuple[Event, ...]:
        """Bad steps that the run has taken back and cured by itself."""
        return tuple(event for event in self.trace.events if event.kind == "rolled_back")

    @property
    def steps(self) -> tuple[Step, ...]:
        """The optimizer steps."""
        return self.trace.steps

    @property
    def healths(self) -> tuple[Health, ...]:
        """The looks inside the network."""
        return self.trace.healths

    @property
    def healths_of_numbers(self) -> tuple[Health, ...]:
        """Looks at steps before the loss was no number: after it nothing fires, which says nothing new."""
        lost = next((one.step for one in self.steps if not math.isfinite(one.loss)), math.inf)
        return tuple(one for one in self.healths if one.step < lost)

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """The evaluations."""
        return self.trace.evaluations

    @cached_property
    def losses(self) -> Curve:
        """Training loss of each step."""
        return np.array([step.loss for step in self.steps], np.float64)

    @cached_property
    def finite_losses(self) -> Curve:
        """Training losses without NaN and infinity."""
        return self.losses[np.isfinite(self.losses)]

    @cached_property
    def opening(self) -> float:
        """Loss before training: measured, on several batches if that was done, or the mean of three steps."""
        if math.isfinite(self._measured_start):
            return self._measured_start
        return float(self.finite_losses[:3].mean()) if len(self.finite_losses) else math.nan

    @property
    def _measured_start(self) -> float:
        return self.fact("rates.start", self.fact("gradients.loss"))

    @cached_property
    def opening_at_most(self) -> float:
        """The opening loss and two standard errors, at most twice it: three small batches may be easy ones.

        Where the one-step tests measured it, there is nothing to add.
        """
        if math.isfinite(self._measured_start):
            return self.opening
        error = float(self.finite_losses[:20].std()) / math.sqrt(3) if len(self.finite_losses) else math.nan
        return self.opening + min(2 * error, abs(self.opening))

    @cached_property
    def closing(self) -> float:
        """Mean loss over the last tenth of the steps (five at least)."""
        last = self.finite_losses[-max(5, len(self.finite_losses) // 10) :]
        return float(last.mean()) if len(last) else math.nan

    @property
    def fallen(self) -> float:
        """Fraction of the opening loss that is gone; negative where the loss has risen."""
        return 1 - self.closing / self.opening if self.opening > 0 else math.nan

    @cached_property
    def still_falling(self) -> bool:
        """Whether the last third lies below the third before it, by more than its noise."""
        thirds = np.array_split(self.finite_losses, 3)
        if len(thirds[2]) < 3:
            return False
        noise = float(
            thirds[2].std() / math.sqrt(len(thirds[2])) + thirds[1].std() / math.sqrt(len(thirds[1]))
        )
        return float(thirds[1].mean() - thirds[2].mean()) > 2 * noise

    @cached_property
    def validation_losses(self) -> Curve:
        """Validation losses, in order."""
        return np.array([one.loss for one in self.evaluations], np.float64)

    @cached_property
    def metric(self) -> str:
        """The metric that judges: the best known one, or the first that was recorded."""
        names = list(self.evaluations[-1].metrics) if self.evaluations else []
        return next((name for name in SCORES if name in names), names[0] if names else "")

    @cached_property
    def scores(self) -> Curve:
        """The judging metric at each evaluation, higher is better; percentages become fractions."""
        if not self.metric:
            return np.empty(0)
        values = np.array([one.metrics.get(self.metric, math.nan) for one in self.evaluations], np.float64)
        if self.metric in ("accuracy", "acc") and np.nanmax(values, initial=0) > 1.5:
            values = values / 100
        return values if _rises(self.metric) else -values

    @cached_property
    def score(self) -> float:
        """The last score that the reference can be compared with: of validation, or of the training probe."""
        if self.metric in SCORES and len(self.scores) and math.isfinite(self.scores[-1]):
            return float(np.nanmax(self.scores[-3:]))
        return self.train_score

    @cached_property
    def train_score(self) -> float:
        """The last score on the training probe."""
        known = [h.train_metric for h in self.healths if math.isfinite(h.train_metric)]
        return max(known[-2:]) if known else math.nan

    @cached_property
    def shortfall(self) -> float:
        """By how much the model stays below a plain reference model on the same inputs; NaN if unknown."""
        return self.fact("reference.score") - self.score

    @property
    def margin(self) -> float:
        """How far below the reference is more than chance: 0.05, two standard errors, or 0.15 of R²."""
        if self.metric == "r2" or "labels.spread" in self.facts:
            return 0.15
        share, examples = self.fact("reference.score"), self.fact("validation.examples", 1e9)
        return max(0.05, 2 * math.sqrt(share * (1 - share) / examples)) if 0 <= share <= 1 else 0.05

    @property
    def keeps_best(self) -> bool:
        """Whether the weights of the best evaluation are what the run ends with, and are not poor.

        What happens after that evaluation does no harm.
        """
        if not any(one.best for one in self.evaluations) or not len(self.scores):
            return False
        behind = self.fact("reference.score") - float(np.nanmax(self.scores, initial=-np.inf))
        return not (self.metric in SCORES and behind > self.margin)

    @property
    def score_noise(self) -> float:
        """Two standard errors of a share of the validation examples; 0 where their number is not known."""
        examples = self.fact("validation.examples", math.inf)
        known = self.scores[np.isfinite(self.scores)]
        share = float(np.clip(np.median(known), 0, 1)) if len(known) else 0.5
        return max(2 * math.sqrt(share * (1 - share) / examples), 3 / examples)

    @property
    def is_poor(self) -> bool:
        """Whether the run ended clearly below what the data allow, as far as that is known.

        Without a reference: the loss has lost less than a tenth of what it opened with (text models go from
        3.5 to 2.8 and are well). Before the first step nothing has ended.
        """
        if not self.steps:
            return False
        if math.isfinite(self.shortfall):
            return self.shortfall > self.margin
        lost = self.fact("reference.loss")
        if math.isfinite(lost):
            return self.closing > 1.05 * lost
        return len(self.losses) >= 10 and 1 - self.closing / self.opening_at_most < 0.1

    @property
    def is_well(self) -> bool:
        """Whether the run ended about where the data allow, which is known."""
        return bool(self.steps) and math.isfinite(self.shortfall) and not self.is_poor

    @property
    def dropout(self) -> float:
        """Largest share of units that is hidden, by the model or by the recipe."""
        return max(self.fact("modes.dropout", 0.0), self.fact("recipe.dropout", 0.0))

    @property
    def penalty(self) -> float:
        """Strength of the L2 penalty in the loss; 0 without, or where nobody told."""
        return self.fact("recipe.l2", 0.0)

    @property
    def label_smoothing(self) -> float:
        """That of the loss function, or of the recipe."""
        return self.fact("loss.smoothing", self.fact("recipe.label_smoothing", 0.0))

    @property
    def is_loud(self) -> bool:
        """Whether the untrained model is sure of itself: a loss well above guessing."""
        return self.fact("start.loss") > 2 * self.fact("start.chance")

    @property
    def cannot_learn_a_batch(self) -> bool:
        """Whether sixteen examples could not be learnt by heart, though there was time for it."""
        start, end = self.fact("one_batch.start"), self.fact("one_batch.end")
        tried = self.fact("one_batch.steps") >= BY_HEART and start > 0
        return tried and end > 0.7 * start and self.fact("one_batch.score", 0.0) < 0.7

    @property
    def is_straight(self) -> bool:
        """Whether nothing in the network bends: all of it is one linear layer."""
        kinds = ("rectifiers", "squashers", "others", "exponentials", "bends")
        return all(self.fact(f"units.{kind}") == 0 for kind in kinds)

    @property
    def is_too_narrow(self) -> bool:
        """Whether everything passes so few units that on or off is too little to tell the classes apart."""
        return 2 ** self.fact("narrow.width") < self.fact("labels.classes")

    @property
    def is_probe(self) -> bool:
        """Whether little more than a head learns: it need not reach a reference that sees the inputs."""
        return self.fact("trainable.only_top") == 1 and self.fact("trainable.share") < 0.5

    @property
    def taken(self) -> int:
        """Steps that were taken; in the shortest ones not every step is recorded."""
        return self.steps[-1].step if self.steps else 0

    @property
    def is_far_behind(self) -> bool:
        """Whether the run ended so low that more steps or more capacity must be the answer, not a detail."""
        known = math.isfinite(self.shortfall)
        if known and self.is_probe:
            return self.is_poor and self.is_at_chance
        # Where nearly all are of one class, many good answers are as right as naming that one.
        nothing = self.is_at_chance and self.fact("reference.chance") < LOPSIDED
        return self.is_poor and (self.shortfall > 3 * self.margin - 0.02 or nothing if known else True)

    @property
    def has_had_time(self) -> bool:
        """Whether slowness may be judged: after a hundred steps, three evaluations, or all there are."""
        ended = self.fact("run.ended") == 1 and len(self.evaluations) > 0
        return ended or self.taken >= 100 or len(self.evaluations) >= 3

    @property
    def is_at_chance(self) -> bool:
        """Whether the last score is that of guessing."""
        chance = self.fact("reference.chance", 1 / max(2.0, self.fact("labels.classes", 1e9)))
        return self.score <= chance + 0.05

    @cached_property
    def update_ratio(self) -> float:
        """Median over looks of the median over layers: the size of a step beside the weights."""
        return self._update_ratio(self.healths)

    @cached_property
    def most_dead(self) -> float:
        """Largest share of a layer's units that never fired at any look; 0 where nobody looked."""
        return max((max(one.dead.values(), default=0.0) for one in self.healths_of_numbers), default=0.0)

    @cached_property
    def early_looks(self) -> tuple[Health, ...]:
        """Looks at the first third of the steps: later on rates decay and weights grow."""
        looks = [one for one in self.healths if one.update_ratios]
        until = self.taken / 3
        return tuple(one for one in looks if one.step <= until) or tuple(looks)

    @cached_property
    def early_update_ratio(self) -> float:
        """The same over the early looks: how large steps were at first."""
        return self._update_ratio(self.early_looks)

    def _update_ratio(self, looks: Iterable[Health]) -> float:
        found = [float(np.median(list(one.update_ratios.values()))) for one in looks if one.update_ratios]
        return float(np.median(found)) if found else self.fact("descent.update_ratio")

    @property
    def rate_was_gone_early(self) -> bool:
        """Whether half of the steps had next to none of the highest rate."""
        rates = [step.lr for step in self.steps if math.isfinite(step.lr)]
        return bool(rates) and float(np.median(rates)) < GONE * max(rates)

    def step_number(self, index: int) -> int | None:
        """The step of the record at `index`."""
        return self.steps[index].step if -len(self.steps) <= index < len(self.steps) else None

    @property
    def rate(self) -> float:
        """The greatest learning rate of the run."""
        rates = [step.lr for step in self.steps if math.isfinite(step.lr)]
        return max(rates) if rates and max(rates) > 0 else self.fact("optimizer.lr")


def _rises(name: str) -> bool:
    try:
        return higher_is_better(name)
    except Exception:
        return not any(
            word in name.lower() for word in ("loss", "error", "mae", "mse", "perplexity", "wer", "cer")
        )
