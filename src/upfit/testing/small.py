"""Runs that take milliseconds: real digits and sentences, networks of a few thousand random weights."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from timm.models.resnet import BasicBlock, ResNet
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from torch import nn
from torch.nn import functional
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from upfit.data.read import read
from upfit.data.targets import targets
from upfit.measure import primary_metric
from upfit.models.backbone import Backbone
from upfit.models.image_backbone import ImageBackbone, ImageInput
from upfit.models.network import Network
from upfit.models.text_backbone import TextBackbone, TextInput
from upfit.store import FeatureCache
from upfit.techniques import check, check_fits
from upfit.techniques.augmentation import check_augmentation
from upfit.techniques.samplers import check_sampler
from upfit.testing.docstrings import docstring_sentences
from upfit.train.objective import Objective
from upfit.train.settle import settle, settle_techniques
from upfit.train.stages import fresh_network, tune_stage
from upfit.train.tune import Places, Plan
from upfit.train.workbench import Workbench
from upfit.train.world import World
from upfit.values import Change, Data, Recipe, Silent, Split, Task

Modality = Literal["image", "text"]
Pair = tuple[Any, Any]
TRAIN, VALIDATION = 32, 8
"""Rows of each part."""
SPLIT = Split(np.arange(TRAIN), np.arange(TRAIN, TRAIN + VALIDATION), np.arange(0), "small")
SHORT = Recipe(techniques=()).apply(
    *(
        Change(path=path, to=to)
        for path, to in {
            "inputs.image_size": 16,
            "inputs.max_length": 12,
            "head.init": "fresh",
            "head.dropout": 0.1,
            "optimizer.lr": 0.01,
            "augment.policy": "none",
            "batching.size": 8,
            "stopping.patience": None,
            "precision": "fp32",
        }.items()
    )
)
"""A recipe without techniques for small runs, in which something is random all the same: dropout."""


def small_run(
    recipe: Recipe,
    *,
    modality: Modality,
    task: Task = "multiclass",
    steps: int = 3,
    places: Places | None = None,
) -> Network:
    """Train a small network by a recipe, as `upfit fit` tunes one, and return it.

    Args:
        recipe: Its `auto` fields are settled.
        modality: What is read.
        task: What is predicted.
        steps: Optimizer steps; evaluated after the middle one and the last.
        places: Where checkpoints go; nowhere by default.

    Raises:
        RecipeError: The recipe contradicts itself or the task.

    Example:
        >>> network = small_run(SHORT, modality="image", steps=1)
        >>> network.training
        False
    """
    bench = small_bench(recipe, modality=modality, task=task, steps=steps)
    network = fresh_network(bench, small_backbone(modality))
    plan = Plan(steps, -(-steps // 2), steps)
    metric = primary_metric(task)
    tune_stage(bench, network, plan=plan, places=places or Places(), metric=metric)
    return network.eval()


def require_sense(recipe: Recipe, *, modality: Modality, task: Task) -> None:
    """Raise `RecipeError` as a journey would before any training."""
    check(recipe)
    check_sampler(recipe, task)
    check_augmentation(recipe, modality=modality)
    check_fits(recipe, task=task, modality=modality)
    _objective(recipe, small_data(modality, task)).check(recipe.loss)


def _objective(recipe: Recipe, data: Data) -> Objective:
    known = targets(data, SPLIT.train)
    own = own_loss if recipe.loss.name == "own" else None
    return Objective.of(data.schema.task, known, data.schema.classes, own=own)


def own_loss(logits_BK: torch.Tensor, targets_B: torch.Tensor) -> torch.Tensor:
    """A loss of one's own (B,)."""
    return functional.cross_entropy(logits_BK, targets_B, reduction="none")


def small_bench(recipe: Recipe, *, modality: Modality, task: Task, steps: int) -> Workbench:
    """A settled recipe on small data; raises `RecipeError` as a journey would, before any training."""
    require_sense(recipe, modality=modality, task=task)
    data = small_data(modality, task)
    settled = settle_techniques(settle(_tried(recipe), modality=modality, task=task, count=TRAIN), steps)
    return Workbench(
        data=data,
        split=SPLIT,
        recipe=settled,
        objective=_objective(recipe, data),
        train_targets=targets(data, SPLIT.train),
        validation_targets=targets(data, SPLIT.validation),
        world=World(str(settled.precision)),
        cache=FeatureCache(),
        watcher=Silent(),
    )


TRIED_LR = 1e-3
"""What a range test is taken to have found."""


def _tried(recipe: Recipe) -> Recipe:
    """The recipe after the trials that a journey makes before it settles, which are not made here."""
    if recipe.layers.train == "auto":
        recipe = recipe.replace(layers=recipe.layers.replace(train="all"))
    if recipe.optimizer.lr == "range_test" or recipe.optimizer.name == "sgd":
        recipe = recipe.replace(optimizer=recipe.optimizer.replace(lr=TRIED_LR, head_lr=TRIED_LR))
    return recipe


@cache
def small_data(modality: Modality, task: Task) -> Data:
    """Real digits or real sentences, with targets of any kind."""
    count = TRAIN + VALIDATION
    if modality == "text":
        return read(_sentences(task, count), task=task)
    pixels, labels = load_digits(return_X_y=True)
    # Four classes are enough, and all of them are then in both parts.
    chosen = np.flatnonzero(labels < (2 if task == "binary" else 4))[:count]
    images = [Image.fromarray((pixels[row].reshape(8, 8) * 15).astype(np.uint8)) for row in chosen]
    pairs = zip(images, _targets(task, labels[chosen], pixels[chosen]), strict=True)
    return read(_Pairs(list(pairs)), task=task)


def _targets(task: Task, labels: Any, pixels: Any) -> list[Any]:
    if task == "regression":
        return [float(value) for value in pixels.mean(axis=1)]
    if task == "multilabel":
        return [[int(label % 2), int(label > 1)] for label in labels]
    return [int(label) for label in labels]


def _sentences(task: Task, count: int) -> Any:
    table = docstring_sentences(task=task, per_class=count)
    return table.iloc[:count]


class _Pairs(torch.utils.data.Dataset[Pair]):
    """A list as a torch Dataset."""

    def __init__(self, pairs: list[Pair]) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Pair:
        return self.pairs[index]


def small_backbone(modality: Modality) -> Backbone:
    """A residual network with four blocks or a transformer with two layers; always the same weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return _image_backbone() if modality == "image" else _text_backbone()


def _image_backbone() -> ImageBackbone:
    block: Any = BasicBlock
    # Maps of 2 x 2 at the end: oneDNN gives bf16 gradients of 1 x 1 maps that are garbage.
    net = ResNet(block, (1, 1, 1, 1), num_classes=0, channels=(8, 8, 16, 16), output_stride=8)
    for conv in net.modules():
        if isinstance(conv, nn.Conv2d) and conv.dilation != (1, 1):
            # LoRA of peft does not know of dilated convolutions.
            conv.dilation = conv.padding = (1, 1)
    inputs = ImageInput(size=16, mean=(0.5,) * 3, std=(0.5,) * 3)
    return ImageBackbone(net, name="small", inputs=inputs)


def _text_backbone() -> TextBackbone:
    config = BertConfig(
        vocab_size=len(_vocabulary()),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    return TextBackbone(BertModel(config), name="small", inputs=TextInput(_tokenizer(), 32))


@cache
def _tokenizer() -> PreTrainedTokenizerFast:
    words = Tokenizer(WordLevel(_vocabulary(), unk_token="[UNK]"))
    words.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]")


@cache
def _vocabulary() -> dict[str, int]:
    """The words of the small sentences, by number."""
    text = " ".join(docstring_sentences(per_class=TRAIN)["text"])
    return {word: number for number, word in enumerate(["[PAD]", "[UNK]", *sorted(set(text.split()))])}
