"""Regularisation against torch, torchvision, timm and the papers' formulas."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import timm
import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel
from torchvision.transforms import v2

from upfit.techniques.cutmix import cutmix, random_box
from upfit.techniques.draw import numpy_of
from upfit.techniques.l2 import half_square
from upfit.techniques.l2_sp import L2Sp, half_square_distance
from upfit.techniques.mixing import with_other
from upfit.techniques.mixup import mixup
from upfit.techniques.r_drop import disagreement
from upfit.techniques.sam import Sam, climb
from upfit.techniques.stochastic_depth import StochasticDepth
from upfit.techniques.swa import Swa
from upfit.train.backward import example_losses


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def plain_cross_entropy(logits, targets):
    return functional.cross_entropy(logits, targets, reduction="none")


def soft_loss(logits, batch):
    return example_losses(plain_cross_entropy, logits, batch)


def test_mixup_and_its_loss_are_torchvisions(monkeypatch):
    images, targets = torch.rand(6, 3, 8, 8), torch.arange(6) % 4
    theirs = v2.MixUp(num_classes=4)
    monkeypatch.setattr(
        theirs, "make_params", lambda inputs: {"lam": 0.7, "labels": targets, "batch_size": 6}
    )
    mixed, soft = theirs(images, targets)
    torch.testing.assert_close(mixup(images, 0.3), mixed)
    logits = torch.randn(6, 4)
    ours = soft_loss(logits, with_other({"target": targets}, targets.roll(1), 0.3))
    torch.testing.assert_close(ours, functional.cross_entropy(logits, soft, reduction="none"))


def test_cutmix_is_torchvisions(monkeypatch):
    images, targets = torch.rand(6, 3, 8, 10), torch.arange(6) % 4
    theirs = v2.CutMix(num_classes=4)
    params = {"box": (2, 1, 7, 5), "lam_adjusted": 1 - 20 / 80, "labels": targets, "batch_size": 6}
    monkeypatch.setattr(theirs, "make_params", lambda inputs: params)
    mixed, soft = theirs(images, targets)
    torch.testing.assert_close(cutmix(images, (1, 5, 2, 7)), mixed)
    logits = torch.randn(6, 4)
    ours = soft_loss(logits, with_other({"target": targets}, targets.roll(1), 20 / 80))
    torch.testing.assert_close(ours, functional.cross_entropy(logits, soft, reduction="none"))


def test_boxes_have_the_areas_of_timms():
    np.random.seed(0)
    random = numpy_of(torch.Generator().manual_seed(0))
    theirs, ours = [], []
    for _ in range(2000):
        share = float(random.uniform())
        top, bottom, left, right = random_box(32, 24, share, random)
        ours.append((bottom - top) * (right - left))
        top, bottom, left, right = timm.data.mixup.rand_bbox((1, 3, 32, 24), 1 - share)
        theirs.append((bottom - top) * (right - left))
    # The same shares were put in, so the means differ by where the boxes lie alone.
    assert np.mean(ours) == pytest.approx(np.mean(theirs), rel=0.05)


def test_r_drop_is_the_papers_formula():
    one, other, classes = torch.randn(5, 3), torch.randn(5, 3), torch.zeros(5, dtype=torch.int64)
    p, q = one.log_softmax(1), other.log_softmax(1)
    both = functional.kl_div(p, q, reduction="none", log_target=True) + functional.kl_div(
        q, p, reduction="none", log_target=True
    )
    torch.testing.assert_close(disagreement(one, other, classes), both.sum(1) / 2)
    labels = torch.zeros(5, 3)
    kl = torch.distributions.kl_divergence
    a, b = (torch.distributions.Bernoulli(logits=z) for z in (one, other))
    torch.testing.assert_close(disagreement(one, other, labels), ((kl(a, b) + kl(b, a)) / 2).mean(1))
    values = torch.randn(5)
    torch.testing.assert_close(
        disagreement(one[:, :1], other[:, :1], values), (one[:, 0] - other[:, 0]).square()
    )


def test_swa_is_torchs_averaged_model():
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    theirs = AveragedModel(network, use_buffers=True)
    ours, kept = Swa(start=0.5, every=1), Swa(start=0.5, every=1).init(network)
    for step in range(1, 11):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(torch.randn_like(parameter))
        network(torch.randn(8, 3))
        ours.update(network, kept, step=step, total=10)
        if step > 5:
            theirs.update_parameters(network)
        else:
            assert ours.read(kept) == {}
    read = ours.read(kept)
    for name, value in theirs.module.state_dict().items():
        if not value.is_floating_point():
            continue
        torch.testing.assert_close(read[name], value)


@pytest.mark.parametrize("adaptive", [False, True])
def test_sam_takes_the_gradient_at_the_papers_point(adaptive):
    matrix = torch.tensor([[3.0, 1.0], [1.0, 2.0]])
    weight = nn.Parameter(torch.tensor([0.5, -2.0]))

    def backward():
        loss = 0.5 * weight @ matrix @ weight
        loss.backward()
        return loss.detach()

    loss = Sam(rho=0.1, adaptive=adaptive).around_step(backward, [weight])
    gradient = matrix @ weight.detach()
    scale = weight.detach().abs() if adaptive else torch.ones(2)
    top = weight.detach() + 0.1 * scale.square() * gradient / (scale * gradient).norm()
    torch.testing.assert_close(weight.grad, matrix @ top)
    torch.testing.assert_close(loss, 0.5 * weight.detach() @ gradient)
    assert torch.equal(weight.detach(), torch.tensor([0.5, -2.0]))


def test_sam_climbs_by_rho_over_all_parameters_together():
    weights = [nn.Parameter(torch.randn(3)), nn.Parameter(torch.randn(2, 2))]
    before = [weight.detach().clone() for weight in weights]
    for weight in weights:
        weight.grad = torch.randn_like(weight)
    climb(weights, 0.25)
    moved = torch.cat([(new - old).flatten() for new, old in zip(weights, before, strict=True)])
    assert float(moved.detach().norm()) == pytest.approx(0.25, rel=1e-4)


def test_l2_sp_pulls_to_the_start_and_the_head_to_zero():
    network = nn.ModuleDict({"backbone": nn.Linear(3, 2), "head": nn.Linear(2, 2)})
    penalty, kept = L2Sp(strength=0.5, head=0.25), L2Sp(strength=0.5, head=0.25).init(network)
    start = copy.deepcopy(network.state_dict())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1.0)
    penalty.penalty(network, kept).backward()
    torch.testing.assert_close(network["backbone"].weight.grad, torch.full((2, 3), 0.5))
    torch.testing.assert_close(network["head"].weight.grad, 0.25 * (start["head.weight"] + 1))
    assert network["backbone"].bias.grad is None
    assert half_square_distance(network, kept).item() == pytest.approx(half_square([torch.ones(6)]).item())


@pytest.mark.parametrize("name", ["test_vit", "test_convnext", "test_efficientnet", "resnet10t"])
def test_stochastic_depth_switches_on_timms_own_drop_paths(name):
    built = timm.create_model(name, num_classes=0, drop_path_rate=0.4)
    switched = timm.create_model(name, num_classes=0)
    switched.load_state_dict(built.state_dict())
    images = torch.rand(2, 3, 160, 160) if name == "test_vit" else torch.rand(2, 3, 64, 64)
    plain = switched.eval()(images)
    undo = StochasticDepth(rate=0.4).on_model(switched)

    def rates(network):
        return [one.drop_prob for one in network.modules() if type(one).__name__ == "DropPath"]

    # timm leaves out the drop path of its first block, whose rate is 0; ours rise to the same end.
    assert max(rates(switched)) == pytest.approx(0.4)
    if name != "test_efficientnet":
        # Those rates end below the one that is asked for.
        assert max(rates(built)) == pytest.approx(0.4)
    assert rates(switched) == sorted(rates(switched))
    assert switched.state_dict().keys() == built.state_dict().keys()
    assert torch.equal(plain, switched(images))
    undo()
    assert not rates(switched)
    assert torch.equal(plain, switched(images))
