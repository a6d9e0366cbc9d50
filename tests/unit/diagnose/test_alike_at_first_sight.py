"""Causes that look alike at first sight: ranges, rows, classes and labels, on real digits."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from upfit.diagnose.preflight import measure_all
from upfit.diagnose.preflight.calls import Calls
from upfit.diagnose.preflight.subject import Subject
from upfit.values.trace import Health

from .judging import judged

CE, MSE = nn.CrossEntropyLoss(), nn.MSELoss()


def digits():
    found = load_digits()
    return torch.tensor(found.data / 16).float(), torch.tensor(found.target)


def pairs(x, y, **more):
    return DataLoader(TensorDataset(x, y), 32, **more)


def stack(outputs=10, inputs=64):
    return nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, outputs))


def facts(model, train, *tests, loss=CE, task="classification", **more):
    torch.manual_seed(0)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 1e-3)
    subject = Subject(Calls(model, loss, None), (optimizer,), task, train=train, **more)
    return measure_all(subject, only=tests).facts


class Experts(nn.Module):
    """Several nets, and a last layer that only says how much each is asked."""

    def __init__(self, bounded):
        super().__init__()
        self.several = nn.ModuleList([stack() for _ in range(3)])
        self.bounded, self.whom = bounded, nn.Linear(64, 3)

    def forward(self, x):
        said = torch.stack([one(x) for one in self.several], 2)
        mixed = (said * self.whom(x).softmax(1)[:, None]).sum(2)
        return mixed.softmax(1) if self.bounded else mixed


@pytest.mark.parametrize("bounded", [False, True])
def test_a_last_layer_that_only_shares_out_does_not_end_the_range(bounded):
    measured = facts(Experts(bounded), pairs(*digits()), "output")
    assert (measured["output.high"] <= 1.0001) == bounded
    assert ("loss_activation_mismatch" in judged(**measured)) == bounded


class LowRank(nn.Module):
    def __init__(self, base):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Parameter(0.1 * torch.randn(base.in_features, 4))
        self.up = nn.Parameter(torch.zeros(4, base.out_features))

    def forward(self, x):
        return self.base(x) + x @ self.down @ self.up


def test_an_adapter_beside_an_output_layer_that_was_declared_frozen_is_no_fault():
    model = nn.Sequential(LowRank(nn.Linear(64, 32)), nn.ReLU(), LowRank(nn.Linear(32, 10)))
    told = tuple(name for name, p in model.named_parameters() if not p.requires_grad)
    assert facts(model, pairs(*digits()), "coverage", frozen=told)["trainable.last_frozen"] == 0
    alone = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10).requires_grad_(False))
    assert facts(alone, pairs(*digits()), "coverage")["trainable.last_frozen"] == 1


@pytest.mark.parametrize("cell", [nn.RNN, nn.GRU, nn.LSTM])
def test_a_recurrent_layer_that_is_frozen_as_it_was_drawn_is_told(cell):
    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.read, self.head = cell(8, 12, batch_first=True), nn.Linear(12, 10)

        def forward(self, x):
            return self.head(self.read(x.unflatten(1, (8, 8)))[0][:, -1])

    model = Reader()
    model.read.requires_grad_(False)
    fresh = facts(model, pairs(*digits()), "weights", "coverage")
    assert "frozen_params" in judged(**fresh)
    with torch.no_grad():
        for p in model.read.parameters():
            p.normal_(0, 0.5)
    assert "frozen_params" not in judged(**facts(model, pairs(*digits()), "weights", "coverage"))


@pytest.mark.parametrize("squeezed", [True, False])
def test_a_loss_that_compares_each_answer_with_every_target_is_found_inside_it(squeezed):
    def likelihood(answer, y):
        return 0.5 * ((answer - (y.squeeze(1) if squeezed else y)) / 0.3).square().mean() + math.log(0.3)

    x, _ = digits()
    measured = facts(
        stack(1), pairs(x, x.mean(1, keepdim=True)), "output", loss=likelihood, task="regression"
    )
    assert measured["output.rows_alike"] == squeezed
    assert ("broadcast_bug" in judged(**measured)) == squeezed


@pytest.mark.parametrize("logarithms", [True, False])
def test_soft_targets_and_a_loss_that_wants_logarithms(logarithms):
    x, y = digits()
    soft = 0.9 * functional.one_hot(y, 10) + 0.01

    def apart(answer, target):
        said = functional.log_softmax(answer, 1) if logarithms else answer
        return functional.kl_div(said, target, reduction="batchmean")

    measured = facts(stack(), pairs(x, soft), "output", loss=apart)
    assert ("loss_activation_mismatch" in judged(**measured)) == (not logarithms)


class Standardising(nn.Module):
    def forward(self, x):
        return (x - x.mean(0)) / (x.std(0) + 1e-3)


def test_statistics_of_the_batch_by_hand_blame_the_last_batch_of_one():
    x, y = digits()
    model = nn.Sequential(Standardising(), stack())
    one_left = facts(model, pairs(x[:321], y[:321]), "mixing", "order")
    assert one_left["mixing.alone_undefined"] == 1
    found = judged(losses=[2.3, *[math.nan] * 50], score=0.1, **one_left)
    assert found[0] == "tiny_last_batch"
    assert "broadcast_bug" not in found
    # Without one left over it is no fault of the loss's.
    none_left = facts(model, pairs(x[:320], y[:320]), "mixing", "order")
    assert not {"tiny_last_batch", "broadcast_bug"} & set(judged(score=0.95, **none_left))


def parted(train, held):
    """Digits to learn from and held out, labels changed as told."""
    x, y = digits()
    place = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))
    x, y = x[place], y[place]
    return pairs(x[:1200], train(y[:1200])), pairs(x[1200:], held(y[1200:]))


def same(y):
    return y


def test_classes_that_are_missing_are_told_from_classes_under_another_name():
    x, y = digits()
    few = pairs(x[y < 7], y[y < 7])
    missing = facts(stack(), few, "labels", validation=pairs(x, y))
    assert missing["labels.unknown_unlike"] > 0.9
    assert judged(**missing)[0] == "class_imbalance"
    merged, held = parted(lambda y: y.clamp_max(6), same)
    renamed = facts(stack(), merged, "labels", validation=held)
    assert renamed["labels.unknown_unlike"] < 0.7
    assert judged(**renamed)[0] == "label_corruption"


def test_a_class_whose_number_marks_what_is_ignored_is_left_out():
    x, y = digits()
    ignoring = facts(
        stack(), pairs(x[:160], y[:160]), "labels", "silence", loss=nn.CrossEntropyLoss(ignore_index=0)
    )
    assert judged(**ignoring)[0] == "class_imbalance"
    assert "class_imbalance" not in judged(**facts(stack(), pairs(x[:160], y[:160]), "labels", "silence"))


def test_two_codings_of_the_same_classes_are_wrong_labels():
    def half(y):
        return torch.where(torch.arange(len(y)) % 2 == 0, (3 * y + 1) % 10, y)

    train, held = parted(half, same)
    measured = facts(stack(), train, "reference", validation=held)
    assert measured["reference.held_score"] > measured["reference.score"] + 0.3
    assert "label_noise" in judged(score=0.53, **{**measured, "reference.contradicted": 0.0})
    # Examples that are varied on purpose teach a plain model little, and a network that is well the more.
    assert "label_noise" not in judged(score=0.93, **{**measured, "reference.contradicted": 0.0})


def test_rows_that_come_again_and_mean_now_this_now_that_do_not_leak():
    x = torch.randint(0, 2, (800, 60), generator=torch.Generator().manual_seed(0)).float()
    x[::2] = x[:8].repeat(50, 1)
    y = torch.randint(0, 3, (800,), generator=torch.Generator().manual_seed(1))
    common = facts(stack(3, 60), pairs(x[:600], y[:600]), "leaks", validation=pairs(x[600:], y[600:]))
    assert common["leaks.shared"] > 0.3
    assert "data_leakage" not in judged(**common)
    # The same rows, each always of one class: examples drawn again before the parts were.
    y[::2] = torch.arange(8).repeat(50) % 3
    again = facts(stack(3, 60), pairs(x[:600], y[:600]), "leaks", validation=pairs(x[600:], y[600:]))
    assert "data_leakage" in judged(**again)


def test_units_that_come_alive_are_not_dead():
    looks = [Health(n, dead={"relu": share}) for n, share in ((1, 0.6), (150, 0.3))]
    assert "dead_units" not in judged(healths=looks[1:], **{"units.dead": 0.62})
    assert "dead_units" in judged(healths=looks, **{"units.dead": 0.5})
    assert "dead_units" in judged(**{"units.dead": 0.62})
