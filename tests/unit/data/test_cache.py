"""The cache of tables: found again, told apart, whole or not there."""

import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from upfit.data.cache import KEEP_SECONDS, cache_folder
from upfit.data.cells import cells
from upfit.data.content import content_keys
from upfit.data.inputs import read_inputs
from upfit.data.read import read
from upfit.data.targets import targets
from upfit.testing import digits_folder, docstring_sentences
from upfit.values import Data


@pytest.fixture
def path(tmp_path):
    docstring_sentences(tmp_path / "data.csv", per_class=20)
    return tmp_path / "data.csv"


def kept():
    return sorted(file.name for file in cache_folder().iterdir())


def test_the_same_content_is_read_once(path, tmp_path):
    read(path)
    before = kept()
    (tmp_path / "copy").mkdir()
    copy = tmp_path / "copy" / "other.csv"
    copy.write_bytes(path.read_bytes())
    assert read(copy) == read(path)
    assert set(before) <= set(kept())
    path.write_text(path.read_text().replace("numpy", "numpie"))
    assert read(path) != read(copy)


def test_nothing_half_written_stays(path):
    read(path)
    assert not [name for name in kept() if name.startswith(".")]
    assert all((cache_folder() / name).with_suffix(".json").exists() for name in kept())


def test_what_nobody_opened_for_a_month_goes(path, tmp_path):
    read(path)
    old = time.time() - KEEP_SECONDS - 1
    for name in kept():
        os.utime(cache_folder() / name, (old, old))
    before = set(kept())
    docstring_sentences(tmp_path / "other.csv", task="binary", per_class=5)
    read(tmp_path / "other.csv")
    assert not before & set(kept())


def test_a_home_that_cannot_be_written(path, monkeypatch):
    monkeypatch.delenv("UPFIT_CACHE")
    monkeypatch.setenv("HOME", "/proc/nowhere")
    assert len(read(path)) == 100


@pytest.mark.skipif(sys.platform != "linux", reason="file size limits are those of Linux")
def test_a_full_disk(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(
        "text,label\n" + "\n".join(f"a sentence of some {row} words,{row % 2}" for row in range(50_000))
    )

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    code = f"from upfit.data.read import read; read({str(path)!r})"
    environment = os.environ | {"UPFIT_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, preexec_fn=limit, env=environment
    )
    assert "DataError: cannot write" in done.stderr
    assert "set UPFIT_CACHE" in done.stderr
    assert list((tmp_path / "cache" / "data").iterdir()) == []


def test_rows_of_a_filtered_table(path):
    data = read(path)
    rows = np.array([7, 3, 50, 3])
    chosen = Data(data.table.select(rows), data.schema, "f")
    assert cells(chosen, "text").to_pylist() == [data.table[int(row)]["text"] for row in rows]
    assert (targets(chosen, np.array([2, 0])) == targets(data, np.array([50, 7]))).all()
    assert (content_keys(chosen) == content_keys(data)[rows]).all()


def test_cells_across_chunks(tmp_path):
    lines = ["text,label", *(f"sentence number {row},{row % 2}" for row in range(45_000))]
    (tmp_path / "data.csv").write_text("\n".join(lines))
    data = read(tmp_path / "data.csv", kinds={"text": "text"})
    rows = np.random.default_rng(0).integers(0, 45_000, 500)
    assert cells(data, "text", rows).to_pylist() == [f"sentence number {row}" for row in rows]
    assert cells(data, "text", rows[:0]).to_pylist() == []


def test_many_inputs_are_kept_on_disk(path, monkeypatch):
    monkeypatch.setattr("upfit.data.inputs.IN_MEMORY", 10)
    data = read(path)
    inputs, _ = read_inputs(path, data.schema)
    assert inputs.table.cache_files
    monkeypatch.setattr("upfit.data.inputs.IN_MEMORY", 1000)
    assert read_inputs(path, data.schema)[0] == inputs


def test_unused_files_are_named(tmp_path):
    for name in ("train", "test", "train_5shot"):
        docstring_sentences(tmp_path / f"{name}.csv", task="binary", per_class=5)
    assert [one.examples for one in read(tmp_path).findings] == [("train_5shot.csv",)]
    digits_folder(tmp_path / "images" / "train", per_class=2)
    (tmp_path / "images" / "test").mkdir()
    assert [one.examples for one in read(tmp_path / "images").findings] == [("test",)]
