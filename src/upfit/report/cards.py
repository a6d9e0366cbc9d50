"""Cards of techniques as text for a terminal and as Markdown for the documentation."""

from __future__ import annotations

from collections.abc import Iterable

from upfit.techniques.card import Card
from upfit.techniques.measured import measured

NOT_MEASURED = "not measured yet"


def card_lines(card: Card) -> list[tuple[str, str]]:
    """A card as (heading, text), the figures last; without what it leaves empty."""
    found = measured(card.name)
    figures = "\n".join(one.told(card.tried) for one in found) or card.unmeasured or NOT_MEASURED
    lines = [
        ("what", card.what),
        ("when", card.when),
        ("when not", card.when_not),
        ("combine", card.combine),
        ("switch on", card.python or f"--set {quoted(card.tried)}"),
        ("source", card.source),
        ("measured", figures),
    ]
    return [(heading, text) for heading, text in lines if text]


def card_text(card: Card) -> str:
    """One card for a terminal or a log."""
    wide = max(len(heading) for heading, _ in card_lines(card)) + 2
    indent = "\n" + " " * wide
    body = [heading.ljust(wide) + text.replace("\n", indent) for heading, text in card_lines(card)]
    return "\n".join([f"{card.name} ({card.row})", *body])


def catalogue_text(cards: Iterable[Card]) -> str:
    """All cards, a line each: name, first sentence, what it earned."""
    rows = [(card.name, first_sentence(card.what), verdicts(card)) for card in cards]
    wide = max((len(name) for name, _, _ in rows), default=0) + 2
    return "\n".join(
        f"{name.ljust(wide)}{what}{f'  [{earned}]' if earned else ''}" for name, what, earned in rows
    )


def catalogue_markdown(cards: Iterable[Card]) -> str:
    """A section for each card."""
    return "\n\n".join(_section(card) for card in cards)


def first_sentence(text: str) -> str:
    """Up to the first full stop that ends a sentence.

    >>> first_sentence("Weighs classes, e.g. by 1.5 times. Then more.")
    'Weighs classes, e.g. by 1.5 times.'
    """
    for end, letter in enumerate(text):
        if letter == "." and text[end + 1 : end + 2] == " " and text[end + 2 : end + 3].isupper():
            return text[: end + 1]
    return text


def verdicts(card: Card) -> str:
    """What it earned, in a few words: `+0.012 hwu64_5shot, noise on omniglot136`."""
    words = []
    for one in measured(card.name):
        words.append(f"noise on {one.data}" if one.verdict == "noise" else f"{one.gain:+.3f} {one.data}")
    return ", ".join(words)


def quoted(switch: str) -> str:
    """A switch as a shell takes it."""
    return f"'{switch}'" if set(switch) & set(" {}[]*") else switch


def _section(card: Card) -> str:
    lines = [f"- **{heading}**: {_inline(heading, text)}" for heading, text in card_lines(card)]
    return "\n".join([f"### {card.name}", "", *lines])


def _inline(heading: str, text: str) -> str:
    if heading == "switch on":
        return f"`{text}`"
    return "; ".join(text.splitlines())
