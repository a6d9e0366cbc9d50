"""Fitted: a trained candidate with its validation scores, to disk and back, so that no stage runs twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from upfit.store import RunFolder
from upfit.store.atomic import write_with
from upfit.train.firmness import Firmness
from upfit.train.probe import Probe

Name = Literal["probe", "tuned", "refitted"]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A candidate.

    Args:
        name: Which one.
        scores: (M, K) scores of the validation rows.
        tensors: `weight` and `bias` of a linear head, or (tuned) every tensor of the network.
        seconds: What it cost.
        facts: Numbers worth keeping, e.g. how firmly the probe is held.
    """

    name: Name
    scores: npt.NDArray[np.float32]
    tensors: dict[str, torch.Tensor]
    seconds: float
    facts: dict[str, float]

    def head(self) -> Probe:
        """The linear head of a probe or a refitted probe."""
        weight, bias = self.tensors["weight"].numpy(), self.tensors["bias"].numpy()
        # A run that an earlier version began knows no factor: answers were left as they came.
        firmness = Firmness(self.facts["strength"], self.facts.get("factor", 1.0))
        return Probe(weight, bias, firmness)


def kept(folder: RunFolder | None, name: Name, make: Callable[[], Fitted]) -> Fitted:
    """The candidate from the run folder, or made now and written there."""
    if folder is None:
        return make()
    path = folder.path / "candidates" / f"{name}.safetensors"
    if path.is_file():
        try:
            return _read(path, name)
        except (SafetensorError, ValueError, KeyError):
            # Damaged: it is made again, which costs time but no truth.
            path.unlink()
    fitted = make()
    if folder.writes:
        path.parent.mkdir(exist_ok=True)
        _write(path, fitted)
    return fitted


def _write(path: Path, fitted: Fitted) -> None:
    tensors = {f"t.{name}": value.contiguous() for name, value in fitted.tensors.items()}
    tensors["scores"] = torch.from_numpy(fitted.scores)
    facts = {"seconds": str(fitted.seconds), "facts": json.dumps(fitted.facts)}
    write_with(path, lambda aside: save_file(tensors, aside, metadata=facts))


def _read(path: Path, name: Name) -> Fitted:
    with safe_open(path, framework="pt") as file:
        facts = file.metadata() or {}
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    scores = tensors.pop("scores").numpy()
    named = {key.removeprefix("t."): value for key, value in tensors.items()}
    return Fitted(name, scores, named, float(facts["seconds"]), json.loads(facts["facts"]))
