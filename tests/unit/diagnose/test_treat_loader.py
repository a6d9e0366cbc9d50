"""Cures of the order and choice of examples: the loader is made anew as was asked, and nothing else."""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, SubsetRandomSampler, TensorDataset

from upfit import Change, Job
from upfit.diagnose.treat_loader import has_examples, reloaded


def job_of(x, y, **loading):
    loader = DataLoader(TensorDataset(x, y), **({"batch_size": 32} | loading))
    return Job(lambda changes: None, loader, loader, epochs=1)


def seen(job):
    torch.manual_seed(0)
    return torch.cat([labels for _, labels in job.train])


def change(path, to):
    return [Change(path=path, to=to)]


@pytest.fixture
def digits():
    x, y = load_digits(return_X_y=True)
    return torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)


def test_classes_are_drawn_alike():
    y = (torch.arange(400) < 20).long()
    drawn = reloaded(job_of(torch.randn(400, 4), y), change("batching.sampler", "balanced"))
    assert 0.35 < float(seen(drawn).float().mean()) < 0.65


def test_sorted_examples_are_shuffled_and_none_is_lost(digits):
    x, y = digits
    job = job_of(x, y.sort().values)
    shuffled = seen(reloaded(job, change("batching.shuffle", True)))
    assert not torch.equal(shuffled, seen(job))
    assert torch.equal(shuffled.sort().values, seen(job))


def test_a_short_last_batch_is_left_out_and_the_order_stays_as_it_was(digits):
    x, y = digits[0][:65], digits[1][:65]
    job = job_of(x, y)
    assert torch.equal(seen(reloaded(job, change("batching.drop_last", True))), y[:64])
    own = job_of(x, y, sampler=SubsetRandomSampler(range(33)))
    dropped = reloaded(own, change("batching.drop_last", True)).train
    assert dropped.sampler is own.train.sampler
    assert [len(labels) for _, labels in dropped] == [32]


def test_labels_that_contradict_their_neighbours_are_left_out(digits):
    x, true = digits
    chance, given = torch.Generator().manual_seed(0), true.clone()
    flipped = torch.randperm(len(true), generator=chance)[:250]
    given[flipped] = (given[flipped] + torch.randint(1, 10, (250,), generator=chance)) % 10
    job = job_of(x, given, shuffle=True)
    without = reloaded(job, change("data.clean", "auto"))
    cleaned = without.train
    kept = torch.tensor(cleaned.dataset.indices)
    wrong = given != true
    left_out = torch.ones(len(true), dtype=torch.bool).index_fill(0, kept, False)
    assert float((left_out & wrong).sum() / wrong.sum()) > 0.8
    assert float((left_out & wrong).sum() / left_out.sum()) > 0.9
    assert isinstance(cleaned.sampler, torch.utils.data.RandomSampler)
    assert without.epochs * len(kept) == pytest.approx(job.epochs * len(true)), "as many steps as before"


def test_what_cannot_be_made_anew_stays(digits):
    x, y = digits
    batches = [(x[:32], y[:32])]
    job = Job(lambda changes: None, batches, batches, epochs=1)
    assert not has_examples(batches)
    assert reloaded(job, change("batching.shuffle", True)) is job
    values = job_of(x, y.float(), shuffle=True)
    assert reloaded(values, change("data.clean", "auto")).train.dataset is values.train.dataset
    assert reloaded(values, change("optimizer.lr", 0.1)) is values
