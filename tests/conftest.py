"""What every test shares: no network, where the shared data lie, how to type a command."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent


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
