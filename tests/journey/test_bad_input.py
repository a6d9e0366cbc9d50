"""Bad input through the real command line: one clear message, exit code 2, nothing written over."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from upfit.cli import main
from upfit.store import RunFolder

QUICK = "--set stopping.steps=2 --set stopping.evaluations=1 --set batching.size=8 --set inputs.max_length=8"
QUICK = f"{QUICK} --set inputs.image_size=32 --set precision=fp32"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def type_in(place, capfd):
    """Type a command there; returns exit code, stdout and stderr."""

    def run(*words):
        line = [part for word in words for part in (word.split() if isinstance(word, str) else [str(word)])]
        code = main(line)
        out, err = capfd.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return run


def refused(run, *messages):
    """Exit code 2, nothing on stdout, each message in stderr, no traceback."""
    assert run.code == 2, run.err
    assert run.out == ""
    assert run.err.count("error: ") == 1
    assert "Traceback" not in run.err
    for message in messages:
        assert message in run.err


def table(path, text="a text,label\n", rows=(), encoding="utf-8"):
    """A CSV with a header and rows."""
    path.write_bytes((text + "".join(f"{row}\n" for row in rows)).encode(encoding))
    return path


def sentences(count=24, classes=("red", "blue")):
    return [
        f"sentence number {n} speaks of {classes[n % len(classes)]},{classes[n % len(classes)]}"
        for n in range(count)
    ]


def picture(path, shade=0, size=(16, 16)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(shade).integers(0, 255, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def pictures(folder, *, count=6, classes=("cat", "dog")):
    for kind, name in enumerate(classes):
        for number in range(count):
            picture(folder / name / f"{number}.png", shade=100 * kind + number)
    return folder


def test_a_missing_path(type_in, place):
    refused(type_in("fit nowhere"), "nowhere")
    assert list(place.iterdir()) == []


def test_an_empty_folder(type_in, place):
    (place / "empty").mkdir()
    refused(type_in("fit empty"), "empty")


def test_an_empty_file(type_in, place):
    (place / "data.csv").write_bytes(b"")
    refused(type_in("fit data.csv"), "data.csv")


def test_one_class_only(type_in, place):
    table(place / "data.csv", "text,label\n", [f"sentence {n},same" for n in range(20)])
    refused(type_in("fit data.csv"), "same")
    pictures(place / "photos", classes=("cat",))
    refused(type_in("fit photos"), "cat")


def test_no_image_readable(type_in, place):
    for name in ("cat", "dog"):
        (place / "photos" / name).mkdir(parents=True)
        (place / "photos" / name / "a.jpg").write_text("<html>404</html>")
    refused(type_in("fit photos"), "image")


@pytest.mark.parametrize(
    ("rows", "flags", "message"),
    [
        (["a,", "b,", "c,"], "--target label", "label"),
        (["a,x", "b,y"], "--target lable", "label"),
        (["a,nan", "b,inf", "c,1.5"], "--target label --task regression", "1.5 in every row"),
    ],
)
def test_a_target_that_cannot_be_used(type_in, place, rows, flags, message):
    table(place / "data.csv", "text,label\n", rows)
    refused(type_in("fit data.csv", flags), message)


def test_a_table_without_a_target(type_in, place):
    table(place / "data.csv", "one,two\n", ["a b c,d e f", "g h i,j k l"])
    refused(type_in("fit data.csv"), "--target")


def test_duplicate_column_names(type_in, place):
    table(place / "data.csv", "text,text,label\n", ["a,b,x", "c,d,y"])
    refused(type_in("fit data.csv"), "text")


def test_one_endless_line(type_in, place):
    (place / "data.csv").write_bytes(b"text,label" + b"x" * 40_000_000)
    run = type_in("fit data.csv")
    refused(run, "data.csv")
    assert len(run.err) < 2000


def test_only_numbers(type_in, place):
    table(
        place / "data.csv",
        "height,width,label\n",
        [f"{n * 0.37},{n % 7 + 0.5},{'xy'[n % 2]}" for n in range(30)],
    )
    refused(type_in("fit data.csv --target label"), "no image and no text column")


@pytest.mark.parametrize(
    ("flags", "messages"),
    [
        ("--bugdet 3", ("no flag '--bugdet'", "--budget")),
        ("--set optimizer.learning=3", ("no field 'learning'",)),
        ("--set optimizer.lr=fast", ("optimizer.lr: input should be a valid number",)),
        ("--set optimizer.lr=-1", ("optimizer.lr: input should be greater than 0; got -1",)),
        ("--set techniques.emma.decay=0.9", ("no technique 'emma'", "techniques.ema")),
        ("--set techniques.ema.decya=0.9", ("Ema has no field 'decya'; did you mean 'decay'?",)),
        ("--set loss.name=squared_error", ("loss squared_error does not fit", "expected: cross_entropy")),
        ("--budget -5", ("the budget '-5' is not a usable time",)),
        ("--split 0:0", ("0:0",)),
        ("--metric beauty", ("beauty",)),
        ("--metric rmse", ("rmse",)),
        ("--model packaged:nothing", ("no packaged backbone 'nothing'",)),
        ("--model packaged:tf_efficientnet_lite0", ("reads images, but the data is text",)),
        ("--model hf:someone/something", ("the hub cannot be reached", "packaged:all-MiniLM-L6-v2")),
        ("--group nothing", ("nothing",)),
        ("--time nothing", ("nothing",)),
        ("--out data.csv", ("data.csv is a file",)),
        ("--out /proc/run", ("/proc",)),
    ],
)  # fmt: skip
def test_a_flag_that_cannot_be_used_leaves_nothing_behind(type_in, place, flags, messages):
    table(place / "data.csv", "text,label\n", sentences())
    before = (place / "data.csv").read_bytes()
    out = "" if "--out" in flags else "--out run"
    refused(type_in("fit data.csv", QUICK, out, flags), *messages)
    assert [path.name for path in place.iterdir()] == ["data.csv"]
    assert (place / "data.csv").read_bytes() == before


def test_an_existing_run_folder(type_in, place):
    table(place / "data.csv", "text,label\n", sentences())
    RunFolder.create(place / "run").unlock()
    before = {path.name: path.read_bytes() for path in (place / "run").iterdir()}
    refused(type_in("fit data.csv --out run"), "run exists already", "upfit resume run", "--overwrite")
    assert {path.name: path.read_bytes() for path in (place / "run").iterdir()} == before


def test_a_folder_of_ones_own_is_never_overwritten(type_in, place):
    table(place / "data.csv", "text,label\n", sentences())
    (place / "thesis").mkdir()
    (place / "thesis" / "chapter.txt").write_text("five years")
    refused(type_in("fit data.csv --out thesis --overwrite"), "is not a run folder")
    assert (place / "thesis" / "chapter.txt").read_text() == "five years"


@pytest.fixture
def copied_run(text_run, place):
    """A copy of a finished run, to be damaged."""
    return Path(shutil.copytree(text_run.folder, place / "run"))


@pytest.mark.parametrize("command", ["resume run", "predict run x.csv", "report run"])
def test_a_run_folder_of_a_newer_version(type_in, copied_run, command):
    (copied_run / "run.json").write_text(json.dumps({"version": 2}))
    table(copied_run.parent / "x.csv", "text\n", ["a b"])
    refused(type_in(command), "was written by a newer upfit", "version 2", "pip install --upgrade upfit")


@pytest.mark.parametrize("name", ["result.json", "data.json", "recipe.yaml", "candidates.json"])
def test_a_damaged_run_folder(type_in, copied_run, name):
    (copied_run / name).write_bytes(b"{\xff")
    table(copied_run.parent / "x.csv", "text\n", ["a b"])
    refused(type_in("predict run x.csv"), name)


DAMAGED = {
    "result.json": "{}",
    "candidates.json": "[1]",
    "findings.jsonl": '{"kind": 3}\n',
    "predictions.parquet": "no table",
    "trace.jsonl": '{"kind_of_record": "step"}\n',
    "model/upfit.json": '{"version": 1}',
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_run_whose_files_hold_something_else(type_in, copied_run, name):
    (copied_run / name).write_text(DAMAGED[name])
    table(copied_run.parent / "x.csv", "text\n", ["a b"])
    refused(type_in("predict run x.csv"), "is damaged or from another version", "put back a copy")


def test_an_unfinished_run_is_not_predicted_with(type_in, copied_run):
    (copied_run / "result.json").unlink()
    table(copied_run.parent / "x.csv", "text\n", ["a b"])
    refused(type_in("predict run x.csv"), "is not finished", "upfit resume run")


def test_weights_of_a_model_that_are_damaged_or_gone(type_in, copied_run):
    table(copied_run.parent / "x.csv", "text\n", ["a b"])
    weights = copied_run / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    refused(type_in("predict run x.csv"), "model.safetensors")
    weights.unlink()
    refused(type_in("predict run x.csv"), "model.safetensors")


def test_predicting_on_another_schema(type_in, copied_run):
    table(copied_run.parent / "x.csv", "txet\n", ["a b"])
    refused(type_in("predict run x.csv"), "text", "txet")
    picture(copied_run.parent / "photos" / "a.png")
    refused(type_in("predict run photos"), "text")


def test_data_that_changed_since_a_run_began(type_in, copied_run, place):
    (copied_run / "result.json").unlink()
    request = json.loads((copied_run / "request.json").read_text())
    table(place / "other.csv", "text,label\n", sentences())
    (copied_run / "request.json").write_text(json.dumps({**request, "data": str(place / "other.csv")}))
    refused(type_in("resume run"), "the data have changed since this run began")


def test_an_unwritable_place(type_in, place, monkeypatch):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    table(place / "data.csv", "text,label\n", sentences())
    (place / "locked").mkdir(mode=0o500)
    refused(type_in("fit data.csv --out locked/run"), "locked cannot be written to")


def test_a_full_disk_ends_with_a_message_and_the_run_can_go_on(type_in, place, monkeypatch, small_text_model):
    """The disk fills up when the model is saved; with room again, the run is resumed."""
    table(place / "data.csv", "text,label\n", sentences())
    from upfit.journey import saved_model

    def full(tensors, path):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(saved_model, "save_file", full)
        run = type_in("fit data.csv --out run", QUICK, "--model", small_text_model)
        refused(run, "cannot write", "No space left on device", "what was saved before is intact")
    again = type_in("resume run --quiet")
    assert again.code == 0, again.err
    assert (place / "run" / "result.json").is_file()


# What follows is bad input that does not stop a run: it is named, and the run goes on.


def finding_texts(place):
    lines = (place / "run" / "findings.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_bad_images_are_skipped_counted_and_listed(type_in, place):
    folder = pictures(place / "photos", count=8)
    (folder / "cat" / "zero.jpg").write_bytes(b"")
    (folder / "cat" / "page.jpg").write_text("<!doctype html><html></html>")
    whole = picture(folder / "dog" / "cut.png", 7, size=(64, 64)).read_bytes()
    (folder / "dog" / "cut.png").write_bytes(whole[: len(whole) // 2])
    Image.new("1", (20_000, 20_000)).save(folder / "dog" / "bomb.png")
    run = type_in("fit photos --out run", QUICK)
    assert run.code == 0, run.err
    [finding] = [one for one in finding_texts(place) if one["kind"] == "unreadable_file"]
    listed = " ".join(finding["examples"])
    for name in ("zero.jpg", "page.jpg", "cut.png", "bomb.png"):
        assert name in listed
    assert "4" in finding["message"]


NAMES = ("a/b\\c", "<script>alert(1)</script>", "🌸", "中文", "x" * 300)


def test_awkward_class_names_and_encodings_go_all_the_way(type_in, place, small_text_model):
    """Class names that break paths, pages and columns; a table in UTF-16; a class with one example."""
    rows = [f"sentence {n} about thing {n % 5},{NAMES[n % 5]}" for n in range(50)]
    table(place / "data.csv", "text,label\n", [*rows, "alone it stands,lonely"], encoding="utf-16")
    run = type_in("fit data.csv --out run", QUICK, "--model", small_text_model)
    assert run.code == 0, run.err
    page = (place / "run" / "report.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page
    table(place / "new.csv", "text\n", ["sentence 7 about thing 2"])
    predicted = type_in("predict run new.csv --out answers.csv")
    assert predicted.code == 0, predicted.err
    answers = pd.read_csv(place / "answers.csv")
    assert answers["prediction"][0] in (*NAMES, "lonely")
    assert len([name for name in answers.columns if "中文" in name]) == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gbk", "latin-1"])
def test_other_encodings_are_read(place, encoding):
    from upfit.data.read import read

    word = "花" if encoding == "gbk" else "été"
    rows = [
        f"第{n}句话说的是{word}" if encoding == "gbk" else f"une phrase {n} sur l'{word}" for n in range(30)
    ]
    table(
        place / "data.csv", "text,label\n", [f"{row},{'ab'[n % 2]}" for n, row in enumerate(rows)], encoding
    )
    assert word in read(place / "data.csv").table[0]["text"]


def test_missing_targets_and_unseen_classes_are_named(type_in, place, small_text_model):
    rows = sentences(30)
    rows[3] = "this one has no label,"
    table(place / "train.csv", "text,label\n", rows)
    table(place / "validation.csv", "text,label\n", [*sentences(10), "never seen,green"])
    run = type_in(
        "fit --train train.csv --validation validation.csv --out run", QUICK, "--model", small_text_model
    )
    assert run.code == 0, run.err
    told = " ".join(one["message"] for one in finding_texts(place))
    assert "green" in told
    assert "1 row" in told or "one row" in told
