"""Are planted faults repaired, and healthy runs left alone? `upfit.treat`, random repair, a strong default.

`.venv/bin/python bench/doctor_repair.py --seeds 0,1,2` treats every case of `doctor_cases` whose fault a
Change can undo, and with `--controls` the controls; runs that are in `results/doctor_repair.jsonl` are not
made again. Then the page of `doctor.py` is written anew with these figures in it.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from common import RESULTS, append_line, markdown_table, read_lines

LINES = RESULTS / "doctor_repair.jsonl"
NOT_BY_CHANGE = {
    "A10": "one output for three classes: the network has to be written otherwise",
    "B5": "labels",
    "C1": "user's loop",
    "C3": "user's loop",
    "C5": "user's loop",
    "C7": "user's loop",
    "D10": "labels",
    "D12": "user's loss",
    "D18": "BatchNorm that never learns its statistics",
    "E2": "user's optimizer",
    "F5": "the clipping is in the user's loop, which a Job does not have",
    "G1": "user's model",
    "G5": "labels",
    "O3": "user's loop",
}
"""Cases that stay with their owner, and why."""
NO_JOB = ("accumulation", "decayed_to_zero", "warm_restarts", "distillation")
"""Controls with more than a Job says."""
CURES: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("optimizer.lr", (1e-4, 1e-3, 1e-2, 1e-1)),
    ("optimizer.weight_decay", (0.0, 0.01, 0.1)),
    ("head.dropout", (0.0, 0.3)),
    ("stopping.epochs", ("x4",)),
    ("stopping.patience", (3,)),
    ("schedule.warmup", (0.1,)),
    ("schedule.name", ("cosine",)),
    ("techniques.clip.norm", (1.0,)),
    ("batching.size", ("x2", "/2")),
    ("batching.micro_size", (8,)),
    ("batching.sampler", ("balanced",)),
    ("loss.label_smoothing", (0.1,)),
    ("model.init", ("he",)),
    ("model.activation", ("relu",)),
    ("model.norm", ("batch",)),
    ("model.output", ("linear", "sigmoid")),
    ("inputs.scale", ("standardise",)),
    ("inputs.fill", ("mean",)),
)
"""All cures there are, from which random repair draws one at a time."""


def main() -> None:
    """Run what is asked for, then write the page."""
    from doctor_records import latest
    from doctor_table import write_page

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--only", default="")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--controls", action="store_true", help="the controls instead")
    parser.add_argument("--random", action="store_true", help="random repair, where treat has been")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if not given.table:
        run_all(given, latest())
    write_page()


def run_all(given: argparse.Namespace, found: dict[Any, dict[str, Any]]) -> None:
    """Make the runs that are missing."""
    from doctor_cases import CASES, HEALTHY

    known = records()
    chosen = set(filter(None, given.only.split(",")))
    for seed in map(int, given.seeds.split(",")):
        jobs: list[tuple[str, Any, Any]] = (
            []
            if given.controls
            else [
                (case.name, case, partial(case.build, True, seed))
                for case in CASES
                if case.name not in NOT_BY_CHANGE
            ]
        )
        if given.controls:
            jobs += [(name, None, partial(b, seed)) for name, b in HEALTHY.items() if name not in NO_JOB]
        for name, case, build in jobs:
            if chosen and name not in chosen:
                continue
            record = known.get((name, seed), {})
            if not given.random and (given.again or not record):
                aim = found.get((name, "repaired", seed), {}).get("score")
                keep(repaired(name, case, build, seed) | {"aim": aim})
            if given.random and case is not None and record and "random" not in record:
                keep({"name": name, "seed": seed, "random": at_random(build, seed, record["steps"])})


def keep(record: dict[str, Any]) -> None:
    """Write a line."""
    append_line(LINES, record)
    print(record, flush=True)


def records() -> dict[tuple[str, int], dict[str, Any]]:
    """What is known of each case and seed; later lines add to earlier ones."""
    known: dict[tuple[str, int], dict[str, Any]] = {}
    for line in read_lines(LINES):
        key = (line["name"], line["seed"])
        known[key] = known.get(key, {}) | line
    return known


def repaired(name: str, case: Any, build: Callable[[], Any], seed: int) -> dict[str, Any]:
    """One case: treated, repaired at random with as many steps, and replaced by a strong default."""
    import torch

    from upfit import treat
    from upfit.diagnose.treat_attempt import attempt

    torch.manual_seed(seed)
    training = build()
    job = job_of(build, training)
    before = attempt(job, (), seed=seed)
    begun = time.process_time()
    steps = [0]
    with counted_steps(steps):
        run = treat(job, seed=seed)
    spent = steps[0]
    kinds = [one.kind for one in run.findings if one.severity != "info"]
    record = {
        "name": name,
        "seed": seed,
        "before": score_of(before.model, training) if before.end else None,
        "after": score_of(run.module, training),
        "kept": [f"{c.path}={c.to}" for cure in run.ledger if cure.is_kept for c in cure.changes],
        "tried": len(run.ledger),
        "findings": kinds,
        "gone": case is not None and not set(kinds) & set(case.labels),
        "steps": spent,
        "seconds": round(time.process_time() - begun, 1),
    }
    if case is None:
        return record
    return record | {"default": strong_default(build, seed)}


def job_of(build: Callable[[], Any], training: Any) -> Any:
    """The case as a Job: `build` applies the changes that a user's own settings would have."""
    from upfit import Job

    def make(changes: tuple[Any, ...]) -> Any:
        fresh = build()
        to = {change.path: change.to for change in changes}
        return apply(fresh, to)

    return Job(make, training.train, training.validation, epochs=training.epochs, task=training.task)


def apply(training: Any, to: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Settings that a user's script would read: rate, decay, dropout, what learns, label smoothing."""
    from torch import nn

    for group in training.optimizer.param_groups:
        group["lr"] = to.get("optimizer.lr", group["lr"])
        group["weight_decay"] = to.get("optimizer.weight_decay", group.get("weight_decay", 0.0))
    training.optimizer.defaults["lr"] = to.get("optimizer.lr", training.optimizer.defaults["lr"])
    if "head.dropout" in to:
        for module in training.model.modules():
            if isinstance(module, nn.Dropout):
                module.p = to["head.dropout"]
    loss = training.loss_fn
    if "loss.label_smoothing" in to and isinstance(loss, nn.CrossEntropyLoss):
        loss = nn.CrossEntropyLoss(label_smoothing=to["loss.label_smoothing"])
    return training.model, training.optimizer, loss


def counted_steps(counter: list[int]) -> Any:
    """Within it, the optimizer steps of all attempts are counted."""
    from contextlib import contextmanager

    from upfit.diagnose import treat_attempt

    @contextmanager
    def counting() -> Any:
        step = treat_attempt._Loop.step

        def counted(self: Any, group: Any) -> float:
            counter[0] += 1
            return step(self, group)

        treat_attempt._Loop.step = counted  # type: ignore[method-assign]
        try:
            yield
        finally:
            treat_attempt._Loop.step = step  # type: ignore[method-assign]

    return counting()


def at_random(build: Callable[[], Any], seed: int, budget: int) -> float | None:
    """Whole runs with one random cure each until the steps are spent; the best on validation is taken."""
    import torch

    from upfit import Change
    from upfit.diagnose.treat_attempt import attempt

    torch.manual_seed(seed)
    training = build()
    job = job_of(build, training)
    chance, best, spent = random.Random(seed), None, 0
    choices = [(path, to) for path, several in CURES for to in several]
    size, epochs = getattr(job.train, "batch_size", 32), training.epochs
    steps = {"x4": 4 * epochs, "x2": 2 * size, "/2": max(1, size // 2)}
    failed = 0
    while spent < budget and failed < 20:
        path, to = chance.choice(choices)
        try:
            tried = attempt(job, (Change(path=path, to=steps.get(to, to)),), seed=seed)
        except Exception:  # a cure that does not suit costs its turn
            failed += 1
            continue
        spent += max(1, tried.steps)
        found = score_of(tried.model, training) if tried.end else None
        best = found if best is None or (found is not None and found > best) else best
    return best


def strong_default(build: Callable[[], Any], seed: int) -> float | None:
    """Adam 1e-3, inputs standardised, weights drawn by He's rule: one run of the same length."""
    import torch

    from upfit import Change, Job
    from upfit.diagnose.treat_attempt import attempt

    torch.manual_seed(seed)
    training = build()

    def make(_changes: Any) -> Any:
        fresh = build()
        learning = [p for p in fresh.model.parameters() if p.requires_grad]
        return fresh.model, torch.optim.Adam(learning, 1e-3), fresh.loss_fn

    job = Job(make, training.train, training.validation, epochs=training.epochs, task=training.task)
    scale, draw = Change(path="inputs.scale", to="standardise"), Change(path="model.init", to="he")
    try:
        run = attempt(job, (scale, draw), seed=seed)
    except Exception:
        return None
    return score_of(run.model, training) if run.end else None


def score_of(model: Any, training: Any) -> float | None:
    """What the bench itself measures on validation."""
    import torch
    from doctor_cases.parts import score

    with torch.no_grad():
        model.eval()
        answers, targets = zip(*((model(x), y) for x, y in training.validation), strict=True)
    value = score(torch.cat(answers), torch.cat(targets), training.task)
    return round(value, 4) if math.isfinite(value) else None


def gap_closed(record: dict[str, Any], key: str) -> float | None:
    """Which part of the way from the faulty to the hand-repaired score was made; None without a gap."""
    aim, before, after = record["aim"], record["before"], record[key]
    if aim is None:
        return None
    if before is None:
        return 1.0 if after is not None and after >= 0.9 * aim else 0.0
    if aim - before < 0.05:
        return None
    return (after - before) / (aim - before) if after is not None else 0.0


def is_repaired(record: dict[str, Any], *, key: str) -> bool:
    """Whether 90 % of the gap is closed."""
    return (gap_closed(record, key) or 0.0) >= 0.9


def part() -> list[str]:
    """The section of the page."""
    from doctor_table import half_of, share

    found = records()
    sick = [one for one in found.values() if "default" in one and gap_closed(one, "after") is not None]
    lines = []
    parts = {half: [one for one in sick if half_of(one["name"]) == half] for half in ("odd", "even")}
    for seed in sorted({one["seed"] for one in sick}):
        parts[f"seed {seed}"] = [one for one in sick if one["seed"] == seed]
    for part, here in {**parts, "all": sick}.items():
        drawn = [one for one in here if "random" in one]
        closed = [
            share(several, partial(is_repaired, key=key))
            for key, several in (("after", here), ("random", drawn), ("default", here))
        ]
        closed[1] += f" of {len(drawn)} tried"
        lines.append((part, len(here), closed[0], share(here, lambda one: one["gone"]), *closed[1:]))
    head = (
        "part",
        "cases",
        "strict (≥ 90 % of the gap)",
        "symptom gone",
        "random repair, strict",
        "default, strict",
    )
    well = [one for one in found.values() if "default" not in one]
    harmed = [one for one in well if (one["after"] or 0.0) < (one["before"] or 0.0) - 0.02]
    changed = [one for one in well if one["kept"]]
    rows = [
        (
            one["name"], one["seed"], number(one["before"]), number(one["aim"]), number(one["after"]),
            ", ".join(one["kept"]) or "–", number(one.get("random")), number(one["default"]),
            "yes" if is_repaired(one, key="after") else "no",
        )
        for one in sick
    ]  # fmt: skip
    return [
        "## Repairs",
        "",
        "`.venv/bin/python bench/doctor_repair.py` (`--random`, `--controls`). Seed 0 was "
        "made with `treat` as it was in the afternoon of 22 November, seeds 1 and 2 in the evening; the "
        "controls with seed 0; random repair of those whose column holds a score.",
        "",
        markdown_table(head, lines),
        "",
        f"{len(NOT_BY_CHANGE)} of the cases cannot be cured by any Change and are counted apart: "
        + "; ".join(f"{name} ({why})" for name, why in NOT_BY_CHANGE.items())
        + ". `treat` names them and says what their owner can do.",
        "",
        "*Random repair* trains whole runs with one cure drawn from all there are, for as many optimizer "
        "steps as `treat` took in all, and takes the best of them on validation. *Default* is one run with "
        "Adam 1e-3, inputs standardised and weights drawn by He's rule. Scores are those of the bench, on "
        "the validation rows that the repair itself looked at, for all three.",
        "",
        "No harm: not measured yet."
        if not well
        else f"No harm: of {len(well)} healthy trainings, {len(changed)} were changed, {len(harmed)} ended "
        "more than 0.02 below the untreated run.",
        "",
        markdown_table(
            ("case", "seed", "faulty", "by hand", "treated", "kept", "random", "default", "strict"), rows
        ),
    ]


def number(value: float | None) -> str:
    """A score, or a dash."""
    return "–" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
