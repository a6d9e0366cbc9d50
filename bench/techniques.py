"""What does each technique earn? The default recipe against the same with the technique, seed by seed.

    python bench/techniques.py                                 # hours: every card on every set, seeds 0 to 4
    python bench/techniques.py --cards mixup sam --sets hwu64_5shot --seeds 0 1
    python bench/techniques.py --core --minutes 60          # what people ask about most, as far as time goes
    python bench/techniques.py --costs --sets clothing_small   # one run each for the processor's time
    python bench/techniques.py --table                         # only write the table and the cards' figures

Both runs of a pair share data, split, starting weights, number of steps and order of the examples. Runs that
are in the results already are not made again, so the script can be stopped and called again. The table goes
to bench/results/techniques.md, and the figures that `upfit techniques NAME` quotes to the package.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from common import (
    RESULTS,
    ROOT,
    append_line,
    machine,
    machine_line,
    markdown_table,
    mean_interval,
    read_lines,
    script,
    write_result,
)

from upfit.techniques.card import Card
from upfit.techniques.catalogue import CARDS
from upfit.techniques.measured import Measured

LINES = RESULTS / "techniques.jsonl"
COSTS = RESULTS / "technique_costs.jsonl"
CARD_FIGURES = ROOT / "src" / "upfit" / "techniques" / "measured.json"
SETS = (
    "hwu64_5shot",
    "omniglot136",
    "clothing_small",
    "sms_spam_imbalanced",
    "yoruba_topic_realnoise",
    "complex_lcp",
    "hwu64_10shot_flipped",
    "clothing_small_flipped",
    "hwu64_10shot_tags",
)
DEFAULT = "default"
LEFT_OUT = {
    "clip": "techniques.clip=off",
    "ema": "techniques.ema=off",
    "label_smoothing": "loss.label_smoothing=0.0",
    "frozen_batch_norm": "layers.batch_norm=updated",
    "probe_then_tune": "head.init=fresh",
}
"""Techniques that the default recipe has: measured by leaving them out."""
LEFT_OUT_OF_TEXTS = {"layer_decay": "optimizer.layer_decay=1.0", "dropout": "layers.dropout=0.0"}
"""The same, where only the recipe for texts has them."""
OFTEN = "stopping.evaluations=12"
SWITCHED_ON = {
    "layer_decay": "optimizer.layer_decay=0.9",
    "length_warmup": "techniques.length_warmup={start: 16, full: 64}",
    "plateau": f"schedule.name=plateau + {OFTEN}",
    "early_stopping": f"stopping.patience=3 + {OFTEN}",
}
"""What is tried instead of a card's example: the strength that texts have, lengths that these texts have, and
evaluations often enough for what counts them to act."""
BESIDE = {
    "plateau": f"{OFTEN} + stopping.patience=off",
    "early_stopping": f"{OFTEN} + stopping.patience=off",
    "batch_size": "batching.size=32",
    "probe_then_tune": "head.init=probe",
    "frozen_batch_norm": "layers.batch_norm=frozen",
    "length_warmup": "stopping.patience=off",
}
"""What is measured against, where that is not `default`: runs that evaluate as often, and the default by its
own name where it was made on the same day and machine as the other."""
MORE = {"batch_size": ("batching.size=16",)}
"""Further strengths of a technique."""
IMAGES = ("omniglot136", "clothing_small", "clothing_small_flipped")
WRONG_LABELS = ("generalised_cross_entropy", "symmetric_cross_entropy", "label_smoothing")
CORE = {
    "hwu64_5shot": (
        "ema", "swa", "sam", "r_drop", "mixup_features", "label_smoothing", "focal", "gradual_unfreezing",
        "layer_decay", "adapters", "augment_text", "dropout", "neftune",
    ),
    "omniglot136": (
        "ema", "swa", "sam", "mixup", "cutmix", "label_smoothing", "focal", "gradual_unfreezing",
        "layer_decay", "adapters", "augment_images", "trivial_augment", "stochastic_depth",
    ),
    "clothing_small": ("rand_augment", "aug_mix", "random_erasing", "progressive_resize"),
    "sms_spam_imbalanced": (
        "class_weights", "focal", "class_balanced", "logit_adjusted", "ldam", "balanced_sampler",
        "square_root_sampler",
    ),
    "yoruba_topic_realnoise": WRONG_LABELS,
    "complex_lcp": ("absolute_error", "huber", "log_cosh", "quantile"),
    "hwu64_10shot_flipped": WRONG_LABELS,
    "clothing_small_flipped": WRONG_LABELS,
    "hwu64_10shot_tags": ("asymmetric",),
}  # fmt: skip
"""The techniques that people ask about most, on one set of texts and one of images, and what is meant for
rare classes, wrong labels and numbers where there are some."""
ELSEWHERE = {"augment_images": "texts", "augment_text": "images", "frozen_batch_norm": "texts"}
"""Where a card's switch means something else or nothing: policies of images and of texts have the same names,
and the network for texts has no batch norms."""
Record = dict[str, Any]

INTRO = """## What each technique earns

Test score of the tuned weights (best by validation) with the technique switched on, minus the default
recipe's, paired over seeds; the interval is Student's t over the seeds' differences, 95 %. "noise" means
that it holds 0, "no change" that not one score differed; of sixty such intervals about three miss by chance.
Cost is the processor's time for everything from the choice of a rate to the last step beside that of the
default recipe: of all runs, or of one each in one process (`--costs`), good to about a tenth; where neither
was measured, the least time by the clock over the seeds beside the least without it, on a shared machine
(marked ~). What the default recipe has already is measured by leaving it out; its gain is the default's score
minus the score without it. What counts evaluations is measured with twelve of them, beside the default
recipe with twelve; batch sizes see the examples equally often, so that 64 take half the steps.
A technique that asks for more steps than these short runs have can earn more in a long one. Of sets called
`_flipped` a fifth of the training labels is another class, drawn at random; of sets called `_tags` a row has
several labels, the words of its class (`alarm_query`: alarm, query), and mean average precision is the score.
"""


def left_out(card: Card, name: str) -> str | None:
    """How a technique of a set's default recipe is left out; None where the default does not have it."""
    return (LEFT_OUT if name in IMAGES else LEFT_OUT | LEFT_OUT_OF_TEXTS).get(card.name)


def switches_of(card: Card, name: str) -> tuple[str, ...]:
    """What is changed in a set's default recipe to measure a technique."""
    first = left_out(card, name) or SWITCHED_ON.get(card.name, card.tried)
    return first, *MORE.get(card.name, ())


def beside(card: Card) -> str:
    """What a technique is measured against."""
    return BESIDE.get(card.name, DEFAULT)


def missing(
    wanted: Mapping[str, Sequence[str]], seeds: Iterable[int]
) -> Iterable[tuple[str, int, list[str]]]:
    """What is yet to be run: (set, seed, switches), seed by seed, so that an early end leaves whole pairs."""
    known = {(one["set"], one["seed"], one["switch"]) for one in read_lines(LINES)}
    for seed, (name, names) in product(seeds, wanted.items()):
        cards = [card for card in CARDS if card.name in names]
        switches = [one for card in cards for one in (beside(card), *switches_of(card, name))]
        left = [switch for switch in dict.fromkeys(switches) if (name, seed, switch) not in known]
        if left:
            yield name, seed, left


def unpriced(cards: Mapping[str, Sequence[str]]) -> Iterable[tuple[str, int, list[str]]]:
    """What has a gain and no cost by the processor's time: (set, seed, switches), the default first.

    The default is run twice: its first run fills what all of them find in the cache.
    """
    priced = {(one["set"], one["switch"]) for one in read_lines(COSTS)}
    gains = {(one.data, one.switch): one.card for one in figures(read_lines(LINES))}
    for name, wanted in cards.items():
        left = [
            one
            for (data, switch), card in gains.items()
            if data == name and card in wanted
            for one in (BESIDE.get(card, DEFAULT), switch)
            if (name, one) not in priced and one != DEFAULT
        ]
        if left:
            yield name, 0, [DEFAULT, DEFAULT, *dict.fromkeys(left)]


def run(name: str, seed: int, switches: Sequence[str], kept: Path = LINES) -> bool:
    """One process for all switches of a set and a seed, each kept as it ends; False if it failed."""
    about, command = machine(), script("technique_runs.py", name, seed, *switches)
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.startswith("{"):
                append_line(kept, {**json.loads(line), "machine": about})
                print(line, end="", flush=True)
    return child.returncode == 0


def figures(records: Sequence[Record]) -> list[Measured]:
    """The gain of every switch on every set that has at least two paired seeds."""
    values = {(one["set"], one["switch"], one["seed"]): one for one in records if "value" in one}
    costs = {(one["set"], one["switch"]): one["processor"] for one in read_lines(COSTS) if "value" in one}
    found: list[Measured] = []
    for card in CARDS:
        for name in SETS:
            if ELSEWHERE.get(card.name) == ("images" if name in IMAGES else "texts"):
                continue
            found += [
                one
                for switch in switches_of(card, name)
                if (one := _measured(card, name, switch, values, costs))
            ]
    return found


def _measured(
    card: Card, name: str, switch: str, values: Mapping[Any, Record], costs: Mapping[Any, float]
) -> Measured | None:
    """One figure; None where there are fewer than two pairs."""
    pairs = [
        (one, values[key])
        for (data, tried, seed), one in values.items()
        if (data, tried) == (name, switch)
        and (key := (name, one.get("beside", beside(card)), seed)) in values
    ]
    if len(pairs) < 2:
        return None
    without = switch == left_out(card, name)
    if without:
        pairs = [(default, other) for other, default in pairs]
    found = _figure(card.name, switch, name, pairs).replace(left_out=without)
    if all("processor" in one for pair in pairs for one in pair):
        one, other = (sum(run["processor"] for run in runs) for runs in zip(*pairs, strict=True))
        return found.replace(cost=round(one / other, 2), by_clock=False)
    if (name, switch) not in costs:
        return found
    ratio = costs[name, switch] / costs[name, beside(card)]
    return found.replace(cost=round(1 / ratio if without else ratio, 2), by_clock=False)


def _figure(card: str, switch: str, name: str, pairs: Sequence[tuple[Record, Record]]) -> Measured:
    gains = [one["value"] - other["value"] for one, other in pairs]
    # Other programs only ever make a run slower: the least over the seeds is nearest to the truth.
    cost = min(one["seconds"] for one, _ in pairs) / min(other["seconds"] for _, other in pairs)
    metric = pairs[0][0]["metric"]
    rounded = [round(value, 4) for value in mean_interval(gains)]
    return Measured(card=card, switch=switch, data=name, metric=metric, gain=rounded[0], low=rounded[1],
                    high=rounded[2], seeds=len(gains), cost=round(cost, 2), by_clock=True)  # fmt: skip


def write_table(records: Sequence[Record]) -> None:
    """The table of results, and the figures for the cards."""
    found = figures(records)
    rows = [
        (
            one.card,
            f"`{one.switch}`",
            one.data,
            one.metric,
            _interval(one),
            one.verdict,
            one.seeds,
            _cost(one),
        )
        for one in found
    ]
    head = ("technique", "switch", "set", "metric", "gain", "verdict", "seeds", "cost")
    refused = sorted({(one["switch"], one["set"], one["refused"]) for one in records if "refused" in one})
    lines = [f"- `{switch}` on {name}: {why}" for switch, name, why in refused]
    about = (
        f"Command: `python bench/techniques.py`. {machine_line(records[-1]['machine'])}" if records else ""
    )
    parts = [
        INTRO,
        about,
        markdown_table(head, rows),
        *(["Refused, with the reason:\n", *lines] if lines else []),
    ]
    write_result(RESULTS / "techniques.md", "\n".join(parts))
    CARD_FIGURES.write_text(
        json.dumps([one.model_dump(exclude_defaults=True) for one in found], indent=1) + "\n",
        encoding="utf-8",
    )


def _cost(one: Measured) -> str:
    return f"{'~' if one.by_clock else ''}{one.cost}"


def _interval(one: Measured) -> str:
    return f"{one.gain:+.4f} ({one.low:+.4f} to {one.high:+.4f})"


def main() -> int:
    """Make the runs that are missing, then write the table."""
    names = [card.name for card in CARDS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cards", nargs="+", choices=names, default=names)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(5)))
    parser.add_argument(
        "--core", action="store_true", help="the techniques asked about most, and those meant for such data"
    )
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no set and seed after so many")
    parser.add_argument("--costs", action="store_true", help="a run each for the processor's time instead")
    parser.add_argument("--table", action="store_true", help="make no runs, only write the table")
    args = parser.parse_args()
    sets = [name for name in args.sets if name in CORE or not args.core]
    cards = {name: CORE[name] if args.core else args.cards for name in sets}
    failed, started = 0, time.monotonic()
    wanted = unpriced(cards) if args.costs else missing(cards, args.seeds)
    for case in [] if args.table else list(wanted):
        if time.monotonic() - started < 60 * args.minutes:
            failed += not run(*case, COSTS if args.costs else LINES)
    write_table(read_lines(LINES))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
