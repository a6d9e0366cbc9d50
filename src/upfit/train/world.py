"""World: the device, the precision and the other processes, as Accelerate sees them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import (
    DistributedDataParallelKwargs,
    DistributedType,
    broadcast_object_list,
    gather_object,
)

from upfit.data.own_loader import moved
from upfit.errors import InputError
from upfit.train.heap import keep_freed_memory

T = TypeVar("T")
Batch = dict[str, torch.Tensor]


SHARDED = (DistributedType.FSDP, DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM)
"""Ways of spreading one network over processes; averages, penalties and checkpoints read it whole."""


def _require_whole_weights(kind: DistributedType) -> None:
    """Raise `InputError` where Accelerate was told to cut the network itself into pieces."""
    if kind in SHARDED:
        raise InputError(
            f"weights cut into pieces over processes ({kind.value}) are not supported",
            expected="data parallelism: every process holds the whole network",
            hint="accelerate launch --multi_gpu",
        )


class World:
    """One training environment; `accelerate launch` decides how many processes share it.

    Args:
        precision: `fp32` or `bf16`.
    """

    def __init__(self, precision: str = "fp32") -> None:
        # Accelerate keeps its precision in a process-wide state; a second run may want another.
        if AcceleratorState._shared_state:
            AcceleratorState._reset_state()
        self.accelerator = Accelerator(mixed_precision="bf16" if precision == "bf16" else "no")
        _require_whole_weights(self.accelerator.distributed_type)
        self.rank: int = self.accelerator.process_index
        self.size: int = self.accelerator.num_processes
        self.device: torch.device = self.accelerator.device
        if self.device.type == "cpu":
            keep_freed_memory()

    @property
    def is_main(self) -> bool:
        """True in the process that writes and speaks."""
        return self.rank == 0

    @property
    def shard(self) -> tuple[int, int]:
        """(rank, size)."""
        return self.rank, self.size

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision for a forward pass outside a prepared network."""
        return self.accelerator.autocast()  # type: ignore[no-any-return]

    def move(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch on this process's device."""
        return batch if self.device.type == "cpu" else moved(batch, self.device)

    def expect_unused(self) -> None:
        """Have several processes bear parameters that get no gradient for a while; before `prepare`."""
        self.accelerator.ddp_handler = DistributedDataParallelKwargs(find_unused_parameters=True)

    def agree(self, value: T) -> T:
        """The main process's value, in every process: for decisions that a clock has a part in."""
        if self.size == 1:
            return value
        box: list[Any] = [value]
        broadcast_object_list(box)
        return box[0]  # type: ignore[no-any-return]

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Elementwise sum over processes."""
        if self.size == 1:
            return values
        return self.accelerator.reduce(values, reduction="sum")  # type: ignore[no-any-return]

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process."""
        return bool(self.sum(torch.tensor(float(flag), device=self.device)) > 0)

    def collect(
        self, positions: npt.NDArray[np.int64], values: npt.NDArray[Any], count: int
    ) -> npt.NDArray[Any]:
        """Rows from all processes, put at their positions (count, …)."""
        pieces = [(positions, values)]
        if self.size > 1:
            pieces = gather_object(pieces)
        whole = np.empty((count, *values.shape[1:]), dtype=values.dtype)
        for where, what in pieces:
            whole[where] = what
        return whole

    def wait(self) -> None:
        """Until every process is here."""
        self.accelerator.wait_for_everyone()
