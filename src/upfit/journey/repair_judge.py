"""Judging repaired runs: what a whole run tried is kept beyond noise; the best attempt is the result."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from upfit.journey.repair import Standing, as_finding, on_trial, told
from upfit.journey.repair_alarm import trace_of
from upfit.measure import (
    baseline_scores,
    best_value,
    evidence,
    higher_is_better,
    metrics,
    paired_gain,
)
from upfit.store import RunFolder
from upfit.train.fitted import Fitted, kept
from upfit.train.workbench import Workbench
from upfit.values import Cure, Estimate

if TYPE_CHECKING:
    from upfit.journey.course import Journey


def judge_trial(journey: Journey, bench: Workbench, tuned: Fitted | None) -> None:
    """Close the line of the ledger that the run that has ended was to try, if there is one.

    It is compared with the attempt before: paired over validation examples; where that was stopped on its
    way, with the best value that it had. What gains within noise is undone, and nothing more is tried; so it
    is where the run broke off (`tuned` is None).
    """
    folder, standing, line = journey.folder, Standing.of(journey.folder), on_trial(journey.folder)
    if line is None or standing.rounds == 0:
        return
    aside = folder.path / "attempts" / str(standing.rounds)
    gain = None if tuned is None else _gain(journey, bench, tuned, aside)
    told_now = line if tuned is None or gain is None else _measured(journey, bench, line, tuned, gain)
    if gain is not None and gain.low > 0:
        closed = told_now.replace(gain=gain)
        folder.write_findings((*folder.read_findings(), as_finding(closed)))
    else:
        outcome, end = (
            ("failed", "It broke off.") if gain is None else ("undone", "It gained no more than noise.")
        )
        closed = told_now.replace(gain=gain, outcome=outcome, why=f"{line.why} {end}")
        # First of all, so that a kill in between leads here again.
        whole = fitted_in(aside) is not None
        replace(standing, closed=True, chosen=aside.name if whole else None).keep(folder)
    folder.write_ledger(tuple(closed if cure == line else cure for cure in folder.read_ledger()))
    journey.watcher.note(told(closed))


def _measured(journey: Journey, bench: Workbench, line: Cure, tuned: Fitted, gain: Estimate) -> Cure:
    """The line with the values of the two whole runs in place of those of the short trials."""
    metric, truth = journey.metric, bench.validation_targets
    now = metrics(bench.data.schema.task, tuned.scores, truth, also=metric)[metric]
    before = now - gain.value if higher_is_better(metric) else now + gain.value
    steps = int(journey.folder.read_json("plan.json")["plan"]["total_steps"])
    return line.replace(before=before, after=now, steps=steps)


def best_attempt(journey: Journey, bench: Workbench, tuned: Fitted | None) -> tuple[Workbench, Fitted | None]:
    """The tuning that validation prefers, with its recipe: where a repaired one is worse, all is undone."""
    folder, standing = journey.folder, Standing.of(journey.folder)
    task, truth = bench.data.schema.task, bench.validation_targets
    for aside in sorted((folder.path / "attempts").glob("*")):
        earlier = fitted_in(aside)
        if earlier is None:
            continue
        worse = tuned is None or (
            paired_gain(task, journey.metric, tuned.scores, earlier.scores, truth).value < 0
        )
        if worse or standing.chosen == aside.name:
            ledger = folder.read_ledger()
            folder.write_ledger(
                tuple(cure.replace(outcome="undone") if cure.is_kept else cure for cure in ledger)
            )
            folder.write_text("recipe.yaml", (aside / "recipe.yaml").read_text(encoding="utf-8"))
            return bench.with_recipe(folder.read_recipe()), earlier
    return bench, tuned


def fitted_in(aside: Path) -> Fitted | None:
    """The tuning of an attempt that was set aside; None where it was stopped on its way."""

    def missing() -> Fitted:
        raise FileNotFoundError(aside)

    try:
        return kept(RunFolder(aside), "tuned", missing)
    except FileNotFoundError:
        return None


def _gain(journey: Journey, bench: Workbench, tuned: Fitted, aside: Path) -> Estimate:
    """What the run gains over the attempt before it, in the metric's units, positive is better."""
    task, truth, metric = bench.data.schema.task, bench.validation_targets, journey.metric
    earlier = fitted_in(aside)
    if earlier is not None:
        return paired_gain(task, metric, tuned.scores, earlier.scores, truth)
    now = evidence(task, tuned.scores, truth, also=metric)[metric]
    best = best_value((one.metrics.get(metric, math.nan) for one in trace_of(aside)().evaluations), metric)
    if math.isnan(best):
        guess = baseline_scores(task, bench.train_targets, len(truth), bench.data.schema.outputs)
        return paired_gain(task, metric, tuned.scores, guess, truth)
    rises = higher_is_better(metric)
    low, high = (now.low - best, now.high - best) if rises else (best - now.high, best - now.low)
    return Estimate(now.value - best if rises else best - now.value, low, high)
