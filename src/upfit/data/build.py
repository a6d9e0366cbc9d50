"""Raw rows become Data: kinds settled, targets read, unusable rows left out, the table written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast, get_args

import datasets
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from upfit.data.cache import cache_path, cached, digest_of
from upfit.data.classes import settle_classes
from upfit.data.combine import Combined
from upfit.data.kinds import kind_of, sample_of
from upfit.data.labels import Asked, Labels, read_labels
from upfit.data.no_numbers import no_numbers
from upfit.data.picture_column import as_images, look_at, pixel_columns, unreadable
from upfit.data.source import PIXELS
from upfit.data.times import read_times
from upfit.data.verify import Advance
from upfit.data.write import finished_blocks, write_table
from upfit.errors import DataError, nearest
from upfit.values import PART, Column, Data, Finding, Kind, Schema, Task

IGNORE = "ignore"
"""What `kinds` may say beside a kind: leave the column out."""
_UNFIT = {
    IGNORE: "asked for",
    "constant": "one value only",
    "empty": "no cell is filled",
    "identifier": "it names the row",
}


@dataclass(frozen=True)
class Wishes:
    """What the user settled by hand."""

    task: Task | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    time: str | None = None


def build(combined: Combined, wishes: Wishes, *, source: str, advance: Advance | None = None) -> Data:
    """Make Data of combined rows; `advance` is told how many images were looked at.

    Raises:
        DataError: Nothing usable is left, or a wish cannot be met.
    """
    _check_wishes(combined, wishes)
    columns, ignored = _inputs(combined, wishes)
    labels = read_labels([combined.table[name] for name in combined.target], _asked(combined, wishes))
    keep, findings = ~labels.missing, [*combined.findings, *_missing(labels), *labels.findings]
    extra = {PART: pa.array(combined.parts)}
    findings += no_numbers(combined.table, columns)
    images = _images(combined, columns, keep, extra, findings, advance)
    if wishes.time:
        extra[wishes.time] = read_times(combined.table[wishes.time], wishes.time, keep, findings)
    task, classes = settle_classes(labels, combined, keep, asked=wishes.task, findings=findings)
    schema = Schema(
        columns=columns,
        target=combined.target,
        task=task,
        classes=classes,
        group=wishes.group,
        time=wishes.time,
        ignored=ignored,
    )
    replaced = {**images, **extra, **dict(zip(combined.target, labels.columns, strict=True))}
    table, fingerprint = _written(combined, schema, replaced, keep)
    return Data(table, schema, fingerprint, source=source, findings=tuple(findings))


def _check_wishes(combined: Combined, wishes: Wishes) -> None:
    names = combined.table.column_names
    for flag, name in [
        ("--group", wishes.group),
        ("--time", wishes.time),
        *(("--kind", one) for one in wishes.kinds),
    ]:
        if name is not None and name not in names:
            hint = f"{flag} {nearest(name, names) or names[0]}"
            raise DataError(
                f"{flag}: there is no column {name!r}", expected="one of " + ", ".join(names), hint=hint
            )
        if name is not None and name in combined.target:
            raise DataError(f"{flag}: {name!r} is the target")
    for name, kind in wishes.kinds.items():
        if kind not in (*get_args(Kind), IGNORE):
            raise DataError(
                f"{name!r} cannot be of kind {kind!r}", expected=", ".join((*get_args(Kind), IGNORE))
            )


def _inputs(combined: Combined, wishes: Wishes) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Input columns with their kinds, and the columns left out."""
    rows = combined.spans[0][2]
    inputs: list[Column] = []
    ignored: list[str] = []
    reasons: list[str] = []
    for name in combined.table.column_names:
        if name in (*combined.target, wishes.group, wishes.time):
            continue
        kind = wishes.kinds.get(name) or kind_of(name, sample_of(combined.table[name], rows=rows))
        if kind in get_args(Kind) and name not in combined.first.lists:
            inputs.append(Column(name=name, kind=cast(Kind, kind)))
        else:
            ignored.append(name)
            reasons.append(f"{name} ({_UNFIT.get(kind, 'dates, or of a type that is not used')})")
    if len(inputs) == 1 and inputs[0].kind == "category" and inputs[0].name not in wishes.kinds:
        # Alone, a column of few values (short commands, say) is better read than merely told apart.
        inputs = [Column(name=inputs[0].name, kind="text")]
    if not inputs:
        why = [f"left out: {', '.join(reasons)}"] if ignored else []
        why += [
            f"{use}: {name}" for use, name in (("--group", wishes.group), ("--time", wishes.time)) if name
        ]
        raise DataError(
            "no column can serve as input",
            expected="text, images, numbers or categories",
            got="; ".join([f"the target: {', '.join(combined.target)}", *why]),
        )
    return tuple(inputs), tuple(ignored)


def _asked(combined: Combined, wishes: Wishes) -> Asked:
    name = combined.target[0]
    first = combined.first
    return Asked(combined.target, wishes.task, lists=name in first.lists, classes=name in first.classes)


def _missing(labels: Labels) -> list[Finding]:
    """Rows whose target is simply not there."""
    told = sum(int(one.evidence.get("rows", 0)) for one in labels.findings)
    rows = np.flatnonzero(labels.missing)
    count = len(rows) - told
    if count <= 0:
        return []
    message = f"{count} of {len(labels.missing)} rows have no target and were left out"
    examples = tuple(f"row {row}" for row in rows[:10])
    return [
        Finding(
            kind="missing_target",
            severity="warning",
            message=message,
            evidence={"rows": float(count)},
            examples=examples,
        )
    ]


def _images(
    combined: Combined,
    columns: Sequence[Column],
    keep: npt.NDArray[np.bool_],
    extra: dict[str, Any],
    findings: list[Finding],
    advance: Advance | None,
) -> dict[str, Any]:
    """Image columns as cells; rows with an unreadable image leave `keep`, hashes and sizes go to `extra`."""
    names = [column.name for column in columns if column.kind == "image"]
    if not names:
        return {}
    cells = {name: as_images(combined.table[name], combined.spans) for name in names}
    looks = [look_at(cells[name], key=f"{combined.key}:{name}", advance=advance) for name in names]
    faults = {row: fault for look in looks for row, fault in look.faults.items()}
    findings.extend(unreadable(faults, len(keep)))
    keep[list(faults)] = False
    if len(faults) == len(keep):
        shown = next(iter(faults.values()))
        raise DataError("no image can be read", got=f"{len(faults)} that cannot, for instance: {shown}")
    extra |= pixel_columns(looks)
    return cells


def _written(
    combined: Combined, schema: Schema, replaced: Mapping[str, Any], keep: npt.NDArray[np.bool_]
) -> tuple[datasets.Dataset, str]:
    """The finished table, written or found written, and its digest over schema and cells."""
    pixels = digest_of("", *replaced[PIXELS].to_pylist()) if PIXELS in replaced else ""
    rows = digest_of(str(combined.spans), keep.tobytes().hex())
    key = digest_of("table 2", combined.key, schema.model_dump_json(), pixels, rows)
    blocks = finished_blocks(combined.table, schema, replaced, keep)
    _, notes = cached(key, lambda aside: write_table(aside, blocks))
    table = datasets.Dataset.from_file(str(cache_path(key)))
    return table, digest_of(schema.model_dump_json(), *notes.facts["columns"])
