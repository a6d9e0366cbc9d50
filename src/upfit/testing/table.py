"""`python -m upfit.testing.table FILE`: what every technique keeps, as a Markdown table from real runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from upfit.techniques.card import Card
from upfit.techniques.catalogue import CARDS
from upfit.testing import contracts
from upfit.testing.contracts import Refused, Weights
from upfit.testing.pairs import Pairing, check_every_pair
from upfit.testing.processes import alone, in_processes

RANDOM_INSIDE = ("dropout", "head_dropout", "stochastic_depth", "neftune", "r_drop")
"""These draw random numbers inside the network: other examples are hit when a batch comes in pieces."""
MIXES_ITS_SHARE = ("mixup", "cutmix", "mixup_features", "token_dropout")
"""These draw for the batch that a process holds, which is its share of the whole."""
YES, NO, REFUSED, RANDOM, NONE = "yes", "**no**", "refused", "random", "-"
COLUMNS = (
    "resumes",
    "strength 0",
    "pieces",
    "bf16",
    "regression",
    "multilabel",
    "leaves nothing",
    "2 processes",
    "together with",
    "refused with",
)
HEAD = """# What every technique keeps

From real runs of the contract suite: `python -m upfit.testing.table docs/techniques/contracts.md`.
Small networks are trained on real digits and sentences for a few steps with the technique switched on.

- **resumes**: stopped half-way and gone on with, the weights are the same bit for bit.
- **strength 0**: with settings that leave it no strength, the weights are those of a run without it.
- **pieces**: batches in micro-batches of half the size give the same weights. **2 processes**: so do two
  processes. Both within rounding. `random`: not claimed, since the random numbers that are drawn inside
  the network, or for a process's share of a batch, fall on other examples.
- **bf16**, **regression**, **multilabel**: trains, with finite weights. `refused`: refused before training.
- **leaves nothing**: no hooks, modules or attributes stay on the network, and the global random streams are
  where they were.
- **together with**: with how many others it was trained in one run. The rest set the same field, or belong
  to tasks that exclude each other, or are refused by name: **refused with**.
"""


def claimed_in_pieces(card: Card) -> bool:
    """Whether a technique claims to be the same under accumulation."""
    return card.name not in RANDOM_INSIDE


def claimed_in_processes(card: Card) -> bool:
    """Whether a technique claims to be the same in several processes."""
    return card.name not in (*RANDOM_INSIDE, *MIXES_ITS_SHARE)


def outcome(check: Callable[[], None]) -> str:
    """What a check says: kept, refused before training, or broken."""
    try:
        check()
    except Refused:
        return REFUSED
    except AssertionError as error:
        sys.stderr.write(f"{error}\n")
        return NO
    return YES


def row(card: Card) -> dict[str, str]:
    """The properties of one technique, by column."""
    tried = card.tried
    return {
        "resumes": outcome(lambda: contracts.check_resumes_bit_for_bit(tried)),
        "strength 0": outcome(lambda: contracts.check_strength_zero_is_absent(card.absent))
        if card.absent
        else NONE,
        "pieces": outcome(lambda: contracts.check_accumulates(tried)) if claimed_in_pieces(card) else RANDOM,
        "bf16": outcome(lambda: contracts.check_runs_in_bf16(tried)),
        "regression": outcome(lambda: contracts.check_runs_on("regression", tried)),
        "multilabel": outcome(lambda: contracts.check_runs_on("multilabel", tried)),
        "leaves nothing": outcome(lambda: contracts.check_leaves_nothing_behind(tried)),
    }


def processes(cards: Sequence[Card]) -> dict[str, str]:
    """Whether two processes end with the weights of one, by technique; both are started once for all."""
    claiming = [card for card in cards if claimed_in_processes(card)]
    found = in_processes([(card.tried,) for card in claiming])
    verdicts = {card.name: RANDOM for card in cards}
    for card, shared in zip(claiming, found, strict=True):
        verdicts[card.name] = outcome(partial(_same_in_processes, card, shared))
    return verdicts


def _same_in_processes(card: Card, shared: Weights) -> None:
    contracts.require_close(alone(card.tried), shared, f"{card.name}: two processes differ from one")


def company(cards: Sequence[Card], found: Sequence[Pairing]) -> dict[str, tuple[str, str]]:
    """With how many others each technique was trained, and with which it is refused."""
    names = {card.tried: card.name for card in cards}
    return {
        card.name: (
            str(sum(one.verdict == "together" for one in found if card.tried in one.couple)),
            ", ".join(sorted(_others(card, found, names))) or NONE,
        )
        for card in cards
    }


def _others(card: Card, found: Sequence[Pairing], names: Mapping[str, str]) -> list[str]:
    refused = [one for one in found if one.verdict == "refused" and card.tried in one.couple]
    return [names[switch] for one in refused for switch in one.couple if switch != card.tried]


def reasons(cards: Sequence[Card], found: Sequence[Pairing]) -> str:
    """Every refused pair with its message, as a Markdown list."""
    names = {card.tried: card.name for card in cards}
    refused = [one for one in found if one.verdict == "refused"]
    lines = [
        f"- {' + '.join(sorted(names[switch] for switch in one.couple))}: {one.reason}" for one in refused
    ]
    return "\n".join(sorted(lines))


def table(cards: Sequence[Card]) -> str:
    """The page."""
    # Two cards may be one switch: what fits the memory, and running out of it.
    found = check_every_pair(list(dict.fromkeys(card.tried for card in cards)))
    shared, met = processes(cards), company(cards, found)
    lines = [f"| technique | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for card in cards:
        cells = {**row(card), "2 processes": shared[card.name]}
        cells["together with"], cells["refused with"] = met[card.name]
        lines.append(f"| {card.name} | {' | '.join(cells[name] for name in COLUMNS)} |")
    counts = {verdict: sum(one.verdict == verdict for one in found) for verdict in ("together", "refused")}
    summary = (
        f"{len(cards)} techniques, {len(found)} pairs: {counts['together']} trained together, "
        f"{counts['refused']} refused; the others set the same field or belong to different tasks."
    )
    rows = "\n".join(lines)
    return f"{HEAD}\n{summary}\n\n{rows}\n\n## Refused pairs\n\n{reasons(cards, found)}\n"


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--only", nargs="*", help="names of techniques; all by default")
    given = parser.parse_args()
    cards = [card for card in CARDS if not given.only or card.name in given.only]
    given.file.write_text(table(cards), encoding="utf-8")


if __name__ == "__main__":
    main()
