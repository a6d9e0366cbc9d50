"""The arguments and flags of the command line, each a type that typer reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from upfit.store.run_mark import require_run
from upfit.values import Task


def _option(panel: str, help_text: str, *names: str, **settings: Any) -> Any:
    return typer.Option(*names, help=help_text, rich_help_panel=panel, **settings)


def _data(help_text: str, metavar: str | None = None) -> Any:
    return _option("Data", help_text, metavar=metavar)


def _training(help_text: str, *names: str, **settings: Any) -> Any:
    return _option("Model and training", help_text, *names, **settings)


def _output(help_text: str, *names: str, **settings: Any) -> Any:
    return _option("Output", help_text, *names, **settings)


def _switch(panel: str, help_text: str, *names: str) -> Any:
    """A flag that takes no value, and shows none."""
    return _option(panel, help_text, *names, metavar="")


def _argument(metavar: str, help_text: str, **settings: Any) -> Any:
    return typer.Argument(metavar=metavar, help=help_text, show_default=False, **settings)


def _run(path: Path | None) -> Path | None:
    """A wrong path is told at once, not after the libraries have been loaded."""
    if path is not None:
        require_run(path)
    return path


DataSource = Annotated[
    str | None,
    _argument("DATA", "A folder of class folders; a CSV, TSV, JSONL or Parquet file; a folder of these."),
]
CheckSource = Annotated[
    str | None, _argument("DATA | RUN", "Data as for fit, or a run folder, whose data and recipe are taken.")
]
RunFolder = Annotated[Path, _argument("RUN", "A run folder.", callback=_run)]
Inputs = Annotated[str, _argument("INPUT", "An image, a folder of images, or a table file.")]
RecipeSource = Annotated[Path | None, _argument("RECIPE.yaml | RUN", "A recipe file or a run folder.")]
TechniqueName = Annotated[str | None, _argument("NAME", "A technique; all are listed if left out.")]

Train = Annotated[str | None, _data("Training part, instead of DATA.", "FILE")]
Validation = Annotated[str | None, _data("Validation part, with --train.", "FILE")]
Test = Annotated[str | None, _data("Test part, with --train.", "FILE")]
Target = Annotated[str | None, _data("The column to predict; several columns are 0/1 labels.", "COL[,COL]")]
TaskName = Annotated[Task | None, _data("The kind of task, where it would be guessed wrong.")]
Kinds = Annotated[
    list[str] | None,
    _data("What a column holds: image, text, number, category, or ignore. Repeatable.", "COL=KIND"),
]
Ratio = Annotated[str, _data("train:validation:test, or train:test.", "RATIO")]
RepairSplits = Annotated[
    bool, _switch("Data", "Leave rows out of train that the given validation or test part holds too.")
]
CleanLabels = Annotated[
    Literal["off", "auto"], _data("auto: leave out training rows whose labels are very probably wrong.")
]
CorrectionsFile = Annotated[Path | None, _data("Decisions from upfit review, for training rows.", "FILE")]
Group = Annotated[str | None, _data("Rows with the same value stay in the same part.", "COL")]
Time = Annotated[str | None, _data("Train on the past, test on the latest.", "COL")]

Budget = Annotated[str | None, _training("Wall-clock limit: 90s, 10m, 1h.", metavar="TIME")]
Model = Annotated[
    str, _training("Pretrained model: auto, packaged:NAME, timm:NAME, hf:NAME, or a folder.", metavar="NAME")
]
Metric = Annotated[str | None, _training("What decides between models; by task if left out.", metavar="NAME")]
Seed = Annotated[int | None, _training("Random seed, of split and training.", min=0)]
RecipeFile = Annotated[Path | None, _training("A recipe; upfit show prints one.", metavar="FILE")]
Changes = Annotated[
    list[str] | None,
    _training("Change a recipe field, as in optimizer.lr=1e-4. Repeatable.", "--set", metavar="PATH=VALUE"),
]

Out = Annotated[Path | None, _output("The run folder to make; runs/NAME-N if left out.", metavar="FOLDER")]
DrawingFile = Annotated[Path | None, _output("Draw the schedule into this SVG file too.", metavar="FILE")]
Overwrite = Annotated[bool, _switch("Output", "Replace what is there.", "--overwrite")]
Mlflow = Annotated[str | None, _output("Log to this MLflow tracking URI too.", metavar="URI")]
LogFile = Annotated[
    Path | None, _data("trainer_state.json, metrics.csv or a TensorBoard folder, instead of RUN.", "PATH")
]
FindingsJson = Annotated[bool, _switch("Output", "Print the findings as JSON.", "--json")]
MaybeRun = Annotated[Path | None, _argument("RUN", "A run folder, finished or running.", callback=_run)]
Json = Annotated[bool, _switch("Output", "Print result.json to stdout, all else to stderr.", "--json")]
AuditJson = Annotated[bool, _switch("Output", "Print audit.json to stdout, all else to stderr.", "--json")]
AugmentJson = Annotated[
    bool, _switch("Output", "Print augment.json to stdout, all else to stderr.", "--json")
]
CurveJson = Annotated[bool, _switch("Output", "Print the curve as JSON.", "--json")]
CardJson = Annotated[bool, _switch("Output", "Print the cards as JSON.", "--json")]
Quiet = Annotated[bool, _switch("Output", "No progress, no summary.", "--quiet", "-q")]
NoProgress = Annotated[bool, _switch("Output", "No progress.", "--quiet", "-q")]
TableFile = Annotated[
    Path | None, _output("A .csv, .jsonl or .parquet file; CSV to stdout if left out.", metavar="FILE")
]
DemoFolder = Annotated[Path, _output("Where the digits and the run go.", metavar="FOLDER")]
DemoBudget = Annotated[str, _training("Wall-clock limit.", metavar="TIME")]

Checks = Annotated[
    list[str] | None, _option("Scope", "Only this check. Repeatable.", "--check", metavar="NAME")
]
FeatureRows = Annotated[
    int, _option("Scope", "At most so many rows are compared by features.", "--rows", min=100)
]
Transforms = Annotated[
    list[str] | None, _option("Scope", "Only this transform. Repeatable.", "--only", metavar="NAME")
]
VariedRows = Annotated[int, _option("Scope", "At most so many training rows are varied.", "--rows", min=40)]
AugmentFolder = Annotated[
    Path | None, _output("Where sheet, recipe and JSON go; augments/NAME-N if left out.", metavar="FOLDER")
]
Tune = Annotated[
    bool,
    _switch("Model and training", "Tune models at four sizes, twice; fewer if --budget is short.", "--tune"),
]
CurveFolder = Annotated[
    Path | None, _output("With --tune, where the runs go; curves/NAME-N if left out.", metavar="FOLDER")
]
PlanFile = Annotated[Path, _data("A plan from upfit audit, cut down by you.", "FILE")]
CleanFolder = Annotated[Path, _output("A new folder for the copy.", metavar="FOLDER")]
ErrorsFolder = Annotated[
    Path | None, _output("Where page, plan and JSON go; RUN/errors if left out.", metavar="FOLDER")
]
AuditFolder = Annotated[
    Path | None, _output("Where page, plan and JSON go; audits/NAME-N if left out.", metavar="FOLDER")
]

Reviewed = Annotated[
    list[str] | None,
    _argument("RUN | DATA", "A run folder, or data as for fit; with --merge, files of decisions."),
]
Roots = Annotated[list[Path] | None, _data("Another folder whose images may be shown. Repeatable.", "FOLDER")]
Everything = Annotated[bool, _switch("Data", "List all rows, not only the doubtful ones.", "--all")]
Fresh = Annotated[bool, _switch("Data", "Look for doubtful rows again.", "--fresh")]
RetrainBudget = Annotated[
    str | None,
    _training("Limit of each training that the page starts; the run's, or 5m, if left out.", metavar="TIME"),
]
DecisionsFile = Annotated[
    Path | None,
    _output("Where decisions go; reviews/NAME-DIGEST/corrections.jsonl if left out.", metavar="FILE"),
]
Reviewer = Annotated[str | None, _output("Who decides; your user name if left out.", metavar="NAME")]
Merge = Annotated[
    bool, _switch("Output", "Put files of decisions together; the newest about a row stands.", "--merge")
]
MergedFile = Annotated[
    Path | None, _output("With --merge, where decisions go; stdout if left out.", metavar="FILE")
]
Port = Annotated[int, _output("Port of 127.0.0.1; 0 takes a free one.", min=0, max=65535)]
NoOpen = Annotated[bool, _switch("Output", "Do not open a browser.", "--no-open")]

Version = Annotated[bool, typer.Option("--version", help="Print the version and leave.", metavar="")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.", metavar="")]
