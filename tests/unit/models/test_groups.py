"""Layer groups: every parameter once, in order from input to output, for any module."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from upfit.errors import DataError, InputError
from upfit.models import Head, Network, find_groups, load_backbone
from upfit.models.network import set_backbone_dropout
from upfit.models.own import OwnNetwork, parted
from upfit.train.learning import freeze, learning_names


class Stacked(nn.Module):
    """What many people write: an embedding, a stack of layers, a bare parameter, a head."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.embed = nn.Embedding(10, 4)
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        self.act = nn.ReLU()
        self.out = nn.Linear(4, 2)


def every(name):
    if name == "image":
        return Network(load_backbone("auto", "image"), Head(1280, 3))
    if name == "text":
        return Network(load_backbone("auto", "text"), Head(384, 3))
    return Stacked() if name == "stacked" else timm.create_model(name, pretrained=False)


@pytest.mark.parametrize("name", ["image", "text", "stacked", "resnet10t", "vit_tiny_patch16_224"])
def test_groups_hold_every_parameter_once(name):
    module = every(name)
    groups = module.groups if isinstance(module, Network) else find_groups(module)
    names = [parameter for group in groups for parameter in group.parameters]
    assert sorted(names) == sorted(name for name, _ in module.named_parameters())
    assert len({group.name for group in groups}) == len(groups)


def test_groups_of_an_image_backbone_go_from_the_stem_to_the_head():
    groups = every("image").groups
    assert "conv_stem" in groups[0].parameters[0]
    assert "conv_head" in groups[-2].parameters[-3]
    assert groups[-1].parameters == ("head.linear.weight", "head.linear.bias")
    order = [
        int(group.parameters[0].split("blocks.")[1].split(".")[0])
        for group in groups
        if "blocks." in group.parameters[0]
    ]
    assert order == sorted(order)


def test_groups_of_a_text_backbone_are_embeddings_layers_head():
    groups = every("text").groups
    assert [group.name for group in groups] == [
        "embeddings",
        *(f"encoder.layer.{k}" for k in range(6)),
        "head",
    ]


def test_groups_of_a_plain_module_follow_its_definition():
    assert [group.name for group in find_groups(Stacked())] == [
        "scale", "embed", "layers.0", "layers.1", "layers.2", "out",
    ]  # fmt: skip
    assert [group.name for group in find_groups(nn.Linear(2, 2))] == ["weight", "bias"]


@pytest.mark.parametrize(("train", "count"), [("head", 1), (1, 2), (3, 4), ("all", 8), (7, 8)])
def test_what_learns_is_counted_from_the_head_down(train, count):
    network = every("text")
    expected = {name for group in network.groups[-count:] for name in group.parameters}
    assert learning_names(network.groups, train) == expected
    freeze(network, network.groups, train)
    assert {name for name, p in network.named_parameters() if p.requires_grad} == expected


def test_dropout_is_set_in_the_backbone_alone():
    network = Network(load_backbone("auto", "text"), Head(384, 3, dropout=0.5))
    set_backbone_dropout(network, 0.25)
    rates = {m.p for m in network.backbone.modules() if isinstance(m, nn.Dropout)}
    assert (rates, network.head.dropout.p) == ({0.25}, 0.5)


def test_a_head_starts_from_given_weights():
    head = Head(4, 3)
    weight, bias = torch.rand(3, 4), torch.rand(3)
    head.start_from(weight, bias)
    features = torch.rand(2, 4)
    torch.testing.assert_close(head(features), features @ weight.T + bias)
    assert head.linear.weight.requires_grad


class TwoInputs(nn.Module):
    def __init__(self, out="tensor"):
        super().__init__()
        self.linear, self.out = nn.Linear(2, 1), out

    def forward(self, a, b=None):
        logits = self.linear(a if b is None else a + b).squeeze(1)
        return {"tensor": logits, "tuple": (logits, a), "mapping": {"logits": logits}, "text": "oops"}[
            self.out
        ]


@pytest.mark.parametrize("out", ["tensor", "tuple", "mapping"])
@pytest.mark.parametrize("form", ["one", "tuple", "mapping"])
def test_any_module_is_called_as_its_batches_ask(out, form):
    a = torch.rand(3, 2)
    inputs = {"one": a, "tuple": (a, a), "mapping": {"a": a, "b": a}}[form]
    network = OwnNetwork(TwoInputs(out), binary=True)
    logits = network({"inputs": inputs})
    assert logits.shape == (3, 2)
    assert torch.equal(logits[:, 0], torch.zeros(3))
    assert OwnNetwork(TwoInputs(out))({"inputs": inputs}).shape == (3, 1)
    assert [group.name for group in network.groups] == ["linear"]
    assert network.groups[0].parameters == ("module.linear.weight", "module.linear.bias")


def test_a_module_without_logits_is_refused():
    with pytest.raises(InputError, match=r"the module gives no logits(?s:.*)got:      str"):
        OwnNetwork(TwoInputs("text"))({"inputs": torch.rand(3, 2)})


def test_batches_are_parted_into_inputs_and_target():
    x, y = torch.rand(2, 3), torch.tensor([0, 1])
    assert parted((x, y))[0] is x
    assert parted([x, x, y])[0] == (x, x)
    inputs, target = parted({"a": x, "labels": y})
    assert (set(inputs), target.tolist()) == ({"a"}, [0, 1])


@pytest.mark.parametrize("batch", [{"a": 1}, torch.rand(2), (torch.rand(2),), "text"])
def test_batches_without_a_target_are_refused(batch):
    with pytest.raises(DataError, match="a batch has no target"):
        parted(batch)
