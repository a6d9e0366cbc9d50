"""Card: what a technique is for, as a reader who is about to switch it on needs to know it."""

from __future__ import annotations

from pydantic import Field

from upfit.values import Value


class Card(Value):
    """What a technique does and when it is worth having. Measured figures are not written here by hand.

    Args:
        name: Its name, as recipes spell it; unique in the catalogue.
        switch: What `--set` takes to turn it on, e.g. `techniques.mixup={alpha: 0.2}`, `loss.name=focal`.
        row: The row of the mission it serves, e.g. `T5`.
        what: What it does, in a sentence or two.
        when: When it is worth trying.
        when_not: When it is known to do harm or nothing.
        combine: What it goes with, and what it is refused with.
        source: The paper or the library that it comes from.
        example: A whole switch for trying it, where `switch` leaves the value open.
        absent: The switch with settings at which it does nothing at all; the contract suite sees to it.
        python: How it is switched on where that takes Python.
        unmeasured: Why there are no figures to wait for.

    Example:
        >>> card = Card(
        ...     name="focal", switch="loss.name=focal", row="T5", what="Weighs hard examples up.",
        ...     when="Few examples are hard.", when_not="Labels are noisy.", source="Lin et al. 2017",
        ... )
        >>> card.switch
        'loss.name=focal'
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    switch: str = Field(pattern=r"^[a-z_.]+=?")
    row: str = Field(pattern=r"^[A-Z][0-9]+$")
    what: str = Field(min_length=1)
    when: str = Field(min_length=1)
    when_not: str = Field(min_length=1)
    combine: str = ""
    source: str = Field(min_length=1)
    example: str = ""
    absent: str = ""
    python: str = ""
    unmeasured: str = ""

    @property
    def tried(self) -> str:
        """A whole switch, as `--set` takes it."""
        return self.example or self.switch
