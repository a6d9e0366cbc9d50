"""Parts that do not belong together: two splits, a loss and its answers, an optimizer and its model."""

from __future__ import annotations

import copy

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from upfit import Doctor
from upfit.values.trace import Health

from .judging import CE, facts, judged


def pairs(x, y, **more):
    return DataLoader(TensorDataset(x, y), 16, **more)


def digits():
    found = load_digits()
    return torch.tensor(found.data / 16).float(), torch.tensor(found.target)


def test_classes_that_validation_numbers_otherwise():
    x, y = digits()
    train, model = pairs(x[:600], y[:600]), nn.Linear(64, 10)
    apart = facts(model, train, "transfer", validation=pairs(x[600:900], (y[600:900] + 1) % 10))
    assert apart["transfer.held"] < 0.1 < 0.7 < apart["transfer.renamed"]
    assert judged(score=0.05, **apart)[0] == "label_corruption"
    alike = facts(model, train, "transfer", validation=pairs(x[600:900], y[600:900]))
    assert "label_corruption" not in judged(**alike)


def test_tokens_of_another_vocabulary():
    random = torch.Generator().manual_seed(0)
    y = torch.arange(400) % 3
    x = torch.randint(1, 40, (400, 12), generator=random)
    x[:, :3] = 40 + 2 * y[:, None]
    train, model = pairs(x[:250], y[:250]), nn.EmbeddingBag(80, 3)
    moved = facts(model, train, "transfer", validation=pairs(x[250:] + 1, y[250:]))
    assert moved["transfer.own"] > 0.9 > 0.5 > moved["transfer.held"]
    assert "train_eval_skew" in judged(**moved)
    # Longer rows with more padding are the same vocabulary.
    same = facts(model, train, "transfer", validation=pairs(F.pad(x[250:], (0, 9)), y[250:]))
    assert "train_eval_skew" not in judged(**same)


class Tags(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(9, 9)

    def forward(self, x):
        return self.tokens(x)


def placewise(answer, target):
    return F.cross_entropy(answer.reshape(-1, 9), target.reshape(-1))


def moved_inside(answer, target):
    return placewise(answer[:, :-1], target[:, 1:])


def turned(answer, target):
    return placewise(answer.transpose(0, 1), target)


@pytest.mark.parametrize(("loss", "wrong"), [(placewise, False), (moved_inside, False), (turned, True)])
def test_a_loss_that_reads_answers_in_other_places(loss, wrong):
    x = torch.randint(0, 9, (64, 7), generator=torch.Generator().manual_seed(0))
    found = facts(Tags(), pairs(x, (x * 2) % 9), "placing", loss=loss)
    assert ("broadcast_bug" in judged(**found)) is wrong


@pytest.mark.parametrize(("loss", "moved", "leaks"), [
    (placewise, False, True), (placewise, True, False), (moved_inside, False, False)
])  # fmt: skip
def test_next_tokens_that_are_the_present_ones(loss, moved, leaks):
    x = torch.randint(0, 9, (64, 8), generator=torch.Generator().manual_seed(0))
    target = x[:, 1:] if moved else x[:, :-1]
    asked = {"loss": loss, "task": "language_model"}
    found = facts(Tags(), pairs(x[:, :-1], target), "placing", "causal", **asked)
    assert ("data_leakage" in judged(**found)) is leaks


def test_blocks_of_one_class_are_not_shuffled():
    x, y = digits()
    order = torch.cat([part for k in torch.randperm(10) for part in torch.where(y == k)[0].split(100)])
    blocks = facts(nn.Linear(64, 10), pairs(x[order], y[order]), "order")
    assert blocks["order.purity"] > 0.85
    assert "no_shuffle" in judged(**blocks | {"order.repeated": 0.0})
    assert "no_shuffle" not in judged(**facts(nn.Linear(64, 10), pairs(x, y, shuffle=True), "order"))


def test_layers_that_were_exchanged_after_the_optimizer_was_made():
    x, y = digits()
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = Doctor(model, optimizer, CE, pairs(x[:96], y[:96]))
    with doctor:
        for step, (rows, labels) in enumerate(pairs(x[:320], y[:320])):
            if step == 8:
                doctor.validated({"loss": 2.3, "accuracy": 0.1})
                assert "optimizer_model_mismatch" not in [one.kind for one in doctor.findings]
                model[4] = nn.Linear(32, 10)
            loss = CE(model(rows), labels)
            loss.backward()
            doctor.step(loss)
            optimizer.step()
            model.zero_grad()
        doctor.validated({"loss": 2.3, "accuracy": 0.1})
        assert "optimizer_model_mismatch" in [one.kind for one in doctor.findings]


@pytest.mark.parametrize(("strength", "outweighs"), [(0.5, True), (1e-5, False)])
def test_a_penalty_inside_the_loss_is_told_from_the_data(strength, outweighs):
    x, y = digits()
    model = nn.Linear(64, 10)

    def loss(answer, target):
        return CE(answer, target) + strength * model.weight.abs().sum()

    found = facts(model, pairs(x[:96], y[:96]), "decay", loss=loss)
    assert ("over_regularised" in judged(**found)) is outweighs
    assert facts(model, pairs(x[:96], y[:96]), "decay")["decay.in_loss"] == 0


@pytest.mark.parametrize(("last", "wrong"), [(nn.Softmax(1), True), (nn.LogSoftmax(1), False)])
def test_probabilities_where_their_logarithms_belong(last, wrong):
    x, y = digits()
    model = nn.Sequential(nn.Linear(64, 10), last)
    found = facts(model, pairs(x[:96], y[:96]), "output", loss=nn.NLLLoss())
    assert ("loss_activation_mismatch" in judged(**found)) is wrong


def test_batch_norms_without_statistics_are_the_evaluations_fault():
    model = nn.Sequential(nn.Linear(64, 8), nn.BatchNorm1d(8, track_running_stats=False), nn.Linear(8, 10))
    found = facts(model, pairs(*(part[:96] for part in digits())), "modes", "mixing")
    assert judged(**found)[0] == "eval_mode_bug"
    assert not {"eval_mode_bug", "broadcast_bug"} & set(judged(score=0.95, **found))


def test_other_weights_that_answer_in_evaluation():
    looks = [Health(s, train_mode_loss=0.2, evaluation_mode_loss=2.3) for s in (100, 150, 200)]
    assert judged(losses=[2.3 - 0.01 * i for i in range(200)], healths=looks)[0] == "eval_mode_bug"
    # One look will do where validation says the same.
    learnt = [max(0.1, 2.3 - 0.02 * i) for i in range(200)]
    assert judged(losses=learnt, healths=looks[-1:])[0] == "eval_mode_bug"
    better = [Health(s, train_mode_loss=2.3, evaluation_mode_loss=0.2) for s in (100, 150, 200)]
    assert "eval_mode_bug" not in judged(healths=better)


def test_a_loss_made_from_a_choice_has_no_slope():
    x, y = digits()
    model = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))

    def chosen(answer, target):
        picked = nn.functional.one_hot(answer.argmax(1), 10).float() + 0 * answer
        return nn.functional.nll_loss((picked + 1e-3).log(), target)

    train = pairs(x[:320], y[:320])
    flat = facts(model, train, "weights", "units", "gradients", "one_batch", loss=chosen)
    assert judged(**flat)[0] == "detached_graph"
    sloped = facts(model, train, "weights", "units", "gradients", "one_batch")
    assert "detached_graph" not in judged(**sloped)


def test_a_layer_without_slope_cuts_the_graph():
    looks = [Health(s, gradient_norms={"a": 0.0, "b": 0.1}, dead={"relu": 0.1}) for s in (1, 2, 3)]
    assert judged(healths=looks)[0] == "detached_graph"
    # A head of zeros passes nothing in the first step alone.
    later = [looks[0], *(Health(s, gradient_norms={"a": 0.2, "b": 0.1}) for s in (2, 3, 50))]
    assert "detached_graph" not in judged(healths=later)


def test_vectors_drawn_at_random_and_frozen():
    torch.manual_seed(0)
    model = nn.Sequential(nn.EmbeddingBag.from_pretrained(torch.randn(40, 8)), nn.Linear(8, 3))
    model[0] = nn.Embedding.from_pretrained(torch.randn(40, 8))
    x = torch.randint(0, 40, (48, 1))
    found = facts(model, pairs(x, torch.arange(48) % 3), "weights", "coverage")
    assert found["fresh.frozen"] == 1
    assert "frozen_params" in judged(**found)
    model[0] = nn.Embedding.from_pretrained(torch.randn(40, 8) * torch.rand(40, 1))
    assert facts(model, pairs(x, torch.arange(48) % 3), "weights")["fresh.frozen"] == 0


def test_an_average_of_what_learns_is_frozen_on_purpose():
    torch.manual_seed(0)
    model = nn.ModuleDict({"live": nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 16))})
    model["average"] = copy.deepcopy(model["live"]).requires_grad_(False)
    model.forward = lambda x: model["live"](x)
    train = pairs(torch.randn(96, 6), torch.arange(96) % 3)
    assert "frozen_params" not in judged(**facts(model, train, "weights", "coverage"))
    model["average"] = nn.Sequential(nn.Linear(6, 20), nn.ReLU(), nn.Linear(20, 16)).requires_grad_(False)
    assert "frozen_params" in judged(**facts(model, train, "weights", "coverage"))


def test_texts_of_two_tokens_read_alike_and_mean_different_things():
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(1, 8, (200, 2), generator=generator)
    x[:40, 1] = 0
    model = nn.Sequential(nn.Embedding(8, 4), nn.Flatten(), nn.Linear(8, 3))
    at_odds = torch.randint(0, 3, (200,), generator=generator)
    assert facts(model, pairs(x, at_odds), "inputs")["inputs.cut_short"] == 1
    # The same rows with the label that they spell are codes, not texts that were cut.
    assert facts(model, pairs(x, x.sum(1) % 3), "inputs")["inputs.cut_short"] == 0


def test_rows_that_were_standardised_over_their_columns():
    x = torch.randn(96, 6, generator=torch.Generator().manual_seed(0)) + 10 * torch.arange(6)
    across = (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True)
    y = torch.arange(96) % 3
    assert "wrong_preprocessing" in judged(**facts(nn.Linear(6, 3), pairs(across, y), "inputs"))
    down = (x - x.mean(0)) / x.std(0)
    assert "wrong_preprocessing" not in judged(**facts(nn.Linear(6, 3), pairs(down, y), "inputs"))


def test_answers_that_are_kept_with_their_graphs():
    x, y = digits()
    model = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    for keeps in (True, False):
        doctor, kept = Doctor(model, optimizer, CE), []
        for rows, labels in pairs(x[:320], y[:320]):
            answer = model(rows)
            loss = CE(answer, labels)
            loss.backward()
            kept.append(answer if keeps else answer.detach())
            doctor.step(loss)
            optimizer.step()
            optimizer.zero_grad()
        assert ("memory_leak" in [one.kind for one in doctor.findings]) is keeps


def test_mixed_labels_are_read_as_the_larger_share():
    from upfit.diagnose.preflight.varied import _classes

    shares = torch.tensor([[0.7, 0.3], [0.2, 0.8]]).numpy()
    assert _classes(shares).tolist() == [0, 1]
    several = torch.tensor([[1.0, 1.0], [0.0, 1.0]]).numpy()
    assert _classes(several).shape == (2, 2)


@pytest.mark.parametrize(("size", "kind"), [(60.0, "bad_init"), (1.0, None)])
def test_hard_squashers_stand_at_their_ends_too(size, kind):
    x, y = digits()
    model = nn.Sequential(nn.Linear(64, 32), nn.Hardtanh(-2, 2), nn.Linear(32, 10))
    model[0].weight.data.mul_(size)
    found = Doctor(model, torch.optim.SGD(model.parameters(), 0.01), CE, pairs(x[:320], y[:320]))
    assert next((one.kind for one in found.preflight(seconds=0.2)), None) == kind


def test_gradients_left_from_before_the_first_step_are_no_habit():
    x, y = digits()
    model = nn.Linear(64, 10)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    CE(model(x[:32]), y[:32]).backward()
    doctor = Doctor(model, optimizer, CE, pairs(x[:96], y[:96]))
    doctor.preflight(seconds=0.1)
    for rows, labels in pairs(x[:96], y[:96]):
        loss = CE(model(rows), labels)
        loss.backward()
        doctor.step(loss)
        optimizer.step()
        optimizer.zero_grad()
    assert "missing_zero_grad" not in [one.kind for one in doctor.findings]


class Idle(nn.Module):
    """Its last layer is there and not used."""

    def __init__(self):
        super().__init__()
        self.used, self.unused = nn.Linear(64, 10), nn.Linear(10, 10)

    def forward(self, x):
        return self.used(x)


def test_of_a_last_layer_that_has_no_say_no_range_is_told():
    found = facts(Idle(), pairs(*(part[:96] for part in digits())), "output")
    assert found == {}


def test_a_softmax_over_a_single_output_is_one_number_whatever_comes_in():
    x, y = digits()
    model = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 1), nn.Softmax(dim=1))
    loader = pairs(x[:96], (y[:96] > 4).float()[:, None])
    found = facts(model, loader, "output", loss=nn.BCELoss())
    assert found["output.low"] == found["output.high"] == 1.0
