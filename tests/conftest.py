"""What every test shares: no network, where the shared data lie, how to type a command."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

REPOSITORY = Path(__file__).parent.parent

# Tiny batches gain nothing from a second thread and, on a busy machine, wait for it a hundred times over.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Nothing is timed: what is right is right on a busy machine, too.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def _no_network():
    """Connecting to another machine fails at once; this machine's own sockets work."""
    connect = socket.socket.connect

    def connect_at_home(self, address):
        away = self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in (
            "127.0.0.1",
            "::1",
            "localhost",
        )
        if away:
            raise OSError(f"tests do not use the network (connect to {address[0]!r})")
        return connect(self, address)

    socket.socket.connect = connect_at_home
    yield
    socket.socket.connect = connect


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The data folder beside the repository; the test is skipped where it is absent."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside this clone")
    return folder


@pytest.fixture
def upfit_command(tmp_path):
    """Type `upfit …` as a user does: a new process in an empty folder. Returns the finished process."""

    def run(*arguments: str, **settings) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"COLUMNS": "100", "NO_COLOR": "1", "PYTHONUTF8": "1"}
        return subprocess.run(
            [sys.executable, "-m", "upfit", *map(str, arguments)],
            **{"cwd": tmp_path, "capture_output": True, "text": True, "timeout": 600, "env": environment}
            | settings,
        )

    return run


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """What is cached while testing never meets what a user has cached."""
    before = os.environ.get("UPFIT_CACHE")
    os.environ["UPFIT_CACHE"] = str(tmp_path_factory.mktemp("upfit-cache"))
    yield
    os.environ.pop("UPFIT_CACHE")
    if before is not None:
        os.environ["UPFIT_CACHE"] = before


@pytest.fixture(scope="session")
def digits(tmp_path_factory) -> Path:
    """Eight real digits a class, as an image folder."""
    from upfit.testing import digits_folder

    return digits_folder(tmp_path_factory.mktemp("images") / "digits", per_class=8)


@pytest.fixture(scope="session")
def sentences(tmp_path_factory):
    """Real sentences as a table file, by task: `sentences("binary")`; written once a session."""
    from upfit.testing import docstring_sentences

    folder = tmp_path_factory.mktemp("sentences")

    def written(task: str) -> Path:
        path = folder / f"{task}{'.jsonl' if task == 'multilabel' else '.csv'}"
        if not path.exists():
            docstring_sentences(path, task=task, per_class=24)
        return path

    return written


def quick(**more) -> tuple:
    """Changes that make a run last seconds: 4 steps of 8 small examples."""
    from upfit.values import Change

    fields = {
        "stopping.steps": 4,
        "stopping.evaluations": 2,
        "batching.size": 8,
        "inputs.image_size": 32,
        "inputs.max_length": 16,
    }
    fields |= {name.replace("__", "."): value for name, value in more.items()}
    return tuple(Change(path=path, to=value) for path, value in fields.items())


@pytest.fixture(scope="session")
def quickly():
    """The function `quick`: `quickly(layers__train="head")`."""
    return quick


@pytest.fixture(scope="session")
def text_run(sentences, tmp_path_factory):
    """A finished tiny run on text, with its data beside it; leave it as it is."""
    import upfit

    out = tmp_path_factory.mktemp("finished") / "run"
    return upfit.fit(sentences("multiclass"), out=out, changes=quick(), seed=1)


@pytest.fixture(scope="session")
def small_text_model(tmp_path_factory) -> str:
    """The packaged text backbone cut down to one layer and 5,000 tokens, as a local folder."""
    import json

    from torch import nn

    from upfit.models import load_backbone

    folder, tokens = tmp_path_factory.mktemp("models") / "small", 5000
    backbone = load_backbone("auto", "text")
    net, tokenizer = backbone.net, backbone.inputs.tokenizer
    net.encoder.layer = net.encoder.layer[:1]
    words = net.embeddings.word_embeddings
    net.embeddings.word_embeddings = nn.Embedding.from_pretrained(words.weight[:tokens], padding_idx=0)
    net.config.update({"num_hidden_layers": 1, "vocab_size": tokens})
    net.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    described = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = described["model"]["vocab"]
    described["model"]["vocab"] = {word: number for word, number in vocabulary.items() if number < tokens}
    (folder / "tokenizer.json").write_text(json.dumps(described))
    return str(folder)
