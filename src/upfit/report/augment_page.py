"""A contact sheet: what each transform does to one's own examples, and whether it keeps their label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from upfit.data.decoding import at_least
from upfit.data.images import open_image
from upfit.errors import DataError
from upfit.report.html import TEMPLATES
from upfit.report.thumbnails import SIDE, address
from upfit.techniques.image_policies import vary_image
from upfit.techniques.text_policies import vary_text
from upfit.train.policy_probe import Trial
from upfit.values import Data, Rows, Transform

IMAGES, TEXTS = 8, 4
"""Examples on a sheet."""
LONGEST = 300
TAGS = {
    "keeps": ("good", "keeps the label"),
    "doubtful": ("noise", "no use"),
    "changes": ("bad", "changes it"),
}


@dataclass(frozen=True)
class Line:
    """One line of the sheet: a transform, its verdict, and the examples after it."""

    name: str
    style: str
    verdict: str
    note: str
    pictures: tuple[str, ...]
    texts: tuple[str, ...]


def augment_page(
    data: Data, rows: Rows, trials: Sequence[Trial], notes: Sequence[str], *, setting: str
) -> str:
    """The page. It asks for nothing over the network, and everything from the data is escaped.

    Args:
        data: The data.
        rows: Training rows to show some of.
        trials: What was tried.
        notes: What every try showed, in words; after these, what is to be said of all together.
        setting: The flag that makes `fit` use the policy.
    """
    images = data.schema.of_kind("image")
    shown = rows[np.linspace(0, len(rows) - 1, min(IMAGES if images else TEXTS, len(rows))).astype(int)]
    plain = Line("as it is", "info", "", "", *_varied(data, shown, None))
    lines = [plain]
    for trial, note in zip(trials, notes[: len(trials)], strict=True):
        transform = trial.effect.transform
        name = f"{transform.name} {transform.strength:g}"
        lines.append(Line(name, *TAGS[trial.verdict], note, *_varied(data, shown, transform)))
    page = TEMPLATES.get_template("augment.html.j2")
    together = notes[len(trials) :]
    return page.render(data=data, lines=lines, together=together, setting=setting, varied=len(rows))


def _varied(data: Data, rows: Rows, transform: Transform | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(pictures, texts) of rows after a transform; as they are without one."""
    images, texts = data.schema.of_kind("image"), data.schema.of_kind("text")
    chosen = () if transform is None else (transform,)
    pictures, written = [], []
    for number, row in enumerate(rows.tolist()):
        record, rng = data.table[row], np.random.default_rng((0, number))
        if images:
            pictures += _picture(record[images[0]], chosen, rng)
        else:
            text = " | ".join(vary_text(str(record[name] or ""), rng, chosen) for name in texts)
            written.append(text[:LONGEST])
    return tuple(pictures), tuple(written)


def _picture(
    cell: dict[str, object], transforms: tuple[Transform, ...], rng: np.random.Generator
) -> list[str]:
    try:
        image = open_image(cell, shorter_side=SIDE)
    except DataError:
        return []
    square = at_least(image, SIDE).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return [address(vary_image(square, rng, transforms, side=SIDE))]
