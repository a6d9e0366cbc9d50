"""Writing aside where the system refuses: one error, and what was there before stays."""

import resource
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from upfit.errors import RunFolderError
from upfit.store.atomic import write_with


@contextmanager
def files_of_at_most(size):
    """The system refuses longer files, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


REFUSED = "cannot write .*kept: (File too large|.* requested and .* written)"
WRITERS = {
    "safetensors": lambda path: save_file({"weight": torch.zeros(100_000)}, path),
    "numpy": lambda path: np.zeros(100_000).tofile(path),
    "text": lambda path: path.write_text("x" * 100_000),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_refusal_of_the_system_is_one_error_whoever_wrote(tmp_path, name):
    path = tmp_path / "kept"
    path.write_text("before")
    with pytest.raises(RunFolderError, match=REFUSED), files_of_at_most(10_000):
        write_with(path, WRITERS[name])
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]


def test_other_faults_stay_what_they_are(tmp_path):
    def broken(path):
        raise KeyError("weight")

    with pytest.raises(KeyError, match="weight"):
        write_with(tmp_path / "new", broken)
    assert list(tmp_path.iterdir()) == []
