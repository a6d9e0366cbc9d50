"""The heap: what was freed is used again without the kernel's help, and can be handed back."""

from __future__ import annotations

import resource
import sys

import psutil
import pytest
import torch

from upfit.train.heap import give_back, keep_freed_memory

BYTES = 64 * 2**20
PAGE = 4096


def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's settings")
def test_freed_memory_is_used_again_and_given_back_when_asked():
    if not keep_freed_memory():
        pytest.skip("another C library")
    for _ in range(2):
        torch.ones(BYTES // 4)
    before = faults()
    for _ in range(10):
        torch.ones(BYTES // 4)
    # Without, every one of the ten would fault once a page.
    assert faults() - before < 3 * BYTES // PAGE
    held = psutil.Process().memory_info().rss
    give_back()
    assert psutil.Process().memory_info().rss <= held - BYTES // 2
