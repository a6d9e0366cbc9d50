"""Repair of a run of ours: Run → Finding → trials → Recipe → Run, each step kept in the run folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from upfit.diagnose.group_rates import GroupRates
from upfit.diagnose.seen import Seen
from upfit.diagnose.treat_candidates import Edits, Pick, candidates
from upfit.diagnose.treat_trials import LATE
from upfit.errors import InputError
from upfit.journey.preflight import FILE as PREFLIGHT
from upfit.journey.repair_alarm import ill, severe, trace_of
from upfit.journey.repair_edits import with_our_rates, worth_trying
from upfit.journey.repair_facts import REFERENCE
from upfit.journey.repair_trials import LEAST, Bedside, repair_trials, steps_ratio, trial_steps
from upfit.models import Backbone
from upfit.store import RunFolder
from upfit.train.settle import Costs, make_plan, settle_techniques
from upfit.train.timing import Rates
from upfit.train.tune import Plan
from upfit.train.workbench import Workbench
from upfit.values import Cure, Finding, Recipe, Trace

if TYPE_CHECKING:
    from upfit.journey.course import Journey

STATE = "repair.json"
TUNED = "tuned.safetensors"
ROUNDS = 2
"""Illnesses that are cured one after another."""
ENOUGH = 0.8
"""Part of a whole run that has to fit into the time left, for a cure to be tried over one."""


@dataclass(frozen=True)
class Standing:
    """Where repairs stand: how many were made, and whether it is over with them.

    Args:
        rounds: Repairs that are done: the attempts before them lie in `attempts/1`, `attempts/2` …
        closed: Nothing more is tried.
        moving: A repaired recipe and plan that were decided, and may not have been put in place yet.
        chosen: The attempt that validation preferred to the last one.
    """

    rounds: int = 0
    closed: bool = False
    moving: dict[str, object] | None = None
    chosen: str | None = None

    @classmethod
    def of(cls, folder: RunFolder) -> Standing:
        """What the folder says."""
        return cls(**folder.read_json(STATE)) if folder.has(STATE) else cls()

    def keep(self, folder: RunFolder) -> None:
        """Write it down."""
        folder.write_json(STATE, asdict(self))


def may_repair(journey: Journey, bench: Workbench) -> bool:
    """Whether an alarm makes sense: asked for, one process, and rounds left."""
    standing = Standing.of(journey.folder)
    allowed = bench.recipe.watch == "repair" and bench.world.size == 1
    is_free = not standing.closed and standing.rounds < ROUNDS and on_trial(journey.folder) is None
    return allowed and is_free


def repair(journey: Journey, bench: Workbench, backbone: Backbone, *, ended: bool) -> Plan | None:
    """Try cures for the run as its journal shows it; put a repaired recipe in place.

    Args:
        journey: Its folder holds the sick run.
        bench: With the sick recipe.
        backbone: As pretrained.
        ended: The run came to its end; otherwise it was stopped, or broke off.

    Returns:
        The plan of the repaired run, whose recipe is in the folder; None where nothing is to be repaired.
    """
    folder = journey.folder
    standing, trace = Standing.of(folder), trace_of(folder.path)()
    found = ill(trace) if ended else severe(trace)
    bedside = Bedside(bench, backbone, journey.metric, journey.places.asked_to_stop)
    picks = _picks(journey, bedside, found, rates_of_run(trace))
    if not picks:
        replace(standing, closed=True).keep(folder)
        return None
    journey.watcher.stage("trying cures")
    journey.watcher.note(f"{found[0].kind}: {found[0].message}")
    late = picks[0][0].kind in LATE | {"wrong_augmentation"}
    whole = ended and (late or has_returned(folder.read_ledger(), found))
    decided = _whole_run(journey, bedside, picks[0]) if whole else _decided(journey, bedside, picks)
    folder.write_ledger((*folder.read_ledger(), *decided.lines))
    for line in decided.lines:
        journey.watcher.note(told(line))
        if line.is_kept and line.gain is not None:
            folder.write_findings((*folder.read_findings(), as_finding(line)))
    if decided.recipe is None or decided.plan is None:
        # Seen and not cured: whoever reads the result has to know.
        folder.write_findings((*folder.read_findings(), found[0]))
        replace(standing, closed=True).keep(folder)
        return None
    kept_plan = asdict(replace(decided.plan, deadline=None))
    replace(standing, moving={"recipe": decided.recipe.to_yaml(), "plan": kept_plan}).keep(folder)
    put_in_place(folder)
    return decided.plan


@dataclass(frozen=True)
class _Decided:
    """What trials led to: lines of the ledger, and the repaired recipe with its plan where one was kept."""

    lines: tuple[Cure, ...]
    recipe: Recipe | None = None
    plan: Plan | None = None


def _decided(journey: Journey, bedside: Bedside, picks: Sequence[Pick]) -> _Decided:
    saved = journey.folder.read_json("plan.json")
    rates, planned = Rates(**saved["rates"]), int(saved["plan"]["total_steps"])
    steps = trial_steps(journey.clock.left, rates.step, planned)
    if steps < min(LEAST, planned):
        return _Decided((_no_time(picks[0][0], journey.metric, steps),))
    lines = repair_trials(bedside, picks, steps)
    winner = next((line for line in lines if line.is_kept), None)
    if winner is None:
        return _Decided(lines)
    recipe = bedside.recipe_with(winner.changes)
    plan = _plan(journey, bedside.bench, recipe, rates)
    undecided = winner.gain is None and plan is not None and plan.total_steps < ENOUGH * plan.wanted_steps
    if plan is None or undecided:
        late = winner.replace(outcome="undone", why=f"{winner.why} But no time is left to train with it.")
        return _Decided(tuple(late if line is winner else line for line in lines))
    return _Decided(lines, settle_techniques(recipe, plan.total_steps), plan)


def _whole_run(journey: Journey, bedside: Bedside, pick: Pick) -> _Decided:
    """An illness that shows late shows in no short trial: a whole run tries it, `repair_judge` judges."""
    finding, edits = pick
    why = f"{finding.message} Therefore: {edits[0].because}. Tried over a whole run."
    line = Cure(kind=finding.kind, outcome="failed", why=why, changes=edits, metric=journey.metric)
    try:
        recipe = bedside.recipe_with(edits)
    except InputError as error:
        return _Decided((line.replace(why=f"{why} {error.message}"),))
    plan = _plan(journey, bedside.bench, recipe, Rates(**journey.folder.read_json("plan.json")["rates"]))
    if plan is None or plan.total_steps < ENOUGH * plan.wanted_steps:
        return _Decided((line.replace(outcome="undone", why=f"{why} But the time left is too short."),))
    line = line.replace(outcome="kept", steps=plan.total_steps)
    return _Decided((line,), settle_techniques(recipe, plan.total_steps), plan)


def _picks(
    journey: Journey, bedside: Bedside, found: Sequence[Finding], rates: GroupRates
) -> tuple[Pick, ...]:
    """Candidates that change something, were not tried before, and fit into the time left."""
    if not rates.main > 0:
        return ()
    ledger = journey.folder.read_ledger()
    tried = [line.changes for line in ledger]
    if has_returned(ledger, found):
        tried = tried_enough(ledger, int(journey.folder.read_json("plan.json")["plan"]["total_steps"]))
    sick = bedside.bench.recipe
    offered = candidates(with_our_rates(sick, found), most=99)
    picks = worth_trying(sick, offered, rates, tried=tried, settle=bedside.settled)
    return _within_time(journey, bedside.bench, picks)


def has_returned(ledger: Iterable[Cure], found: Sequence[Finding]) -> bool:
    """Whether the first of the illnesses is there still, after a cure for it was kept."""
    return bool(found) and any(line.is_kept and line.kind == found[0].kind for line in ledger)


def tried_enough(ledger: Iterable[Cure], whole_steps: int) -> list[Edits]:
    """What is not tried again although the illness returned: a short trial's no is not the last word then.

    >>> from upfit.values import Change
    >>> off = Change(path="optimizer.weight_decay", to=0.0)
    >>> no = Cure(kind="over_regularised", outcome="undone", changes=(off,), steps=20)
    >>> [len(tried_enough([no.replace(steps=steps)], 90)) for steps in (20, 90)]
    [0, 1]
    """
    return [line.changes for line in ledger if line.outcome != "undone" or line.steps >= whole_steps]


def _within_time(journey: Journey, bench: Workbench, picks: Sequence[Pick]) -> tuple[Pick, ...]:
    """The candidates without those that train longer than there is time for."""
    left = journey.clock.left
    if left is None:
        return tuple(picks)
    saved = journey.folder.read_json("plan.json")
    whole = saved["rates"]["step"] * saved["plan"]["total_steps"]
    lengths = [steps_ratio(bench.recipe, bench.recipe.apply(*edits)) for _, edits in picks]
    return tuple(
        pick for pick, times in zip(picks, lengths, strict=True) if times <= 1 or 2 * times * whole < left
    )


def rates_of_run(trace: Trace) -> GroupRates:
    """The rates of a run by layer group; where no look has seen them, the one that its steps record."""
    seen = Seen(trace)
    rates = GroupRates.of(seen)
    return rates if rates.is_known else GroupRates(head=seen.rate)


def put_in_place(folder: RunFolder) -> None:
    """Finish what `repair` decided: the sick attempt aside, the new recipe and plan in its place.

    Safe to call at any time: a kill in the middle leaves it to be done again.
    """
    standing = Standing.of(folder)
    if standing.moving is None or not folder.writes:
        return
    aside = folder.path / "attempts" / str(standing.rounds + 1)
    aside.mkdir(parents=True, exist_ok=True)
    for name in ("trace.jsonl", "recipe.yaml", "plan.json"):
        if not (aside / name).is_file() and folder.has(name):
            shutil.copy2(folder.path / name, aside / name)
    folder.write_text("recipe.yaml", str(standing.moving["recipe"]))
    folder.write_json("plan.json", folder.read_json("plan.json") | {"plan": standing.moving["plan"]})
    tuned = folder.path / "candidates" / TUNED
    if tuned.is_file():
        (aside / "candidates").mkdir(exist_ok=True)
        shutil.move(tuned, aside / "candidates" / TUNED)
    for name in ("checkpoints", PREFLIGHT):
        folder.remove(name)
    _cut_journal(folder)
    Standing(standing.rounds + 1).keep(folder)


def on_trial(folder: RunFolder) -> Cure | None:
    """The line of the ledger that a whole run now tries, if there is one."""
    return next((cure for cure in folder.read_ledger() if cure.is_kept and cure.gain is None), None)


def told(line: Cure) -> str:
    """A line of the ledger in words.

    >>> told(Cure(kind="lr_too_large", outcome="undone", why="Steps overshoot."))
    'undone: Steps overshoot.'
    """
    gain = "" if line.gain is None else f", gain in {line.metric} {line.gain} after {line.steps} steps"
    return f"{line.outcome}: {line.what if line.changes else line.why}{gain}"


def _cut_journal(folder: RunFolder) -> None:
    """What does not depend on the recipe stays; all else is in the sick attempt's folder."""
    path = folder.path / "trace.jsonl"
    if not path.is_file():
        return
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if REFERENCE in line]
    folder.write_text("trace.jsonl", "".join(line + "\n" for line in kept))


def _plan(journey: Journey, bench: Workbench, recipe: Recipe, rates: Rates) -> Plan | None:
    reserve = float(journey.folder.read_json("plan.json")["reserve"])
    left = None if journey.clock.left is None else journey.clock.left - reserve
    size = recipe.batching.size
    assert not isinstance(size, str), "the recipe has to be settled first"
    per_epoch = -(-len(bench.split.train) // size)
    before = bench.recipe.batching.size
    step = rates.step * (1.0 if isinstance(before, str) else size / before)
    plan = make_plan(recipe, per_epoch=per_epoch, costs=Costs(step, rates.evaluation(bench.split), left))
    return None if plan is None else replace(plan, deadline=journey.clock.deadline(reserve))


def _no_time(finding: Finding, metric: str, steps: int) -> Cure:
    why = (
        f"{finding.message} The time left allows {steps} steps for each trial of a cure, {LEAST} are needed."
    )
    return Cure(kind=finding.kind, outcome="failed", why=why, metric=metric)


def as_finding(line: Cure) -> Finding:
    """A repair that was kept, as the report tells it."""
    evidence = {} if line.gain is None else {"gain": line.gain.value, "low": line.gain.low}
    text = f"{line.why} Changed to {line.what}; {told(line)}."
    return Finding(kind="repaired", severity="info", message=text, evidence=evidence)


def is_sick(trace: Trace) -> bool:
    """Whether a run that ended has something that is worth trials of cures."""
    return bool(ill(trace))
