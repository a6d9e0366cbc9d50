"""JSONL files, a line at a time; a key may turn up late, a value may change its type, objects may nest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any

import pyarrow as pa

from upfit.data.cache import Notes, cached, digest_of, stream_writer
from upfit.data.encoding import Utf8Stream, detect, encoding_findings
from upfit.data.scan import scan
from upfit.data.source import Source
from upfit.errors import DataError
from upfit.values import Finding

_BATCH_ROWS = 10_000
_MOST_COLUMNS = 2_000
_MOST_NESTED = 50
"""Keys of a nested object beyond which it is no record but a map, and stays as it is."""


def read_jsonl(path: Path) -> Source:
    """Read a file with one JSON object a line; scalars are kept as strings, lists as JSON.

    Objects within objects become columns named `outer.inner`.

    Raises:
        DataError: More broken lines than whole ones, or lines that are no objects.
    """
    found = scan(path)
    encoding, errors = detect(found)
    key = digest_of("jsonl 2", found.digest, encoding)
    if found.head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"["):
        raise DataError(
            f"{path} is one JSON array",
            expected="JSONL: one JSON object a line",
            hint="pandas.read_json(path).to_json(new_path, orient='records', lines=True)",
        )
    table, notes = cached(key, lambda aside: _convert(path, encoding, errors, aside))
    lists = frozenset(notes.facts["lists"])
    folder = path.resolve().parent
    return Source(table, key=key, name=str(path), folder=folder, lists=lists, findings=notes.findings)


@dataclass
class _Seen:
    """What the lines have shown so far."""

    names: dict[str, None] = field(default_factory=dict)
    lists: dict[str, None] = field(default_factory=dict)
    nested: dict[str, dict[str, None]] = field(default_factory=dict)
    rows: int = 0
    broken: int = 0
    shown: list[str] = field(default_factory=list)


def _convert(path: Path, encoding: str, errors: str, aside: Path) -> Notes:
    """Two passes: the first learns the keys, the second writes; returns what was noticed."""
    seen = _Seen()
    for number, record in _records(path, encoding, errors):
        _learn(seen, number, record, path)
    _check(seen, path)
    opened = _opened(seen)
    schema = pa.schema([(name, pa.string()) for name in _columns(seen, opened)])
    rows: list[dict[str, str | None]] = []
    with stream_writer(aside, schema) as writer:
        for _, record in _records(path, encoding, errors):
            if isinstance(record, dict):
                rows.append({name: _as_text(value) for name, value in _flat(record, opened)})
            if len(rows) == _BATCH_ROWS:
                writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=schema))
                rows = []
        writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=schema))
    findings = (
        *encoding_findings(path, encoding, errors),
        *_broken_findings(seen, path),
        *_nested_findings(seen, opened),
    )
    return Notes(findings=findings, facts={"lists": tuple(seen.lists)})


def _records(path: Path, encoding: str, errors: str) -> Iterator[tuple[int, Any]]:
    """(line number, parsed value) of every line that is not blank; a broken line's value is None."""
    stream = BufferedReader(Utf8Stream(path, encoding, errors), 1 << 20)
    with stream:
        for number, line in enumerate(stream, start=1):
            text = line.strip().removeprefix(b"\xef\xbb\xbf")
            if text:
                yield number, _parsed(text)


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _learn(seen: _Seen, number: int, record: Any, path: Path) -> None:
    """Take one line into account."""
    if not isinstance(record, dict):
        seen.broken += 1
        if len(seen.shown) < 10:
            seen.shown.append(f"line {number}: not a JSON object")
        return
    seen.rows += 1
    for name, value in record.items():
        seen.names.setdefault(name)
        if isinstance(value, dict):
            _learn_nested(seen.nested.setdefault(name, {}), value, name)
        if isinstance(value, list):
            seen.lists.setdefault(name)
    if len(seen.names) > _MOST_COLUMNS:
        raise DataError(f"{path} has more than {_MOST_COLUMNS} keys", expected="the same keys on every line")


def _learn_nested(known: dict[str, None], value: dict[str, Any], path: str) -> None:
    """Take the keys of an object into account; beyond a few they are no longer counted."""
    for inner, _ in _leaves(value, path):
        if len(known) <= _MOST_NESTED:
            known.setdefault(inner)


def _leaves(value: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """What lies in an object, at any depth, under names like `outer.inner`."""
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _leaves(inner, f"{path}.{name}")
        else:
            yield f"{path}.{name}", inner


def _opened(seen: _Seen) -> dict[str, dict[str, None]]:
    """Objects that become columns, with the names of these; not those that a name would clash with."""
    return {
        name: inner
        for name, inner in seen.nested.items()
        if len(inner) <= _MOST_NESTED and not any(one in seen.names for one in inner)
    }


def _columns(seen: _Seen, opened: dict[str, dict[str, None]]) -> list[str]:
    """Names of all columns, those of an object in its place."""
    return [one for name in seen.names for one in opened.get(name, (name,))]


def _flat(record: dict[str, Any], opened: dict[str, dict[str, None]]) -> Iterator[tuple[str, Any]]:
    """The cells of a line; what is no object where others have one is left out."""
    for name, value in record.items():
        if name not in opened:
            yield name, value
        elif isinstance(value, dict):
            yield from _leaves(value, name)


def _nested_findings(seen: _Seen, opened: dict[str, dict[str, None]]) -> tuple[Finding, ...]:
    told = [
        f"the objects under {name!r} became {'columns' if len(inner) > 1 else 'a column'}: "
        f"{', '.join([*inner][:8])}"
        for name, inner in opened.items()
    ]
    told += [
        f"the objects under {name!r} are read as they are written: over {_MOST_NESTED} keys, or a name twice"
        for name in seen.nested
        if name not in opened
    ]
    return tuple(Finding(kind="nested_objects", severity="info", message=one) for one in told)


def _check(seen: _Seen, path: Path) -> None:
    if seen.broken > seen.rows or not seen.names:
        raise DataError(
            f"{path}: {seen.broken} of {seen.broken + seen.rows} lines are not JSON objects",
            expected='lines like {"text": "…", "label": "…"}',
            got="; ".join(seen.shown[:3]),
        )


def _as_text(value: Any) -> str | None:
    """A JSON value as a cell: scalars as a CSV would have them, lists and objects as JSON."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8") or None
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _broken_findings(seen: _Seen, path: Path) -> tuple[Finding, ...]:
    if not seen.broken:
        return ()
    message = f"{seen.broken} lines of {path.name} are not JSON objects and were left out"
    evidence = {"rows": float(seen.broken), "rows_kept": float(seen.rows)}
    examples = tuple(seen.shown)
    return (
        Finding(kind="ragged_row", severity="warning", message=message, evidence=evidence, examples=examples),
    )
