"""Trials of cures: each candidate against the run without it, seed by seed, for a part of its steps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from upfit.diagnose.job import Job
from upfit.diagnose.treat_attempt import Attempt, Limits, attempt
from upfit.diagnose.treat_candidates import Edits, Pick
from upfit.diagnose.treat_judge import MISFIT, judged, judging_metric
from upfit.values import Cure, Estimate

SEEDS = 2
FRACTION = 0.25
"""Of the steps that each one asks for: a longer training is tried for longer."""
LEAST = 20
"""Steps of a trial; fewer tell nothing."""
LATE = frozenset({"label_noise", "overfit", "oscillating_loss", "too_little_data"})
"""Illnesses that only show late: their cures are tried for the whole length."""


@dataclass(frozen=True)
class Setting:
    """What all trials of a round share.

    Args:
        job: What is trained.
        changes: Those that are kept already.
        metric: What judges.
        seed: The first of the seeds.
        share: Of the usual length, where the budget is short; 1 is all of it.
        until: `time.monotonic()` at which trials end; None for no limit.
        whole: Whether trials take the whole length, whatever the illness; None asks the illness.
    """

    job: Job
    changes: Edits
    metric: str
    seed: int
    share: float = 1.0
    until: float | None = None
    whole: bool | None = None

    def fraction(self, kinds: set[str], steps: int) -> float:
        """Which part of its steps each trial takes, of a run of so many."""
        whole = bool(kinds & LATE) if self.whole is None else self.whole
        wanted = 1.0 if whole else max(FRACTION, LEAST / max(1, steps))
        return min(1.0, wanted * self.share)


def trials(setting: Setting, picks: Sequence[Pick], first: Attempt) -> tuple[Cure, ...]:
    """A line of the ledger for each candidate; `kept` means better than without it, beyond noise.

    Args:
        setting: What they share.
        picks: Findings with the changes that are tried for each.
        first: The whole run that was found ill; it stands in where a trial would only repeat it.
    """
    fraction = setting.fraction({finding.kind for finding, _ in picks}, first.steps)
    seeds = [setting.seed + number for number in range(SEEDS)]
    plain = [
        first
        if fraction == 1.0 and seed == setting.seed
        else attempt(setting.job, setting.changes, seed=seed, limits=_limits(setting, fraction))
        for seed in seeds
    ]
    return tuple(_tried(setting, pick, dict(zip(seeds, plain, strict=True)), fraction) for pick in picks)


def _tried(setting: Setting, pick: Pick, plain: dict[int, Attempt], fraction: float) -> Cure:
    finding, changes = pick
    begun, gains = time.monotonic(), list[Estimate]()
    about = Cure(kind=finding.kind, outcome="failed", why=_why(pick), changes=changes, metric=setting.metric)
    values: list[tuple[float | None, float | None]] = []
    steps = 0
    for seed, before in plain.items():
        if setting.until is not None and time.monotonic() > setting.until:
            break
        after = attempt(
            setting.job, (*setting.changes, *changes), seed=seed, limits=_limits(setting, fraction)
        )
        if not gains and (setting.whole or finding.kind == MISFIT):
            about = about.replace(metric=judging_metric(finding.kind, before, after, setting.metric))
        gain = after.gain(before, about.metric)
        if gain is None and before.end is None and after.end is not None:
            # Without the change it cannot run at all.
            return about.replace(outcome="kept", after=after.value(about.metric), steps=after.steps)
        if gain is None:
            return about.replace(why=f"{_why(pick)}; it broke off: {after.failure}", steps=after.steps)
        gains.append(gain)
        values.append((before.value(about.metric), after.value(about.metric)))
        steps = after.steps
        if gain.low <= 0:
            # One seed without a clear gain is enough for a no; the other seeds' time is better spent.
            break
    if not gains:
        return about.replace(why=f"{_why(pick)}; there was no time to try it")
    mean, kept = judged(gains)
    return about.replace(
        outcome="kept" if kept else "undone",
        gain=mean,
        before=_mean([before for before, _ in values]),
        after=_mean([after for _, after in values]),
        steps=steps,
        seconds=time.monotonic() - begun,
    )


def _limits(setting: Setting, fraction: float) -> Limits:
    return Limits(fraction=fraction, until=setting.until)


def _why(pick: Pick) -> str:
    finding, changes = pick
    return f"{finding.message} {changes[0].because}".strip()


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
