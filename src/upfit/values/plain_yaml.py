"""YAML that a person wrote, read strictly: nothing is run, nothing stands twice, nothing explodes."""

from __future__ import annotations

import math
from typing import Any

import yaml

from upfit.errors import InputError

_MOST_TIMES = 10
"""How many times longer than itself a text may become where anchors (`&a`, `*a`) repeat its parts."""


def read_yaml(text: str, what: str, wrong: type[InputError] = InputError) -> Any:
    """The plain values in a YAML text.

    Nine lines of anchors can stand for more items than memory holds, and brackets can be nested deeper than
    Python goes; both are refused like any other fault of the text.

    Args:
        text: The text.
        what: What it is, for messages: `the plan`.
        wrong: The error to raise.

    Raises:
        InputError: Or `wrong`: it is not YAML, has a name twice, or becomes far longer than it is.

    Example:
        >>> read_yaml("a: [1, two]", "the plan")
        {'a': [1, 'two']}
    """
    try:
        loader = _Plain(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > _MOST_TIMES * len(text):
            hint = "write out what the anchors (&name, *name) stand for"
            raise wrong(f"{what} repeats itself without end or nearly so", hint=hint)
        return loader.construct_document(node)
    except _TwiceError as error:
        raise wrong(f"{what} has {error}", hint="keep one of them") from None
    except yaml.YAMLError as error:
        raise wrong(f"{what} is not valid YAML: {error}") from None
    except RecursionError:
        raise wrong(f"{what} is not valid YAML: its brackets are nested too deeply") from None
    except (ValueError, OverflowError) as error:
        raise wrong(f"{what} holds a value that cannot be read: {error}") from None


class _TwiceError(Exception):
    """A name stands twice in one mapping."""


class _Plain(yaml.SafeLoader):
    """Reads plain values and runs nothing; a name that stands twice in one mapping is refused."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise _TwiceError(f"{twice!r} twice, below line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


def _size(node: yaml.Node, known: dict[int, float]) -> float:
    """How many values a node stands for, repetitions counted; infinite where it holds itself."""
    if id(node) not in known:
        known[id(node)] = math.inf
        inside: list[yaml.Node] = []
        if isinstance(node, yaml.SequenceNode):
            inside = node.value
        elif isinstance(node, yaml.MappingNode):
            inside = [one for pair in node.value for one in pair]
        known[id(node)] = 1 + sum(_size(one, known) for one in inside)
    return known[id(node)]
