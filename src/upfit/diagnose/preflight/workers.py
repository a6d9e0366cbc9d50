"""Do the processes of a loader draw the same random numbers?"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch.utils.data import DataLoader

from upfit.diagnose.preflight.asking import alike, can_be_asked
from upfit.diagnose.preflight.calls import tensors_in
from upfit.diagnose.preflight.subject import Subject

ROWS = 8
PATIENCE = 20.0
"""Seconds after which a loader whose processes do not answer is given up."""


def measure(subject: Subject) -> dict[str, float]:
    """Two processes are asked for the same examples, twice each.

    Where the second answer of a process differs from its first, examples are varied at random; where both
    processes then vary them alike, they draw from the same stream: their generator was copied to both, or
    `worker_init_fn` seeds both alike.
    """
    loader = subject.train
    dataset: Any = getattr(loader, "dataset", None)
    count = int(getattr(loader, "num_workers", 0) or 0)
    if count < 2 or not can_be_asked(dataset):
        return {}
    rows = list(range(min(ROWS, len(dataset))))
    with warnings.catch_warnings():
        # About more processes than cores: the loop's own loader has said so already.
        warnings.simplefilter("ignore")
        twin: DataLoader[Any] = DataLoader(
            dataset,
            batch_sampler=[rows] * 4,
            num_workers=2,
            collate_fn=loader.collate_fn,
            worker_init_fn=loader.worker_init_fn,
            multiprocessing_context=loader.multiprocessing_context,
            generator=torch.Generator().manual_seed(0),
            timeout=PATIENCE,
        )
        # Batches go to the two processes in turn.
        one, other, again, other_again = (tensors_in(batch) for batch in twin)
    varies = not alike(one, again) or not alike(other, other_again)
    same = varies and alike(one, other) and alike(again, other_again)
    return {"workers.count": float(count), "workers.vary": float(varies), "workers.same_stream": float(same)}
