"""Dropout whose masks cost a third: on CPUs torch draws a random number for each value one by one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.overrides import TorchFunctionMode

STEPS = 2**16
"""Values of the 16 random bits that decide over one activation."""

LEAST = 0.01
"""The smallest rate that is drawn from 16 bits: off by 2^-17 at most, a thousandth of it."""


class FastDropout(TorchFunctionMode):
    """Within it, dropout on the CPU draws 16 bits for an activation, four activations a random number.

    That is for training: `torch.nn.functional.dropout`, and the dropout of attention weights in
    `scaled_dot_product_attention`, which computes as torch does where it has no fused kernel (it has none
    with dropout). Rates are rounded to 1 / 65536, and what is kept is scaled by the rounded rate, so that the
    expected value is exact. Draws come from torch's own generator: a seed repeats them.

    Example:
        >>> with FastDropout():
        ...     torch.nn.functional.dropout(torch.ones(4), 0.5).shape
        torch.Size([4])
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function, or its like with the faster masks."""
        like = LIKE.get(func)
        answer = like(*args, **(kwargs or {})) if like else NotImplemented
        return func(*args, **(kwargs or {})) if answer is NotImplemented else answer


def _dropout(value: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    if not training or inplace or not _serves(value, p):
        return NotImplemented
    return _Dropout.apply(value, p)


def _attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    **more: Any,
) -> Any:
    if is_causal or more.get("enable_gqa") or not _serves(query, dropout_p):
        return NotImplemented
    scale = more.get("scale") or 1 / math.sqrt(query.shape[-1])
    scores = ((query * scale) @ key.transpose(-2, -1)).float()
    if attn_mask is not None:
        scores = scores + _added(attn_mask)
    weights = _Dropout.apply(scores.softmax(-1), dropout_p)
    return weights.to(value.dtype) @ value


def _added(mask: torch.Tensor) -> torch.Tensor:
    """An attention mask as it is added to scores: true is 0, false minus infinity."""
    if mask.dtype != torch.bool:
        return mask
    return torch.zeros(mask.shape).masked_fill_(~mask, -math.inf)


LIKE: dict[Any, Callable[..., Any]] = {
    functional.dropout: _dropout,
    functional.scaled_dot_product_attention: _attention,
}


def _serves(value: torch.Tensor, rate: float) -> bool:
    """Whether masks are drawn here: for learning on the CPU, at rates that 16 bits resolve."""
    return value.device.type == "cpu" and torch.is_grad_enabled() and LEAST <= rate <= 1 - LEAST


class _Dropout(torch.autograd.Function):
    """Zero a share of the values and scale the others up to the same expected value."""

    @staticmethod
    def forward(ctx: Any, value: torch.Tensor, rate: float) -> torch.Tensor:
        dropped = round(rate * STEPS)
        ctx.scale = STEPS / (STEPS - dropped)
        # As bytes: torch is many times slower with bool.
        kept = torch.empty(value.shape, dtype=torch.uint8)
        torch.ge(_sixteen_bits(value.numel()).view(value.shape), dropped - STEPS // 2, out=kept)
        ctx.save_for_backward(kept)
        return _masked(value, kept, ctx.scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        (kept,) = ctx.saved_tensors
        return _masked(grad, kept, ctx.scale), None


def _sixteen_bits(count: int) -> torch.Tensor:
    """So many int16, each value equally likely."""
    whole = torch.iinfo(torch.int64)
    return torch.empty(-(-count // 4), dtype=torch.int64).random_(whole.min, None).view(torch.int16)[:count]


def _masked(value: torch.Tensor, kept: torch.Tensor, scale: float) -> torch.Tensor:
    """The kept values scaled, the others zero; as a product, which is several times faster than a choice."""
    return (value * kept).mul_(scale)
