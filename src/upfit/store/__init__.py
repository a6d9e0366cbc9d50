"""Values to disk and back: run folders, checkpoints, journals, caches. The only writer of runs.

What needs torch is imported when it is first asked for, so that a wrong path is refused at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from upfit.store.checkpoints import Checkpoints
    from upfit.store.feature_cache import FeatureCache
    from upfit.store.journal import Journal, read_trace
    from upfit.store.run_folder import RunFolder

__all__ = ["Checkpoints", "FeatureCache", "Journal", "RunFolder", "read_trace"]

_HOMES = {
    "Checkpoints": "checkpoints",
    "FeatureCache": "feature_cache",
    "Journal": "journal",
    "RunFolder": "run_folder",
    "read_trace": "journal",
}


def __getattr__(name: str) -> Any:
    """Import a name of this room when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
