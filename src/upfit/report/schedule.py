"""How a recipe's rate will move: for a terminal, and as a drawing."""

from __future__ import annotations

from itertools import pairwise

from upfit.report.svg import FIRST, drawn, line
from upfit.techniques.schedules import multiplier
from upfit.values import Recipe

STEPS, EPOCHS = 1_000, 10
"""The run that is drawn where the recipe does not say how long it is."""
DRAWN = 10_000
"""Steps that are drawn at most; of a longer run as many, evenly apart."""
COLUMNS, LINES = 64, 6
_BLOCKS = " ▁▂▃▄▅▆▇█"
_COLOURS = "--muted:#666;--line:#ddd;--train:#3b6fb6;--accent:#c4572f;--mark:#888;background:#fff"


def length(recipe: Recipe) -> tuple[int, int]:
    """Steps of the run and of an epoch, made up where the recipe leaves them open.

    Example:
        >>> length(Recipe())
        (1000, 100)
    """
    stopping = recipe.stopping
    epochs = EPOCHS if stopping.epochs == "auto" else stopping.epochs
    total = stopping.steps or (STEPS if stopping.epochs == "auto" else max(1, round(100 * epochs)))
    return total, max(1, round(total / epochs))


def multipliers(recipe: Recipe) -> dict[int, float]:
    """The rate's multiplier by step of such a run, at every one or evenly apart.

    Example:
        >>> from upfit.values import Change
        >>> len(multipliers(Recipe().apply(Change(path="stopping.steps", to=10**12))))
        10000
    """
    total, per_epoch = length(recipe)
    steps = range(0, total, -(-total // DRAWN))
    return {step: multiplier(recipe.schedule, step, total, per_epoch=per_epoch) for step in steps}


def schedule_text(recipe: Recipe) -> str:
    """The schedule in block letters, each line a YAML comment, so that the recipe can still be read.

    Example:
        >>> print(schedule_text(Recipe()).splitlines()[0])
        # schedule cosine over 1,000 steps of 10 epochs; highest rate: auto
    """
    total, per_epoch = length(recipe)
    lr, head_lr = recipe.optimizer.lr, recipe.optimizer.head_lr
    highest = lr if isinstance(lr, str) else f"{lr:g}"
    if not isinstance(head_lr, str) and head_lr != lr:
        highest += f", the head's {head_lr:g}"
    epochs = "" if recipe.stopping.steps else f" of {total / per_epoch:g} epochs"
    head = f"# schedule {recipe.schedule.name} over {total:,} steps{epochs}"
    rates = list(multipliers(recipe).values())
    rows = [f"# {label:>4} │{row}" for label, row in zip(_labels(), _rows(rates), strict=True)]
    lines = [f"{head}; highest rate: {highest}", *rows, "#      └" + "─" * COLUMNS]
    if recipe.schedule.name == "plateau":
        lines.append(f"# and × {recipe.schedule.factor:g} whenever validation makes no progress (not drawn)")
    return "\n".join(lines) + "\n"


def schedule_svg(recipe: Recipe) -> str:
    """The schedule as an SVG file that stands by itself."""
    lr = recipe.optimizer.lr
    full = 1.0 if isinstance(lr, str) else lr
    points = [(float(step), full * value) for step, value in multipliers(recipe).items()]
    title = "rate, as a part of the highest" if isinstance(lr, str) else "learning rate"
    drawing = drawn(
        [line(points, FIRST)],
        size=(460, 240),
        x={"title": "step", "axis": {"format": "~s", "grid": False}},
        y={"title": title, "axis": {"format": "~g"}},
        alt=f"Learning rate over steps: {recipe.schedule.name}",
    )
    return str(drawing).replace("<svg ", f'<svg xmlns="http://www.w3.org/2000/svg" style="{_COLOURS}" ', 1)


def _rows(values: list[float]) -> list[str]:
    """Columns of block letters, the highest row first; each column is the mean of its steps."""
    bounds = [round(column * len(values) / COLUMNS) for column in range(COLUMNS + 1)]
    parts = [values[min(low, len(values) - 1) : max(low + 1, high)] for low, high in pairwise(bounds)]
    eighths = [round(8 * LINES * sum(part) / len(part)) for part in parts]
    return [
        "".join(_BLOCKS[min(8, max(0, height - 8 * row))] for height in eighths).rstrip()
        for row in reversed(range(LINES))
    ]


def _labels() -> list[str]:
    return ["1.0", *[""] * (LINES - 2), "0.0"]
