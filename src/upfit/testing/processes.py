"""Several processes: the same small runs, shared out over processes that exchange gradients (gloo, CPU)."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import multiprocessing

from upfit.testing.contracts import PLAIN, Weights, at_home, require_close, trained
from upfit.testing.switches import recipe_of

Switches = tuple[str, ...]


def check_two_processes_equal_one(*switches: str) -> None:
    """Two processes end with the weights of one.

    Claimed for what draws no random numbers inside the network and mixes no examples: each process has a
    share of the batch of its own to do that with.

    Raises:
        AssertionError: They do not.
    """
    [shared] = in_processes([switches])
    require_close(alone(*switches), shared, f"{' + '.join(switches)}: two processes differ from one")


def alone(*switches: str) -> Weights:
    """The weights that one process ends with."""
    return trained(recipe_of(*switches, **PLAIN), at_home(*switches)[1])


def in_processes(runs: Sequence[Switches], *, size: int = 2) -> list[Weights]:
    """The weights that several processes end with, for each set of switches; one start for all of them.

    Args:
        runs: What to turn on in each run.
        size: Processes.
    """
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.start_processes(_work, (size, port, list(runs), folder), nprocs=size)  # type: ignore
        files = [Path(folder, f"{number}.pt") for number in range(len(runs))]
        return [torch.load(file, weights_only=True) for file in files]


def _work(rank: int, size: int, port: int, runs: list[Switches], folder: str) -> None:
    """One process's part of all runs; the first writes the weights down."""
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        "LOCAL_WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "ACCELERATE_USE_CPU": "true",
    }
    for number, switches in enumerate(runs):
        weights = dict(alone(*switches))
        if rank == 0:
            torch.save(weights, Path(folder, f"{number}.pt"))
    torch.distributed.destroy_process_group()
