"""The cards of everything that a recipe can switch on, in the order in which they are listed."""

from __future__ import annotations

import re

from upfit.errors import RecipeError, nearest
from upfit.techniques import (
    adapters,
    auto_policies,
    clip,
    cutmix,
    ema,
    field_cards,
    gradient_noise,
    image_policies,
    image_transforms,
    l1,
    l2,
    l2_sp,
    layer_cards,
    length_warmup,
    mixup,
    mixup_features,
    neftune,
    progressive_resize,
    r_drop,
    sam,
    samplers,
    stochastic_depth,
    swa,
    text_policies,
    token_dropout,
    unfreezing,
)
from upfit.techniques.batch_cards import BATCH_CARDS
from upfit.techniques.card import Card
from upfit.techniques.losses.cards import LOSS_CARDS
from upfit.techniques.optimisation_cards import OPTIMISATION_CARDS

REGULARISATION_CARDS: tuple[Card, ...] = (
    field_cards.DROPOUT,
    field_cards.HEAD_DROPOUT,
    stochastic_depth.CARD,
    field_cards.WEIGHT_DECAY,
    l1.CARD,
    l2.CARD,
    l2_sp.CARD,
    mixup.CARD,
    cutmix.CARD,
    mixup_features.CARD,
    r_drop.CARD,
    neftune.CARD,
    sam.CARD,
    gradient_noise.CARD,
    clip.CARD,
    ema.CARD,
    swa.CARD,
    field_cards.EARLY_STOPPING,
)
LAYER_CARDS: tuple[Card, ...] = (
    layer_cards.HEAD_ONLY,
    layer_cards.LAST_GROUPS,
    layer_cards.AUTO,
    unfreezing.CARD,
    layer_cards.PROBE_THEN_TUNE,
    layer_cards.FROZEN_BATCH_NORM,
    adapters.CARD,
    layer_cards.CACHE,
)
SHOWN = 3
"""Cards that are named at most where somebody asks for one that there is not."""
CARDS: tuple[Card, ...] = (
    *OPTIMISATION_CARDS,
    *BATCH_CARDS,
    *LAYER_CARDS,
    *REGULARISATION_CARDS,
    *LOSS_CARDS,
    samplers.BALANCED_CARD,
    samplers.SQUARE_ROOT_CARD,
    image_policies.CARD,
    auto_policies.TRIVIAL_CARD,
    auto_policies.RAND_CARD,
    auto_policies.AUG_MIX_CARD,
    image_transforms.ERASING_CARD,
    text_policies.CARD,
    token_dropout.CARD,
    progressive_resize.CARD,
    length_warmup.CARD,
)


def card_of(name: str) -> Card:
    """The card of that name, however it is capitalised and hyphenated.

    Raises:
        RecipeError: There is none, with the cards that speak of it, or the nearest name.

    Example:
        >>> card_of("Mix-Up").name, card_of("label smoothing").name
        ('mixup', 'label_smoothing')
    """
    cards = {_joined(card.name): card for card in CARDS}
    if (joined := _joined(name)) in cards:
        return cards[joined]
    names = [card.name for card in cards_about(name)]
    guess = nearest(joined, cards)
    names = names or ([cards[guess].name] if guess else [])
    hint = " · ".join(f"upfit techniques {one}" for one in names[:SHOWN])
    raise RecipeError(f"no technique {name!r}", hint=hint or "upfit techniques, which lists them")


def cards_about(name: str) -> tuple[Card, ...]:
    """The card of that name, or those that speak of it; none where nothing does.

    Example:
        >>> [card.switch for card in cards_about("focal")]
        ['loss.name=focal']
    """
    named = tuple(card for card in CARDS if _joined(card.name) == _joined(name))
    return named or tuple(card for card in CARDS if name.lower() in _words(card))


def _joined(name: str) -> str:
    """A name without what people spell in different ways."""
    return re.sub(r"[\W_]+", "", name.lower())


def _words(card: Card) -> set[str]:
    """What a card is about, word by word: `lora` stands in that of the adapters."""
    return set(re.findall(r"\w+", f"{card.name.replace('_', ' ')} {card.what}".lower()))
