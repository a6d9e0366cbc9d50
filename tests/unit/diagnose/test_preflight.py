"""One-step tests on small networks with one thing wrong each, and on sound ones."""

from __future__ import annotations

import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from upfit import Doctor
from upfit.testing import docstring_sentences

from .judging import CE, facts


def pairs(x, y):
    return DataLoader(TensorDataset(x, y), 16)


def drawn(rows=96, *shape):
    return torch.randn(rows, *shape, generator=torch.Generator().manual_seed(0))


class Turn(torch.autograd.Function):
    """What gradient reversal does."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return -grad


class Called(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize(("between", "least"), [(nn.Identity(), 0.8), (Called(Turn.apply), -1.2)])
def test_the_slope_is_what_the_gradient_promises(between, least):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), between, nn.Linear(16, 3))
    found = facts(model, pairs(drawn(96, 6), torch.arange(96) % 3), "slope")
    assert found["slope.layers"] == 2
    assert found["slope.least"] == pytest.approx(least, abs=0.3)


class Rows(nn.Module):
    """A recurrent layer that is told which dimension comes first, or is not."""

    def __init__(self, *, batch_first):
        super().__init__()
        self.cell = nn.GRU(4, 8, batch_first=batch_first)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.cell(x)[0][:, -1])


@pytest.mark.parametrize("batch_first", [True, False])
def test_a_batch_that_is_read_as_time_mixes_examples(batch_first):
    found = facts(Rows(batch_first=batch_first), pairs(drawn(48, 5, 4), torch.arange(48) % 3), "mixing")
    assert (found["mixing.change"] > 1e-3) is not batch_first


def test_noise_that_is_left_on_mixes_no_examples():
    model = nn.Sequential(Called(lambda x: x + torch.randn_like(x)), nn.Linear(6, 3))
    found = facts(model, pairs(drawn(48, 6), torch.arange(48) % 3), "mixing")
    assert found["mixing.change"] == 0


@pytest.mark.parametrize(("last", "has_end"), [((), False), ((nn.Tanh(),), True), ((nn.Sigmoid(),), True)])
def test_a_faint_signal_does_not_hide_whether_outputs_have_an_end(last, has_end):
    model = nn.Sequential(nn.Linear(6, 8, bias=False), nn.Linear(8, 3, bias=False), *last)
    nn.init.normal_(model[0].weight, std=1e-13)
    found = facts(model, pairs(drawn(48, 6), torch.arange(48) % 3), "output")
    assert (found["output.high"] < 1e6) is has_end


def test_rare_answers_of_a_single_output_are_counted_and_weights_seen():
    y = (torch.arange(200) % 40 == 0).float()[:, None]
    model, loader = nn.Linear(6, 1), pairs(drawn(200, 6), y)
    plain = facts(model, loader, "labels", loss=nn.functional.binary_cross_entropy_with_logits)
    assert plain["labels.ratio"] == pytest.approx(39)
    assert plain["labels.weighted"] == 0

    def weighed(answer, target):
        weight = 1 + 38 * target
        return nn.functional.binary_cross_entropy_with_logits(answer, target, weight)

    assert facts(model, loader, "labels", loss=weighed)["labels.weighted"] == 1
    for weight, seen in ((1.0, 0), (39.0, 1)):
        loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(weight))
        assert facts(model, loader, "labels", loss=loss)["labels.weighted"] == seen


def test_rare_classes_are_told_from_chance_by_what_is_balanced():
    x = drawn(600, 6)
    rare = torch.arange(600) % 20 == 0
    x[rare] += 1.5
    related = facts(nn.Linear(6, 2), pairs(x, rare.long()), "reference")
    assert related["reference.balanced_score"] > related["reference.balanced_by_luck"]
    apart = facts(nn.Linear(6, 2), pairs(x.flip(0).roll(7, 0), rare.long()), "reference")
    assert apart["reference.balanced_score"] <= apart["reference.balanced_by_luck"]


def test_several_values_to_predict_have_a_reference():
    x = drawn(200, 6)
    loader = pairs(x, x[:, :3] * 2)
    found = facts(nn.Linear(6, 3), loader, "reference", loss=nn.MSELoss(), task="regression")
    assert found["reference.score"] > 0.5
    # The same value three times is asked for its quantiles.
    copied = pairs(x, x[:, :1].repeat(1, 3))
    assert not facts(nn.Linear(6, 3), copied, "reference", loss=nn.MSELoss(), task="regression")


class Tokens(nn.Module):
    """The mean of the vectors of tokens, with or without those of padding."""

    def __init__(self, masked):
        super().__init__()
        self.vectors, self.head, self.masked = nn.Embedding(400, 8), nn.Linear(8, 4), masked

    def forward(self, x):
        kept = (x != 0).float()[..., None] if self.masked else torch.ones(*x.shape, 1)
        return self.head((self.vectors(x) * kept).sum(1) / kept.sum(1).clamp_min(1))


def texts(length=12):
    """Sentences of docstrings as (N, T) numbers of words, 0 behind them, and the library of each."""
    rows = docstring_sentences(per_class=60)
    words = CountVectorizer(max_features=399).fit(rows["text"])
    read, known = words.build_analyzer(), words.vocabulary_
    codes = [[known[w] + 1 for w in read(text) if w in known][:length] for text in rows["text"]]
    x = torch.tensor([one + [0] * (length - len(one)) for one in codes])
    return x, torch.tensor(rows["label"].astype("category").cat.codes.to_numpy(dtype="int64"))


def test_what_counts_words_is_the_reference_of_texts():
    x, y = texts()
    told = facts(Tokens(masked=True), pairs(x, y), "reference")
    assert told["reference.score"] > told["reference.chance"] + 0.2
    shuffled = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(0))]
    assert not facts(Tokens(masked=True), pairs(x, shuffled), "reference")


def test_padding_is_read_without_a_mask_alone():
    x, y = texts()
    longer = pairs(nn.functional.pad(x, (0, 36)), y)
    read = facts(Tokens(masked=False), pairs(x, y), "padding", validation=longer)
    assert read["padding.read"] > 0.1
    assert read["padding.held_share"] > read["padding.share"] + 0.3
    assert facts(Tokens(masked=True), pairs(x, y), "padding")["padding.read"] < 1e-4


def test_a_column_made_from_the_label_tells_nothing_in_validation():
    y = torch.arange(300) % 3
    x = drawn(300, 6)
    x[:, 2] = y + 0.1 * drawn(300)
    empty = x.clone()
    empty[:, 2] = 0
    found = facts(nn.Linear(6, 3), pairs(x, y), "leaks", validation=pairs(empty, y))
    assert found["leaks.told"] > 0.95 > 0.5 > found["leaks.told_held"]
    kept = facts(nn.Linear(6, 3), pairs(x, y), "leaks", validation=pairs(x, y))
    assert kept["leaks.told_held"] == kept["leaks.told"]


def test_a_head_that_shouts_is_badly_drawn_and_one_of_zeros_is_not():
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    loader = pairs(drawn(96, 6), torch.arange(96) % 3)
    nn.init.zeros_(model[2].weight)
    quiet = Doctor(model, torch.optim.SGD(model.parameters(), 0.1), CE, loader)
    assert "bad_init" not in [one.kind for one in quiet.preflight(seconds=0.2)]
    nn.init.normal_(model[2].weight, std=30.0)
    loud = Doctor(model, torch.optim.SGD(model.parameters(), 0.1), CE, loader)
    assert loud.preflight(seconds=0.2)[0].kind == "bad_init"


def test_weights_said_to_be_pretrained_that_are_fresh():
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 3))
    doctor = Doctor(
        model,
        torch.optim.SGD(model.parameters(), 0.1),
        CE,
        pairs(drawn(96, 20), torch.arange(96) % 3),
        pretrained=True,
    )
    assert "pretrained_not_loaded" in [one.kind for one in doctor.preflight(seconds=0.2)]


def test_a_warm_up_from_nought_is_a_step():
    model = nn.Linear(6, 3)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: step / 10)
    found = facts(model, pairs(drawn(48, 6), torch.arange(48) % 3), "descent", optimizer=optimizer)
    assert found["descent.moved"] == 1
    assert optimizer.param_groups[0]["lr"] == 0


def test_values_in_their_order_are_chained_and_shuffled_ones_are_not():
    x = drawn(200, 6)
    y = x[:, :1] * 2
    rows = y[:, 0].argsort()
    asked = {"loss": nn.MSELoss(), "task": "regression"}
    assert facts(nn.Linear(6, 1), pairs(x[rows], y[rows]), "order", **asked)["order.chained"] > 0.9
    assert facts(nn.Linear(6, 1), pairs(x, y), "order", **asked)["order.chained"] < 0.3
