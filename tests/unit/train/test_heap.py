"""The heap: what was freed is used again without the kernel's help, and can be handed back."""

from __future__ import annotations

import subprocess
import sys

import pytest

IN_A_PROCESS = """
import resource
import psutil, torch
from upfit.train.heap import give_back, keep_freed_memory

BYTES = 24 * 2**20
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
if not keep_freed_memory():
    raise SystemExit(77)
for _ in range(2):
    torch.ones(BYTES // 4)
found = []
for _ in range(5):
    before = faults()
    for _ in range(10):
        torch.ones(BYTES // 4)
    found.append(faults() - before)
# Without, each of the ten would fault once a page in every round; a busy kernel takes pages back in some.
assert min(found) < 3 * BYTES // 4096, found
held = psutil.Process().memory_info().rss
give_back()
assert psutil.Process().memory_info().rss <= held - BYTES // 2
"""


UNDER_A_LIMIT = """
import resource
from upfit.train.heap import keep_freed_memory

resource.setrlimit(resource.RLIMIT_AS, (2**45, resource.getrlimit(resource.RLIMIT_AS)[1]))
assert not keep_freed_memory()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's settings")
def test_a_process_with_few_addresses_keeps_none():
    run = subprocess.run([sys.executable, "-c", UNDER_A_LIMIT], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's settings")
def test_freed_memory_is_used_again_and_given_back_when_asked():
    """In a process of its own: the heap of this one is in whatever shape other tests left it."""
    run = subprocess.run([sys.executable, "-c", IN_A_PROCESS], capture_output=True, text=True)
    if run.returncode == 77:
        pytest.skip("another C library")
    assert run.returncode == 0, run.stderr
