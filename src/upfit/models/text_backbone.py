"""Text backbones from transformers: mean-pooled features of texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from torch import nn

from upfit.errors import BackboneError
from upfit.models.backbone import Backbone, Batch
from upfit.models.dropout import FastDropout
from upfit.models.groups import find_groups

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, eq=False)
class TextInput:
    """A tokenizer and the greatest number of tokens that the backbone reads."""

    tokenizer: PreTrainedTokenizerBase
    max_length: int


class TextBackbone(Backbone):
    """A transformers encoder. Batch: `input_ids`, `attention_mask`, `segments` (B, T); features (B, D).

    Tokens are mean-pooled by segment, so D is the number of segments times the width of the encoder.
    """

    def __init__(self, net: nn.Module, *, name: str, inputs: TextInput) -> None:
        super().__init__()
        self.modality = "text"
        if hasattr(net, "pooler"):
            net.pooler = None  # type: ignore[assignment]  # features are mean-pooled, so it would never train
        self.net = net
        self.name = name
        self.inputs = inputs
        self.groups = find_groups(net)
        self.pool_apart(1)

    def pool_apart(self, segments: int) -> None:
        """Pool each of so many segments by itself; 1 pools all tokens together."""
        self.segments = segments
        self.width = segments * int(self.net.config.hidden_size)  # type: ignore[union-attr,arg-type]

    def forward(self, batch: Batch) -> torch.Tensor:
        """Mean of the last layer over the tokens of each segment, side by side (B, D)."""
        known = ("input_ids", "attention_mask", "token_type_ids")
        with FastDropout():
            hidden_BTD = self.net(**{k: batch[k] for k in known if k in batch}).last_hidden_state
        numbers_S = torch.arange(1, self.segments + 1, device=hidden_BTD.device)
        # Without segments every token belongs to the first, and padding to none.
        segments_BT = batch.get("segments", batch["attention_mask"])
        member_BST = (segments_BT.unsqueeze(1) == numbers_S.view(1, -1, 1)).to(hidden_BTD.dtype)
        pooled_BSD = member_BST @ hidden_BTD / member_BST.sum(2, keepdim=True).clamp(min=1)
        features: torch.Tensor = pooled_BSD.flatten(1)
        return features

    def save(self, folder: Path) -> dict[str, Any]:
        """Write configuration and tokenizer below `folder`; returns the rest as plain values."""
        self.net.config.save_pretrained(folder / "transformers")  # type: ignore[union-attr,operator]
        self.inputs.tokenizer.save_pretrained(folder / "transformers")
        return {
            "library": "transformers",
            "name": self.name,
            "inputs": {"max_length": self.inputs.max_length, "segments": self.segments},
        }


def load_text(folder: str, *, name: str, local: bool = True) -> TextBackbone:
    """A `TextBackbone` from a transformers folder (or, with `local=False`, from the hub or its cache)."""
    # Loading transformers takes a second, and images need none of it.
    from transformers import AutoModel, AutoTokenizer

    options: dict[str, Any] = {"local_files_only": local, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **options)
        # float32 whatever the file holds: precision is the recipe's business.
        with _without_chatter():
            net = AutoModel.from_pretrained(folder, dtype=torch.float32, **options)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, UnpicklingError) as error:
        raise BackboneError(f"{name} cannot be read as a transformers model: {error}") from error
    return _wrap(net, tokenizer, name=name, limit=_sentence_limit(Path(folder)))


def rebuild_text(folder: Path, saved: dict[str, Any]) -> TextBackbone:
    """The architecture and tokenizer that `TextBackbone.save` wrote, with weights yet to be loaded."""
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder / "transformers", local_files_only=True)
    config = AutoConfig.from_pretrained(folder / "transformers", local_files_only=True)
    net = AutoModel.from_config(config, dtype=torch.float32)
    backbone = _wrap(net, tokenizer, name=saved["name"], limit=saved["inputs"]["max_length"])
    backbone.pool_apart(saved["inputs"]["segments"])
    return backbone


@contextmanager
def _without_chatter() -> Iterator[None]:
    """No progress bar, and no report on the pooler, which is not used anyway."""
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()


def _wrap(
    net: nn.Module, tokenizer: PreTrainedTokenizerBase, *, name: str, limit: int | None
) -> TextBackbone:
    """Settle padding and the token limit, the smallest that anyone states."""
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    stated = [limit, tokenizer.model_max_length, getattr(net.config, "max_position_embeddings", None)]
    limits = [value for value in stated if value and value < 100_000]
    return TextBackbone(net, name=name, inputs=TextInput(tokenizer, min(limits, default=512)))


def _sentence_limit(folder: Path) -> int | None:
    """The limit that a sentence-transformers folder states beside the model, where there is one."""
    path = folder / "sentence_bert_config.json"
    return json.loads(path.read_text()).get("max_seq_length") if path.is_file() else None
