"""What one-step tests see of starting weights, outputs and labels, and what the rules make of it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from upfit.diagnose import diagnose
from upfit.diagnose.preflight import measure_all
from upfit.diagnose.preflight.calls import Calls
from upfit.diagnose.preflight.subject import Subject
from upfit.diagnose.rules.lr_too_small import leaves_layers_behind
from upfit.diagnose.seen import Seen
from upfit.diagnose.treat_course import reset_weights
from upfit.testing.traces import HEALTHY_FACTS, made_trace
from upfit.values.trace import Health

from .judging import judged

CE, MSE = nn.CrossEntropyLoss(), nn.MSELoss()


def pairs(x, y):
    return DataLoader(TensorDataset(x, y), 32)


def facts(model, train, *tests, loss=CE, task="classification", optimizer=None, **more):
    torch.manual_seed(0)
    optimizer = optimizer or torch.optim.Adam(model.parameters(), 1e-3)
    subject = Subject(Calls(model, loss, None), (optimizer,), task, train=train, **more)
    return measure_all(subject, only=tests).facts


def numbers(rows, columns, seed=0):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


class Applied(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def test_an_exponential_at_the_end_gives_any_count_there_is():
    x = numbers(64, 4)
    counts = torch.poisson((x[:, :1] + 1).exp(), generator=torch.Generator().manual_seed(0))
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1), Applied(torch.exp))

    def measured(log_input):
        loss = nn.PoissonNLLLoss(log_input=log_input)
        return facts(model, pairs(x, counts), "output", loss=loss, task="regression")

    rates = measured(log_input=False)
    assert rates["output.high"] > 1e6
    assert "loss_activation_mismatch" not in judged(**rates, **{"labels.classes": math.nan})
    # A loss that reads logarithms is lower for them than for the counts: its sign is right all the same.
    assert "flipped_gradient" not in judged(**measured(log_input=True))


@pytest.mark.parametrize("cell", [nn.RNN, nn.GRU, nn.LSTM])
def test_recurrent_units_that_begin_alike_are_told_and_drawn_anew(cell):
    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.head = cell(8, 12, batch_first=True), nn.Linear(12, 3)

        def forward(self, x):
            return self.head(self.cell(x)[0][:, -1])

    model, train = Reader(), pairs(numbers(64, 40).reshape(64, 5, 8), torch.arange(64) % 3)
    assert facts(model, train, "weights")["weights.identical"] == 0
    for p in model.cell.parameters():
        nn.init.constant_(p, 0.1)
    alike = facts(model, train, "weights")
    assert judged(**alike)[0] == "bad_init"
    reset_weights(model)
    assert facts(model, train, "weights")["weights.identical"] == 0


def test_gains_and_attention_are_drawn_anew_and_tables_of_vectors_stay():
    norm, attention, table = nn.BatchNorm1d(6), nn.MultiheadAttention(6, 2), nn.Embedding(5, 6)
    known = table.weight.detach().clone()
    nn.init.zeros_(norm.weight)
    nn.init.normal_(attention.in_proj_weight, std=5.0)
    reset_weights(nn.ModuleList([norm, attention, table]))
    assert bool((norm.weight == 1).all())
    assert float(attention.in_proj_weight.detach().std()) < 1
    assert torch.equal(table.weight, known)


def test_faint_gradients_of_a_network_that_sees_nothing_need_no_reference():
    faint = {"gradients.first_over_last": 1e-6, "gradients.first": 1e-7, "gradients.layers": 8.0}
    faint |= {"reference.score": math.nan, "one_batch.blank": 0.063}
    assert "vanishing_gradient" in judged(losses=(0.3, *[0.07] * 200), **faint, **{"one_batch.end": 0.063})
    assert "vanishing_gradient" not in judged(losses=(0.3, *[0.07] * 200), **faint, **{"one_batch.end": 0.02})


def test_values_that_only_validation_relates_to_its_inputs_are_corrupt():
    x = numbers(500, 6)
    y = x[:, :1] - 2 * x[:, 1:2].abs()
    shuffled = y[torch.randperm(300, generator=torch.Generator().manual_seed(1))]
    model = nn.Linear(6, 1)

    def measured(targets, held):
        parts = {"loss": MSE, "task": "regression", "validation": pairs(x[300:], held)}
        return facts(model, pairs(x[:300], targets), "reference", **parts)

    apart = measured(shuffled, y[300:])
    assert apart["reference.score"] <= apart["reference.by_luck"]
    assert apart["reference.held_score"] > 0.3
    assert "label_corruption" in judged(score=-0.1, **apart, **{"reference.examples": math.nan})
    # Where validation tells nothing either, the task may be a hard one.
    hard = measured(shuffled, y[300:].flip(0))
    assert "label_corruption" not in judged(score=-0.1, **hard, **{"reference.examples": math.nan})


def test_rates_that_leave_most_layers_behind_are_too_small():
    model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
    rates = (5e-9, 5e-6, 5e-3)
    groups = [
        {"params": model[place].parameters(), "lr": lr} for place, lr in zip((0, 2, 4), rates, strict=True)
    ]
    train = pairs(numbers(64, 4), torch.arange(64) % 2)
    slow = facts(model, train, "coverage", optimizer=torch.optim.Adam(groups))
    assert slow["optimizer.slow_share"] > 0.9
    looks = [Health(n, update_ratios={"0": 1e-8, "2": 4e-6, "4": 3e-5, "6": 0.03}) for n in (1, 50, 150)]
    falling = [2.31 - 4e-4 * n for n in range(200)]
    assert "lr_too_small" in judged(losses=falling, healths=looks, **slow)
    even = facts(model, train, "coverage")
    assert even["optimizer.slow_share"] == 0
    behind, level = (made_trace(falling, healths=looks, facts=known) for known in (slow, even))
    assert leaves_layers_behind(Seen(behind))
    assert not leaves_layers_behind(Seen(level))


def test_a_rare_class_that_is_known_all_the_same_is_no_illness():
    rare = {
        "labels.ratio": 16.0,
        "labels.rarest_share": 0.058,
        "labels.classes": 2.0,
        "labels.held_rarest": 0.06,
    }
    assert "class_imbalance" in judged(score=0.95, **rare)
    assert "class_imbalance" not in judged(score=0.995, **rare)
    x, y = numbers(200, 4), (torch.arange(200) % 20 == 0).long()
    held = facts(nn.Linear(4, 2), pairs(x, y), "labels", validation=pairs(x, y))
    assert held["labels.held_rarest"] == pytest.approx(0.05)


def test_a_class_that_validation_asks_for_far_more_often_is_rare():
    mixed = {"labels.ratio": 9.0, "labels.rarest_share": 0.053, "labels.classes": 3.0}
    for examples, held, rare in ((414.0, 0.316, True), (414.0, 0.06, False), (40.0, 0.316, False)):
        found = judged(score=0.57, **mixed, **{"labels.held_rarest": held, "labels.examples": examples})
        assert ("class_imbalance" in found) == rare


def test_nought_by_nought_is_no_explosion_and_kills_no_units():
    x = numbers(64, 8)
    x[5] = 1.0
    spread = Applied(lambda rows: (rows - rows.mean(1, keepdim=True)) / rows.std(1, keepdim=True))
    model = nn.Sequential(spread, nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    blank = facts(model, pairs(x, torch.arange(64) % 3), "units")
    assert blank["units.undefined"] == 1
    looks = [Health(n, dead={"relu": 1.0}) for n in (50, 150)]
    found = judged(losses=(2.3, 2.2, *[math.nan] * 200), healths=looks, score=0.1, **blank)
    assert found[0] == "nan_loss"
    assert not {"exploding_gradient", "dead_units"} & set(found)
    whole = facts(model, pairs(numbers(64, 8), torch.arange(64) % 3), "units")
    assert whole["units.undefined"] == 0


def test_values_in_the_thousands_that_were_learnt_are_no_illness():
    large = {"labels.spread": 3e3, "labels.middle": 9e3, "gradients.norm": 1e7, "reference.score": 0.9}
    known = {**HEALTHY_FACTS, **large, "labels.classes": math.nan}

    def found(score):
        trace = made_trace([1e7 / (1 + n) for n in range(200)], validation=[(1e5, score)] * 6, facts=known)
        evaluations = tuple(replace(one, metrics={"r2": score}) for one in trace.evaluations)
        return {one.kind for one in diagnose(replace(trace, evaluations=evaluations)).findings}

    assert not {"wrong_preprocessing", "exploding_gradient"} & found(0.88)
    assert {"wrong_preprocessing", "exploding_gradient"} <= found(0.5)


def test_a_loss_below_nought_that_falls_blames_no_rate():
    tested = {"rates.start": -5.2, "rates.as_set": -8.2, "rates.tenth": -5.55, "rates.worst": -5.2}
    assert "lr_too_large" not in judged(losses=[-5.2 - 0.01 * n for n in range(200)], **tested)
