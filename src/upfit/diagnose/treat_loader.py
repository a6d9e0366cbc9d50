"""Cures of the order and choice of training examples: a loader like the given one, with other examples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    SequentialSampler,
    Subset,
    WeightedRandomSampler,
)

from upfit.diagnose.job import Job
from upfit.diagnose.preflight.calls import Calls
from upfit.train.label_cleaning import probably_wrong
from upfit.values import Change

PATHS = ("batching.sampler", "batching.shuffle", "batching.drop_last", "data.clean")
MOST_FEATURES = 5000
"""Numbers of an example beyond which comparing raw inputs says little, and takes long."""


def has_examples(loader: Any) -> bool:
    """Whether a loader's examples can be drawn in another order.

    >>> has_examples([(torch.zeros(2, 3), torch.zeros(2))])
    False
    """
    known = isinstance(loader, DataLoader) and loader.batch_size is not None
    return known and not isinstance(loader.dataset, IterableDataset)


def reloaded(job: Job, changes: Iterable[Change]) -> Job:
    """The job with a training loader as the changes ask for it; itself where its loader cannot be made anew.

    Where examples are left out, its epochs grow so that it takes as many steps as before: fewer steps would
    cost what right labels bring.

    Args:
        job: What is trained.
        changes: `batching.sampler` (`balanced`), `batching.shuffle`, `batching.drop_last` and `data.clean`
            (`auto`) count.
    """
    to = {change.path: change.to for change in changes if change.path in PATHS}
    loader = job.train
    if not to or not has_examples(loader):
        return job
    labels = _labels(loader) if {"batching.sampler", "data.clean"} & set(to) else None
    dataset: Dataset[Any] = loader.dataset
    if to.get("data.clean") == "auto" and labels is not None:
        dataset, labels = _cleaned(loader, labels)
        job = replace(job, epochs=job.epochs * len(loader.dataset) / max(1, len(labels)))
    drop = bool(to.get("batching.drop_last", loader.drop_last))
    if to.get("batching.sampler") == "balanced" and labels is not None:
        return replace(job, train=_again(loader, dataset, drop_last=drop, sampler=_drawn_alike(labels)))
    shuffle = to.get("batching.shuffle", not isinstance(loader.sampler, SequentialSampler))
    # Other examples, or another order than the loader's own, which may be a sampler of somebody's.
    other = dataset is not loader.dataset or "batching.shuffle" in to
    order = {"shuffle": bool(shuffle)} if other else {"sampler": loader.sampler}
    return replace(job, train=_again(loader, dataset, drop_last=drop, **order))


def _again(loader: Any, dataset: Dataset[Any], **how: Any) -> DataLoader[Any]:
    return DataLoader(dataset, batch_size=loader.batch_size, collate_fn=loader.collate_fn, **how)


def _batches(loader: Any) -> Iterable[Any]:
    """All examples in the order of the data set."""
    calls = Calls(nn.Identity(), lambda *_: 0.0)
    plain = DataLoader(loader.dataset, batch_size=loader.batch_size, collate_fn=loader.collate_fn)
    return (calls.split(batch) for batch in plain)


def _labels(loader: Any) -> torch.Tensor | None:
    """(N,) class numbers of all examples; None where targets are none."""
    try:
        labels = torch.cat([torch.as_tensor(example.target) for example in _batches(loader)])
    except (TypeError, IndexError, RuntimeError):
        return None
    return None if labels.is_floating_point() or labels.ndim != 1 else labels


def _drawn_alike(labels: torch.Tensor) -> WeightedRandomSampler:
    _, place, counts = labels.unique(return_inverse=True, return_counts=True)
    return WeightedRandomSampler((1.0 / counts.double())[place].tolist(), len(labels))


def _cleaned(loader: Any, labels: torch.Tensor) -> tuple[Dataset[Any], torch.Tensor]:
    """The examples without those whose labels contradict what is near them, judged by their raw inputs."""
    rows = [example.inputs for example in _batches(loader)]
    if not all(isinstance(one, torch.Tensor) and one.is_floating_point() for one in rows):
        return loader.dataset, labels
    features = torch.cat([one.flatten(1) for one in rows]).nan_to_num()
    if features.shape[1] > MOST_FEATURES:
        return loader.dataset, labels
    wrong = set(probably_wrong(features.numpy(), labels.numpy()).tolist())
    kept = [place for place in range(len(labels)) if place not in wrong]
    return Subset(loader.dataset, kept), labels[kept]
