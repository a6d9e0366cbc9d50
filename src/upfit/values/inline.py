"""A plain value as YAML on one line."""

from __future__ import annotations

from typing import Any

import yaml


def inline(value: Any) -> str:
    """A value as YAML on one line: a list of a thousand rows reads better so than a row a line.

    >>> inline({"a": 2.0}), inline("two words"), inline(1e-5), inline("off")
    ('{a: 2.0}', 'two words', '1.0e-05', "'off'")
    """
    written = yaml.safe_dump([value], default_flow_style=True, width=10**9, allow_unicode=True)
    return str(written).strip()[1:-1]
