"""Length warm-up: texts are cut short early in a run."""

from __future__ import annotations

import torch
from pydantic import Field

from upfit.techniques.card import Card
from upfit.techniques.growth import stage
from upfit.techniques.seams import Batch
from upfit.values import Value

PER_TOKEN = ("input_ids", "attention_mask", "segments", "token_type_ids")


def shortened(batch: Batch, limit: int) -> Batch:
    """The batch with at most `limit` tokens a text; the same batch where none is longer.

    Each segment is cut by itself and keeps its last token, the separator, so that a short second column
    does not go missing behind a long first one.
    """
    segments_BT = batch.get("segments", batch["attention_mask"])
    if segments_BT.shape[1] <= limit:
        return batch
    room = max(2, limit // max(1, int(segments_BT.max())))
    kept_BT = (segments_BT > 0) & ((_place_in_segment(segments_BT) < room - 1) | ends(segments_BT))
    length = int(kept_BT.sum(1).max())
    # Kept tokens move to the front in their order; what is left of the others is hidden from attention.
    order_BT = torch.argsort((~kept_BT).to(torch.uint8), dim=1, stable=True)[:, :length]
    shown_BT = kept_BT.gather(1, order_BT)
    cut = {name: batch[name].gather(1, order_BT) for name in PER_TOKEN if name in batch}
    for name in {"attention_mask", "segments"} & cut.keys():
        cut[name] = cut[name] * shown_BT
    return {**batch, **cut}


def ends(segments_BT: torch.Tensor) -> torch.Tensor:
    """(B, T) bool: the last token of each segment; segments count from 1, padding is 0."""
    following_BT = torch.nn.functional.pad(segments_BT[:, 1:], (0, 1))
    return (segments_BT > 0) & (segments_BT != following_BT)


def _place_in_segment(segments_BT: torch.Tensor) -> torch.Tensor:
    """(B, T): how many tokens of the same segment stand before each."""
    place_T = torch.arange(segments_BT.shape[1], device=segments_BT.device)
    before_BT = torch.nn.functional.pad(segments_BT[:, :-1], (1, 0))
    first_BT = torch.where(segments_BT != before_BT, place_T, 0).cummax(1).values
    return place_T - first_BT


class LengthWarmup(Value):
    """Cuts texts to a length that grows over the run.

    Args:
        start: Tokens at first.
        full: Tokens that the length grows to; then texts stay whole.
        until: Part of the run after which texts are whole.
        stages: Lengths before that.
    """

    start: int = Field(default=32, ge=4)
    full: int = Field(default=256, ge=4)
    until: float = Field(default=0.5, gt=0, le=1)
    stages: int = Field(default=4, ge=1)

    def on_batch(self, batch: Batch, rng: torch.Generator, progress: float) -> Batch:
        """The batch with shorter texts, early in the run; batches without tokens as they are."""
        if "input_ids" not in batch or progress >= self.until or self.start >= self.full:
            return batch
        fraction = stage(progress, start=self.start / self.full, until=self.until, stages=self.stages)
        return shortened(batch, round(fraction * self.full))


CARD = Card(
    name="length_warmup",
    switch="techniques.length_warmup={start: 32}",
    row="T3",
    what="Cuts long texts short early in the run, in a few stages up to their whole length: cheaper steps.",
    when="Long documents and a short budget; early steps that are unstable on long texts.",
    when_not="Short texts, where nothing is cut; labels that only the end of a text tells.",
    combine="With bucketing, which keeps short texts in cheap batches anyway.",
    source="Li et al. 2022 (sequence length warm-up)",
)
