"""Token dropout: some tokens of a training text are hidden."""

from __future__ import annotations

import torch
from pydantic import Field

from upfit.techniques.card import Card
from upfit.techniques.length_warmup import ends
from upfit.techniques.seams import Batch
from upfit.values import Value


def drop_tokens(segments_BT: torch.Tensor, rng: torch.Generator, *, rate: float, least: int) -> torch.Tensor:
    """(B, T) bool: the tokens to hide.

    Args:
        segments_BT: Segment of each token, counted from 1; 0 is padding.
        rng: On the CPU, whatever the device of the batch.
        rate: Probability of each token to be hidden.
        least: Texts with fewer tokens than this, special ones aside, are left whole.

    Returns:
        Never the first token nor the last of a segment (the special ones), and never all of a text.
    """
    inner_BT = (segments_BT > 0) & ~ends(segments_BT)
    inner_BT[:, 0] = False
    drawn_BT = torch.rand(segments_BT.shape, generator=rng).to(segments_BT.device) < rate
    hidden_BT = drawn_BT & inner_BT & (inner_BT.sum(1, keepdim=True) >= least)
    empty_B1 = (hidden_BT == inner_BT).all(1, keepdim=True)
    return hidden_BT & ~empty_B1


class TokenDropout(Value):
    """Hides tokens from attention and from pooling.

    Args:
        rate: Probability of each token.
        least: Texts with fewer tokens are left whole.
    """

    rate: float = Field(default=0.1, ge=0, lt=1)
    least: int = Field(default=5, ge=2)

    def on_batch(self, batch: Batch, rng: torch.Generator, progress: float) -> Batch:
        """The batch with some tokens hidden; batches without tokens as they are."""
        if self.rate == 0 or "input_ids" not in batch:
            return batch
        segments_BT = batch.get("segments", batch["attention_mask"])
        shown_BT = ~drop_tokens(segments_BT, rng, rate=self.rate, least=self.least)
        masks = ("attention_mask", "segments")
        return {**batch, **{name: batch[name] * shown_BT for name in masks if name in batch}}


CARD = Card(
    name="token_dropout",
    switch="techniques.token_dropout={rate: 0.1}",
    row="T3",
    what="Hides a tenth of the tokens of each training text from attention and from pooling, anew each step.",
    when="Few examples, many epochs; texts in which no single word decides.",
    when_not="Short texts and labels that hang on one word, such as a negation or a name.",
    combine="With NEFTune or R-Drop; instead of a strong text policy.",
    source="Iyyer et al. 2015 (word dropout); Dai and Le 2015",
    absent="techniques.token_dropout={rate: 0}",
)
