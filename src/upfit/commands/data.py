"""Commands that look at data and errors. Heavy libraries load once a command runs."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any

import typer

from upfit.commands import flags
from upfit.commands import options as o
from upfit.commands.screens import watcher
from upfit.commands.started import STARTED
from upfit.errors import InputError
from upfit.values import Change
from upfit.values.budget import seconds


def add_to(app: typer.Typer) -> None:
    """Give the command line the commands of this file."""
    for command in (audit, check, clean, augment, curve, errors):
        app.command()(command)


def audit(
    data: o.DataSource = None,
    *,
    train: o.Train = None,
    validation: o.Validation = None,
    test: o.Test = None,
    target: o.Target = None,
    task: o.TaskName = None,
    kind: o.Kinds = None,
    group: o.Group = None,
    time: o.Time = None,
    model: o.Model = "auto",
    check: o.Checks = None,
    rows: o.FeatureRows = 20_000,
    out: o.AuditFolder = None,
    overwrite: o.Overwrite = False,
    as_json: o.AuditJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Say what is wrong with DATA before anything is trained.

    \b
    Examples:
      upfit audit flowers/
      upfit audit reviews.csv --target stars --check label_errors
      upfit audit --train a.csv --test b.csv --json
    """  # noqa: D301
    if data is None and train is None:
        raise InputError("nothing to audit", expected="DATA, or --train FILE", hint="upfit audit FOLDER")
    kinds = flags.kinds(kind)
    asked = {"target": target, "task": task, "kinds": kinds, "group": group, "time": time}
    parts = {"train": train, "validation": validation, "test": test}
    wanted = {"model": model, "checks": tuple(check or ()), "rows": rows, "watcher": watcher(quiet)}
    flags.sources(data, train, validation, test)
    with contextlib.redirect_stdout(sys.stderr):
        from upfit.commands.audit import run_audit

        shown = run_audit(data, out, overwrite=overwrite, as_json=as_json, settings=asked | parts | wanted)
    if not quiet or as_json:
        print(shown)


def check(
    source: o.CheckSource = None,
    *,
    train: o.Train = None,
    validation: o.Validation = None,
    test: o.Test = None,
    target: o.Target = None,
    task: o.TaskName = None,
    kind: o.Kinds = None,
    split: o.Ratio = "8:1:1",
    group: o.Group = None,
    time: o.Time = None,
    model: o.Model = "auto",
    seed: o.Seed = None,
    recipe: o.RecipeFile = None,
    changes: o.Changes = None,
    as_json: o.FindingsJson = False,
    quiet: o.NoProgress = False,
) -> None:
    """Test the start of training on DATA, or of a RUN, in seconds: one-step tests, nothing is trained.

    \b
    Examples:
      upfit check flowers/
      upfit check reviews.csv --target stars --set optimizer.lr=0.1
      upfit check runs/flowers-1 --json
    """  # noqa: D301
    if source is None and train is None:
        raise InputError("nothing to check", expected="DATA, RUN, or --train FILE", hint="upfit check FOLDER")
    base = None if recipe is None else flags.read_recipe(recipe)
    edits = tuple(flags.change(text) for text in changes or ())
    flags.check(edits, base)
    asked: dict[str, Any] = {"target": target, "task": task, "kinds": flags.kinds(kind)}
    asked |= {"group": group, "time": time, "split": split, "recipe": base}
    # Model and seed are edits of the recipe like others.
    edits += tuple(
        Change(path=p, to=v) for p, v in (("backbone", model), ("seed", seed)) if v not in ("auto", None)
    )
    flags.sources(source, train, validation, test)
    with contextlib.redirect_stdout(sys.stderr):
        from upfit.commands.check import run_check
        from upfit.data.read import given_parts

        asked |= {"parts": given_parts(train, validation, test), "changes": edits, "watcher": watcher(quiet)}
        shown = run_check(source, as_json=as_json, settings=asked)
    print(shown)


def clean(
    data: o.DataSource = None,
    *,
    plan: o.PlanFile,
    out: o.CleanFolder,
    train: o.Train = None,
    validation: o.Validation = None,
    test: o.Test = None,
    target: o.Target = None,
    task: o.TaskName = None,
    kind: o.Kinds = None,
    group: o.Group = None,
    time: o.Time = None,
) -> None:
    """Apply a plan to a copy of DATA; your own files stay as they are.

    \b
    Example:
      upfit clean reviews.csv --plan audits/reviews-1/plan.yaml --out reviews-clean
    """  # noqa: D301
    kinds = flags.kinds(kind)
    parts = {"train": train, "validation": validation, "test": test}
    flags.sources(data, train, validation, test)
    with contextlib.redirect_stdout(sys.stderr):
        from upfit.curate.clean import clean as apply_plan

        folder = apply_plan(
            data,
            plan=plan,
            out=out,
            target=target,
            task=task,
            kinds=kinds,
            group=group,
            time=time,
            watcher=watcher(quiet=False),
            **parts,
        )
    print(folder)


def augment(
    data: o.DataSource = None,
    *,
    train: o.Train = None,
    validation: o.Validation = None,
    test: o.Test = None,
    target: o.Target = None,
    task: o.TaskName = None,
    kind: o.Kinds = None,
    group: o.Group = None,
    model: o.Model = "auto",
    only: o.Transforms = None,
    rows: o.VariedRows = 400,
    seed: o.Seed = None,
    out: o.AugmentFolder = None,
    overwrite: o.Overwrite = False,
    as_json: o.AugmentJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Say which ways of varying examples keep their labels, and make a policy and a contact sheet of them.

    \b
    Examples:
      upfit augment flowers/
      upfit augment digits/ --only flip --json
    """  # noqa: D301
    if data is None and train is None:
        raise InputError("nothing to vary", expected="DATA, or --train FILE", hint="upfit augment FOLDER")
    kinds = flags.kinds(kind)
    asked: dict[str, Any] = {"target": target, "task": task, "kinds": kinds, "group": group}
    wanted = {"model": model, "only": tuple(only or ()), "rows": rows, "seed": seed or 0}
    flags.sources(data, train, validation, test)
    with contextlib.redirect_stdout(sys.stderr):
        from upfit.commands.augment import run_augment
        from upfit.data.read import given_parts

        asked |= wanted | {"parts": given_parts(train, validation, test), "watcher": watcher(quiet)}
        shown = run_augment(data, out, overwrite=overwrite, as_json=as_json, settings=asked)
    if not quiet or as_json:
        print(shown)


def curve(
    data: o.DataSource = None,
    *,
    train: o.Train = None,
    validation: o.Validation = None,
    test: o.Test = None,
    target: o.Target = None,
    task: o.TaskName = None,
    kind: o.Kinds = None,
    group: o.Group = None,
    model: o.Model = "auto",
    seed: o.Seed = None,
    tune: o.Tune = False,
    budget: o.Budget = None,
    out: o.CurveFolder = None,
    as_json: o.CurveJson = False,
    quiet: o.NoProgress = False,
) -> None:
    """Say whether more data would help: errors at growing sizes, and a look ahead to 2 and 4 times.

    \b
    Examples:
      upfit curve flowers/
      upfit curve flowers/ --tune --budget 1h
    """  # noqa: D301
    if not tune and (budget or out):
        raise InputError("--budget and --out are for tuned models", hint="add --tune")
    limit = None if budget is None else seconds(budget)
    kinds = flags.kinds(kind)
    asked: dict[str, Any] = {"target": target, "task": task, "kinds": kinds, "group": group}
    flags.sources(data, train, validation, test)
    with contextlib.redirect_stdout(sys.stderr):
        from upfit.curate.learning_curve import curve as learn
        from upfit.data.read import given_parts

        asked |= {"parts": given_parts(train, validation, test), "seed": seed or 0, "model": model}
        if tune:
            from upfit.journey.tuned_curve import tuned_curve
            from upfit.store.free_name import free_name

            folder = out or free_name("curves", data or train)
            asked |= {"out": folder, "budget": limit, "started": STARTED}
            found = tuned_curve(data, watcher=watcher(quiet), **asked)
        else:
            found = learn(data, watcher=watcher(quiet), **asked)
    print(json.dumps(found.to_dict(), indent=1) if as_json else "\n".join(found.sentences()))


def errors(
    run: o.RunFolder,
    *,
    out: o.ErrorsFolder = None,
    overwrite: o.Overwrite = False,
    as_json: o.FindingsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Say what a run gets wrong on validation, in groups that each propose a change.

    \b
    Examples:
      upfit errors runs/flowers-1
      upfit errors runs/flowers-1 --json
    """  # noqa: D301
    with contextlib.redirect_stdout(sys.stderr):
        from upfit.commands.errors import run_errors

        shown = run_errors(run, out, overwrite=overwrite, as_json=as_json, watcher=watcher(quiet))
    if not quiet or as_json:
        print(shown)
