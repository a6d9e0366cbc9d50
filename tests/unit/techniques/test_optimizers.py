"""Optimizers by name: whose they are, what they are given, and what is refused before any training."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from upfit.errors import RecipeError
from upfit.techniques.batch_scaling import scaled_rate
from upfit.techniques.layer_rates import parameter_groups
from upfit.techniques.optimizers import check_optimizer, default_weight_decay, make_optimizer
from upfit.values import Change, Recipe
from upfit.values.recipe import Optimizer


def groups(lr=0.1):
    return [{"params": [nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2))], "lr": lr}]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adamw", "torch.optim.adamw.AdamW"),
        ("Adam", "torch.optim.adam.Adam"),
        ("SGD", "torch.optim.sgd.SGD"),
        ("radam", "torch.optim.radam.RAdam"),
        ("lion", "timm.optim.lion.Lion"),
        ("lamb", "timm.optim.lamb.Lamb"),
        ("muon", "timm.optim.muon.Muon"),
    ],
)
def test_a_name_is_torchs_before_it_is_timms(name, kind):
    made = type(make_optimizer(name, groups()))
    assert f"{made.__module__}.{made.__qualname__}" == kind
    check_optimizer(Optimizer(name=name))


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_the_usual_optimizers_are_fused(name):
    assert make_optimizer(name, groups()).defaults["fused"] is True
    assert not make_optimizer(name, groups(), options={"foreach": True}).defaults["fused"]


def test_sgd_has_nesterov_momentum_unless_told_otherwise():
    assert make_optimizer("sgd", groups()).defaults["momentum"] == 0.9
    assert make_optimizer("sgd", groups()).defaults["nesterov"]
    assert not make_optimizer("sgd", groups(), momentum=0.0).defaults["nesterov"]
    plain = make_optimizer("sgd", groups(), momentum=0.5, options={"nesterov": False})
    assert (plain.defaults["momentum"], plain.defaults["nesterov"]) == (0.5, False)


def test_betas_left_out_are_the_optimizers_own():
    assert make_optimizer("lion", groups()).defaults["betas"] == (0.9, 0.99)
    assert make_optimizer("lion", groups(), betas=(0.8, 0.9)).defaults["betas"] == (0.8, 0.9)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "adamm"}, "optimizer.name=adam"),
        ({"name": "no such thing"}, "one of torch.optim or timm.optim"),
        ({"name": "lbfgs"}, "it evaluates the loss several times a step"),
        ({"name": "sparseadam"}, "it takes sparse gradients alone"),
        ({"name": "adahessian"}, "it needs second derivatives"),
        ({"name": "sgd", "options": {"nestrov": False}}, "optimizer.options.nesterov"),
        ({"name": "sgd", "options": {"lr": 1.0}}, "try:      optimizer.lr"),
        ({"name": "sgd", "betas": (0.9, 0.99)}, "sgd has no betas"),
        ({"name": "adamw", "momentum": 0.9}, "adamw has no momentum"),
        ({"name": "adamw", "options": {"eps": -1}}, "Invalid epsilon value"),
        ({"name": "adamw", "options": {"eps": "tiny"}}, "cannot be made"),
        ({"name": "nadam", "options": {"momentum_decay": "no"}}, "nadam"),
    ],
)
def test_a_wrong_optimizer_is_refused_by_name(settings, message):
    with pytest.raises(RecipeError) as refused:
        check_optimizer(Optimizer(**settings))
    assert message in str(refused.value)


def test_checking_leaves_the_random_state_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    check_optimizer(Optimizer(name="lion"))
    assert torch.equal(torch.get_rng_state(), before)


def test_options_are_set_one_by_one_from_the_command_line():
    recipe = Recipe().apply(
        Change(path="optimizer.name", to="sgd"),
        Change(path="optimizer.options.nesterov", to=False),
        Change(path="optimizer.options.dampening", to=0.1),
    )
    assert recipe.optimizer.options == {"nesterov": False, "dampening": 0.1}
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe
    assert hash(Recipe.from_yaml(recipe.to_yaml())) == hash(recipe)


def test_decay_within_the_gradient_is_far_smaller():
    assert (default_weight_decay("adamw"), default_weight_decay("lion")) == (0.05, 0.05)
    assert (default_weight_decay("SGD"), default_weight_decay("adam")) == (1e-4, 1e-4)


def test_rates_grow_with_the_batch_and_the_reference_is_left_alone():
    for name in ("sgd", "adamw"):
        assert scaled_rate(0.1, 32, optimizer=name) == 0.1
    assert scaled_rate(0.1, 64, optimizer="sgd") == pytest.approx(0.2)
    assert scaled_rate(0.1, 8, optimizer="adamw") == pytest.approx(0.05)
    assert scaled_rate(0.1, 8, optimizer="lion", reference=2) == pytest.approx(0.2)


NET = nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3), nn.Linear(3, 2))
NAMES = dict(NET.named_parameters())
HALVES = (("0.weight", "0.bias", "1.weight", "1.bias"), ("2.weight", "2.bias"))


def test_patterns_give_parameters_rates_of_their_own():
    made = parameter_groups(NAMES, HALVES, [1.0, 2.0], weight_decay=0.1, own_rates={"1.*": 0.5, "*bias": 3.0})
    of_parameter = {id(p): group["lr"] for group in made for p in group["params"]}
    rates = {name: of_parameter[id(p)] for name, p in NAMES.items()}
    assert rates == {
        "0.weight": 1.0, "0.bias": 3.0, "1.weight": 0.5, "1.bias": 0.5, "2.weight": 2.0, "2.bias": 3.0,
    }  # fmt: skip
    assert sum(len(group["params"]) for group in made) == len(NAMES)


def test_no_patterns_change_nothing():
    one = parameter_groups(NAMES, HALVES, [1.0, 2.0], weight_decay=0.1)
    other = parameter_groups(NAMES, HALVES, [1.0, 2.0], weight_decay=0.1, own_rates={})
    assert [group["lr"] for group in one] == [group["lr"] for group in other] == [1.0, 1.0, 2.0, 2.0]


def test_a_pattern_that_fits_nothing_is_refused():
    with pytest.raises(RecipeError, match=r"no parameter fits '\*embed\*'"):
        parameter_groups(NAMES, HALVES, [1.0, 2.0], weight_decay=0.1, own_rates={"*embed*": 1.0})
