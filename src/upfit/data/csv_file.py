"""CSV and TSV files, streamed into Arrow with every cell a string: no late cell can be of a wrong type."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from upfit.data.cache import Notes, cached, digest_of, stream_writer
from upfit.data.encoding import Utf8Stream, detect, encoding_findings
from upfit.data.header import Header
from upfit.data.scan import LONGEST_LINE, Scan, scan
from upfit.data.source import Source
from upfit.errors import DataError
from upfit.values import Finding

_DELIMITERS = (",", "\t", ";", "|")
_SAMPLE_CHARACTERS = 1 << 16
_BLOCK_BYTES = 4 << 20
_SHOWN = 10


@dataclass(frozen=True)
class _Form:
    """How a delimited file is written."""

    path: Path
    encoding: str
    errors: str
    delimiter: str
    names: tuple[str, ...]
    block: int


def read_csv(path: Path) -> Source:
    """Read a delimited text file; its encoding and its delimiter are found out.

    Raises:
        DataError: No header, a column named twice, more broken rows than whole ones, or a line beyond reason.
    """
    found = scan(path)
    form = _form_of(path, found)
    key = digest_of("csv-2", found.digest, form.encoding, form.errors, form.delimiter)
    table, notes = cached(key, lambda aside: _convert(form, aside))
    folder = path.resolve().parent
    return Source(table, key=key, name=str(path), folder=folder, findings=notes.findings)


def _form_of(path: Path, found: Scan) -> _Form:
    """Encoding, delimiter and header of a file."""
    encoding, errors = detect(found)
    stream = Utf8Stream(path, encoding, errors)
    sample = stream.read(_SAMPLE_CHARACTERS).decode("utf-8", "ignore").lstrip("\ufeff")
    stream.close()
    delimiter = sniff_delimiter(sample, prefer="\t" if path.suffix.lower() in (".tsv", ".tab") else ",")
    header = next(csv.reader(io.StringIO(sample), delimiter=delimiter), [])
    block = min(max(_BLOCK_BYTES, 4 * found.longest), 4 * LONGEST_LINE)
    return _Form(path, encoding, errors, delimiter, checked_names(header, path), block)


def sniff_delimiter(sample: str, *, prefer: str = ",") -> str:
    r"""The delimiter under which most of the first rows have the same, largest number of cells.

    >>> sniff_delimiter("text;label\\nwell, well;good\n")
    ';'
    """
    candidates = (prefer, *(other for other in _DELIMITERS if other != prefer))
    scores = {delimiter: _agreement(sample, delimiter) for delimiter in candidates}
    best = max(candidates, key=lambda delimiter: scores[delimiter])
    return best if scores[best] > (0.0, 0) else prefer


def _agreement(sample: str, delimiter: str) -> tuple[float, int]:
    """Share of rows that have as many cells as the header (0 where that is one), and how many cells."""
    try:
        rows = [row for row in csv.reader(io.StringIO(sample), delimiter=delimiter) if row][:200]
    except csv.Error:
        return 0.0, 0
    width = len(rows[0]) if rows else 0
    if width < 2:
        return 0.0, 0
    return round(sum(len(row) == width for row in rows) / len(rows), 1), width


def checked_names(header: list[str], path: Path | str) -> tuple[str, ...]:
    """Column names, stripped; nameless ones are called column_1, column_2 and so on.

    Raises:
        DataError: No columns, or one name twice.
    """
    names = tuple(name.strip() or f"column_{place}" for place, name in enumerate(header, start=1))
    twice = [name for name, count in Counter(names).items() if count > 1]
    if not names:
        raise DataError(f"{path} has no columns", expected="a header line with the columns' names")
    if twice:
        listed = ", ".join(repr(name) for name in twice)
        raise DataError(
            f"{path} has more than one column named {listed}",
            expected="every column under a name of its own",
            hint="rename or remove the columns that repeat a name",
        )
    return names


@dataclass
class _Ragged:
    """Counts rows with the wrong number of cells, and keeps the first few to show."""

    count: int = 0
    shown: list[str] = field(default_factory=list)

    def __call__(self, row: pacsv.InvalidRow) -> str:
        self.count += 1
        if len(self.shown) < _SHOWN:
            where = f"row {row.number}: " if row.number is not None else ""
            cells = f"{row.actual_columns} cells instead of {row.expected_columns}"
            self.shown.append(f"{where}{cells}: {row.text[:80]}")
        return "skip"


def _convert(form: _Form, aside: Path) -> Notes:
    """Stream the file into an Arrow file of strings; returns what was noticed."""
    ragged, header, whole = _Ragged(), Header(form.names), 0
    schema = pa.schema([(name, pa.string()) for name in form.names])
    stream = Utf8Stream(form.path, form.encoding, form.errors)
    try:
        with stream_writer(aside, schema) as writer:
            for batch in _batches(form, stream, ragged):
                whole += batch.num_rows
                header.see(batch)
                writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
    except pa.ArrowInvalid as error:
        raise _unreadable(form.path, error) from None
    finally:
        stream.close()
    encoding = encoding_findings(form.path, form.encoding, form.errors)
    headless = header.findings(form.path.name)
    return Notes(findings=(*encoding, *headless, *_ragged_findings(form, ragged, whole)))


def _batches(form: _Form, stream: Utf8Stream, ragged: _Ragged) -> Iterator[pa.RecordBatch]:
    """The rows after the header, in record batches of strings; empty cells are null."""
    names = list(form.names)
    reader = pacsv.open_csv(
        stream,
        read_options=pacsv.ReadOptions(
            use_threads=False, block_size=form.block, column_names=names, skip_rows_after_names=1
        ),
        parse_options=pacsv.ParseOptions(
            delimiter=form.delimiter, newlines_in_values=True, invalid_row_handler=ragged
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
        ),
    )
    yield from reader


def _ragged_findings(form: _Form, ragged: _Ragged, whole: int) -> tuple[Finding, ...]:
    """A warning about skipped rows; an error when they are the greater part."""
    if not ragged.count:
        return ()
    if ragged.count > whole:
        raise DataError(
            f"{form.path}: {ragged.count} of {ragged.count + whole} rows do not fit the header",
            expected=f"{len(form.names)} cells a row ({', '.join(form.names[:8])})",
            got="; ".join(ragged.shown[:3]),
            hint="put quotes round cells that contain the delimiter, or check the header",
        )
    message = f"{ragged.count} rows of {form.path.name} have the wrong number of cells and were left out"
    evidence = {"rows": float(ragged.count), "rows_kept": float(whole)}
    shown = tuple(ragged.shown)
    return (
        Finding(kind="ragged_row", severity="warning", message=message, evidence=evidence, examples=shown),
    )


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = str(error).splitlines()[0]
    hint = "check for a quote that is opened and never closed"
    return DataError(f"{path} cannot be read as a table: {reason}", hint=hint)
