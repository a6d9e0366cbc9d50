"""Whether a folder can be made, asked in advance."""

from pathlib import Path

import pytest

from upfit.errors import RunFolderError
from upfit.store.room import require_room


def test_what_can_be_made_leaves_nothing_behind(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    for folder in (tmp_path / "a" / "b", tmp_path / "full"):
        require_room(folder)
    assert [path.name for path in tmp_path.rglob("*")] == ["full", "mine"]


def test_what_lies_behind_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(RunFolderError, match="cannot create the folder"):
            require_room(folder)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_place_that_refuses_folders():
    with pytest.raises(RunFolderError, match="/proc/none"):
        require_room(Path("/proc/none/inside"))
