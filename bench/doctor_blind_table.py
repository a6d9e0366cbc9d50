"""The page of `doctor_blind.py`: what was detected, named, alarmed and repaired, round by round."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from common import RESULTS, machine, machine_line, markdown_table, proportion, write_result

Row = dict[str, Any]
Found = dict[tuple[str, str, int], Row]
PARTS = (
    (
        "first",
        "blind",
        "First batch, blind: cases and labels were written before any rule was looked at; run once",
    ),
    (
        "first",
        "mended",
        "First batch after mending: rules were changed with these very cases in view, so this is not blind. "
        "The runs that had been misjudged were made again; to what was seen of the others the new rules were "
        "applied",
    ),
    ("second", "second", "Second batch, blind: written with the first, run once, after the mending of that"),
    (
        "second",
        "second_mended",
        "Second batch, two of its three misses after mending; the third, `reader_too_fast`, stays a miss",
    ),
    (
        "third",
        "blind",
        "Third batch, blind: by another hand and on real data, after the mending of the first two; run once. "
        "The processor had no time for more than 51 of 64 cases, the cheapest first; of the forms "
        "repaired by hand only the score was taken, and no control was watched",
    ),
    (
        "third",
        "mended",
        "Third batch after mending: not blind. Most of the misjudged runs, made again (`only_points` was "
        "not), and the controls that there was time for",
    ),
    (
        "fourth",
        "blind",
        "Fourth batch, blind: by a third hand, after faults that people reported in public; run once",
    ),
    (
        "fourth",
        "mended",
        "Fourth batch after mending: not blind. The misjudged runs, made again",
    ),
    (
        "fifth",
        "blind",
        "Fifth batch, blind: by a fourth hand, what a set kept aside by others may hold; run once",
    ),
    (
        "sixth",
        "blind",
        "Sixth batch, blind: by a fifth hand, the same task again, and people who fine-tune; run once",
    ),
    (
        "seventh",
        "blind",
        "Seventh batch, blind: by a sixth hand, a sibling of each public case; run once",
    ),
    (
        "eighth",
        "blind",
        "Eighth batch, blind: by a seventh hand, another sibling of each public case; run once",
    ),
    (
        "ninth",
        "blind",
        "Ninth batch, blind: by an eighth hand, half of it siblings of public cases; run once",
    ),
    (
        "tenth",
        "blind",
        "Tenth batch, blind: by a ninth hand, on real data alone, half of it siblings; run once",
    ),
)
"""Batch, the round of its lines, and what they are."""
BLIND = (
    ("first", "blind"),
    ("second", "second"),
    ("third", "blind"),
    ("fourth", "blind"),
    ("fifth", "blind"),
    ("sixth", "blind"),
    ("seventh", "blind"),
    ("eighth", "blind"),
    ("ninth", "blind"),
    ("tenth", "blind"),
)
"""Where no rule had been looked at or mended with the cases in view."""
KNOWN = tuple((batch, "known") for batch, _ in BLIND)
"""All of them with the rules as they are now."""


def write_page() -> None:
    """Write the page anew."""
    from doctor_cases.blind import REMARKS

    text = [
        "# The Doctor on cases that it was not written for",
        "",
        "`.venv/bin/python bench/doctor_blind.py --round blind --batch third` · " + machine_line(machine()),
        "",
        ABOUT,
        "",
        *pooled("Blind, all batches", BLIND),
        *pooled("The same cases once more: no longer blind, rules were mended with them in view", KNOWN),
        "## What showed of the cases themselves",
        "",
        *(f"- `{name}`: {said}." for name, said in REMARKS.items()),
        "",
        *(line for given in PARTS for line in part(*given)),
    ]
    write_result(RESULTS / "doctor_blind.md", "\n".join(text))


def pooled(title: str, rounds: tuple[tuple[str, str], ...]) -> list[str]:
    """Some rounds, batch by batch and all together."""
    there = {batch: gathered(batch, turn) for batch, turn in rounds}
    there = {batch: found for batch, found in there.items() if found[0]}
    rows = [row for several, _ in there.values() for row in several]
    well = [one for _, several in there.values() for one in several]
    columns = [dict(figures(*found)) for found in (*there.values(), (rows, well))]
    lines = [(what, *(column[what] for column in columns)) for what in columns[0]]
    head = ("", *(f"{batch} batch" for batch in there), "all")
    return [f"## {title}", "", markdown_table(head, lines), ""] if rows else []


def gathered(batch: str, turn: str) -> tuple[list[Row], list[Row]]:
    """The cases of a batch of which both forms were run in a round, and its controls."""
    from doctor_blind import records
    from doctor_cases.blind import BATCHES, CONTROLS

    found = records(turn)
    rows = [
        row
        for case in BATCHES[batch]
        for key in found
        if key[:2] == (case.name, "faulty")
        for row in judged(case, key[2], found)
    ]
    return rows, [one for key, one in found.items() if key[0] in CONTROLS[batch] and key[1] == "healthy"]


def figures(rows: list[Row], well: list[Row]) -> list[tuple[str, str]]:
    """Detection, naming and false alarms."""
    counted = [row for row in rows if row["counts"]]
    kinds: tuple[tuple[str, Callable[[Row], bool]], ...] = (
        ("detected", lambda row: bool(row["alarms"])),
        ("the first finding is an accepted label", lambda row: row["first"] in row["case"].labels),
        ("the first finding is the name", lambda row: row["first"] == row["case"].labels[0]),
        ("any finding is an accepted label", lambda row: bool(set(row["alarms"]) & set(row["case"].labels))),
    )  # fmt: skip
    lines = [(what, proportion(sum(map(holds, counted)), len(counted))) for what, holds in kinds]
    mended = [row["repaired"] for row in rows if row["repaired"]["form"] == "repaired"]
    return lines + [
        (f"{what} alarmed", proportion(sum(bool(one["findings"]) for one in several), len(several)))
        for what, several in (("healthy runs", well), ("hand-repaired forms", mended))
    ]


def part(batch: str, turn: str, title: str) -> list[str]:
    """The sections of a batch in a round; nothing if it was not made."""
    from doctor_blind import records
    from doctor_cases.blind import BATCHES

    rows, well = gathered(batch, turn)
    names = {case.name for case in BATCHES[batch]}
    treated = [one for key, one in records(turn).items() if key[0] in names and key[1] == "treated"]
    if not rows and not treated:
        return []
    return [
        f"## {title}",
        "",
        markdown_table(("", "figure (95 % interval)"), figures(rows, well) + repair_lines(treated)),
        "",
        markdown_table(HEAD, [line(row) for row in rows]),
        "",
        markdown_table(("control", "seed", "score", "alarms"), [control(one) for one in well]),
        "",
        *repairs(treated),
    ]


def judged(case: Any, seed: int, found: Found) -> list[Row]:
    """A case and seed of which both forms were run."""
    faulty, mended, scored = (found.get((case.name, form, seed)) for form in ("faulty", "repaired", "scored"))
    mended = mended or scored
    if faulty is None or mended is None:
        return []
    alarms = faulty["findings"]
    return [
        {
            "case": case,
            "seed": seed,
            "faulty": faulty,
            "repaired": mended,
            "counts": harms(case, faulty, mended),
            "alarms": alarms,
            "first": alarms[0] if alarms else "–",
        }
    ]


def harms(case: Any, faulty: Row, mended: Row) -> bool:
    """Whether the fault costs at least 0.05 of the score, or is silent by nature."""
    if case.silent or faulty["score"] is None or mended["score"] is None:
        return True
    return mended["score"] - faulty["score"] >= 0.05


HEAD = (
    "case", "seed", "faulty", "by hand", "counts", "accepted", "first finding", "named", "then",
    "first alarm at step", "alarms when repaired by hand",
)  # fmt: skip


def line(row: Row) -> tuple[Any, ...]:
    """A case of the table."""
    from doctor_table import show

    case, first, alarms, mended = row["case"], row["first"], row["alarms"], row["repaired"]
    named = "first" if first == case.labels[0] else "accepted" if first in case.labels else "no"
    later = ", later" if named == "no" and set(alarms) & set(case.labels) else ""
    steps = [step for step in row["faulty"]["steps"] if step is not None]
    return (
        case.name, row["seed"], show(row["faulty"]["score"]), show(row["repaired"]["score"]),
        "yes" if row["counts"] else "no", " / ".join(case.labels), first, named + later,
        ", ".join(alarms[1:4]) or "–", min(steps) if steps else "–",
        ", ".join(mended["findings"]) or ("–" if mended["form"] != "scored" else "not watched"),
    )  # fmt: skip


def control(one: Row) -> tuple[Any, ...]:
    """A control of the table."""
    from doctor_table import show

    return one["name"], one["seed"], show(one["score"]), ", ".join(one["findings"]) or "–"


def repair_lines(treated: list[Row]) -> list[tuple[str, str]]:
    """The figures of repair."""
    from doctor_repair import gap_closed, is_repaired

    several = [one for one in treated if gap_closed(one, "after") is not None]
    strict = [one for one in several if is_repaired(one, key="after")]
    both = [one for one in strict if one["gone"]]
    default = [one for one in several if is_repaired(one, key="default")]
    figures = (
        ("repaired strictly (≥ 90 % of the gap)", strict),
        ("repaired strictly and no accepted label left", both),
        ("strong default, strictly", default),
    )
    return [(what, proportion(len(which), len(several))) for what, which in figures if several]


def repairs(treated: list[Row]) -> list[str]:
    """A line for each treated case."""
    from doctor_repair import gap_closed, number

    if not treated:
        return []
    lines = [
        (
            one["name"], one["seed"], number(one["before"]), number(one["aim"]), number(one["after"]),
            number(gap_closed(one, "after")), ", ".join(one["kept"]) or "–",
            ", ".join(one["findings"]) or "–", number(one["default"]),
        )
        for one in treated
    ]  # fmt: skip
    head = ("case", "seed", "faulty", "by hand", "treated", "of the gap", "kept", "findings left", "default")
    return [markdown_table(head, lines), ""]


ABOUT = """\
Somebody who had not read the rules wrote sick trainings from the vocabulary of findings alone, with the \
labels that they would accept, and trainings that are unusual and well. First and second batch: one-\
dimensional convolutions, recurrent layers, small transformers, tables with categories, residual nets; \
SGD, Adam, AdamW, RMSprop, Adagrad; several outputs, several labels, one logit. Third batch, by another \
hand and on real data alone (digits, photographs, tables, docstrings): a vision transformer, a mixer, \
dilated convolutions, twins, tags and letters; Adafactor, Adadelta, NAdam, Rprop beside the others; \
schedules, averages, masks, collation, workers and precision gone wrong. Fourth batch, by a third hand and \
after faults that people reported in public: small nets on digits, tables, circles, moons, xor, a sine, \
letters; the same words as the cases that `doctor.md` counts. Fifth batch, by a fourth hand: what \
seems to be missing among the public cases, from the same sources (AutoTrainer, posts, TrainCheck, \
TheDeepChecker, UMLAUT, DeepCrime). Sixth batch, by a fifth hand: the same again, faults in transformers, \
and the ordinary ones of people who fine-tune. Seventh batch, by a sixth hand: a sibling of each public \
case, with other data, another network and another way for the fault to come about (that of the case with \
two ranks stands in `doctor_cases/blind_seventh_ranks.py`). Eighth batch, by a seventh hand: another \
sibling of each public case but that one, written from the list of public cases and the vocabulary alone, \
before any rule was looked at, and with more faults that a Change could cure. A case counts where the \
fault costs at least 0.05 of the score on validation (accuracy or R²) beside the form repaired by hand, or \
is silent by nature. One seed. Faults in the user's own loop, labels, data or model are not treated: \
no Change can cure them. The faults were still chosen from the same vocabulary that the rules were \
written for.\
"""
