"""The page of `doctor.py`: detection, naming and false alarms, ours and others', as Markdown."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from typing import Any

from common import RESULTS, machine, machine_line, markdown_table, proportion, write_result
from doctor_records import Key, key_of, latest, others_path

Found = dict[Key, dict[str, Any]]
Row = dict[str, Any]
HALVES = ("odd", "even")


def write_page() -> None:
    """Write the page anew, with whatever its parts have."""
    write_result(RESULTS / "doctor.md", table(latest()))


def table(found: Found) -> str:
    """The whole page."""
    rows = list(judged(found))
    return "\n".join(
        [
            "# The Doctor on planted faults",
            "",
            "`.venv/bin/python bench/doctor.py --seeds 0,1,2` · " + machine_line(machine()),
            "",
            *summary(rows, found),
            "",
            READ_WITH_CARE,
            "",
            "## Other tools' rules on the same trainings",
            "",
            *others(rows, found),
            "",
            *more_pages(),
            "## Cases",
            "",
            cases(rows),
            "",
            "## Healthy controls",
            "",
            controls(found),
        ]
    )


def judged(found: Found) -> Iterable[Row]:
    """A row for each case and seed of which both forms were run."""
    from doctor_cases import CASES

    for case in CASES:
        for seed in sorted({seed for _, _, seed in found}):
            faulty, repaired = (found.get((case.name, form, seed)) for form in ("faulty", "repaired"))
            if faulty is None or repaired is None:
                continue
            first = faulty["findings"][0] if faulty["findings"] else "–"
            yield {
                "case": case,
                "seed": seed,
                "faulty": faulty,
                "repaired": repaired,
                "half": half_of(case.name),
                "counts": is_case(case, faulty, repaired),
                "detected": bool(faulty["findings"]),
                "first": first,
                "named": first in case.labels,
                "strictly": first == case.labels[0],
                "wired": bool(set(faulty["before"] + faulty["second_step"]) & set(case.labels)),
            }


def half_of(name: str) -> str:
    """`odd` where the case's number is odd: rules are tuned on those alone."""
    return "odd" if int("".join(filter(str.isdigit, name))) % 2 else "even"


def is_case(case: Any, faulty: Row, repaired: Row) -> bool:
    """Whether the fault costs at least 0.05 of the score, or is silent by nature."""
    if case.silent or faulty["score"] is None or repaired["score"] is None:
        return True
    return repaired["score"] - faulty["score"] >= 0.05


def summary(rows: list[Row], found: Found) -> list[str]:
    """The figures, for the half that was tuned on and for the other."""
    lines = []
    for half in (*HALVES, "both"):
        several = [row for row in rows if row["counts"] and half in (row["half"], "both")]
        wiring = [row["wired"] for row in several if row["case"].wiring]
        shares = (share(several, lambda row, key=key: row[key]) for key in ("detected", "named", "strictly"))
        lines.append((half, len(several), *shares, f"{sum(wiring)} of {len(wiring)}"))
    well = healthy(found)
    alarmed = [one for one in well if one["findings"]]
    same = [one["same"] for one in found.values() if "same" in one]
    costs = sorted(one["watching_share"] for one in found.values())
    head = (
        "half",
        "cases",
        "detected",
        "named (any label)",
        "named (first label)",
        "wiring faults by step 2",
    )
    return [
        markdown_table(head, lines),
        "",
        f"False alarms: {proportion(len(alarmed), len(well))}, of healthy or repaired runs; a run counts "
        f"once however many findings it has. Of {len(same)} trainings that were made twice, watched and "
        f"unwatched, {sum(same)} ended with the same weights bit for bit. Watching took "
        f"{at(costs, 0.5):.1%} of the time (median; {at(costs, 0.1):.1%} to {at(costs, 0.9):.1%} in the "
        "middle four fifths): these runs last from a tenth of a second to three, with steps of one or two "
        "milliseconds, so that what each step costs, and the first eight, at which the wiring is watched, "
        "weigh more than the share of 2 % that looks inside keep to. Runs of an ordinary size: "
        "`watching.md`, `integrations.md`.",
    ]


def at(costs: list[float], place: float) -> float:
    """A quantile of sorted numbers."""
    return costs[int(place * len(costs))] if costs else math.nan


def healthy(found: Found) -> list[Row]:
    """The runs in which nothing is wrong: controls and repaired forms."""
    return [one for (_, form, _), one in found.items() if form != "faulty"]


def share(rows: list[Any], holds: Callable[[Any], bool]) -> str:
    """How many, and which part of them."""
    return f"{sum(map(holds, rows))} ({sum(map(holds, rows)) / max(1, len(rows)):.0%})"


def others(rows: list[Row], found: Found) -> list[str]:
    """A line for each tool, ours last."""
    from doctor_cases.others import OTHERS

    counted = [row for row in rows if row["counts"]]
    # What they look at is too much for the repository: without it they would stand here as blind.
    missing = sum(not others_path(key_of(row["faulty"])).is_file() for row in counted)
    if missing:
        raise SystemExit(
            f"{missing} of {len(counted)} trainings were not kept for others: --again makes them anew"
        )
    lines = []
    for name, rule in OTHERS.items():
        seen = {key: rule(trace) for key in found if (trace := their_trace(key)) is not None}
        here = [row for row in counted if key_of(row["faulty"]) in seen]
        words = [[one[1] for one in seen[key_of(row["faulty"])]] for row in here]
        named = [bool(w) and bool(w[0] & set(row["case"].labels)) for w, row in zip(words, here, strict=True)]
        any_named = [
            any(one & set(row["case"].labels) for one in w) for w, row in zip(words, here, strict=True)
        ]
        well = [bool(seen[key_of(one)]) for one in healthy(found) if key_of(one) in seen]
        lines.append(
            (name, len(here), share(words, bool), share(named, bool), share(any_named, bool), rate(well))
        )
    ours = [bool(set(row["faulty"]["findings"]) & set(row["case"].labels)) for row in counted]
    well = [bool(one["findings"]) for one in healthy(found)]
    caught = [row["detected"] for row in counted]
    named = [row["named"] for row in counted]
    lines.append(
        ("upfit", len(counted), share(caught, bool), share(named, bool), share(ours, bool), rate(well))
    )
    head = (
        "rules",
        "cases",
        "detected",
        "first alarm names it",
        "any alarm names it",
        "healthy runs alarmed",
    )
    return [markdown_table(head, lines), "", THEIRS]


def rate(alarmed: list[bool]) -> str:
    """Alarms among healthy runs."""
    return f"{sum(alarmed)} of {len(alarmed)} ({sum(alarmed) / max(1, len(alarmed)):.0%})"


def their_trace(key: Key) -> Row | None:
    """What others look at in a training."""
    path = others_path(key)
    return json.loads(path.read_text()) if path.is_file() else None


def more_pages() -> list[str]:
    """What the other parts of this benchmark found: repairs, and cases on packaged backbones."""
    import doctor_backbones
    import doctor_repair

    return [*doctor_repair.part(), "", *doctor_backbones.part(), ""]


def cases(rows: list[Row]) -> str:
    """A line for each case and seed."""
    head = (
        "case", "seed", "faulty", "repaired", "counts", "label", "first finding", "named", "then",
        "alarms when repaired",
    )  # fmt: skip
    lines = [
        (
            row["case"].name,
            row["seed"],
            show(row["faulty"]["score"]),
            show(row["repaired"]["score"]),
            "yes" if row["counts"] else "no",
            row["case"].labels[0],
            row["first"],
            "first" if row["strictly"] else "accepted" if row["named"] else "no",
            ", ".join(row["faulty"]["findings"][1:4]) or "–",
            ", ".join(row["repaired"]["findings"]) or "–",
        )
        for row in rows
    ]
    return markdown_table(head, lines)


def controls(found: Found) -> str:
    """A line for each control and seed."""
    lines = [
        (name, seed, show(one["score"]), ", ".join(one["findings"]) or "–")
        for (name, form, seed), one in found.items()
        if form == "healthy"
    ]
    return markdown_table(("control", "seed", "score", "alarms"), lines)


READ_WITH_CARE = """\
**Read with care.** Seed 0 was made with the rules as they were after ten batches of blind cases \
(`doctor_blind.md`), seeds 1 and 2 after nine. Changes were made with seed 0 in view. \
The even half is not untouched: after a first look at all cases, two rules were \
mended because of A4 and A10 (and A4, D2, E2, G1, G3 and O1 were given more steps, since their repaired \
forms were not done), and the thresholds against false alarms were set with these very controls and \
repaired forms in view. The networks and faulty forms are ports made by the same hands as the rules, and \
nearly every label is hit here: on 449 cases of other hands, seen for the first time, naming was 76 % \
(72 to 80); on the 137 of the last four batches that are siblings of the cases here, 88 % (81 to 92): \
32 of 37, 44 of 48, 20 of 24 and 24 of 28; of the 44 of whatever came to mind, 18 of 24 and 13 of 20. \
Of the wiring faults, \
C5 (validation in training mode) can only show at the first evaluation, not by the second step, and does \
there. G3 does not count here: with this model the rate of 0.1 did no harm. X1 (two processes) was run by \
hand and is tested in `tests/unit/diagnose/test_replicas.py`: named at step 1, quiet where gradients are \
exchanged.\
"""

THEIRS = """\
Our own small ports of their published rules and default thresholds (`bench/doctor_cases/others.py` has \
the sources), applied to the unwatched twin of each training: never their programs. They look every 10 \
steps and at the end of each epoch. An alarm counts as naming the fault when any word that it could be \
taken for is among the accepted labels, which is generous; AutoTrainer and DeepDiagnosis stop at their \
first alarm. None of them looks at wiring, data or leakage, so a good part of the cases is outside of what \
they were made for. DeepLocalize, DeepFD and DEFault are not here: the first is contained in \
DeepDiagnosis, the others are learnt classifiers.\
"""


def show(score: float | None) -> str:
    """A score, or a dash for one that is no number."""
    return "–" if score is None else f"{score:.3f}"
