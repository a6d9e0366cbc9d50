"""Who watches a run on the command line: a progress display, plain lines, or nobody."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from upfit.values import Silent

if TYPE_CHECKING:
    from upfit.values import Watcher


def watcher(quiet: bool, metric: str | None = None) -> Watcher:
    """A progress display in a terminal, plain lines in a log, nothing with --quiet."""
    if quiet or not leads():
        return Silent()
    from upfit.report.console import PlainWatcher, RichWatcher

    return RichWatcher(metric=metric) if sys.stderr.isatty() else PlainWatcher(metric=metric)


def leads() -> bool:
    """Whether this process speaks for all that `accelerate launch` or `torchrun` started."""
    return os.environ.get("RANK", "0") == "0"
