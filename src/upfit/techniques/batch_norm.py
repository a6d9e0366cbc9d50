"""Frozen BatchNorm statistics: normalise with the pretrained running mean and variance."""

from __future__ import annotations

from torch import nn


def freeze_batch_norm(network: nn.Module) -> None:
    """Put every BatchNorm layer into evaluation mode; its scale and shift still train.

    Call after `network.train()`, which undoes it. On small batches the batch's own statistics are noise.
    """
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
