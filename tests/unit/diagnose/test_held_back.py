"""What holds a network back though it learns: shared losses, penalties, rates that forget, faint inputs."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from upfit.diagnose import diagnose
from upfit.diagnose.preflight import measure_all
from upfit.diagnose.preflight.calls import Calls
from upfit.diagnose.preflight.subject import Subject
from upfit.testing.traces import HEALTHY_FACTS, made_trace
from upfit.values.trace import Health

CE, BCE = nn.CrossEntropyLoss(), nn.BCEWithLogitsLoss()
FOUND = load_digits()
DIGITS, NUMBERS = torch.tensor(FOUND.data / 16).float(), torch.tensor(FOUND.target)


def loader(x, y):
    return DataLoader(TensorDataset(x, y), 16)


def facts(tests, train, loss=CE, task="classification", outputs=10, **more):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(train.dataset[0][0].numel(), 16), nn.ReLU(), nn.Linear(16, outputs))
    built = loss(model) if loss in (penalised, slightly) else loss
    subject = Subject(
        Calls(model, built, None), (torch.optim.Adam(model.parameters(), 1e-3),), task, train=train, **more
    )
    return measure_all(subject, only=tests).facts


def kinds(trace):
    return [one.kind for one in diagnose(trace).findings]


def well(**more):
    """Kinds that are found in a run that ended as well as a plain reference."""
    falling = [2.3 * 0.97**step for step in range(200)]
    return kinds(made_trace(falling, validation=[(0.6, 0.9)] * 6, facts={**HEALTHY_FACTS, **more}))


def penalised(model, price=0.1):
    return lambda answer, target: (
        F.mse_loss(answer, target) + price * sum(p.abs().sum() for p in model.parameters())
    )


def slightly(model):
    return penalised(model, 1e-5)


@pytest.mark.parametrize(("loss", "shared"), [(CE, 1.0), (BCE, 0.0)])
def test_labels_that_may_be_true_together_do_not_share_out_one_whole(loss, shared):
    marks = torch.stack([NUMBERS % 2 == 0, NUMBERS > 4, NUMBERS % 3 == 0], 1).float()
    found = facts(("shared_out",), loader(DIGITS, marks), loss, "multilabel", outputs=3)
    assert found["output.shared_out"] == shared
    assert ("loss_activation_mismatch" in well(**found)) == bool(shared)


def test_one_true_label_of_several_may_share():
    assert facts(("shared_out",), loader(DIGITS, F.one_hot(NUMBERS).float())) == {}


def test_places_that_the_loss_leaves_out_are_no_unknown_class():
    held = NUMBERS[900:].clone()
    held[::3] = -100
    train = loader(DIGITS[:900], NUMBERS[:900])
    assert facts(("labels",), train, validation=loader(DIGITS[900:], held))["labels.unknown"] == 0


@pytest.mark.parametrize("missing", [True, False])
def test_classes_that_only_validation_has(missing):
    kept = NUMBERS[:900] < 8 if missing else NUMBERS[:900] < 10
    train = loader(DIGITS[:900][kept], NUMBERS[:900][kept])
    found = facts(("labels",), train, validation=loader(DIGITS[900:], NUMBERS[900:]))
    assert (found["labels.unknown"] > 0.1) == missing
    # What looks like nothing in training is missing there, not named otherwise.
    assert ("class_imbalance" in well(**found)) == missing
    assert "label_corruption" not in well(**found)


@pytest.mark.parametrize(
    ("x", "faint"),
    [
        ((DIGITS - 127.5) / 127.5, True),
        (F.normalize(torch.randn(600, 4000, generator=torch.manual_seed(0))), False),
    ],
)
def test_what_hardly_differs_lies_far_from_nought(x, faint):
    """Rows of length one have small numbers too, around nought: those train well."""
    found = facts(("inputs",), loader(x, NUMBERS[: len(x)]))
    assert ("wrong_preprocessing" in well(**found)) == faint


@pytest.mark.parametrize(("loss", "held"), [(penalised, True), (slightly, False)])
def test_a_penalty_that_keeps_sixteen_examples_from_being_learnt(loss, held):
    target = DIGITS.mean(1, keepdim=True)
    train = loader(DIGITS, (target - target.mean()) / target.std())
    found = facts(("decay", "one_batch"), train, loss, "regression", outputs=1)
    assert ("over_regularised" in well(**found)) == held


@pytest.mark.parametrize(
    ("curve", "blamed"),
    [
        ((0.2, 0.5, 0.6, 0.7, 0.72, 0.8), True),  # forgotten, and learnt again
        ((0.2, 0.5, 0.7, 0.9, 0.95, 0.95), False),  # much better in the end
        ((0.75, 0.78, 0.8, 0.8, 0.8, 0.8), False),  # never forgotten
    ],
)
def test_a_first_step_that_throws_away_what_was_known(curve, blamed):
    known = {**HEALTHY_FACTS, "start.score": 0.8, "labels.commonest_share": 0.1, "reference.score": 0.7}
    looks = [Health(step, update_ratios={"a": 0.5}) for step in (2, 20, 60)]
    falling = [1.0, 9.0, *[2.3 * 0.97**step for step in range(200)]]
    trace = made_trace(falling, validation=[(0.6, score) for score in curve], facts=known, healths=looks)
    assert ("lr_too_large" in kinds(trace)) == blamed


@pytest.mark.parametrize("spread", [0.05, None])
def test_signals_that_fade_both_ways_leave_no_layer_a_gradient(spread):
    """Weights of 0.05 in ten layers of sixteen: next to nothing reaches the last, and nothing comes back."""
    torch.manual_seed(0)
    sizes = [64, *[16] * 9]
    inner = [part for pair in pairwise(sizes) for part in (nn.Linear(*pair), nn.Tanh())]
    model = nn.Sequential(*inner, nn.Linear(16, 10))
    for layer in model:
        if isinstance(layer, nn.Linear) and spread:
            nn.init.normal_(layer.weight, std=spread)
            nn.init.zeros_(layer.bias)
    subject = Subject(
        Calls(model, CE, None), (torch.optim.SGD(model.parameters(), 0.01),), "classification",
        train=loader(DIGITS, NUMBERS),
    )  # fmt: skip
    found = measure_all(subject, only=("gradients", "descent")).facts
    trace = made_trace([2.302] * 200, validation=[(2.3, 0.1)] * 6, facts={**HEALTHY_FACTS, **found})
    named = {one.kind: one for one in diagnose(trace).findings}
    assert ("vanishing_gradient" in named) == bool(spread)
    rates = [cure.to for one in named.values() for cure in one.cures if cure.path == "optimizer.lr"]
    assert all(rate < 100 for rate in rates)


@pytest.mark.parametrize("moved", [0.0, 1e-3])
def test_first_steps_that_a_scaler_left_out_are_no_fault(moved):
    idle = {"descent.moved": 0.0, "wiring.not_stepping_at": 1.0, "optimizer.lr": 0.1}
    looks = [Health(step, update_ratios={"a": moved}) for step in (2, 20, 60)]
    found = kinds(made_trace([2.3] * 80, facts={**HEALTHY_FACTS, **idle}, healths=looks))
    assert ("optimizer_not_stepping" in found) == (moved == 0)


class Letters(nn.Module):
    """Reads letters from left to right and says the next one: (B, T) to (B, T, V)."""

    def __init__(self):
        super().__init__()
        self.table, self.cells = nn.Embedding(30, 16), nn.GRU(16, 32, batch_first=True)
        self.head = nn.Linear(32, 30)

    def forward(self, x):
        return self.head(self.cells(self.table(x))[0])


def next_letters(answer, target):
    return F.cross_entropy(answer.reshape(-1, 30), target.reshape(-1))


def test_a_language_model_is_one_whatever_its_task_is_called():
    text = "the old clerk found a map near the mill. the young cook lost a coin near the well. " * 60
    codes = torch.tensor([ord(letter) % 30 for letter in text])
    x, y = codes[:4000].reshape(-1, 20), codes[1:4001].reshape(-1, 20)
    subject = Subject(
        Calls(Letters(), next_letters),
        (),
        "classification",
        train=loader(x[:150], y[:150]),
        validation=loader(x[150:], y[150:]),
    )
    found = measure_all(subject, only=("labels", "leaks", "causal")).facts
    assert subject.task == "language_model"
    assert found["labels.outside"] == 0
    assert "labels.rarest_share" not in found
    # Sentences come again, within the training part as between the two.
    assert found["leaks.shared"] > 0.1
    assert well(**found) == []
    held_back = y.clone()
    held_back[:, :8] = -100
    partly = Subject(Calls(Letters(), next_letters), (), "classification", train=loader(x, held_back))
    measure_all(partly, only=("causal",))
    assert partly.task == "language_model"
    whole = Subject(Calls(Letters(), CE), (), "classification", train=loader(x, y[:, 0]))
    measure_all(whole, only=("labels",))
    assert whole.task == "classification"
