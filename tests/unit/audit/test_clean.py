"""A plan is applied to a copy, learns on train alone, and is refused where it does not fit."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from upfit.audit.clean import cleaned
from upfit.curate.audit import audit
from upfit.curate.clean import clean, read_plan
from upfit.data.read import read
from upfit.errors import InputError
from upfit.testing import digits_folder
from upfit.values import Action, Plan, Silent


@pytest.fixture
def table():
    """Wine measurements in two parts, some missing, one infinite; and what was read of them."""
    from sklearn.datasets import load_wine

    frame = load_wine(as_frame=True).frame.sample(frac=1, random_state=0, ignore_index=True)
    frame = frame.assign(target=frame["target"].map({0: "Barolo", 1: "barolo ", 2: "Barbera"}))
    frame.loc[[3, 150], "alcohol"] = np.nan
    frame.loc[7, "hue"] = np.inf
    return read(parts={"train": frame[:120], "test": frame[120:]}, target="target"), frame


def plan_of(data, *actions):
    return Plan(fingerprint=data.fingerprint, actions=actions)


def test_every_deed(table):
    data, frame = table
    found = cleaned(
        data,
        plan_of(
            data,
            Action(do="drop", rows=(0, 5)),
            Action(do="drop", column="ash"),
            Action(do="relabel", column="target", rows=(2,), to=["Barbera"]),
            Action(do="merge", column="target", values=("barolo",), to="Barolo"),
            Action(do="fill", column="alcohol", to="median"),
            Action(do="normalise", column="hue", to="winsorise"),
        ),
    )
    assert len(found) == len(frame) - 2
    assert "ash" not in found
    assert set(found["target"]) == {"Barolo", "Barbera"}
    assert found.at[2, "target"] == "Barbera"
    assert np.isfinite(found["hue"]).all()
    learnt_on = frame[:120].drop(index=[0, 5])
    assert found.at[150, "alcohol"] == pytest.approx(learnt_on["alcohol"].median())


def test_iterative_filling_is_nearer_than_the_median(table):
    data, _ = table
    from sklearn.datasets import load_wine

    true = load_wine(as_frame=True).frame.sample(frac=1, random_state=0, ignore_index=True)["alcohol"]
    filled = {
        how: cleaned(data, plan_of(data, Action(do="fill", column="alcohol", to=how)))["alcohol"]
        for how in ("iterative", "median")
    }
    off = {how: abs(values[[3, 150]] - true[[3, 150]]).mean() for how, values in filled.items()}
    assert off["iterative"] < off["median"]


def test_a_code_that_becomes_a_gap_is_filled_by_the_same_plan(table):
    """Gaps are told of before codes, and a plan that filled first would leave the codes as new gaps."""
    _, frame = table
    frame.loc[range(10, 40), "alcohol"] = np.nan
    frame.loc[range(50, 60), "alcohol"] = -1.0
    data = read(frame, target="target")
    plan = audit(data, checks=["missing", "ranges"]).plan
    assert [one.do for one in plan.actions if one.column == "alcohol"] == ["convert", "fill"]
    agreed = plan.replace(actions=tuple(one.replace(doubtful=False) for one in plan.actions))
    filled = cleaned(data, agreed)["alcohol"]
    true = frame["alcohol"].mask(frame["alcohol"] == -1)
    assert filled.notna().all()
    assert filled[50] == pytest.approx(true.median())


def test_it_writes_a_copy_and_touches_nothing(table, tmp_path):
    _, frame = table
    source = tmp_path / "wine.csv"
    frame.to_csv(source, index=False)
    before = source.read_bytes()
    read_again = read(source, target="target")
    plan = tmp_path / "plan.yaml"
    plan.write_text(plan_of(read_again, Action(do="drop", rows=(1, 2, 3), because="a: test")).to_yaml())
    folder = clean(source, plan=plan, out=tmp_path / "copy", target="target")
    assert source.read_bytes() == before
    assert len(pd.read_csv(folder / "data.csv")) == len(frame) - 3
    with pytest.raises(InputError, match="is there already"):
        clean(source, plan=plan, out=tmp_path / "copy", target="target")


def test_images_are_copied_into_class_folders(digits, tmp_path):
    data = read(digits)
    relabel = Action(do="relabel", column="label", rows=(0,), to=["7"])
    folder = clean(digits, plan=plan_of(data, relabel), out=tmp_path / "copy")
    assert len(list(folder.rglob("*.png"))) == len(data)
    assert len(list((folder / "7").iterdir())) == len(list((digits / "7").iterdir())) + 1


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (Action(do="drop", rows=(100_000,)), "there is no row 100000"),
        (Action(do="drop", column="alcool"), "did you mean 'alcohol'"),
        (Action(do="drop", column="target"), "the target cannot be dropped"),
        (Action(do="relabel", column="target", rows=(1,), to=["Barberra"]), "did you mean 'Barbera'"),
        (Action(do="relabel", column="target", rows=(1, 2), to=["Barbera"]), "each row needs one label"),
        (Action(do="merge", column="target", values=("Merlot",), to="Barolo"), "never is 'Merlot'"),
        (Action(do="normalise", column="hue", to="winsorize"), "winsorise"),
        (Action(do="fill", column="target", to="median"), "holds no numbers"),
        (Action(do="convert", column="alcohol", to="missing", values=("-77",)), "never is '-77'"),
        (Action(do="drop", column="hue", rows=(1, 2)), "both rows and a column"),
        (Action(do="relabel", column="target", rows=(4, 4), to=["Barbera", "Barolo"]), "row 4 gets two"),
        (Action(do="merge", column="target", values=("Barolo", "barolo"), to="Barbera"), "one class only"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused(table, action, message):
    data, _ = table
    with pytest.raises(InputError, match=message):
        cleaned(data, plan_of(data, action))


def test_two_actions_that_give_a_row_two_labels_are_refused_and_the_same_label_twice_is_not(table):
    data, _ = table
    first = Action(do="relabel", column="target", rows=(2,), to=["Barbera"])
    assert cleaned(data, plan_of(data, first, first)).at[2, "target"] == "Barbera"
    other = first.replace(to=["Barolo"])
    with pytest.raises(InputError, match="action 2 of the plan"):
        cleaned(data, plan_of(data, first, other))
    assert cleaned(data, plan_of(data, first, other.replace(doubtful=True))).at[2, "target"] == "Barbera"


def test_an_action_that_cannot_be_read_is_named_by_its_number():
    text = "fingerprint: 'f'\nactions:\n  - {do: drop, rows: [1]}\n  - {do: drop, rows: [one]}\n"
    with pytest.raises(InputError, match="action 2 of the plan"):
        Plan.from_yaml(text)


def test_a_plan_for_other_data_is_refused(table):
    data, _ = table
    with pytest.raises(InputError, match="made for other data"):
        cleaned(data, Plan(fingerprint="0" * 64))


def test_plans_survive_the_file(tmp_path):
    plan = Plan(
        fingerprint="12345678",
        actions=(Action(do="relabel", column="y: z", rows=(1, 2), to=["a, b", "#c"], because="it's [so]"),),
    )
    (tmp_path / "plan.yaml").write_text(plan.to_yaml())
    assert read_plan(tmp_path / "plan.yaml").to_yaml() == plan.to_yaml()
    (tmp_path / "plan.yaml").write_text("fingerprint: 'x'\nactions:\n  - do: explode\n")
    with pytest.raises(InputError, match="drop"):
        read_plan(tmp_path / "plan.yaml")


def test_what_is_doubtful_is_not_done_until_it_was_looked_at(table, tmp_path):
    data, frame = table
    plan = plan_of(
        data, Action(do="drop", rows=(0, 5), because="odd", doubtful=True), Action(do="drop", rows=(9,))
    )
    written = plan.to_yaml()
    assert "doubtful: true" in written
    assert Plan.from_yaml(written) == plan
    assert len(cleaned(data, plan)) == len(frame) - 1
    looked_at = "\n".join(line for line in written.splitlines() if "doubtful: true" not in line)
    assert len(cleaned(data, Plan.from_yaml(looked_at))) == len(frame) - 3


def test_half_a_copy_is_not_left_behind(digits, tmp_path):
    """A class that cannot be a folder shows only while the copy is written."""
    data = read(digits)
    rename = Action(do="merge", column="label", values=(data.schema.classes[-1],), to="a/b")
    out = tmp_path / "copy"
    with pytest.raises(InputError, match="cannot be the name of a folder"):
        clean(data, plan=plan_of(data, rename), out=out)
    assert not out.exists()


def test_a_kill_leaves_no_half_of_a_copy_and_the_same_command_works(digits, tmp_path):
    """Killed as soon as the first of many images is copied; the copy has its name only when it is whole."""
    (tmp_path / "plan.yaml").write_text(plan_of(read(digits)).to_yaml(), encoding="utf-8")
    out, unfinished = tmp_path / "copy", tmp_path / ".copy.upfit-unfinished"
    out.mkdir()
    code = (
        "import os, signal, upfit, upfit.data.export as export\n"
        "class Stops:\n"
        "    def __getattr__(self, name):\n"
        "        return getattr(export_shutil, name)\n"
        "    def copyfile(self, *where):\n"
        "        export_shutil.copyfile(*where)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "export_shutil = export.shutil\n"
        "export.shutil = Stops()\n"
        f"upfit.clean({str(digits)!r}, plan='plan.yaml', out='copy')\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, timeout=300)
    assert killed.returncode == -signal.SIGKILL
    assert any(unfinished.rglob("*.*")), "it was killed after the first picture"
    assert not any(out.iterdir())
    assert len(read(clean(digits, plan=tmp_path / "plan.yaml", out=out))) == len(read(digits))
    assert not unfinished.exists()


def test_a_column_of_pictures_may_be_dropped_but_not_all_that_there_is_to_read(digits, tmp_path):
    data = read(digits)
    (picture,) = data.schema.of_kind("image")
    with pytest.raises(InputError, match="drops every column"):
        clean(data, plan=plan_of(data, Action(do="drop", column=picture)), out=tmp_path / "copy")
    frame = pd.DataFrame({"file": [str(one) for one in sorted(digits.glob("*/*.png"))]})
    frame["size"], frame["label"] = (
        np.sqrt(range(len(frame))),
        [Path(one).parent.name for one in frame["file"]],
    )
    data = read(frame, kinds={"file": "image", "size": "number"}, target="label")
    copy = clean(data, plan=plan_of(data, Action(do="drop", column="file")), out=tmp_path / "other")
    assert list(pd.read_csv(copy / "data.csv")) == ["size", "label"]


def test_a_name_too_long_for_a_folder_is_refused_before_anything_is_there(digits, tmp_path):
    data = read(digits)
    merge = Action(do="merge", column="label", values=("1", "2"), to="x" * 400)
    with pytest.raises(InputError, match="cannot be the name of a folder"):
        clean(data, plan=plan_of(data, merge), out=tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_a_copy_within_the_data_is_refused(tmp_path):
    """It would be read as one more class ever after."""
    source = digits_folder(tmp_path / "digits", per_class=4)
    before = {place: place.read_bytes() for place in sorted(source.rglob("*.png"))}
    data = read(source)
    for out in (source / "cleaned", source / "0" / "cleaned", source / ".." / "digits" / "cleaned"):
        with pytest.raises(InputError, match="lies within the data"):
            clean(source, plan=plan_of(data, Action(do="drop", rows=(0,))), out=out)
    assert {place: place.read_bytes() for place in sorted(source.rglob("*.png"))} == before
    assert read(clean(source, plan=plan_of(data), out=tmp_path / "cleaned")).schema == data.schema


def test_it_says_what_was_done_and_what_was_not(table, tmp_path):
    class Heard(Silent):
        def __init__(self):
            self.said = []

        def note(self, text):
            self.said.append(text)

    frame = table[1].copy()
    frame.loc[9, "target"] = None
    data = read(frame, target="target")
    plan = plan_of(
        data,
        Action(do="drop", rows=(0, 5)),
        Action(do="fill", column="alcohol", to="median"),
        Action(do="drop", rows=(1,), doubtful=True),
        Action(do="collect", values=("Barbera",), column="target", to=5),
    )
    heard = Heard()
    clean(frame, plan=plan, out=tmp_path / "copy", target="target", watcher=heard)
    assert heard.said == [
        f"{len(data) - 2} of {len(data)} rows are in the copy, after: drop, 2 rows; fill 'alcohol'",
        "not in the copy: 1 of 178 rows have no target and were left out",
        "not done, since marked as doubtful: drop, 1 row",
        "left to you: examples to collect",
    ]


def test_lists_of_labels_stay_lists(tmp_path):
    rows = [
        {"text": f"a sentence — of several kinds, number {place}", "length": place / 7, "tags": tags}
        for place, tags in enumerate([["long", "note"], ["note"], ["long"], ["note", "odd one"]] * 10)
    ]
    source = tmp_path / "notes.jsonl"
    source.write_text("\n".join(map(json.dumps, rows)))
    data = read(source, target="tags")
    relabel = Action(do="relabel", column="tags", rows=(1,), to=[["long", "odd one"]])
    plan = plan_of(data, relabel, Action(do="drop", rows=(0,)))
    copy = read(clean(source, plan=plan, out=tmp_path / "copy", target="tags"), target="tags")
    assert copy.schema.task == "multilabel"
    assert copy.schema.classes == data.schema.classes
    assert copy.table["tags"][:3] == [["long", "odd one"], ["long"], ["note", "odd one"]]
    assert copy.table["text"][:] == data.table["text"][1:]
    assert copy.table["length"][:] == data.table["length"][1:]
