"""The run in one or two sentences: what won, how good it is, and whether the gain is more than noise."""

from __future__ import annotations

from dataclasses import dataclass

from upfit.report.words import candidate_phrase, metric_phrase, number, with_interval
from upfit.values import Estimate, Run

BASELINES = ("majority", "mean")


@dataclass(frozen=True)
class Gain:
    """The winner's margin over one other candidate.

    `inside_noise` is true where the interval holds 0.
    """

    over: str
    margin: Estimate
    inside_noise: bool
    metric: str

    @property
    def statement(self) -> str:
        """The gain in words, without a judgement and a full stop."""
        margin, value = with_interval(self.margin, self.metric), self.margin.value
        if value <= 0 or float(number(value, self.metric)) == 0:
            return f"Level with {self.over} on validation: the difference is {margin}"
        return f"Better than {self.over} by {margin} on validation"

    @property
    def sentence(self) -> str:
        """The gain in words, and whether it may be chance."""
        return f"{self.statement}, {'inside' if self.inside_noise else 'beyond'} the noise."


@dataclass(frozen=True)
class Verdict:
    """What a reader has to know first.

    Args:
        winner: The chosen candidate, as a phrase.
        part: "test" or "validation": where the headline value was measured.
        value: The primary metric there.
        gains: The winner's margins, on validation, over the probe (or the tuned model) and the baseline.
    """

    winner: str
    part: str
    metric: str
    value: Estimate
    gains: tuple[Gain, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The verdict as sentences."""
        measured = "the sealed test part" if self.part == "test" else "validation (there is no test part)"
        value = with_interval(self.value, self.metric)
        who = self.winner[0].upper() + self.winner[1:]
        did = "won:" if self.gains else "reached"
        first = f"{who} {did} {metric_phrase(self.metric)} {value} on {measured}."
        return (first, *(gain.sentence for gain in self.gains))


def verdict(run: Run) -> Verdict:
    """The verdict on a run; raises `KeyError` only for a run without its own primary metric."""
    winner = next((one for one in run.candidates if one.chosen), None)
    part = "test" if run.test and run.metric in run.test else "validation"
    value = run.test[run.metric] if run.test and part == "test" else run.validation[run.metric]
    name = candidate_phrase(winner.name) if winner else "the model"
    return Verdict(name, part, run.metric, value, tuple(_gains(run)))


def _gains(run: Run) -> list[Gain]:
    """Models first, in the order they ran, then the baseline."""
    others = [one for one in run.candidates if one.margin is not None]
    others.sort(key=lambda one: one.name in BASELINES)
    return [
        Gain(candidate_phrase(one.name), one.margin, one.margin.low <= 0 <= one.margin.high, run.metric)
        for one in others
        if one.margin is not None
    ]
