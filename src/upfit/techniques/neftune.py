"""NEFTune: uniform noise on the embeddings of tokens while training."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field
from torch import nn

from upfit.errors import RecipeError
from upfit.techniques.card import Card
from upfit.values import Value


def token_embeddings(network: nn.Module) -> nn.Module | None:
    """The layer that embeds tokens: what a transformers model says, else the first `nn.Embedding`."""
    for module in network.modules():
        if hasattr(module, "get_input_embeddings"):
            found: nn.Module = module.get_input_embeddings()  # type: ignore[operator]
            return found
    return next((module for module in network.modules() if isinstance(module, nn.Embedding)), None)


class Neftune(Value):
    """Noise of at most `alpha` / √(T·D) on each embedding of T tokens with D features."""

    alpha: float = Field(default=5.0, ge=0, allow_inf_nan=False)

    def on_model(self, network: nn.Module) -> Callable[[], None] | None:
        """Hook the noise of transformers' own NEFTune onto the embeddings; undone by what is returned."""
        if not self.alpha:
            return None
        from transformers.integrations.neftune import neftune_post_forward_hook

        layer = token_embeddings(network)
        if layer is None:
            raise RecipeError("neftune adds noise to embeddings of tokens, and this network has none")
        layer.neftune_noise_alpha = self.alpha  # type: ignore[assignment]
        handle = layer.register_forward_hook(neftune_post_forward_hook)

        def undo() -> None:
            handle.remove()
            del layer.neftune_noise_alpha

        return undo


CARD = Card(
    name="neftune",
    switch="techniques.neftune={alpha: 5}",
    row="T3",
    what="Adds uniform noise to the embeddings of tokens in training, smaller the longer the text.",
    when="Small text tasks; it was found for instruction tuning.",
    when_not="Tasks that hang on single words.",
    combine="With everything on text; refused on images and where only the head learns.",
    source="Jain et al. 2023; the hook is that of transformers",
    absent="techniques.neftune={alpha: 0}",
)
