"""The run in one or two sentences: what won, how good it is, and whether the gain is more than noise."""

from __future__ import annotations

from dataclasses import dataclass

from upfit.report.words import candidate_phrase, metric_label, number, with_interval
from upfit.values import Candidate, Estimate, Run

BASELINES = ("majority", "mean")


@dataclass(frozen=True)
class Gain:
    """The winner's margin over one other candidate.

    `inside_noise` is true where the interval holds 0.
    """

    over: str
    margin: Estimate
    inside_noise: bool


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
        first = f"{who} won: {_inside(metric_label(self.metric))} {value} on {measured}."
        return (first, *(_sentence(gain, self.metric) for gain in self.gains))


def verdict(run: Run) -> Verdict:
    """The verdict on a run; raises `KeyError` only for a run without its own primary metric."""
    winner = next((one for one in run.candidates if one.chosen), None)
    part = "test" if run.test and run.metric in run.test else "validation"
    value = run.test[run.metric] if run.test and part == "test" else run.validation[run.metric]
    name = candidate_phrase(winner.name) if winner else "the model"
    return Verdict(name, part, run.metric, value, tuple(_gains(run.candidates)))


def _gains(candidates: tuple[Candidate, ...]) -> list[Gain]:
    """Models first, in the order they ran, then the baseline."""
    others = [one for one in candidates if one.margin is not None]
    others.sort(key=lambda one: one.name in BASELINES)
    return [
        Gain(candidate_phrase(one.name), one.margin, one.margin.low <= 0 <= one.margin.high)
        for one in others
        if one.margin is not None
    ]


def _sentence(gain: Gain, metric: str) -> str:
    margin = with_interval(gain.margin, metric)
    if gain.margin.value <= 0 or float(number(gain.margin.value, metric)) == 0:
        return f"Level with {gain.over} on validation: the difference is {margin}."
    noise = "inside the noise, so it may be chance" if gain.inside_noise else "beyond the noise"
    return f"Better than {gain.over} by {margin} on validation: {noise}."


def _inside(label: str) -> str:
    """A label within a sentence: lower case, but for abbreviations."""
    return label if label[1:2].isupper() or label[1:2] == "²" else label[0].lower() + label[1:]
