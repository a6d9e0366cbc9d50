"""The cards of everything that a recipe can switch on, in the order in which they are listed."""

from __future__ import annotations

from upfit.techniques.card import Card

CARDS: tuple[Card, ...] = ()
