"""Seventh blind batch, the sibling of the public case with two ranks: replicas that never were the same.

`python bench/doctor_cases/blind_seventh_ranks.py` trains on two processes, faulty and repaired by hand, and
prints the score of rank 0 and how far the replicas are apart; `--watch` has a Doctor on each rank look on,
and prints what that of rank 0 found. Accepted: `LABELS`.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import distributed, multiprocessing, nn
from torch.optim import SGD
from torch.utils.data import DataLoader, TensorDataset

sys.path.insert(0, str(Path(__file__).parents[1]))
from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, run, stack

LABELS = ("replica_divergence",)
RANKS = 2


class Averaging(SGD):
    """Averages the gradients of all ranks before each step."""

    def step(self, closure: Any = None) -> Any:
        """One step of the average."""
        for group in self.param_groups:
            for p in group["params"]:
                distributed.all_reduce(p.grad)
                p.grad /= RANKS
        return super().step(closure)


def each_from_its_own_seed(faulty: bool, seed: int) -> Training:
    """Seeds that are to differ in the order of rows alone are set before the weights are drawn."""
    rank = distributed.get_rank()
    train, held = split(*flat(), seed)
    torch.manual_seed(seed + rank if faulty else seed)
    model = stack([64, 48, 48, 10], nn.ReLU)
    torch.manual_seed(seed + rank)
    own = TensorDataset(*(part[rank::RANKS][:660] for part in train))
    loader = DataLoader(own, 16, shuffle=True, drop_last=True)
    return Training(model, Averaging(model.parameters(), 0.1), CE, loader, both(held, held)[1], epochs=10)


def apart(model: nn.Module) -> float:
    """The largest distance of a weight between the ranks."""
    own = nn.utils.parameters_to_vector(model.parameters()).detach()
    others = [torch.empty_like(own) for _ in range(RANKS)]
    distributed.all_gather(others, own)
    return float((others[0] - others[1]).abs().max())


def work(rank: int, file: str, faulty: bool, seed: int, watch: bool) -> None:
    """Train one rank."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=RANKS)
    training = each_from_its_own_seed(faulty, seed)
    doctor: Any = None
    if watch:
        from upfit import Doctor

        doctor = Doctor(
            training.model, training.optimizer, training.loss_fn, training.train, training.validation
        )
        doctor.preflight()
    with doctor or contextlib.nullcontext():
        score = run(training, doctor)
    found = [one.kind for one in doctor.findings] if watch else "not watched"
    distance = apart(training.model)
    if rank == 0:
        print("faulty" if faulty else "repaired", seed, f"score {score:.3f}", f"apart {distance:.3g}", found)
    distributed.destroy_process_group()


def main() -> None:
    """Both forms, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--watch", action="store_true", help="with a Doctor on each rank")
    given = parser.parse_args()
    for faulty in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            told = str(Path(folder) / "ranks"), faulty, given.seed, given.watch
            multiprocessing.spawn(work, told, nprocs=RANKS)


if __name__ == "__main__":
    main()
