"""Parts of a model that only follow another part: averages of its weights, teachers, target networks."""

from __future__ import annotations

from torch import nn


def copies(model: nn.Module) -> set[int]:
    """Identities of the parameters of frozen parts that repeat, name by name, a part which learns.

    Nobody wants an average to learn: it is frozen on purpose.

    >>> live, average = nn.Linear(4, 2), nn.Linear(4, 2).requires_grad_(False)
    >>> copies(nn.ModuleList([live, average])) == {id(average.weight), id(average.bias)}
    True
    """
    found = set[int]()
    for module in model.modules():
        parts = [dict(child.named_parameters()) for child in module.children()]
        shapes = [{name: weight.shape for name, weight in part.items()} for part in parts]
        learns = [any(weight.requires_grad for weight in part.values()) for part in parts]
        for here, part in enumerate(parts):
            twins = [there for there, shape in enumerate(shapes) if shape == shapes[here] and learns[there]]
            if part and not learns[here] and twins:
                found |= {id(weight) for weight in part.values()}
    return found
