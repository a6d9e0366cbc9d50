"""The detour to depthwise gradients gives the numbers of the straight way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
import torch
from torch import nn

from upfit.models import load_backbone
from upfit.models.depthwise import FastDepthwise, _Depthwise


@pytest.fixture
def detours(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes of the weights that took the detour."""
    taken: list[tuple[int, ...]] = []
    straight: Callable[..., torch.Tensor] = _Depthwise.apply

    def noted(image: torch.Tensor, weight: torch.Tensor, *rest: object) -> torch.Tensor:
        taken.append(tuple(weight.shape))
        return straight(image, weight, *rest)

    monkeypatch.setattr(_Depthwise, "apply", noted)
    return taken


def _gradients(
    layer: nn.Conv2d, image: torch.Tensor, within: AbstractContextManager[object], *, mixed: bool = False
) -> list[torch.Tensor]:
    """Output, and gradients of the image, the weights and the bias."""
    image = image.detach().clone().requires_grad_()
    layer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed), within:
        answer = layer(image)
    torch.manual_seed(1)
    answer.backward(torch.randn(answer.shape).to(answer.dtype))
    assert image.grad is not None
    return [answer.detach(), image.grad, *(p.grad.clone() for p in layer.parameters() if p.grad is not None)]


CASES = [(5, 1, 2, 1), (5, 2, 2, 1), (7, 1, 3, 1), (5, 1, 4, 2), (3, 2, 1, 1)]


@pytest.mark.parametrize(("window", "stride", "padding", "dilation"), CASES)
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_are_those_of_torch(
    window: int, stride: int, padding: int, dilation: int, bias: bool, detours: list[tuple[int, ...]]
) -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(32, 32, window, stride, padding, dilation, groups=32, bias=bias)
    image = torch.randn(3, 32, 11, 13).to(memory_format=torch.channels_last)
    for ours, theirs in zip(
        _gradients(layer, image, FastDepthwise()), _gradients(layer, image, nullcontext()), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-4)
    assert bool(detours) == (window > 3)


@pytest.mark.parametrize(("window", "stride", "padding", "dilation"), CASES)
def test_in_bf16_they_are_as_close_to_fp32_as_those_of_torch(
    window: int, stride: int, padding: int, dilation: int, detours: list[tuple[int, ...]]
) -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(32, 32, window, stride, padding, dilation, groups=32)
    image = torch.randn(3, 32, 11, 13).to(memory_format=torch.channels_last)
    exact = _gradients(layer, image, nullcontext())
    found = _gradients(layer, image, FastDepthwise(), mixed=True)
    theirs = _gradients(layer, image, nullcontext(), mixed=True)
    assert len(detours) == 1
    for truth, ours, other in zip(exact, found, theirs, strict=True):
        assert ours.dtype == other.dtype
        assert (ours - truth).norm() <= 1.2 * (other - truth).norm() + 1e-3 * truth.norm()


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(32, 32, 5, padding=2),
        nn.Conv2d(32, 32, 5, padding=2, groups=4),
        nn.Conv2d(12, 12, 5, padding=2, groups=12),
        nn.Conv2d(32, 32, 5, padding="same", groups=32),
        nn.Conv2d(32, 64, 5, groups=32),
    ],
)
def test_other_convolutions_go_straight(layer: nn.Conv2d, detours: list[tuple[int, ...]]) -> None:
    with FastDepthwise():
        layer(torch.randn(2, layer.in_channels, 9, 9)).sum().backward()
    assert not detours


def test_without_gradients_nothing_changes(detours: list[tuple[int, ...]]) -> None:
    layer = nn.Conv2d(32, 32, 5, groups=32)
    with torch.no_grad(), FastDepthwise():
        layer(torch.randn(2, 32, 9, 9))
    assert not detours


def test_frozen_weights_get_none_and_pass_gradients_on(detours: list[tuple[int, ...]]) -> None:
    layer = nn.Conv2d(32, 32, 5, groups=32).requires_grad_(False)
    image = torch.randn(2, 32, 9, 9, requires_grad=True)
    with FastDepthwise():
        layer(image).sum().backward()
    assert detours
    assert image.grad is not None
    assert layer.weight.grad is None


def test_the_packaged_backbone_learns_the_same(
    monkeypatch: pytest.MonkeyPatch, detours: list[tuple[int, ...]]
) -> None:
    backbone = load_backbone("auto", "image").eval()
    torch.manual_seed(0)
    batch = {"image": torch.randn(2, 3, 64, 64)}
    found = []
    for within in (FastDepthwise, nullcontext):
        monkeypatch.setattr("upfit.models.image_backbone.FastDepthwise", within)
        backbone.zero_grad()
        backbone(batch).square().mean().backward()
        found.append({name: p.grad.clone() for name, p in backbone.named_parameters() if p.grad is not None})
    ours, theirs = found
    assert len(detours) == 9
    for name, gradient in theirs.items():
        assert (ours[name] - gradient).norm() <= 1e-4 * gradient.norm() + 1e-9, name
