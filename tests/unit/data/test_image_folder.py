"""Folders of class folders, with everything that is found in real ones."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from upfit.data.read import read
from upfit.data.targets import targets
from upfit.errors import DataError
from upfit.testing import digits_folder
from upfit.values import PART


def finding(data, kind):
    return next(one for one in data.findings if one.kind == kind)


def noise(path, *, seed=0, size=(12, 9), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)


def test_digits(tmp_path):
    data = read(digits_folder(tmp_path, per_class=3))
    assert len(data) == 30
    assert data.schema.task == "multiclass"
    assert data.schema.classes == tuple("0123456789")
    assert [(column.name, column.kind) for column in data.schema.columns] == [("image", "image")]
    assert (targets(data, np.arange(30)) == np.repeat(np.arange(10), 3)).all()
    assert set(data.table[PART]) == {""}
    assert data.findings == ()


@pytest.mark.parametrize("name", ["validation", "valid", "val", "dev"])
def test_part_folders(tmp_path, name):
    for part, count in (("train", 4), (name, 2), ("test", 3)):
        digits_folder(tmp_path / part, per_class=count)
    parts = read(tmp_path).table[PART]
    assert {part: list(parts).count(part) for part in set(parts)} == {
        "train": 40,
        "validation": 20,
        "test": 30,
    }


def test_classes_may_be_called_train_and_test(tmp_path):
    for name in ("train", "test", "plane"):
        noise(tmp_path / name / "a.png", seed=1)
        noise(tmp_path / name / "b.png", seed=2)
    assert read(tmp_path).schema.classes == ("plane", "test", "train")
    for name in ("train", "test"):
        noise(tmp_path / "inner" / "train" / name / "a.png", seed=3)
    assert read(tmp_path / "inner").schema.classes == ("test", "train")


def test_images_are_known_by_content(tmp_path):
    digits_folder(tmp_path, per_class=2)
    for path in sorted((tmp_path / "0").iterdir()):
        path.rename(path.with_suffix(".data"))
    (tmp_path / "1" / "notes.txt").write_text("not an image")
    (tmp_path / "1" / ".hidden.png").write_bytes(b"")
    data = read(tmp_path)
    assert len(data) == 20
    assert data.findings == ()


def png_bomb(width=60_000, height=60_000):
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_unreadable_images_are_left_out_and_listed(tmp_path):
    digits_folder(tmp_path, per_class=3)
    noise(tmp_path / "0" / "whole.jpg", size=(64, 64))
    whole = (tmp_path / "0" / "whole.jpg").read_bytes()
    (tmp_path / "0" / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "1" / "empty.png").write_bytes(b"")
    (tmp_path / "2" / "page.jpg").write_text("<!doctype html><title>Not found</title>")
    (tmp_path / "3" / "bomb.png").write_bytes(png_bomb())
    os.mkfifo(tmp_path / "4" / "pipe.png")
    data = read(tmp_path)
    assert len(data) == 31
    found = finding(data, "unreadable_file")
    assert found.evidence == {"files": 4.0, "files_read": 31.0}
    listed = "\n".join(found.examples)
    for name, reason in [
        ("truncated.jpg", "truncated"),
        ("empty.png", "empty (0 bytes)"),
        ("page.jpg", "not a picture"),
        ("bomb.png", "too large"),
    ]:
        assert any(name in line and reason in line for line in found.examples), listed


def test_nothing_of_the_users_changes(tmp_path):
    digits_folder(tmp_path, per_class=2)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.rglob("*.png")}
    read(tmp_path)
    assert before == {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.rglob("*")
                      if path.is_file()}  # fmt: skip


def test_class_names_of_all_sorts(tmp_path):
    names = ["<script>alert(1)</script>".replace("/", "∕"), "🐈", "猫", "a b", "x" * 200, "-1", "nan", "None"]
    for seed, name in enumerate(names):
        for copy in range(2):
            noise(tmp_path / name / f"{copy}.png", seed=10 * seed + copy)
    data = read(tmp_path)
    assert set(data.schema.classes) == set(names)
    assert len(data) == 2 * len(names)


def test_a_link_that_leads_back_is_walked_once(tmp_path):
    digits_folder(tmp_path, per_class=2)
    (tmp_path / "0" / "loop").symlink_to(tmp_path / "0")
    assert len(read(tmp_path)) == 20


def test_no_image_can_be_read(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jpg").write_bytes(b"\xff\xd8\xff no")
    with pytest.raises(DataError, match="no image can be read"):
        read(tmp_path)


def test_empty_folder(tmp_path):
    with pytest.raises(DataError, match="holds no images in class folders") as caught:
        read(tmp_path)
    assert "an empty folder" in str(caught.value)


def test_images_without_class_folders(tmp_path):
    noise(tmp_path / "a.png")
    with pytest.raises(DataError, match="one folder per class"):
        read(tmp_path)


def test_formats_that_are_not_read_are_told_of(tmp_path):
    folder = digits_folder(tmp_path / "digits", per_class=2)
    (folder / "3" / "IMG_1.HEIC").write_bytes(b"a photograph")
    (folder / "4" / "IMG_2.heic").write_bytes(b"a photograph")
    one = finding(read(folder), "unreadable_file")
    assert one.message == "pictures in formats that are not read: 2 .heic"
    assert [example.rsplit("/", 1)[1] for example in one.examples] == ["IMG_1.HEIC", "IMG_2.heic"]
    (tmp_path / "alone" / "cat").mkdir(parents=True)
    (tmp_path / "alone" / "cat" / "a.heic").write_bytes(b"a photograph")
    with pytest.raises(DataError, match=r"not read: 1 \.heic\n  try:      convert them, to JPEG say"):
        read(tmp_path / "alone")


def test_one_class_only(tmp_path):
    noise(tmp_path / "cat" / "a.png", seed=1)
    noise(tmp_path / "cat" / "b.png", seed=2)
    with pytest.raises(DataError, match="one class only") as caught:
        read(tmp_path)
    assert "only 'cat'" in str(caught.value)


def test_a_class_whose_images_all_fail_is_no_class(tmp_path):
    digits_folder(tmp_path, per_class=2)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.png").write_bytes(b"")
    assert "broken" not in read(tmp_path).schema.classes


def test_a_class_with_one_example_is_told(tmp_path):
    digits_folder(tmp_path, per_class=2)
    sorted((tmp_path / "7").iterdir())[0].unlink()
    assert finding(read(tmp_path), "tiny_class").examples == ("7",)


def test_a_class_that_train_does_not_know(tmp_path):
    digits_folder(tmp_path / "train", per_class=2)
    digits_folder(tmp_path / "test", per_class=1)
    noise(tmp_path / "test" / "moon" / "a.png")
    data = read(tmp_path)
    assert len(data) == 30
    found = finding(data, "unseen_class")
    assert found.severity == "warning"
    assert found.examples == ("moon",)
    assert "1 rows of test" in found.message


def test_missing_path_suggests_the_neighbour(tmp_path):
    digits_folder(tmp_path / "digits", per_class=1)
    with pytest.raises(DataError, match="there is nothing at") as caught:
        read(tmp_path / "digist")
    assert f"did you mean {tmp_path / 'digits'}?" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [("", "the path is empty"), (" ", "the path is empty"), ("https://a.org/b.csv", "nothing is fetched")],
)
def test_what_is_no_path(given, message):
    with pytest.raises(DataError, match=message):
        read(given)


def test_a_changed_image_is_seen(tmp_path):
    digits_folder(tmp_path, per_class=2)
    before = read(tmp_path)
    assert read(tmp_path) == before
    noise(tmp_path / "0" / "0000.png", seed=9)
    assert read(tmp_path) != before


def test_same_images_elsewhere_are_the_same_data(tmp_path):
    one, two = digits_folder(tmp_path / "a", per_class=2), digits_folder(tmp_path / "b", per_class=2)
    assert read(one).fingerprint == read(two).fingerprint


def test_memory_holds_no_pixels(tmp_path):
    data = read(digits_folder(tmp_path, per_class=2))
    buffer = io.BytesIO()
    Image.open(data.table[0]["image"]["path"]).save(buffer, "PNG")
    assert data.table[0]["image"]["bytes"] is None
    assert data.table[0]["__width__"] == 8


def test_looking_at_images_shows_progress(tmp_path):
    folder = digits_folder(tmp_path / "digits", per_class=30)
    told = []
    data = read(folder, advance=lambda done, total: told.append((done, total)))
    assert told == [(number, 300) for number in range(1, 301)]
    assert len(data) == 300


def test_a_class_folder_without_images_is_told_of(tmp_path):
    """A class whose pictures got lost is none, and nobody should train without it unawares."""
    source = digits_folder(tmp_path, per_class=3)
    (source / "ten").mkdir()
    (source / "ten" / "notes.txt").write_text("to be photographed")
    (source / ".thumbnails").mkdir()
    data = read(source)
    assert "ten" not in data.schema.classes
    assert finding(data, "empty_class").message == "1 folder holds no images, and so is no class: ten"


def test_folders_that_upfit_itself_made_within_the_data_are_no_lost_classes(tmp_path):
    source = digits_folder(tmp_path, per_class=3)
    (source / "audits" / "digits-1").mkdir(parents=True)
    (source / "audits" / "digits-1" / "audit.json").write_text("{}")
    (source / "runs").mkdir()
    (source / "ten").mkdir()
    told = finding(read(source), "empty_class").message
    assert told == "2 folders hold no images, and so are no classes: runs, ten"


def test_a_link_to_a_picture_that_has_gone_is_told_of(tmp_path):
    source = digits_folder(tmp_path, per_class=3)
    (source / "3" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    data = read(source)
    assert len(data) == 30
    assert "gone.png" in finding(data, "unreadable_file").examples[0]
