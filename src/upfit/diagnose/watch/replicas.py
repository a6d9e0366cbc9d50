"""Do the processes of a distributed training still hold the same weights?"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

DUE = {1, 2, 3, 5, 10, 50, 200, 1000, 5000}
"""Steps at which weights are compared, before each of them."""
APART = 1e-6
"""Relative difference of sums that no order of additions explains."""


class Replicas:
    """Publishes checksums of the weights, and compares those of other processes when they have come.

    Nothing waits: a process whose others watch nothing compares nothing. Weights that are cut into pieces
    over processes (FSDP, tensor parallelism) differ rightly, and are left out.

    Args:
        model: The model of this process.
        store: A `torch.distributed.Store` that all processes share; None takes that of the process group.
        rank: Of this process, where a store is given.
        world: Number of processes, where a store is given.

    Example:
        >>> store = dist.HashStore()
        >>> one, other = (Replicas(nn.Linear(2, 2), store=store, rank=rank, world=2) for rank in (0, 1))
        >>> one.step(1), other.step(1)  # drawn apart: nobody made them equal
        (None, None)
        >>> other.facts()["replicas.differ_at"]
        1.0
    """

    def __init__(self, model: nn.Module, *, store: Any = None, rank: int = 0, world: int = 1) -> None:
        self._model = model
        self._given = store, rank, world
        self._own: dict[int, dict[str, tuple[float, float]]] = {}
        self._facts: dict[str, float] = {}

    def step(self, number: int) -> None:
        """Publish the weights before a step, at some steps."""
        store, rank, _ = self._where() if number in DUE else (None, 0, 1)
        if store is None:
            return
        self._own[number] = _sums(self._model)
        store.set(_key(number, rank), json.dumps(self._own[number]))

    def facts(self) -> dict[str, float]:
        """The first step before which weights differed, as far as the other processes have told."""
        store, rank, world = self._where() if self._own else (None, 0, 1)
        if store is None:
            return self._facts
        compared = 0.0
        for number in sorted(self._own):
            others = [_key(number, one) for one in range(world) if one != rank]
            for key in others:
                if not store.check([key]):
                    continue
                compared += 1
                apart = _apart(self._own[number], json.loads(store.get(key)))
                if apart > APART and "replicas.differ_at" not in self._facts:
                    found = {"differ_at": float(max(1, number - 1)), "difference": apart}
                    self._facts |= {f"replicas.{name}": value for name, value in found.items()}
        if compared:
            self._facts["replicas.compared"] = compared
        return self._facts

    def _where(self) -> tuple[Any, int, int]:
        if self._given[0] is not None:
            return self._given
        if not dist.is_available() or not dist.is_initialized() or dist.get_world_size() < 2:
            return None, 0, 1
        get: Callable[[], Any] = dist.distributed_c10d._get_default_store
        return get(), dist.get_rank(), dist.get_world_size()


def _key(number: int, rank: int) -> str:
    return f"upfit/replicas/{number}/{rank}"


@torch.no_grad()
def _sums(model: nn.Module) -> dict[str, tuple[float, float]]:
    """Parameter → sum and norm, of those that are whole."""
    whole = {
        name.removeprefix("module."): p.detach()
        for name, p in model.named_parameters()
        if type(p.data) is torch.Tensor
    }
    return {name: (float(p.double().sum()), float(p.double().norm())) for name, p in whole.items()}


def _apart(ours: dict[str, tuple[float, float]], theirs: dict[str, list[float]]) -> float:
    """The largest difference of a parameter's sums, beside its norm."""
    worst = 0.0
    for name in ours.keys() & theirs.keys():
        (a, size), (b, other) = ours[name], theirs[name]
        gap = max(abs(a - b), abs(size - other)) / max(size, other, 1e-12)
        worst = max(worst, gap if math.isfinite(gap) else 0.0)
    return worst
