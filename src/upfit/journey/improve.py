"""What makes a better candidate than the probe: tuning, repaired where it is sick, and refitting."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

from upfit.data.tokens import segment_count
from upfit.errors import Interrupted, MemoryExhausted, TrainingError
from upfit.journey.preflight import SHARE, tell_start
from upfit.journey.repair import is_sick, may_repair, repair
from upfit.journey.repair_alarm import Alarm, trace_of
from upfit.journey.repair_facts import REFERENCE, SETTINGS, augmentation_of, reference_of, settings_of
from upfit.journey.repair_judge import best_attempt, judge_trial
from upfit.models import Backbone, Network, load_backbone
from upfit.report.watchers import Watchers
from upfit.store import Journal
from upfit.train.fitted import Fitted, kept
from upfit.train.stages import fresh_network, refit_stage, tune_stage
from upfit.train.timing import Rates
from upfit.train.tune import Plan
from upfit.train.workbench import Workbench
from upfit.values import Finding

if TYPE_CHECKING:
    from upfit.journey.course import Journey

SLACK = 0.05
"""Part of the budget that a run may exceed rather than leave out its refitting."""
LEFT = 0.3
"""Part of a budget that has to be left for a run that ended to be repaired."""


@dataclass(frozen=True, eq=False)
class Improved:
    """Candidates beside the probe, what was found, and the bench with the recipe that made them."""

    bench: Workbench
    tuned: Fitted | None = None
    refitted: Fitted | None = None
    findings: tuple[Finding, ...] = ()


def improve(
    journey: Journey, bench: Workbench, backbone: Backbone, probe: Fitted, plan: Plan | None
) -> Improved:
    """Tune, repair, and refit the probe on the tuned features.

    A run that diverges and cannot be repaired leaves the probe standing.
    """
    if plan is None:
        text = "the budget leaves no time for tuning, so the linear probe is the result"
        return Improved(bench, findings=(Finding(kind="underfit_budget", severity="warning", message=text),))
    while True:
        _note_facts(journey, bench, backbone, probe)
        network = fresh_network(bench, backbone)
        tell_start(journey, bench, network, plan)
        journey.watcher.stage("tuning")
        attempted = _attempt(journey, bench, network, plan)
        if not attempted.rang:
            judge_trial(journey, bench, attempted.tuned)
        if not (_is_open(journey, attempted) and may_repair(journey, bench)):
            break
        # Tuning has changed the weights of the backbone; trials and what comes next start from its own.
        backbone = _as_pretrained(bench)
        again = repair(journey, bench, backbone, ended=attempted.tuned is not None)
        if again is not None:
            plan, bench = again, bench.with_recipe(journey.folder.read_recipe())
        elif not attempted.rang:
            break
        # Where nothing helped, a run that was stopped goes on from its checkpoint.
    journey.folder.write_seconds(journey.clock.spent)
    _leave_if_asked(journey)
    bench, tuned = best_attempt(journey, bench, attempted.tuned)
    if tuned is None or bench.recipe.layers.train == "head" or not _time_to_refit(journey, bench):
        return Improved(bench, tuned, findings=attempted.findings)
    network.load_state_dict(tuned.tensors)
    journey.watcher.stage("linear probe on the tuned backbone")
    refitted = kept(journey.folder, "refitted", lambda: refit_stage(bench, network))
    _leave_if_asked(journey)
    return Improved(bench, tuned, refitted)


@dataclass(frozen=True, eq=False)
class _Attempt:
    """How one tuning ended: with a candidate, by the alarm, or in ruins."""

    tuned: Fitted | None = None
    rang: bool = False
    findings: tuple[Finding, ...] = ()


def _attempt(journey: Journey, bench: Workbench, network: Network, plan: Plan) -> _Attempt:
    folder = journey.folder
    alarm = Alarm(trace_of(folder.path), plan.total_steps)
    places, watched = journey.places, bench
    if may_repair(journey, bench):
        stop = journey.places.asked_to_stop
        places = replace(journey.places, asked_to_stop=lambda: stop() or alarm.ringing)
        watched = replace(bench, watcher=Watchers(bench.watcher, alarm))
        if not folder.has("candidates/tuned.safetensors"):
            alarm.recall()
        if alarm.ringing:
            return _Attempt(rang=True)
    try:
        tuned = kept(
            folder,
            "tuned",
            lambda: tune_stage(watched, network, plan=plan, places=places, metric=journey.metric),
        )
    except Interrupted:
        if journey.places.asked_to_stop() or not alarm.ringing:
            raise
        return _Attempt(rang=True)
    except TrainingError as error:
        starved = isinstance(error, MemoryExhausted)
        text = f"tuning {'ran out of memory' if starved else 'diverged'} and was dropped: {error.message}"
        kind = "out_of_memory" if starved else "nan_loss"
        return _Attempt(findings=(Finding(kind=kind, severity="error", message=text),))
    return _Attempt(tuned)


def _note_facts(journey: Journey, bench: Workbench, backbone: Backbone, probe: Fitted) -> None:
    """Put what rules compare a run with into the journal before its first step, once."""
    path = journey.folder.path / "trace.jsonl"
    if not journey.folder.writes or bench.recipe.watch == "off":
        return
    noted = [event.text for event in trace_of(journey.folder.path)().events if event.kind == "measured"]
    saved = journey.folder.read_json("plan.json")
    seconds = SHARE * (journey.clock.budget or saved["rates"]["step"] * saved["plan"]["total_steps"])
    with closing(Journal(path)) as journal:
        if REFERENCE not in noted:
            journal.add(reference_of(bench, probe))
        if SETTINGS not in noted:
            varied = augmentation_of(bench, backbone, probe, seconds=seconds)
            settings = settings_of(bench.recipe)
            journal.add(replace(settings, data=settings.data | varied))


def _is_open(journey: Journey, attempted: _Attempt) -> bool:
    """Whether a tuning was stopped, broke off, or ended sick with time left for another."""
    if attempted.tuned is None:
        return True
    return _has_time(journey) and is_sick(trace_of(journey.folder.path)())


def _as_pretrained(bench: Workbench) -> Backbone:
    schema = bench.data.schema
    modality = cast(Literal["image", "text"], schema.modality)
    return load_backbone(bench.recipe.backbone, modality, segments=segment_count(schema))


def _has_time(journey: Journey) -> bool:
    """Whether a run that ended may still be repaired."""
    left, budget = journey.clock.left, journey.clock.budget
    return left is None or budget is None or left > LEFT * budget


def _leave_if_asked(journey: Journey) -> None:
    """Stop between stages too: a signal that comes as the loop ends finds nobody who polls."""
    if journey.world.agree(journey.places.asked_to_stop()):
        raise Interrupted("interrupted")


def _time_to_refit(journey: Journey, bench: Workbench) -> bool:
    """Whether the time left is enough for refitting and finishing."""
    if journey.clock.left is None or journey.folder.has("candidates/refitted.safetensors"):
        return True
    rates = Rates(**journey.folder.read_json("plan.json")["rates"])
    needed = rates.refit(bench.split) + rates.finish(bench.split)
    slack = SLACK * (journey.clock.budget or 0.0)
    return bench.world.agree(journey.clock.left + slack >= needed)
