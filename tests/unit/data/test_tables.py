"""CSV, TSV, JSONL and Parquet files as they come: encodings, delimiters, broken rows, late surprises."""

import json

import numpy as np
import pandas as pd
import pytest

from upfit.data.csv_file import sniff_delimiter
from upfit.data.describe import describe
from upfit.data.read import read
from upfit.data.targets import targets
from upfit.data.texts import texts
from upfit.errors import DataError
from upfit.testing import docstring_sentences
from upfit.values import PART

CHINESE = [
    "这家餐厅的菜很好吃",
    "服务态度太差了",
    "价格便宜而且分量足",
    "再也不会来第二次",
    "味道一般但是环境不错",
]
RUSSIAN = [
    "Очень вкусная еда и приятная атмосфера",
    "Обслуживание было ужасным",
    "Больше никогда не приду сюда",
]
POLISH = [
    "Jedzenie było świetne, wrócę na pewno",
    "Obsługa okropna i źle było podane",
    "Żółty ser był stary, gęsty",
]
FRENCH = [
    "Très bon café près de l'hôtel",
    "Le garçon était désagréable",
    "À éviter, même à Noël",
    "Déjà goûté, ça ira",
]


def finding(data, kind):
    return next(one for one in data.findings if one.kind == kind)


@pytest.fixture(scope="module")
def sentences():
    return docstring_sentences(task="binary", per_class=20)


def write(path, lines, encoding="utf-8"):
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


def table(rows, delimiter=","):
    """Lines of a table with a text, quoted where it has the delimiter, and a label of 0 or 1."""
    quoted = [f'"{row}"' if delimiter in row and row[0] != '"' else row for row in rows]
    return [f"text{delimiter}label", *(f"{row}{delimiter}{number % 2}" for number, row in enumerate(quoted))]


def all_texts(data):
    return [row[0] for row in texts(data, np.arange(len(data)))]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_formats_agree(tmp_path, sentences, suffix):
    path = tmp_path / f"data.{suffix}"
    if suffix in ("csv", "tsv"):
        sentences.to_csv(path, index=False, sep="\t" if suffix == "tsv" else ",")
    elif suffix == "jsonl":
        sentences.to_json(path, orient="records", lines=True)
    else:
        sentences.to_parquet(path)
    data = read(path)
    assert all_texts(data) == sentences["text"].tolist()
    assert data.schema.task == "binary"
    assert data.fingerprint == read(sentences).fingerprint


@pytest.mark.parametrize(
    ("encoding", "rows"),
    [
        ("utf-8", CHINESE + FRENCH),
        ("utf-8-sig", CHINESE + FRENCH),
        ("utf-16", CHINESE + FRENCH),
        ("utf-16-le", FRENCH),
        ("utf-16-be", FRENCH),
        ("gbk", CHINESE),
        ("gb18030", CHINESE),
        ("latin-1", FRENCH),
        ("cp1251", RUSSIAN),
        ("cp1250", POLISH),
        ("cp1252", [*FRENCH, "“Ça coûte 5 €”"]),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_encodings(tmp_path, encoding, rows, suffix):
    if suffix == "csv":
        lines = table(rows * 3)
    else:
        records = ({"text": row, "label": number % 2} for number, row in enumerate(rows * 3))
        lines = [json.dumps(record, ensure_ascii=False) for record in records]
    data = read(write(tmp_path / f"data.{suffix}", lines, encoding))
    assert [column.name for column in data.schema.columns] == ["text"]
    assert all_texts(data) == rows * 3


def test_parts_in_different_encodings(tmp_path):
    write(tmp_path / "train.csv", table(CHINESE * 2), "utf-8-sig")
    write(tmp_path / "test.csv", table(CHINESE), "gbk")
    data = read(tmp_path)
    assert all_texts(data) == CHINESE * 3
    assert data.table[PART][-1] == "test"
    assert finding(data, "guessed_encoding").message == "test.csv is not UTF-8; it was read as gb18030"


def test_a_few_lines_in_another_encoding(tmp_path):
    lines = [line.encode() for line in table(FRENCH * 3)]
    lines.append("Voilà,1".encode("latin-1"))
    path = tmp_path / "data.csv"
    path.write_bytes(b"\n".join(lines))
    data = read(path)
    assert all_texts(data) == [*FRENCH * 3, "Voilà"]
    assert finding(data, "mixed_encoding").severity == "warning"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(tmp_path, delimiter):
    rows = [f'"one, two; three | four\t{number}"' for number in range(8)]
    data = read(write(tmp_path / "data.csv", table(rows, delimiter)))
    assert all_texts(data)[3] == "one, two; three | four\t3"


def test_sniffing_prefers_the_expected_delimiter():
    assert sniff_delimiter("text\nwell, well\n") == ","
    assert sniff_delimiter("a\tb\n1\t2\n", prefer="\t") == "\t"


def test_quotes_may_hold_line_breaks(tmp_path):
    data = read(write(tmp_path / "data.csv", table([f'"one\ntwo {number}"' for number in range(6)])))
    assert all_texts(data)[5] == "one\ntwo 5"


def test_windows_line_ends(tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes("\r\n".join(table(FRENCH)).encode())
    assert all_texts(read(path)) == FRENCH


def test_ragged_rows_are_left_out(tmp_path):
    lines = [*table(FRENCH * 2), "one cell", "a,b,c"]
    data = read(write(tmp_path / "data.csv", lines))
    assert len(data) == 8
    found = finding(data, "ragged_row")
    assert found.evidence == {"rows": 2.0, "rows_kept": 8.0}
    assert found.examples == (
        "row 10: 1 cells instead of 2: one cell",
        "row 11: 3 cells instead of 2: a,b,c",
    )
    assert finding(read(tmp_path / "data.csv"), "ragged_row") == found, "told again when the cache answers"


def test_mostly_ragged_rows_are_an_error(tmp_path):
    with pytest.raises(DataError, match="4 of 6 rows do not fit the header") as caught:
        read(write(tmp_path / "data.csv", ["text,label", "a,1", "b,0", *["x,y,z"] * 4]))
    assert "2 cells a row (text, label)" in str(caught.value)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_line_without_end_is_refused_early(tmp_path, suffix):
    path = tmp_path / f"data.{suffix}"
    with path.open("wb") as file:
        file.write(b"text,label\n")
        file.seek(1 << 30)  # a hole on the disk: a gigabyte of zeros that takes no room
        file.write(b"end")
    with pytest.raises(DataError, match="has a line of more than 16 MiB"):
        read(path)


def test_duplicate_columns(tmp_path):
    with pytest.raises(DataError, match="more than one column named 'text'"):
        read(write(tmp_path / "data.csv", ["text,text,label", "a,b,c"]))
    with pytest.raises(DataError, match="more than one column named 'a'"):
        read(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_an_empty_file_and_one_without_rows(tmp_path):
    with pytest.raises(DataError, match="is empty"):
        read(write(tmp_path / "empty.csv", []))
    with pytest.raises(DataError, match="has no rows"):
        read(write(tmp_path / "header.csv", ["text,label"]))


def test_a_column_may_change_its_type_late(tmp_path):
    lines = ["size,label", *(f"{number},{number % 2}" for number in range(30_000)), "unknown,1"]
    data = read(write(tmp_path / "data.csv", lines), kinds={"size": "number"})
    assert data.table[-1]["size"] is None
    assert data.table[29_999]["size"] == 29_999.0


def test_jsonl_keys_may_come_late(tmp_path):
    records = [{"text": f"text {number} of many", "label": "ab"[number % 2]} for number in range(20)]
    records += [{"text": "late", "label": "a", "note": [1, 2]}]
    path = write(tmp_path / "data.jsonl", [json.dumps(record) for record in records])
    data = read(path)
    assert data.schema.ignored == ("note",)
    assert len(data) == 21


def test_jsonl_broken_lines(tmp_path):
    lines = [json.dumps({"text": f"text {number}", "label": number % 2}) for number in range(9)]
    data = read(write(tmp_path / "data.jsonl", [*lines, "{broken", "[1]", ""]))
    assert finding(data, "ragged_row").examples == (
        "line 10: not a JSON object",
        "line 11: not a JSON object",
    )
    with pytest.raises(DataError, match="is one JSON array"):
        read(write(tmp_path / "array.jsonl", ['[{"text": "a"}]']))
    with pytest.raises(DataError, match="are not JSON objects"):
        read(write(tmp_path / "words.jsonl", ["one", "two"]))


def test_not_parquet(tmp_path):
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read(write(tmp_path / "data.parquet", ["text"]))


def test_a_file_that_is_no_table(tmp_path):
    with pytest.raises(DataError, match="is not a table") as caught:
        read(write(tmp_path / "data.xlsx", ["text"]))
    assert ".csv" in str(caught.value)


def test_folder_of_tables(tmp_path):
    for name in ("train", "valid", "test", "train_5shot"):
        write(tmp_path / f"{name}.csv", table(FRENCH))
    assert sorted(set(read(tmp_path).table[PART])) == ["test", "train", "validation"]
    write(tmp_path / "val.csv", table(FRENCH))
    with pytest.raises(DataError, match="has 2 files for validation"):
        read(tmp_path)


def test_parts_one_by_one(tmp_path, sentences):
    train = write(tmp_path / "a.csv", table(FRENCH))
    frame = pd.DataFrame({"label": [1, 0], "text": ["un", "deux"], "more": [1, 2]})
    data = read(parts={"train": train, "val": None, "test": frame})
    assert list(data.table[PART]) == ["train"] * 4 + ["test"] * 2
    assert targets(data, np.arange(6)).tolist() == [0, 1, 0, 1, 1, 0]
    assert finding(data, "ignored_column").examples == ("more",)
    with pytest.raises(DataError, match="no training data"):
        read(parts={"test": train})
    with pytest.raises(DataError, match="lacks columns that train has: text"):
        read(parts={"train": train, "test": frame[["label"]]})


def test_a_part_without_target_is_left_out(tmp_path):
    data = read(
        parts={"train": write(tmp_path / "a.csv", table(FRENCH)), "test": pd.DataFrame({"text": ["un"]})}
    )
    assert len(data) == 4
    assert finding(data, "missing_target").message == "the test part has no column 'label' and was left out"


def test_the_table_stays_on_disk(tmp_path, sentences):
    path = tmp_path / "data.csv"
    sentences.to_csv(path, index=False)
    data = read(path)
    assert data.table.cache_files, "the table is a mapped file"
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert read(path) == data
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_a_cache_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("UPFIT_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"the cache folder .* cannot be written"):
        read(write(tmp_path / "data.csv", table(FRENCH)))


def test_image_paths(tmp_path):
    from upfit.testing import digits_folder

    digits_folder(tmp_path / "files" / "images", per_class=3)
    names = sorted(path.relative_to(tmp_path / "files").as_posix() for path in tmp_path.rglob("*.png"))
    outside = tmp_path / "outside.png"
    (tmp_path / "files" / names[0]).rename(outside)
    lines = ["file,label", "../outside.png,0", *(f"{name},{name.split('/')[1]}" for name in names[1:])]
    lines += ["../../nowhere.png,1", "https://example.org/a.png,1"]
    data = read(write(tmp_path / "files" / "data.csv", lines))
    assert [(column.name, column.kind) for column in data.schema.columns] == [("file", "image")]
    assert len(data) == 30
    found = finding(data, "unreadable_file")
    assert found.evidence["files"] == 2
    assert "no such file" in found.examples[0]
    assert "is an address" in found.examples[1]


def test_jsonl_objects_become_columns_and_it_is_said(tmp_path):
    records = [
        {
            "text": f"sentence {number} of many here",
            "meta": {"mood": "ab"[number % 2], "by": {"age": number % 7}},
        }
        for number in range(40)
    ]
    records[3]["meta"] = None
    path = write(tmp_path / "data.jsonl", [json.dumps(record) for record in records])
    data = read(path, target="meta.mood")
    assert data.schema.of_kind("text") == ("text",)
    assert "meta.by.age" in data.schema.of_kind("number", "category")
    assert len(data) == 39
    assert "'meta' became columns: meta.mood, meta.by.age" in finding(data, "nested_objects").message


def test_jsonl_maps_of_many_keys_stay_whole(tmp_path):
    records = [
        {"text": f"row {n} of many", "seen": {f"u{n}": 1, f"v{n}": 2}, "label": n % 2} for n in range(60)
    ]
    data = read(write(tmp_path / "data.jsonl", [json.dumps(record) for record in records]))
    assert "read as they are written" in finding(data, "nested_objects").message


def test_cells_that_are_no_numbers_are_told_of(tmp_path):
    """Marks between thousands are read; what is no number counts as missing, and that is said."""
    rows = [f"{number / 4},{'ab'[number % 2]}" for number in range(200)]
    rows[3:6] = ['"1,095.50",a', '"-12,000",b', "unknown,a"]
    path = tmp_path / "table.csv"
    path.write_text("size,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    data = read(path, target="label")
    assert [row["size"] for row in data.table][3:6] == [1095.5, -12000.0, None]
    (told,) = [one for one in data.findings if one.kind == "no_number"]
    assert "'unknown'" in told.message
    assert told.evidence["rows"] == 1


SENTENCES = (
    "I want my money back",
    "This was the best of days",
    "Where has my parcel gone",
    "Well done, all of you",
)


def headless(header, labels="ab"):
    rows = [f'"{SENTENCES[i % 4]} {i}",{labels[i % 2]}' for i in range(20)]
    return "\n".join([header, *rows]) + "\n"


@pytest.mark.parametrize("header", ['"A fine day it was",a', "pictures/one.jpg,b", "0.5,a"])
def test_a_first_row_in_place_of_names_is_told(tmp_path, header):
    (tmp_path / "rows.csv").write_text(headless(header))
    data = read(tmp_path / "rows.csv")
    assert "reads like a row" in finding(data, "no_header").message
    assert "reads like a row" in describe(data)


@pytest.mark.parametrize(
    ("header", "labels"),
    [
        ("text,label", "ab"),
        ("text,a", "ab"),
        ("0,1", "01"),
        ("2,4", "24"),
        ("what was said by them,kind", "ab"),
        ("What do you say to this?,a", "ab"),
    ],
)
def test_names_are_names_even_if_they_are_values_too(tmp_path, header, labels):
    (tmp_path / "rows.csv").write_text(headless(header, labels))
    assert not [one for one in read(tmp_path / "rows.csv").findings if one.kind == "no_header"]


def test_a_line_of_names_that_comes_again_is_no_row_in_place_of_them(tmp_path):
    (tmp_path / "rows.csv").write_text(3 * headless("text,label"))
    assert not [one for one in read(tmp_path / "rows.csv").findings if one.kind == "no_header"]
