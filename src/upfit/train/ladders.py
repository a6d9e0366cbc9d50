"""How strongly each way of varying examples is tried, from weak to strong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One rung of a ladder: how strongly a transform is tried, and how strongly it is then used.

    The two differ for transforms whose strength is a probability: they are tried on every example.
    """

    tried: float
    used: float


def _ladder(*strengths: float) -> tuple[Step, ...]:
    return tuple(Step(one, one) for one in strengths)


LADDERS: dict[str, dict[str, tuple[Step, ...]]] = {
    "image": {
        "crop": _ladder(0.15, 0.3, 0.5),
        "turn": _ladder(5, 10, 20),
        "flip": (Step(1, 0.5),),
        "upend": (Step(1, 0.5),),
        "shift": _ladder(0.05, 0.1),
        "shear": _ladder(5, 10),
        "colour": _ladder(0.1, 0.2, 0.4),
        "grey": (Step(1, 0.1),),
        "blur": _ladder(0.5, 1),
        "erase": (Step(1, 0.15),),
    },
    "text": {
        "drop": _ladder(0.05, 0.1, 0.2),
        "swap": _ladder(0.05, 0.1, 0.2),
        "typos": _ladder(0.05, 0.1),
        "case": _ladder(0.1, 0.3),
        "stops": _ladder(0.1, 0.3),
    },
}
"""What is tried, from weak to strong: a transform is tried more strongly while it keeps the label."""
