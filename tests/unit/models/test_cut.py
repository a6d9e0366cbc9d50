"""A backbone cut in two: the same function, or refused with the reason."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from upfit.data.boundary import BOUNDARY
from upfit.models import Head, Network, load_backbone
from upfit.models.cut import cut_backbone
from upfit.models.image_backbone import build_timm
from upfit.models.text_backbone import TextBackbone, TextInput

PIXELS = {"image": torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))}


@pytest.fixture
def tokens():
    ids = torch.randint(5, 900, (3, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    return {"input_ids": ids, "attention_mask": mask, "segments": mask}


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("resnet10t", 1),
        ("resnet10t", 3),
        ("mobilenetv3_small_050", 6),
        ("convnext_atto", 5),
        ("vit_tiny_patch16_224", 4),
    ],
)
def test_architectures_of_timm_are_cut_without_being_known(name, at):
    options = {"img_size": 64} if name.startswith("vit") else {}
    backbone = build_timm(name, name=name, **options).eval()
    cut, reason = cut_backbone(backbone, at, PIXELS)
    assert (reason, cut.at) == ("", at)
    torch.testing.assert_close(cut.suffix({BOUNDARY: cut.prefix(PIXELS)}), backbone(PIXELS))


@pytest.mark.parametrize("at", [1, 4, 7])
def test_the_packaged_text_backbone_is_cut_at_every_kind_of_boundary(tokens, at):
    backbone = load_backbone("auto", "text").eval()
    cut, _ = cut_backbone(backbone, at, tokens)
    found = cut.suffix({**tokens, BOUNDARY: cut.prefix(tokens)})
    torch.testing.assert_close(found, backbone(tokens))


def test_gradients_reach_the_shared_layers_behind_the_boundary_alone():
    network = Network(load_backbone("auto", "image"), Head(1280, 2)).eval()
    network.cut, _ = cut_backbone(network.backbone, 11, PIXELS)
    batch = {BOUNDARY: network.cut.prefix(PIXELS).detach()}
    network(batch).sum().backward()
    touched = {name for name, p in network.named_parameters() if p.grad is not None}
    behind = {name for group in network.groups[11:] for name in group.parameters}
    assert touched == behind
    with torch.no_grad():
        dict(network.named_parameters())["backbone.net.blocks.6.0.conv_pw.weight"].mul_(2)
    torch.testing.assert_close(network(batch), network(PIXELS))


def test_the_twin_follows_the_mode_of_the_network():
    """Dropout between pooling and head belongs to no layer, only to the network's own mode."""
    backbone = build_timm("resnet10t", name="resnet10t", drop_rate=0.5)
    cut, _ = cut_backbone(backbone, 2, PIXELS)
    kept = {BOUNDARY: cut.prefix(PIXELS).detach()}
    for module in backbone.modules():
        module.train(not isinstance(module, nn.BatchNorm2d))
    assert not torch.equal(cut.suffix(kept), cut.suffix(kept))
    backbone.eval()
    assert torch.equal(cut.suffix(kept), cut.suffix(kept))


def test_the_mode_and_the_weights_survive_the_trial():
    backbone = load_backbone("auto", "image").train()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    cut_backbone(backbone, 5, PIXELS)
    assert all(module.training for module in backbone.modules())
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())


def test_what_cannot_be_cut_says_why():
    cut, reason = cut_backbone(build_timm("densenet121", name="densenet121"), 20, PIXELS)
    assert cut is None
    assert reason.startswith("it cannot be parted there (")


class Reaching(nn.Module):
    """Its first layer is scaled by a parameter that stands behind all others."""

    def __init__(self):
        super().__init__()
        self.embeddings = nn.Embedding(1000, 8)
        self.middle = nn.Linear(8, 8)
        self.scale = nn.Linear(1, 8, bias=False)

    def forward(self, input_ids, attention_mask):
        class Out:
            last_hidden_state = self.middle(self.embeddings(input_ids) * self.scale.weight[:, 0])

        return Out


def test_a_prefix_that_depends_on_a_later_layer_is_not_cut(tokens):
    net = Reaching()
    net.config = type("Config", (), {"hidden_size": 8})()
    backbone = TextBackbone(net, name="reaching", inputs=TextInput(None, 64))
    cut, reason = cut_backbone(backbone, 2, tokens)
    assert cut is None
    assert reason == "net.scale.weight, behind the boundary, has a part in what comes before"
