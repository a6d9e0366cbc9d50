"""Wires that are cut or crossed where the curves do not show it, beside sound ones that look alike."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from upfit import Doctor
from upfit.testing.traces import falling
from upfit.values.trace import Health

from .judging import CE, facts, judged


def pairs(x, y, size=16):
    return DataLoader(TensorDataset(x, y), size)


def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


class Listed(nn.Module):
    """Layers in a list of some kind."""

    def __init__(self, holder):
        super().__init__()
        self.layers = holder([nn.Linear(6, 8), nn.Linear(8, 8)])
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x).relu()
        return self.head(x)


@pytest.mark.parametrize(("holder", "hidden"), [(list, True), (nn.ModuleList, False)])
def test_layers_in_a_plain_list_are_nobodys(holder, hidden):
    model, loader = Listed(holder), pairs(drawn(64, 6), torch.arange(64) % 3)
    found = facts(model, loader, "outside")
    assert ("optimizer_model_mismatch" in judged(**found)) is hidden
    # However well the run ends: no checkpoint keeps them.
    assert (
        "optimizer_model_mismatch" in judged(score=0.95, losses=falling(2.3, 0.1, 200), **found)
    ) is hidden


def test_weights_of_the_loss_and_those_the_optimizer_holds_are_somebodys():
    teacher, apart = nn.Linear(6, 3), nn.Parameter(torch.ones(3))
    student = nn.Linear(6, 3)
    loader = pairs(drawn(64, 6), torch.arange(64) % 3)
    taught = facts(
        student, loader, "outside", loss=lambda a, y: F.mse_loss(a, teacher(a.new_ones(len(a), 6)))
    )
    assert taught["outside.share"] == 0
    student.register_forward_hook(lambda _module, _inputs, answer: answer * apart)
    held = torch.optim.SGD([*student.parameters(), apart], 0.1)
    assert facts(student, loader, "outside", optimizer=held)["outside.share"] == 0
    assert facts(student, loader, "outside")["outside.share"] > 0


def test_gathered_weights_of_several_processes_are_not_judged():
    model, loader = Listed(list), pairs(drawn(64, 6), torch.arange(64) % 3)
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        assert facts(model, loader, "outside") == {}
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.parametrize(("loss", "same"), [(CE, True), (nn.BCEWithLogitsLoss(), False)])
def test_a_loss_that_is_the_same_whatever_is_answered(loss, same):
    target = (torch.arange(64) % 2).float()[:, None]
    found = facts(nn.Linear(6, 1), pairs(drawn(64, 6), target), "output", loss=loss)
    assert ("loss_activation_mismatch" in judged(**found)) is same


@pytest.mark.parametrize("loss", [nn.MSELoss(), nn.SmoothL1Loss(), nn.HuberLoss()])
@pytest.mark.parametrize("squeezed", [True, False])
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_right_answers_show_that_all_are_compared_with_all(loss, squeezed):
    x = torch.linspace(-3, 3, 64)[torch.randperm(64, generator=torch.Generator().manual_seed(3))]
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1), *([nn.Flatten(0)] if squeezed else []))
    found = facts(model, pairs(x[:, None], x.sin()[:, None]), "shapes", loss=loss, task="regression")
    assert ("broadcast_bug" in judged(**found)) is squeezed
    if squeezed:
        assert found["shapes.whole"] > 2 * found["shapes.one_by_one"]


def trained(model, *, step, asleep=False, epochs=4, task="classification"):
    """What a Doctor says of a loop; `step(number, optimizer)` is all that the loop does to step."""
    torch.manual_seed(0)
    loader = pairs(drawn(128, 6), torch.arange(128) % 3)
    wanted = [p for p in model.parameters() if p.requires_grad]
    optimizer, number = torch.optim.SGD(wanted, 0.1), 0
    with Doctor(model, optimizer, CE, loader, task=task) as doctor:
        for _ in range(epochs):
            model.train(not asleep)
            for x, y in loader:
                number += 1
                loss = CE(model(x), y)
                loss.backward()
                doctor.step(loss)
                step(number, optimizer)
                optimizer.zero_grad()
            model.eval()
            with torch.no_grad():
                doctor.validated({"loss": float(CE(model(drawn(64, 6)), torch.arange(64) % 3))})
    return [one.kind for one in doctor.findings if one.severity != "info"]


def always(_number, optimizer):
    optimizer.step()


@pytest.mark.parametrize("asleep", [True, False])
def test_steps_in_evaluation_mode(asleep):
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))
    assert ("eval_mode_bug" in trained(model, step=always, asleep=asleep)) is asleep


def test_a_head_on_frozen_layers_may_learn_in_evaluation_mode():
    model = nn.Sequential(nn.Linear(6, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
    model[:2].requires_grad_(False)
    assert "eval_mode_bug" not in trained(model, step=always, asleep=True)


def test_steps_that_are_left_out_from_some_step_on():
    def tires(number, optimizer):
        if number <= 12:
            optimizer.step()

    def decays(number, optimizer):
        optimizer.param_groups[0]["lr"] = 0.1 if number <= 12 else 0.0
        optimizer.step()

    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    assert "optimizer_not_stepping" in trained(model, step=tires, epochs=6)
    assert "optimizer_not_stepping" not in trained(model, step=decays, epochs=6)
    assert "optimizer_not_stepping" not in trained(model, step=always, epochs=6)


def test_the_newest_look_tells_whether_weights_move():
    moved = Health(3, gradient_norms={"a": 1.0}, update_ratios={"a": 1e-3})
    stands = Health(90, gradient_norms={"a": 1.0}, update_ratios={"a": 0.0})
    assert "optimizer_not_stepping" in judged(healths=[moved, stands])
    assert "optimizer_not_stepping" not in judged(healths=[stands, replace(moved, step=120)])


def test_a_column_is_asked_for_each_class_alike():
    x, rare = drawn(400, 3), torch.arange(400) < 12
    held, half = drawn(520, 3)[400:], torch.arange(120) < 60
    x[:, 0] += 1.5 * rare
    held[:, 0] += 1.5 * half
    found = facts(nn.Linear(3, 2), pairs(x, rare.long()), "leaks", validation=pairs(held, half.long()))
    assert "data_leakage" not in judged(**found)


class Tokens(nn.Module):
    """Says something at every place."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(20, 20)

    def forward(self, x):
        return self.table(x)


def placewise(answer, target):
    return F.cross_entropy(answer.reshape(-1, 20), target.reshape(-1))


def moved_inside(answer, target):
    return placewise(answer[:, :-1], target[:, 1:])


@pytest.mark.parametrize(("loss", "by", "twice"), [
    (placewise, 1, False), (placewise, 2, True), (moved_inside, 0, False), (moved_inside, 1, True),
])  # fmt: skip
def test_targets_that_were_moved_twice(loss, by, twice):
    text = torch.randint(0, 20, (64, 14), generator=torch.Generator().manual_seed(0))
    loader = pairs(text[:, :12], text[:, by : 12 + by])
    found = facts(Tokens(), loader, "placing", loss=loss, task="language_model")
    assert ("label_corruption" in judged(**found)) is twice


def test_a_net_of_sigmoids_is_slow_and_not_small():
    torch.manual_seed(1)
    x, model = drawn(64, 2).sign(), nn.Sequential(nn.Linear(2, 8), nn.Sigmoid(), nn.Linear(8, 2))
    found = facts(model, pairs(x + 0.1 * drawn(64, 2), (x[:, 0] * x[:, 1] > 0).long()), "one_batch")
    assert found["one_batch.end"] < 0.7 * found["one_batch.start"]


def test_a_network_that_learns_faster_alone_has_too_small_a_rate():
    alone = {"one_batch.start": 2.3, "one_batch.end": 0.5, "one_batch.score": 1.0, "one_batch.steps": 60.0}
    # Sixteen steps do not leave the plateau, at whatever rate.
    alone |= {f"rates.{name}": 2.3 for name in ("start", "as_set", "ten", "hundred")}
    short = Health(2, gradient_norms={"a": 1.0}, update_ratios={"a": 5e-4})
    found = judged(score=0.1, healths=[short], **alone)
    assert found[0] == "lr_too_small"
    large = replace(short, update_ratios={"a": 5e-2})
    assert "lr_too_small" not in judged(score=0.1, healths=[large], **alone)
    small = {**alone, "one_batch.end": 2.2, "one_batch.score": 0.1}
    assert "lr_too_small" not in judged(score=0.1, healths=[short], **small)


@pytest.mark.parametrize(("sgd", "named"), [(1.0, True), (0.0, False)])
def test_clipping_makes_plain_descent_late_and_no_adam(sgd, named):
    clipped = {"wiring.clip_ratio": 300.0, "optimizer.sgd": sgd}
    assert ("clip_too_small" in judged(losses=falling(2.3, 0.8, 200), **clipped)) is named


def test_of_losses_below_nought_no_multiple_is_told():
    looks = [Health(step, train_mode_loss=-90.0, evaluation_mode_loss=-80.0) for step in (50, 100)]
    assert "eval_mode_bug" not in judged(healths=looks)
