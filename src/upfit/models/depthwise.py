"""Depthwise convolutions whose gradients have no fast kernel on CPUs take a detour to the same numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode

Where = tuple[tuple[int, ...], ...]
"""Stride, padding and dilation."""

BLOCK = 16
"""Channels that a vector register of a CPU holds: kernels for groups of so many are the fast ones."""


class FastDepthwise(TorchFunctionMode):
    """Within it, depthwise 2-d convolutions on the CPU get their gradients where oneDNN is fast.

    It has no kernel for the weights' gradient of windows wider than 3 (EfficientNets, ConvNeXts), and in bf16
    none for the inputs' gradient with a stride; what it does instead takes 2 to 40 times as long. The first
    is computed as if blocks of 16 channels were connected, and the rest thrown away; the second in fp32.
    Forward passes, other layers, other devices and passes without gradients are as they were.

    Example:
        >>> layer = torch.nn.Conv2d(16, 16, 5, groups=16)
        >>> with FastDepthwise():
        ...     layer(torch.zeros(1, 16, 9, 9)).shape
        torch.Size([1, 16, 5, 5])
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function, or its like with the faster gradients."""
        if func is torch.conv2d and not kwargs and len(args) == 7 and _lacks_kernels(*args):
            where = tuple(_pair(one) for one in args[3:6])
            return _Depthwise.apply(*args[:3], where)
        return func(*args, **(kwargs or {}))


def _lacks_kernels(
    image: torch.Tensor, weight: torch.Tensor, _: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> bool:
    """Whether a convolution is one of those that oneDNN has no fast gradients for."""
    depthwise = groups == len(weight) == image.shape[-3] and groups % BLOCK == 0 and image.dim() == 4
    if not depthwise or image.device.type != "cpu" or isinstance(padding, str) or not torch.is_grad_enabled():
        return False
    mixed = torch.is_autocast_enabled("cpu") or image.dtype == torch.bfloat16
    return max(weight.shape[2:]) > 3 or (mixed and max(_pair(stride)) > 1)


def _pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else tuple(value)


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution (B, C, H, W) with (C, 1, k, k)."""

    @staticmethod
    def forward(ctx: Any, image: torch.Tensor, weight: torch.Tensor, bias: Any, where: Where) -> torch.Tensor:
        of = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else image.dtype
        ctx.types = image.dtype, weight.dtype
        ctx.where = where
        image, weight, bias = image.to(of), weight.to(of), None if bias is None else bias.to(of)
        ctx.save_for_backward(image, weight)
        with torch.autocast("cpu", enabled=False):
            stride, padding, dilation = where
            return torch.conv2d(image, weight, bias, stride, padding, dilation, len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[Any, ...]:
        image, weight = ctx.saved_tensors
        to_image, to_weight, to_bias = ctx.needs_input_grad[:3]
        found: list[torch.Tensor | None] = [None, None, None]
        if to_image:
            found[0] = _of_image(grad, image, weight, ctx.where).to(ctx.types[0])
        if to_weight:
            found[1] = _of_weight(grad, image, weight, ctx.where).to(ctx.types[1])
        if to_bias:
            found[2] = grad.float().sum((0, 2, 3)).to(ctx.types[1])
        return (*found, None)


def _of_image(grad: torch.Tensor, image: torch.Tensor, weight: torch.Tensor, where: Where) -> torch.Tensor:
    if image.dtype == torch.bfloat16 and max(where[0]) > 1:
        # Only the shape and the layout of the image count here.
        grad, image, weight = grad.float(), torch.empty_like(image, dtype=torch.float32), weight.float()
    return _backward(grad, image, weight, where, wanted=0)


def _of_weight(grad: torch.Tensor, image: torch.Tensor, weight: torch.Tensor, where: Where) -> torch.Tensor:
    count, _, *window = weight.shape
    if max(window) <= 3:
        return _backward(grad, image, weight, where, wanted=1)
    blocks = _backward(grad, image, weight.new_empty(count, BLOCK, *window), where, wanted=1)
    every = torch.arange(count)
    return blocks[every, every % BLOCK].unsqueeze(1)


def _backward(
    grad: torch.Tensor, image: torch.Tensor, weight: torch.Tensor, where: Where, *, wanted: int
) -> torch.Tensor:
    """The gradient of the image (`wanted` 0) or of the weights (1)."""
    mask = (wanted == 0, wanted == 1, False)
    groups = len(weight) // weight.shape[1]
    found: tuple[torch.Tensor, ...] = torch.ops.aten.convolution_backward(
        grad, image, weight, None, *where, False, (0, 0), groups, mask
    )
    return found[wanted]
