"""Broken and odd files planted among real ones: what `upfit audit` says of each kind. See `audit.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image, ImageEnhance, ImageFilter

from upfit.audit.files import files
from upfit.audit.image_quality import image_quality
from upfit.audit.label_names import label_names
from upfit.audit.subject import Subject
from upfit.audit.text_quality import text_quality
from upfit.curate.audit import subject_of
from upfit.data.read import read
from upfit.values import Silent

CLEAN, EACH = 400, 12
"""Rows as they are, and rows of each fault."""

Rng = np.random.Generator
Record = dict[str, Any]
Rows = npt.NDArray[np.int64]


def broken_images(train: pd.DataFrame, folder: Path) -> list[Record]:
    """Files that cannot be read, and files that can but are odd."""
    paths = train["input"].tolist()
    return [_unreadable(paths, folder), *_odd(train, folder)]


def _unreadable(paths: Sequence[str], folder: Path) -> Record:
    """Cut in half, empty, a text, and noise: five of each, all of them named as images."""
    made = []
    for number, path in enumerate(paths[:20]):
        whole = Path(path).read_bytes()
        noise = np.random.default_rng(number).bytes(len(whole))
        content = (whole[: len(whole) // 2], b"", b"<html>not found</html>", noise)[number % 4]
        target = folder / f"broken{number}{Path(path).suffix}"
        target.write_bytes(content)
        made.append(str(target))
    frame = pd.DataFrame({"input": [*paths[20:120], *made], "label": ["a", "b"] * 60})
    data = read(frame, target="label", kinds={"input": "image"})
    told = [one for one in data.findings if one.kind == "unreadable_file"]
    said = " ".join(text for one in told for text in one.examples)
    hits = sum(f"broken{number}{Path(made[number]).suffix}" in said for number in range(20))
    flagged = int(sum(one.evidence["files"] for one in told))
    fault = "20 files cut in half, empty, of text, of noise"
    return {"check": "reading", "fault": fault, "hits": hits, "planted": 20, "flagged": flagged, "natural": 0}


def _odd(train: pd.DataFrame, folder: Path) -> list[Record]:
    """Twelve files of each odd kind, among clean ones."""
    rng = np.random.default_rng(1)
    clean = train.iloc[:CLEAN]
    pieces, spans = [clean], {}
    start = len(clean)
    for kind, make in ODD_IMAGES.items():
        chosen = clean.iloc[rng.choice(len(clean), EACH, replace=False)]
        made = [make(path, folder / f"{kind}{number}", rng) for number, path in enumerate(chosen["input"])]
        pieces.append(chosen.assign(input=made))
        spans[kind] = np.arange(start, start + EACH)
        start += EACH
    data = read(pd.concat(pieces, ignore_index=True), target="label", kinds={"input": "image"})
    assert len(data) == start, "rows were left out on reading"
    subject = Subject(data)
    found = [*files(subject), *image_quality(subject)]
    return [_record(found, kind, spans[kind], known=len(clean)) for kind in ODD_IMAGES]


def _record(found: Sequence[Any], kind: str, planted: Rows, *, known: int) -> Record:
    """Rows of other faults count as false alarms; flagged rows of the clean data are counted apart."""
    flagged = {row for one in found if one.kind == kind for row in one.rows}
    natural = {row for row in flagged if row < known}
    return {
        "check": kind,
        "fault": f"{len(planted)} rows",
        "hits": len(flagged & set(planted.tolist())),
        "planted": len(planted),
        "flagged": len(flagged),
        "natural": len(natural),
    }


def _opened(path: str) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _saved(image: Image.Image, target: Path, *, suffix: str, **how: Any) -> str:
    path = target.with_suffix(suffix)
    image.save(path, **how)
    return str(path)


def _misnamed(path: str, target: Path, rng: Rng) -> str:
    return _saved(_opened(path), target, suffix=".jpg", format="PNG")


def _turned(path: str, target: Path, rng: Rng) -> str:
    image = _opened(path)
    exif = image.getexif()
    exif[0x0112] = int(rng.choice([3, 6, 8]))
    return _saved(image, target, suffix=".jpg", exif=exif)


def _mode(path: str, target: Path, rng: Rng) -> str:
    image = _opened(path)
    mode, suffix = (("CMYK", ".jpg"), ("RGBA", ".png"), ("P", ".png"))[int(rng.integers(3))]
    return _saved(image.convert(mode), target, suffix=suffix)


def _tiny(path: str, target: Path, rng: Rng) -> str:
    return _saved(_opened(path).resize((14, 14)), target, suffix=".png")


def _strip(path: str, target: Path, rng: Rng) -> str:
    image = _opened(path)
    return _saved(image.resize((image.width * 6, image.height)), target, suffix=".png")


def _blank(path: str, target: Path, rng: Rng) -> str:
    colour = tuple(int(value) for value in rng.integers(30, 220, 3))
    return _saved(Image.new("RGB", _opened(path).size, colour), target, suffix=".png")


def _dark(path: str, target: Path, rng: Rng) -> str:
    return _saved(ImageEnhance.Brightness(_opened(path)).enhance(0.05), target, suffix=".png")


def _blurred(path: str, target: Path, rng: Rng) -> str:
    image = _opened(path)
    return _saved(image.filter(ImageFilter.GaussianBlur(max(image.size) / 16)), target, suffix=".png")


ODD_IMAGES: dict[str, Callable[[str, Path, Rng], str]] = {
    "misnamed_files": _misnamed,
    "exif_rotated": _turned,
    "odd_modes": _mode,
    "tiny_images": _tiny,
    "odd_shapes": _strip,
    "blank_images": _blank,
    "dark_images": _dark,
    "blurred_images": _blurred,
}


def broken_texts(train: pd.DataFrame, folder: Path) -> list[Record]:
    """Texts that are odd, names of classes written in two ways, and files in other encodings."""
    rng = np.random.default_rng(1)
    clean = train.iloc[:CLEAN]
    pieces, spans, start = [clean], {}, len(clean)
    for kind, make in ODD_TEXTS.items():
        chosen = clean.iloc[rng.choice(len(clean), EACH, replace=False)]
        pieces.append(chosen.assign(input=[make(text) for text in chosen["input"]]))
        spans[kind] = np.arange(start, start + EACH)
        start += EACH
    data = read(pd.concat(pieces, ignore_index=True), target="label", kinds={"input": "text"})
    found = text_quality(subject_of(data, watcher=Silent()))
    records = [_record(found, kind, spans[kind], known=len(clean)) for kind in ODD_TEXTS]
    return [*records, _names(clean), *_encodings(clean, folder)]


ODD_TEXTS: dict[str, Callable[[str], str]] = {
    "empty_texts": lambda text: " ... ",
    "wrong_encoding": lambda text: (text + " – café, naïve").encode().decode("cp1252", "replace"),
    "markup": lambda text: f"<p>{text}<br>&nbsp;</p>",
    "foreign_script": lambda text: "".join(
        chr(0x430 + ord(sign) % 32) if sign.isalpha() else sign for sign in text
    ),
    "truncated_texts": lambda text: " ".join([text] * 200),
}


def _names(clean: pd.DataFrame) -> Record:
    """Twelve rows whose class is written in capitals, or behind a blank."""
    frame = clean.reset_index(drop=True).copy()
    # Classes of more rows, so that the common spelling is the right one.
    often = frame["label"].value_counts().index[0]
    rows = np.flatnonzero(frame["label"] == often)[:EACH]
    frame.loc[rows, "label"] = [often.upper(), often.title()][len(rows) % 2]
    subject = Subject(read(frame, target="label", kinds={"input": "text"}))
    merged = {value for one in label_names(subject) for action in one.actions for value in action.values}
    hits = int(frame["label"].isin(merged).to_numpy()[rows].sum())
    flagged = int(frame["label"].isin(merged).sum())
    return {
        "check": "label_names",
        "fault": "one class written in two ways",
        "hits": hits,
        "planted": len(rows),
        "flagged": flagged,
        "natural": 0,
    }


def _encodings(clean: pd.DataFrame, folder: Path) -> list[Record]:
    """Whole files in other encodings: a hit is a text that is read as it was written."""
    frame = clean.assign(input=clean["input"].astype(str) + " – café, naïve")
    frame = frame.assign(input=frame["input"].str.replace(r"[^\x00-\x7f–éï]", "", regex=True))
    records = []
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        path = folder / f"{encoding}.csv"
        frame.to_csv(path, index=False, encoding=encoding)
        said = [row["input"] for row in read(str(path), target="label", kinds={"input": "text"}).table]
        same = sum(a == b for a, b in zip(said, frame["input"], strict=False))
        count = len(frame)
        records.append(
            {
                "check": "reading",
                "fault": f"a file in {encoding}",
                "hits": same,
                "planted": count,
                "flagged": len(said),
                "natural": 0,
            }
        )
    return records
