"""`upfit review`: a page to decide about doubtful rows on, and decisions of two people put together."""

from __future__ import annotations

import contextlib
import getpass
import socket
import sys
import time as clock
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from upfit.commands import flags
from upfit.commands import options as o
from upfit.commands.again import next_command
from upfit.commands.screens import watcher
from upfit.errors import InputError, MissingExtraError
from upfit.report.printable import printable
from upfit.values.budget import seconds
from upfit.values.corrections import Correction, merged
from upfit.values.shortened import shortened

if TYPE_CHECKING:
    from upfit.review.desk import Desk

BUDGET = "5m"
"""Of each training that the page starts, where no run says how long it may take."""


def add_to(app: typer.Typer) -> None:
    """Give the command line the command of this file."""
    app.command()(review)


def review(
    sources: o.Reviewed = None,
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
    root: o.Roots = None,
    everything: o.Everything = False,
    fresh: o.Fresh = False,
    model: o.Model = "auto",
    rows: o.FeatureRows = 20_000,
    metric: o.Metric = None,
    budget: o.RetrainBudget = None,
    corrections: o.DecisionsFile = None,
    by: o.Reviewer = None,
    merge: o.Merge = False,
    out: o.MergedFile = None,
    overwrite: o.Overwrite = False,
    port: o.Port = 0,
    no_open: o.NoOpen = False,
    quiet: o.NoProgress = False,
) -> None:
    """Decide about doubtful rows of DATA or of a RUN's data, on a page of your own browser.

    Every decision is written down at once; your data stay as they are.

    \b
    Examples:
      upfit review runs/flowers-1
      upfit review reviews.csv --target stars
      upfit review --merge ada.jsonl bob.jsonl --out both.jsonl
    """  # noqa: D301
    if merge:
        print(_merge(sources or [], out, overwrite=overwrite), end="")
        return
    kinds = flags.kinds(kind)
    asked: dict[str, Any] = {"target": target, "task": task, "kinds": kinds, "group": group, "time": time}
    asked |= {"split": split, "metric": metric, "budget": None if budget is None else seconds(budget)}
    settings = {"model": model, "rows": rows, "everything": everything, "fresh": fresh}
    flags.sources(*(sources or [])[:1], train, validation, test)
    with contextlib.redirect_stdout(sys.stderr):
        from upfit.data.read import given_parts

        asked["parts"] = given_parts(train, validation, test)
    with contextlib.closing(_listening(port)) as sock:
        with contextlib.redirect_stdout(sys.stderr):
            desk, serve = _opened(
                sources or [], asked, settings, root or [], corrections, by or _name(), quiet
            )
        with contextlib.closing(desk.ledger):
            serve(sock, not no_open, lambda address: _announce(desk, address))
    _leave(desk, sources[0] if sources else None, asked)


def _listening(port: int) -> socket.socket:
    """The port, taken before minutes go into looking for suspects."""
    _require_server()
    from upfit.review.serve import listen

    return listen(port)


def _opened(
    sources: Sequence[str],
    asked: Mapping[str, Any],
    settings: Mapping[str, Any],
    roots: Sequence[Path],
    file: Path | None,
    by: str,
    quiet: bool,
) -> tuple[Desk, Any]:
    """The desk, and the function that serves it."""
    from upfit.journey.runs import load_run
    from upfit.review import open as opening
    from upfit.review.app import application
    from upfit.review.pictures import Pictures
    from upfit.review.retrain import Retraining
    from upfit.review.serve import serve

    source = opening.require_one(sources)
    subjects = _subjects(opening, source, asked, settings)
    folder = opening.folder_of(subjects.data, subjects.data.source)
    desk, plan = opening.open_desk(
        subjects, folder=folder, file=file, by=by, settings=settings, watcher=watcher(quiet)
    )
    retraining = Retraining(plan, load_run)
    pictures = Pictures(subjects.data, [*subjects.roots, *roots])

    def served(sock: socket.socket, opens: bool, announce: Any) -> None:
        try:
            serve(application(desk, pictures, retraining), sock, opens=opens, announce=announce)
        finally:
            retraining.stop()

    return desk, served


def _subjects(opening: Any, source: str | None, asked: Mapping[str, Any], settings: Mapping[str, Any]) -> Any:
    if source is not None and Path(source, "run.json").is_file():
        given = [
            name for name in ("target", "task", "kinds", "group", "time", "metric", "budget") if asked[name]
        ]
        if given or asked["parts"]:
            name = (given or list(asked["parts"]))[0]
            raise InputError(f"--{name} is settled by the run", hint=f"upfit review {source}")
        return opening.of_run(Path(source))
    if source is None and not asked["parts"]:
        raise InputError("nothing to review", expected="RUN, DATA, or --train FILE", hint="upfit review RUN")
    recipe = opening.recipe_of(settings["model"])
    request = {**asked, "data": source, "budget": asked["budget"] or seconds(BUDGET), "recipe": recipe}
    return opening.of_data(source, request)


def _require_server() -> None:
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(str(error.name), extra="review", purpose="the review page") from None


def _name() -> str:
    """Who sits at this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"


def _announce(desk: Desk, address: str) -> None:
    todo = len(desk.rows(state="open"))
    print(f"review page:  {address}", flush=True)
    print(f"{todo:,} of {len(desk.suspects):,} rows to look at; Ctrl-C ends", file=sys.stderr, flush=True)


def _leave(desk: Desk, source: str | None, asked: Mapping[str, Any]) -> None:
    """Where the decisions are, and what to do with them."""
    counts, path = desk.decided(), str(desk.ledger.path)
    if source and Path(source, "run.json").is_file():
        from upfit.store import RunFolder

        asked = RunFolder.open(Path(source)).read_json("request.json")
        source = None if asked["parts"] else asked["data"] or "DATA"
    counted = ", ".join(
        f"{count:,} {word}"
        for word, count in zip(("kept", "relabelled", "dropped"), counts.values(), strict=True)
    )
    retrain = next_command("fit", source, asked, "--corrections", path)
    apply = next_command("clean", source, asked, "--plan", path, "--out", "FOLDER")
    print(f"\ndecisions:  {path}  ({counted})", file=sys.stderr)
    print(f"retrain:    {retrain}", file=sys.stderr)
    print(f"apply all:  {apply}", file=sys.stderr)


def _merge(sources: Sequence[str], out: Path | None, *, overwrite: bool) -> str:
    """The decisions of several files in one; disputed rows go to stderr. Returns what to print."""
    from upfit.store.atomic import write_text
    from upfit.store.corrections_file import read_corrections

    if len(sources) < 2:
        raise InputError("--merge needs two files or more", hint="upfit review --merge ada.jsonl bob.jsonl")
    if out is not None and out.exists() and not overwrite:
        raise InputError(f"{out} exists already", hint="--overwrite, or another --out")
    both, disputed = merged([read_corrections(path) for path in sources])
    if out is not None:
        write_text(out, both.to_lines())
    stands = both.final()
    for row, said in disputed.items():
        words = "; ".join(map(_said, said))
        result = _said(stands[row]) if row in stands else "nothing"
        print(printable(f"row {row} is disputed: {words}: what stands is {result}"), file=sys.stderr)
    count = f"{len(stands):,} rows decided, {len(disputed):,} disputed"
    print(f"{count}: {out}" if out else count, file=sys.stderr)
    return both.to_lines() if out is None else ""


def _said(one: Correction) -> str:
    """A decision in words."""
    when = clock.strftime("%Y-%m-%d %H:%M", clock.localtime(one.time))
    deed = f"{one.do} to {shortened(str(one.to))!r}" if one.do == "relabel" else one.do
    return f"{deed} ({shortened(one.by) or 'somebody'}, {when})"
