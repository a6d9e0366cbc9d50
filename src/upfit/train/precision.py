"""bf16 or fp32: whichever runs the backbone faster here, measured once a machine and remembered."""

from __future__ import annotations

import platform
from functools import partial
from pathlib import Path

import torch
from torch import nn

from upfit.train.costs import pass_seconds
from upfit.train.remembered import remembered

WORTH = 1.1
"""bf16 has to be this many times faster to be worth its rounding."""


def choose_precision(backbone: nn.Module, batch: dict[str, torch.Tensor], *, name: str) -> str:
    """`bf16` or `fp32` for training this backbone on this machine.

    Args:
        backbone: On the CPU; left as it was.
        batch: A prepared batch of real examples.
        name: The backbone's name, part of the key under which the verdict is remembered.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    measure = partial(_measure, backbone.to(device), batch, device)
    return remembered("precision", batch, name=name, measure=measure)


def _measure(backbone: nn.Module, batch: dict[str, torch.Tensor], device: torch.device) -> str:
    if device.type == "cpu" and not _cpu_has_bf16():
        # Without the instructions bf16 is emulated, many times slower: nothing to measure.
        return "fp32"
    batch = {key: value.to(device) for key, value in batch.items()}
    seconds = {precision: _seconds(backbone, batch, precision) for precision in ("fp32", "bf16")}
    return "bf16" if seconds["fp32"] > WORTH * seconds["bf16"] else "fp32"


def _seconds(backbone: nn.Module, batch: dict[str, torch.Tensor], precision: str) -> float:
    """The faster of two passes, after one to warm up."""
    return min([pass_seconds(backbone, batch, precision=precision) for _ in range(3)][1:])


def _cpu_has_bf16() -> bool:
    flags = Path("/proc/cpuinfo")
    text = flags.read_text() if flags.is_file() else ""
    return "avx512_bf16" in text or "amx_bf16" in text or platform.machine() in {"arm64", "aarch64"}
