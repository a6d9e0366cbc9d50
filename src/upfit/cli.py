"""The command line: flags become arguments of `upfit.fit`, and errors become exit codes.

Torch and its companions are imported only once a command has something to do for them, so that help,
`--version` and a mistyped flag answer at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from upfit import __version__
from upfit.commands import data as data_commands
from upfit.commands import flags
from upfit.commands import options as o
from upfit.commands import review as review_command
from upfit.commands.complaints import complain, usage_error
from upfit.commands.screens import leads as _leads
from upfit.commands.screens import watcher as _watcher
from upfit.commands.started import STARTED
from upfit.commands.tables import check_table, shown, write_table
from upfit.errors import InputError
from upfit.values import Recipe
from upfit.values.budget import seconds

if TYPE_CHECKING:
    from upfit.values import Run

app = typer.Typer(
    name="upfit",
    help="Fine-tune a pretrained PyTorch model on your own images or text, and see what earned its accuracy.",
    epilog="Start with: upfit demo · upfit fit FOLDER --budget 10m · upfit predict RUN INPUT",
    add_completion=False,
    suggest_commands=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _upfit(context: typer.Context, *, version: o.Version = False, debug: o.Debug = False) -> None:
    if debug:
        context.obj.add("debug")
    if version:
        print(f"upfit {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def fit(
    data: o.DataSource = None,
    *,
    train: o.Train = None,
    validation: o.Validation = None,
    test: o.Test = None,
    target: o.Target = None,
    task: o.TaskName = None,
    kind: o.Kinds = None,
    split: o.Ratio = "8:1:1",
    repair_splits: o.RepairSplits = False,
    clean: o.CleanLabels = "off",
    corrections: o.CorrectionsFile = None,
    group: o.Group = None,
    time: o.Time = None,
    budget: o.Budget = None,
    model: o.Model = "auto",
    metric: o.Metric = None,
    seed: o.Seed = None,
    recipe: o.RecipeFile = None,
    changes: o.Changes = None,
    out: o.Out = None,
    overwrite: o.Overwrite = False,
    mlflow: o.Mlflow = None,
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Fine-tune a model on DATA and show what it reaches.

    \b
    Examples:
      upfit fit flowers/ --budget 10m
      upfit fit reviews.csv --target stars --task regression
      upfit fit --train a.csv --validation b.csv --test c.csv
      upfit fit flowers/ --model timm:resnet50 --set optimizer.lr=1e-4
    """  # noqa: D301
    if data is None and train is None:
        raise InputError("nothing to learn from", expected="DATA, or --train FILE", hint="upfit fit FOLDER")
    limit = None if budget is None else seconds(budget)
    base = None if recipe is None else flags.read_recipe(recipe)
    edits = tuple(flags.change(text) for text in changes or ())
    flags.check(edits, base)
    kinds = flags.kinds(kind)
    flags.sources(data, train, validation, test)
    with _results(as_json=as_json, quiet=quiet) as finish:
        import upfit

        finish(
            upfit.fit(
                data,
                budget=limit,
                target=target,
                task=task,
                kinds=kinds,
                train=train,
                validation=validation,
                test=test,
                split=split,
                repair_splits=repair_splits,
                clean=clean,
                corrections=corrections,
                group=group,
                time=time,
                model=model,
                recipe=base,
                changes=edits,
                metric=metric,
                seed=seed,
                out=out,
                overwrite=overwrite,
                watcher=_watcher(quiet, metric),
                mlflow=mlflow,
                started=STARTED,
            )
        )


@app.command()
def resume(run: o.RunFolder, *, as_json: o.Json = False, quiet: o.Quiet = False) -> None:
    """Go on with a run that was interrupted or killed."""
    with _results(as_json=as_json, quiet=quiet) as finish:
        import upfit

        finish(upfit.resume(run, watcher=_watcher(quiet), started=STARTED))


@app.command()
def predict(
    run: o.RunFolder, source: o.Inputs, *, out: o.TableFile = None, overwrite: o.Overwrite = False
) -> None:
    """Predict new inputs with a finished run: one row each, with probabilities.

    \b
    Examples:
      upfit predict runs/flowers new-photos/ --out answers.csv
      upfit predict runs/reviews new.csv
    """  # noqa: D301
    if out is not None:
        check_table(out, overwrite=overwrite)
    with contextlib.redirect_stdout(sys.stderr):
        import upfit

        answers = upfit.load_run(run).predict(source)
    if out is None:
        print(shown(answers), end="")
    else:
        write_table(answers, out)
        print(f"{len(answers)} predictions: {out}", file=sys.stderr)


@app.command()
def report(run: o.RunFolder) -> None:
    """Write the report of a run again and print its path."""
    with contextlib.redirect_stdout(sys.stderr):
        from upfit.journey.rendering import rewrite_report

        path = rewrite_report(run)
    print(path)


@app.command()
def diagnose(run: o.MaybeRun = None, *, log: o.LogFile = None, as_json: o.FindingsJson = False) -> None:
    """Say what is wrong with a run, or with another trainer's log, and what may cure it."""
    with contextlib.redirect_stdout(sys.stderr):
        from upfit.diagnose.command import explain

        text = explain(run, log, as_json=as_json)
    print(text)


@app.command()
def show(source: o.RecipeSource = None, *, out: o.DrawingFile = None, overwrite: o.Overwrite = False) -> None:
    """Print a recipe, every field written out: the default one, a file's, or a run's.

    The schedule of a file's or a run's is drawn after it, as comments.
    """
    recipe = Recipe() if source is None else flags.read_recipe(source)
    if source is not None:
        from upfit.techniques import check

        check(recipe)
    if out is not None:
        _check_drawing(out, overwrite=overwrite)
    print(recipe.to_yaml(), end="")
    if source is None and out is None:
        return
    from upfit.report.schedule import schedule_svg, schedule_text

    if source is not None:
        recipe = flags.as_planned(recipe, source)
    print(schedule_text(recipe), end="")
    if out is not None:
        from upfit.store.atomic import write_text

        out.parent.mkdir(parents=True, exist_ok=True)
        write_text(out, schedule_svg(recipe))


def _check_drawing(path: Path, *, overwrite: bool) -> None:
    """Refuse a name that cannot be written before anything is printed."""
    from upfit.store.room import require_room

    if path.is_dir():
        raise InputError(f"{path} is a folder", expected="a name for the drawing: schedule.svg")
    require_room(path.parent)
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists already", hint="--overwrite, or another --out")


@app.command()
def techniques(name: o.TechniqueName = None, *, as_json: o.CardJson = False) -> None:
    """List every technique, or show the card of one: what, when, when not, and what it earned."""
    from upfit.report.cards import card_text, catalogue_text
    from upfit.techniques.catalogue import CARDS, card_of

    cards = CARDS if name is None else (card_of(name),)
    if as_json:
        print(json.dumps([card.model_dump() for card in cards], indent=2))
    elif name is None:
        print(catalogue_text(cards))
        print("\none of them:  upfit techniques NAME", file=sys.stderr)
    else:
        print(card_text(cards[0]))


@app.command()
def demo(
    *,
    budget: o.DemoBudget = "2m",
    out: o.DemoFolder = Path("demo"),
    as_json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Fine-tune on scikit-learn's handwritten digits: real images, no download."""
    limit = seconds(budget)
    with _results(as_json=as_json, quiet=quiet) as finish:
        import upfit
        from upfit.store.room import require_room
        from upfit.testing import digits_folder

        require_room(out)
        data = digits_folder(out / "digits")
        watcher = _watcher(quiet)
        finish(
            upfit.fit(data, budget=limit, out=out / "run", overwrite=True, watcher=watcher, started=STARTED)
        )


data_commands.add_to(app)
review_command.add_to(app)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    >>> main(["--version"])
    upfit 0.1.0
    0
    """
    _prepare_streams()
    words = sys.argv[1:] if arguments is None else arguments
    command = typer.main.get_command(app)
    asked: set[str] = set()
    try:
        code = _invoke(command, words, asked)
        sys.stdout.flush()
        return code
    except _UsageError as error:
        return complain(usage_error(error, command), debug="debug" in asked)
    except (Exception, KeyboardInterrupt) as error:
        return complain(error, debug="debug" in asked)


def _invoke(command: Any, words: list[str], asked: set[str]) -> int:
    """Parse and run, without the parser's own handling of errors and of interrupts."""
    try:
        with command.make_context("upfit", list(words), obj=asked) as context:
            command.invoke(context)
    except typer.Exit as leaving:
        return leaving.exit_code
    return 0


_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""What the parser raises for a line that it cannot read; typer does not export it by name."""


@contextlib.contextmanager
def _results(*, as_json: bool, quiet: bool) -> Iterator[Callable[[Run], None]]:
    """Keep stdout for the result alone: libraries that print go to stderr while the block runs."""
    kept: list[Run] = []
    with contextlib.redirect_stdout(sys.stderr):
        yield kept.append
    if not _leads():
        return
    if as_json:
        print(_result(kept[0]))
    elif not quiet:
        _show(kept[0])


def _result(run: Run) -> str:
    """The text of `result.json`."""
    if run.folder is None:
        return json.dumps(dict(run.result), indent=2)
    return (run.folder / "result.json").read_text(encoding="utf-8").rstrip()


def _show(run: Run) -> None:
    """What a run reached, and what to type next."""
    from upfit.report.summary import plain_summary, result_summary

    if sys.stdout.isatty():
        from rich.console import Console

        Console().print(result_summary(run))
    else:
        print(plain_summary(run))


def _prepare_streams() -> None:
    """Make stdout and stderr safe to write to: closed ones swallow, unknown letters are escaped."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
