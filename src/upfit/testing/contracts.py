"""Contracts that every technique keeps, as functions that a test calls with the technique's settings.

A technique of one's own is tested by the same functions as those that come with upfit.
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from upfit.errors import Interrupted
from upfit.own import train
from upfit.values import Change, Recipe, Silent, Step, Watcher

STEPS, STOP = 30, 12


class _CtrlC(Silent):
    """Sends this process the signal of Ctrl-C in mid-run."""

    def step(self, record: Step, total_steps: int) -> None:
        if record.step == STOP:
            os.kill(os.getpid(), signal.SIGINT)


def check_resumes_bit_for_bit(name: str, **settings: Any) -> None:
    """Stopped in mid-run and gone on with, a run with the technique ends with the very same weights.

    Args:
        name: The technique, as a recipe lists it.
        settings: Its settings.

    Raises:
        AssertionError: It does not. Call this in the main thread, where signals arrive.

    Example:
        >>> check_resumes_bit_for_bit("ema", decay=0.9)
    """
    with tempfile.TemporaryDirectory() as place:
        whole = _trained({name: settings}, Path(place, "whole"))
        try:
            _trained({name: settings}, Path(place, "parted"), watcher=_CtrlC())
        except Interrupted:
            pass
        else:
            raise AssertionError("the run ended before it could be stopped")
        again = _trained({name: settings}, Path(place, "parted"))
    _require_same(whole, again, f"{name} does not resume bit for bit")


def check_strength_zero_is_absent(name: str, **settings: Any) -> None:
    """With settings that leave it no strength, the technique changes nothing at all.

    Args:
        name: The technique.
        settings: Those at which it does nothing, e.g. a clipping norm that no gradient reaches.

    Raises:
        AssertionError: It changes weights all the same.

    Example:
        >>> check_strength_zero_is_absent("clip", norm=1e9)
    """
    _require_same(_trained({}), _trained({name: settings}), f"{name} with {settings} is not absent")


def _trained(
    techniques: Mapping[str, Any], out: Path | None = None, watcher: Watcher | None = None
) -> nn.Module:
    """A small network with dropout, trained on made-up numbers with these techniques alone."""
    fields = {"stopping.steps": STEPS, "stopping.evaluations": 3, "optimizer.lr": 0.01}
    changes = [Change(path=path, to=to) for path, to in fields.items()]
    changes += [Change(path=f"techniques.{name}", to="off") for name in ("clip", "ema")]
    changes += [Change(path=f"techniques.{name}", to=dict(given)) for name, given in techniques.items()]
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(64, 8, generator=generator), torch.randint(0, 3, (64,), generator=generator)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
        batches = [(x[k : k + 8], y[k : k + 8]) for k in range(0, 48, 8)]
        train(module, batches, [(x[48:], y[48:])], Recipe().apply(*changes), out=out, watcher=watcher)
    return module


def _require_same(one: nn.Module, other: nn.Module, message: str) -> None:
    others = other.state_dict()
    different = [name for name, value in one.state_dict().items() if not torch.equal(value, others[name])]
    if different:
        raise AssertionError(f"{message}: {', '.join(different)}")
