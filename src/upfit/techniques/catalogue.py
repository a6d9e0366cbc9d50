"""The cards of everything that a recipe can switch on, in the order in which they are listed."""

from __future__ import annotations

from upfit.errors import RecipeError, nearest
from upfit.techniques import auto_policies, image_policies
from upfit.techniques.card import Card
from upfit.techniques.losses.cards import LOSS_CARDS

CARDS: tuple[Card, ...] = (
    *LOSS_CARDS,
    image_policies.CARD,
    auto_policies.TRIVIAL_CARD,
    auto_policies.RAND_CARD,
    auto_policies.AUG_MIX_CARD,
)


def card_of(name: str) -> Card:
    """The card of that name; raises `RecipeError` with the nearest name where there is none."""
    cards = {card.name: card for card in CARDS}
    if name not in cards:
        guess = nearest(name, cards)
        hint = f"upfit techniques {guess}" if guess else "upfit techniques lists them"
        raise RecipeError(f"no technique {name!r}", hint=hint)
    return cards[name]
