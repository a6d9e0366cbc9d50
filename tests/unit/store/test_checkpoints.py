"""Checkpoints and atomic writes: what a kill, a full disk or a hostile file can do to them."""

from __future__ import annotations

import hashlib
import os
import pickle

import pytest
import torch

from upfit.errors import RunFolderError
from upfit.store import Checkpoints
from upfit.store.atomic import aside, write_text


def state(step):
    return {"weights": torch.full((3,), float(step)), "counters": {"step": step}, "best": None}


@pytest.fixture
def kept(tmp_path):
    """Checkpoints of steps 1, 2 and 3, saved in this order."""
    checkpoints = Checkpoints(tmp_path / "checkpoints", every=0)
    for step in (1, 2, 3):
        checkpoints.save(step, state(step))
    return checkpoints


def newest(checkpoints):
    return max(checkpoints.folder.iterdir())


def test_the_newest_is_loaded_whole(kept):
    saved, damaged = kept.load()
    assert torch.equal(saved["weights"], torch.full((3,), 3.0))
    assert saved["counters"] == {"step": 3}
    assert damaged == ()


def test_only_the_newest_two_are_kept_and_nothing_else_lies_there(kept):
    names = sorted(path.name for path in kept.folder.iterdir())
    assert [name[:14] for name in names] == ["step-000000002", "step-000000003"]


def test_without_any_there_is_nothing_to_load(tmp_path):
    assert Checkpoints(tmp_path / "none").load() == (None, ())


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied"])
def test_a_damaged_newest_falls_back_to_the_one_before_and_says_so(kept, damage):
    path = newest(kept)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"cut": content[:-20], "flipped": content, "emptied": b""}[damage])
    saved, damaged = kept.load()
    assert saved["counters"] == {"step": 2}
    assert len(damaged) == 1
    assert path.name in damaged[0]
    assert "does not match its digest" in damaged[0]
    assert "fell back to the one before" in damaged[0]


def test_with_all_damaged_there_is_nothing_and_each_is_named(kept):
    for path in kept.folder.iterdir():
        path.write_bytes(b"x")
    saved, damaged = kept.load()
    assert saved is None
    assert len(damaged) == 2


class _Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("wrap", ["pickle", "torch"])
def test_code_in_a_checkpoint_is_refused_and_never_runs(kept, tmp_path, wrap):
    trap = tmp_path / "ran"
    file = tmp_path / "hostile"
    if wrap == "torch":
        torch.save({"weights": _Hostile(trap)}, file)
    else:
        file.write_bytes(pickle.dumps(_Hostile(trap)))
    digest = hashlib.blake2b(file.read_bytes(), digest_size=8).hexdigest()
    file.rename(kept.folder / f"step-000000009-{digest}.pt")
    saved, damaged = kept.load()
    assert saved["counters"] == {"step": 3}
    assert "step-000000009" in damaged[0]
    assert not trap.exists()


def test_half_written_files_are_not_taken_for_checkpoints(kept):
    (kept.folder / "step-000000009.part").write_bytes(b"half")
    (kept.folder / ".step-000000009.part.77.tmp").write_bytes(b"half")
    assert kept.load()[0]["counters"] == {"step": 3}
    kept.save(10, state(10))
    assert kept.load()[0]["counters"] == {"step": 10}


def test_saving_is_due_once_its_time_has_come(tmp_path):
    assert Checkpoints(tmp_path, every=0).due()
    assert not Checkpoints(tmp_path, every=3600).due()
    assert not Checkpoints(tmp_path).due()


def test_saving_again_at_the_same_step_leaves_one_good_file(kept):
    kept.save(3, state(3))
    assert kept.load()[0]["counters"] == {"step": 3}


def test_a_full_disk_leaves_the_old_checkpoints_and_says_what_to_do(tmp_path, kept, monkeypatch):
    def full(state, path):
        path.write_bytes(b"half of it")
        raise RuntimeError("[enforce fail at inline_container.cc] unexpected pos")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(RunFolderError) as refused:
        kept.save(4, state(4))
    assert "is the disk full?" in str(refused.value)
    assert "what was saved before is intact" in str(refused.value)
    assert kept.load()[0]["counters"] == {"step": 3}
    assert len(list(kept.folder.iterdir())) == 2


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def write_half():
        with aside(path) as temporary:
            temporary.write_text("new, but")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_replaces_the_whole_file(tmp_path):
    path = tmp_path / "file.txt"
    write_text(path, "a long old text")
    write_text(path, "né")
    assert path.read_bytes() == "né".encode()


def test_a_folder_that_is_gone_is_an_error_with_a_way_on(tmp_path):
    with pytest.raises(RunFolderError, match=r"(?s)cannot write .*--out"):
        write_text(tmp_path / "gone" / "file.txt", "x")


def test_a_write_to_a_full_device_is_an_error_with_a_way_on(tmp_path, monkeypatch):
    def full(path, flags):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(RunFolderError, match="No space left on device"):
        write_text(tmp_path / "file.txt", "x")
