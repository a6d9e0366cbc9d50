"""The Doctor inside other people's trainers: nothing else of upfit is adopted.

from upfit.integrations import LightningDoctor, TrainerDoctor
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from upfit.integrations.hugging_face import TrainerDoctor
    from upfit.integrations.lightning import LightningDoctor

__all__ = ["LightningDoctor", "TrainerDoctor"]

_HOMES = {"LightningDoctor": "lightning", "TrainerDoctor": "hugging_face"}


def __getattr__(name: str) -> Any:
    """Import a callback when it is first asked for: each needs a library that may be missing (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'upfit.integrations' has no attribute {name!r}")
    return getattr(import_module(f"upfit.integrations.{_HOMES[name]}"), name)
