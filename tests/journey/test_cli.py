"""The command line as a user types it: help, mistakes, exit codes, streams."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import yaml

from upfit import Recipe, __version__
from upfit.cli import main

HEAVY = "torch", "transformers", "datasets", "pandas", "sklearn", "pyarrow", "timm"


def typed(capsys, *arguments):
    """Exit code, stdout and stderr (unwrapped) of a command run in this process."""
    code = main(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], [], ["fit", "--help"], ["fti"], ["fit", "x", "--bugdet", "3"], ["show"],
     ["fit", "x", "--set", "optimzer.lr=1"], ["fit", "x", "--budget", "-5"], ["predict"],
     ["errors", "no-run"], ["predict", "no-run", "x"], ["resume", "no-run"], ["report", "no-run"],
     ["diagnose", "no-run"], ["audit", "no-data.csv"], ["fit", "no-data"], ["check", "no-data"],
     ["clean", "no-data", "--plan", "p", "--out", "o"], ["augment", "no-data"], ["curve", "no-data"],
     ["review", "no-data"], ["audit", "--train", "no-data"]],
    ids=" ".join,
)  # fmt: skip
def test_help_and_mistakes_are_answered_without_the_frameworks(arguments):
    code = (
        "import sys; from upfit.cli import main; main(sys.argv[1:]);"
        f"sys.exit(', '.join(set({HEAVY!r}) & set(sys.modules)) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_an_interrupt_while_the_command_line_loads_is_one_line():
    code = (
        "import runpy, sys\n"
        "class Impatient:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'typer': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Impatient())\n"
        "runpy.run_module('upfit', run_name='__main__')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (130, "", "error: interrupted\n")


def test_version(capsys):
    assert typed(capsys, "--version") == (0, f"upfit {__version__}\n", "")


def test_help_lists_the_commands_and_what_to_type(capsys):
    code, out, _ = typed(capsys, "--help")
    assert code == 0
    for word in ("fit", "resume", "predict", "report", "show", "demo", "Start with"):
        assert word in out


def test_help_of_fit_groups_flags_and_shows_examples(capsys):
    code, out, _ = typed(capsys, "fit", "--help")
    assert code == 0
    panels = ("Data", "Model and training", "Output")
    for word in (*panels, "Examples:", "upfit fit flowers/ --budget 10m", "--set"):
        assert word in out


def test_no_command_shows_help(capsys):
    code, out, _ = typed(capsys)
    assert code == 0
    assert "Usage: upfit" in out


MISTAKES = {
    "fti": ("upfit has no command 'fti'; did you mean fit?", "upfit fit"),
    "zzz": ("upfit has no command 'zzz'", "upfit --help"),
    "fit x --bugdet 3": ("upfit fit has no flag '--bugdet'; did you mean --budget?", "upfit fit --help"),
    "--foo": ("upfit has no flag '--foo'", "upfit --help"),
    "fit x --budget -5": ("the budget '-5' is not a usable time", "expected: a time above zero: 90s, 10m"),
    "fit x --budget abc": ("the budget 'abc' is not a usable time", "--budget 10m"),
    "demo --budget 0": ("the budget '0' is not a usable time", "--budget 10m"),
    "fit": ("nothing to learn from", "upfit fit FOLDER"),
    "fit a b": ("unexpected extra argument", "upfit fit --help"),
    "fit x --set": ("option '--set' requires an argument", "--help"),
    "fit x --set lr": ("--set 'lr' sets nothing", "--set optimizer.lr=1e-4"),
    "fit x --set =3": ("--set '=3' sets nothing", "expected: PATH=VALUE"),
    "fit x --set optimzer.lr=3": ("no field 'optimzer'", "try:      optimizer.lr"),
    "fit x --set optimizer.lrr=3": ("no field 'lrr'", "try:      optimizer.lr"),
    "fit x --set optimizer.lr=-1": ("optimizer.lr", "greater than 0"),
    "fit x --set optimizer.lr=[": ("the value is not YAML", "got:      ["),
    "fit x --kind price=nubmer": ("names no kind of column", "--kind price=number"),
    "fit x --kind image=": ("expected: COL=KIND with KIND one of image, text", "ignore"),
    "fit x --kind image": ("names no kind of column", "expected: COL=KIND"),
    "fit x --task foo": ("'foo' is not one of 'binary'", "upfit fit --help"),
    "fit x --seed -1": ("--seed", "upfit fit --help"),
    "fit x --recipe nowhere.yaml": (
        "cannot read the recipe nowhere.yaml: No such file",
        "upfit show > recipe.yaml",
    ),
    "show nowhere.yaml": ("cannot read the recipe nowhere.yaml: No such file", "upfit show > recipe.yaml"),
    "show --out /proc/none/drawing.svg": ("cannot create the folder /proc/none", "choose another --out"),
    "predict run x --out /proc/none/a.csv": ("cannot create the folder /proc/none", "choose another --out"),
    "demo --out /proc/none": ("cannot create the folder /proc/none", "choose another --out"),
    "audit x --out /proc/none": ("cannot create the folder /proc/none", "choose another --out"),
    "augment x --out /proc/none": ("cannot create the folder /proc/none", "choose another --out"),
    "clean x --plan y --out /proc/none": ("cannot create the folder /proc/none", "choose another --out"),
    "curve": ("nothing to read", "expected: DATA, or --train FILE"),
    "predict": ("missing argument 'RUN'", "upfit predict --help"),
    "predict run x --out table.xls": ("cannot be written to 'table.xls'", ".csv, .jsonl, .parquet"),
}


@pytest.fixture
def named_there(tmp_path, monkeypatch):
    """A folder with data `x` and a run `run`, as far as names go: wrong paths are told first."""
    (tmp_path / "x").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text('{"version": 1}')
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("line", MISTAKES)
@pytest.mark.usefixtures("named_there")
def test_a_mistake_is_named_with_a_way_on(capsys, line):
    code, out, err = typed(capsys, *line.split())
    message, way_on = MISTAKES[line]
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert way_on in err


def test_show_prints_a_recipe_that_reads_back(capsys):
    code, out, _ = typed(capsys, "show")
    assert code == 0
    assert Recipe.from_yaml(out) == Recipe()


def test_show_fills_in_what_a_file_leaves_out(capsys, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("optimizer: {lr: 0.003}\n")
    code, out, _ = typed(capsys, "show", str(path))
    assert code == 0
    assert yaml.safe_load(out)["optimizer"]["lr"] == 0.003
    assert yaml.safe_load(out)["seed"] == 0


def test_show_reads_the_recipe_of_a_run_folder(capsys, tmp_path):
    (tmp_path / "recipe.yaml").write_text(Recipe(seed=5).to_yaml())
    code, out, _ = typed(capsys, "show", str(tmp_path))
    assert code == 0
    assert Recipe.from_yaml(out).seed == 5


def test_show_draws_the_schedule_of_a_run_over_the_steps_it_was_planned_for(capsys, tmp_path):
    (tmp_path / "recipe.yaml").write_text(Recipe().to_yaml())
    (tmp_path / "plan.json").write_text('{"plan": {"total_steps": 160}}')
    assert "# schedule cosine over 160 steps;" in typed(capsys, "show", str(tmp_path))[1]
    (tmp_path / "plan.json").write_text('{"plan": null}')
    assert "# schedule cosine over 1,000 steps of 10 epochs;" in typed(capsys, "show", str(tmp_path))[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [(b"sede: 3", "did you mean 'seed'?"), (b"- 1", "a recipe is a mapping"), (b"\xff\xfe\x00", "not UTF-8")],
)
def test_a_bad_recipe_file_is_explained(capsys, tmp_path, text, message):
    path = tmp_path / "bad.yaml"
    path.write_bytes(text)
    code, out, err = typed(capsys, "show", str(path))
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.usefixtures("named_there")
def test_predictions_never_replace_a_file_unasked(capsys, tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("mine\n")
    code, _, err = typed(capsys, "predict", "run", "inputs", "--out", str(path))
    assert code == 2
    assert "exists already" in err
    assert path.read_text() == "mine\n"


def test_a_full_disk_behind_stdout_is_said(upfit_command):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        run = upfit_command("show", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert run.returncode == 2
    assert "error: cannot write: No space left on device" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_reader_that_stops_reading_is_no_error(upfit_command):
    reader, writer = os.pipe()
    os.close(reader)
    run = upfit_command("show", capture_output=False, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert run.returncode == 141
    assert run.stderr == ""


def test_a_closed_stdout_is_no_error(tmp_path):
    run = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m upfit show >&-"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (0, "")


def test_letters_the_terminal_lacks_are_escaped(upfit_command):
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    run = upfit_command("fit", "x", "--kind", "größe=🌸", env=environment)
    assert run.returncode == 2
    assert "gr\\xf6\\xdfe" in run.stderr


def test_an_unexpected_fault_keeps_its_traceback(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("upfit.commands.flags.read_recipe", lambda path: 1 / 0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, out, err = typed(capsys, "show", "x")
    assert (code, out) == (1, "")
    assert "upfit failed: ZeroDivisionError: division by zero" in err
    [kept] = tmp_path.glob("upfit-traceback-*.txt")
    assert str(kept) in err
    assert "ZeroDivisionError" in kept.read_text()


def test_debug_shows_the_traceback(capsys, monkeypatch):
    monkeypatch.setattr("upfit.commands.flags.read_recipe", lambda path: 1 / 0)
    code, _, err = typed(capsys, "--debug", "show", "x")
    assert code == 1
    assert "Traceback (most recent call last)" in err


def test_an_interrupt_leaves_with_130(capsys, monkeypatch):
    def interrupted(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("upfit.commands.flags.read_recipe", interrupted)
    code, _, err = typed(capsys, "show", "x")
    assert code == 130
    assert err.splitlines()[0] == "error: interrupted"
    assert "the same command again" in err
