"""Objects in memory: DataFrames, Hugging Face datasets, torch datasets and loaders."""

import datasets
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset

from upfit.data.content import content_keys
from upfit.data.images import open_image
from upfit.data.read import read
from upfit.data.targets import targets
from upfit.data.texts import texts
from upfit.errors import DataError
from upfit.testing import docstring_sentences
from upfit.values import PART


@pytest.fixture(scope="module")
def sentences():
    return docstring_sentences(per_class=8)


class Pairs(Dataset):
    """A map-style dataset of pairs."""

    def __init__(self, pairs, classes=None):
        self.pairs = pairs
        if classes:
            self.classes = classes

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        return self.pairs[index]


def digit_pixels(count=20):
    pixels, labels = load_digits(return_X_y=True)
    return np.rint(pixels[:count].reshape(-1, 8, 8) * 255 / 16).astype(np.uint8), labels[:count].tolist()


def test_frame(sentences):
    shuffled = sentences.set_index(sentences.index[::-1])
    data = read(shuffled)
    assert [row[0] for row in texts(data, np.arange(len(data)))] == sentences["text"].tolist()
    assert data.schema.classes == tuple(sorted(set(sentences["label"])))
    assert data.source == "a DataFrame"


def test_frame_of_mixed_cells(sentences):
    mixed = [number if number % 2 else f"n{number}" for number in range(len(sentences))]
    data = read(sentences.assign(more=pd.Series(mixed, dtype=object)), kinds={"more": "text"})
    assert data.table[1]["more"] == "1"


def test_frame_of_images():
    pixels, labels = digit_pixels()
    data = read(
        pd.DataFrame({"picture": [Image.fromarray(one) for one in pixels], "label": labels}),
        task="multiclass",
    )
    assert data.schema.of_kind("image") == ("picture",)
    assert (np.asarray(open_image(data.table[3]["picture"]))[..., 0] == pixels[3]).all()


def test_frame_without_rows():
    with pytest.raises(DataError, match="has no rows"):
        read(pd.DataFrame({"text": [], "label": []}))


def test_dataset_with_class_names(sentences):
    names = sorted(set(sentences["label"]))
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)}
    )
    given = datasets.Dataset.from_pandas(sentences, features=features)
    data = read(given)
    assert data.schema.classes == tuple(names)
    assert data.fingerprint == read(sentences).fingerprint
    chosen = read(given.select([5, 3, 8, 1, 12, 9, 0, 21]))
    assert texts(chosen, np.array([0])) == [(sentences["text"][5],)]


def test_class_names_that_look_like_numbers():
    names = [str(10 * number) for number in range(10)]
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=names)})
    pixels, labels = digit_pixels(40)
    images = [Image.fromarray(one) for one in pixels]
    data = read(datasets.Dataset.from_dict({"image": images, "label": labels}, features=features))
    assert data.schema.classes == tuple(names)
    assert targets(data, np.arange(40)).tolist() == labels
    assert (np.asarray(open_image(data.table[7]["image"]))[..., 0] == pixels[7]).all()


def test_dataset_of_lists():
    features = datasets.Features(
        {"text": datasets.Value("string"), "tags": datasets.List(datasets.ClassLabel(names=["a", "b"]))}
    )
    rows = {"text": [f"a text of {n} words" for n in range(9)], "tags": [[0], [0, 1], []] * 3}
    data = read(datasets.Dataset.from_dict(rows, features=features))
    assert data.schema.task == "multilabel"
    assert targets(data, np.arange(3)).tolist() == [[1, 0], [1, 1], [0, 0]]


def test_dataset_dict(sentences):
    given = datasets.Dataset.from_pandas(sentences)
    data = read(
        datasets.DatasetDict({"train": given, "validation": given.select(range(5)), "unsupervised": given})
    )
    parts = list(data.table[PART])
    assert (parts.count("train"), parts.count("validation"), parts.count("test")) == (40, 5, 0)


def as_tensor(pixels):
    return torch.from_numpy(pixels)[None]


@pytest.mark.parametrize(
    "form",
    [Image.fromarray, as_tensor, lambda one: as_tensor(one)[0], lambda one: as_tensor(one).float() / 255],
    ids=["PIL", "uint8 CHW", "uint8 HW", "float 0..1"],
)
def test_torch_images(form):
    pixels, labels = digit_pixels()
    data = read(Pairs([(form(one), label) for one, label in zip(pixels, labels, strict=True)]))
    assert (np.asarray(open_image(data.table[3]["image"]))[..., 0] == pixels[3]).all()
    assert targets(data, np.arange(20)).tolist() == labels


def test_torch_class_names_through_a_subset_and_a_loader(sentences):
    names = sorted(set(sentences["label"]))
    pairs = [
        (text, names.index(label)) for text, label in zip(sentences["text"], sentences["label"], strict=True)
    ]
    subset = Subset(Pairs(pairs, names), list(range(30)))
    data = read(DataLoader(subset, batch_size=4, shuffle=True))
    assert data.schema.classes == tuple(names)
    assert texts(data, np.array([29])) == [(sentences["text"][29],)]
    assert targets(data, np.array([29])).tolist() == [pairs[29][1]]


def test_torch_regression_and_multilabel(sentences):
    pairs = [(text, len(text) / 10) for text in sentences["text"]]
    assert read(Pairs(pairs)).schema.task == "regression"
    flags = [(text, torch.tensor([1, len(text) % 2, 0])) for text in sentences["text"]]
    data = read(Pairs(flags, ["a", "b", "c"]))
    assert data.schema.task == "multilabel"
    assert data.schema.classes == ("a", "b")


class Stream(IterableDataset):
    """A dataset without a length."""

    def __iter__(self):
        yield "text", 1


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (Stream(), "an iterable dataset cannot be split"),
        (Pairs([]), "has no examples"),
        (Pairs([("a", 1, 2)]), "is not an .input, label. pair"),
        (Pairs([(torch.randn(3, 8, 8), 1)]), "is no plain image"),
        (Pairs([(torch.zeros(7), 1)]), "an input cannot be read"),
        (object(), "this cannot be read as data"),
        (None, "nothing to read"),
    ],
)
def test_what_cannot_be_read(given, reason):
    with pytest.raises(DataError, match=reason):
        read(given)


def test_identical_images_have_one_key():
    pixels, _ = digit_pixels(4)
    images = [Image.fromarray(pixels[row]) for row in (0, 1, 0, 2)]
    images[2] = images[2].convert("RGB")
    keys = content_keys(read(pd.DataFrame({"image": images, "label": list("abab")})))
    assert keys.dtype == "S64"
    assert keys[0] == keys[2]
    assert len(set(keys)) == 3


def test_text_keys_ignore_case_and_space():
    rows = pd.DataFrame(
        {"text": ["Café au lait", " cafe\u0301  AU\nlait ", "cafe au lait", ""], "label": list("abab")}
    )
    keys = content_keys(read(rows, kinds={"text": "text"}))
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_other_columns_make_rows_differ():
    rows = pd.DataFrame({"text": ["same text"] * 4, "size": [1, 1, 2, None], "label": list("abab")})
    keys = content_keys(read(rows, kinds={"text": "text", "size": "number"}))
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_a_dataset_that_was_saved_to_disk_is_read_from_its_folder(tmp_path):
    sentences = docstring_sentences(task="binary", per_class=12)
    given = datasets.Dataset.from_pandas(sentences)
    given.save_to_disk(tmp_path / "one")
    assert len(read(tmp_path / "one")) == len(sentences)
    parts = datasets.DatasetDict({"train": given, "test": given.select(range(5))})
    parts.save_to_disk(tmp_path / "parts")
    assert np.unique(read(tmp_path / "parts").table["__part__"], return_counts=True)[1].tolist() == [5, 24]
    (tmp_path / "parts" / "train" / "state.json").unlink()
    with pytest.raises(DataError, match="damaged dataset"):
        read(tmp_path / "parts")


def test_shards_as_on_the_hub_are_read_with_the_names_of_their_classes(tmp_path):
    sentences = docstring_sentences(task="binary", per_class=12)
    names = sorted(sentences["label"].unique())
    coded = sentences.assign(label=[names.index(one) for one in sentences["label"]])
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)}
    )
    given = datasets.Dataset.from_pandas(coded[["text", "label"]], features=features)
    home = tmp_path / "data"
    home.mkdir()
    for shard in range(2):
        given.shard(2, shard).to_parquet(home / f"train-0000{shard}-of-00002.parquet")
    given.select(range(4)).to_parquet(home / "test-00000-of-00001.parquet")
    found = read(tmp_path)
    assert found.schema.classes == tuple(names)
    assert np.unique(found.table["__part__"], return_counts=True)[1].tolist() == [4, 24]
