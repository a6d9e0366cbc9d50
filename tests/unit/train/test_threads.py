"""As many threads as make work faster; what the user chose stays, and the process gets its own back."""

from __future__ import annotations

import pytest
import torch

from upfit.models import load_backbone
from upfit.train import threads as chosen
from upfit.train.threads import choose_threads, fastest, threads


@pytest.fixture
def four_threads(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("seconds", "count"),
    [
        ({4: 1.0, 2: 1.5, 1: 3.0}, 4),
        ({4: 1.0, 2: 0.99, 1: 0.1}, 4),
        ({4: 4.0, 2: 1.0, 1: 1.1}, 2),
        ({4: 4.0, 2: 1.0, 1: 0.5}, 1),
    ],
)
def test_threads_are_halved_for_as_long_as_that_is_clearly_faster(seconds, count):
    assert fastest(4, seconds.__getitem__) == count


@pytest.mark.parametrize("modality", ["image", "text"])
def test_the_packaged_backbones_are_measured_and_left_as_they_were(modality, four_threads):
    backbone = load_backbone("auto", modality).train()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    assert choose_threads(backbone) in (1, 2, 4)
    assert torch.get_num_threads() == 4
    assert backbone.training
    assert all(parameter.grad is None for parameter in backbone.parameters())
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())


def test_where_half_the_threads_are_faster_they_are_taken(four_threads, monkeypatch):
    monkeypatch.setattr(chosen, "pass_seconds", lambda backbone, batch: float(torch.get_num_threads()))
    assert choose_threads(load_backbone("auto", "text")) == 1


def test_what_the_user_set_is_not_measured(four_threads, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert choose_threads(None) == 4


def test_afterwards_there_are_as_many_as_before(four_threads):
    with threads(2):
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == 4
    with pytest.raises(ZeroDivisionError), threads(2):
        1 / 0  # noqa: B018
    assert torch.get_num_threads() == 4
    with threads(8):
        assert torch.get_num_threads() == 4, "more than there were"
