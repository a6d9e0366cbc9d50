"""The Doctor's own loader, and a Doctor whose looks may take next to no time."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from upfit import Doctor
from upfit.integrations.twin import twin_of

ROWS = TensorDataset(torch.arange(20.0)[:, None], torch.arange(20) % 2)


class Endless(IterableDataset):
    def __iter__(self):
        while True:
            yield torch.zeros(1)


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_twin_gives_batches_of_the_same_size_and_is_shuffled_where_the_original_is(shuffle):
    original = DataLoader(ROWS, batch_size=8, shuffle=shuffle, drop_last=True)
    batches = list(twin_of(original))
    assert [len(x) for x, _ in batches] == [8, 8]
    in_order = torch.cat([x for x, _ in batches]).flatten().tolist() == list(range(16))
    assert in_order is not shuffle


def test_a_twin_leaves_the_random_state_alone():
    twin = twin_of(DataLoader(ROWS, batch_size=8, shuffle=True))
    before = torch.get_rng_state()
    list(twin)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("loader", [None, [1, 2], DataLoader(Endless())])
def test_what_cannot_be_looked_at_twice_has_no_twin(loader):
    assert twin_of(loader) is None


@pytest.mark.parametrize(("share", "probed"), [(None, True), (1e-9, False)])
def test_looks_that_cost_too_much_are_left_out(share, probed):
    model = nn.Linear(1, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    loss_fn, loader = nn.CrossEntropyLoss(), DataLoader(ROWS, batch_size=4)
    with Doctor(model, optimizer, loss_fn, loader, share=share) as doctor:
        for x, y in loader:
            loss = loss_fn(model(x), y)
            loss.backward()
            doctor.step(loss)
            optimizer.step()
            optimizer.zero_grad()
        doctor.validated({"accuracy": 0.5})
    known = [h for h in doctor.trace.healths if h.train_metric == h.train_metric]
    assert bool(known) is probed
    assert doctor.trace.healths
