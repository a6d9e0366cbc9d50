"""Micro-batches: every row once, in order, with its share; no padding; what cannot be cut is refused."""

from __future__ import annotations

import pytest
import torch

from upfit.errors import TrainingError
from upfit.train.micro import pieces, row_count


def batch_of(rows, *, share=None, width=6):
    ids = torch.arange(rows * width).view(rows, width)
    lengths = torch.arange(rows) % width + 1
    mask = (torch.arange(width) < lengths.unsqueeze(1)).long()
    return {
        "input_ids": ids * mask,
        "attention_mask": mask,
        "target": torch.arange(rows),
        "other_share": torch.rand(rows, generator=torch.Generator().manual_seed(0)),
        "count": torch.tensor(rows),
        "share": torch.tensor(rows if share is None else share),
    }


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_every_row_is_in_one_piece_in_order(size):
    batch = batch_of(7)
    found = pieces(batch, size)
    assert max(row_count(piece) for piece in found) <= size
    assert len(found) == -(-7 // size)
    for name in ("target", "other_share"):
        assert torch.equal(torch.cat([piece[name] for piece in found]), batch[name])
    assert {int(piece["count"]) for piece in found} == {7}


@pytest.mark.parametrize(
    ("rows", "size", "sizes"),
    [(33, 16, [12, 12, 9]), (32, 16, [16, 16]), (30, 8, [8, 8, 8, 6]), (10, 4, [4, 4, 2]), (9, 3, [3, 3, 3])],
)
def test_pieces_are_about_equal_and_even_where_the_size_is(rows, size, sizes):
    assert [row_count(piece) for piece in pieces(batch_of(rows), size)] == sizes


@pytest.mark.parametrize("size", [None, 7, 100])
def test_a_batch_that_fits_is_not_touched(size):
    batch = batch_of(7)
    assert pieces(batch, size) == [batch]
    assert pieces(batch, size)[0] is batch


def test_pieces_are_as_wide_as_their_longest_row_and_lose_no_token():
    batch = batch_of(4)
    found = pieces(batch, 2)
    assert [piece["input_ids"].shape[1] for piece in found] == [2, 4]
    assert sum(int(piece["attention_mask"].sum()) for piece in found) == int(batch["attention_mask"].sum())


@pytest.mark.parametrize(("size", "sizes"), [(1, [2, 2, 2, 1]), (3, [2, 2, 2, 1]), (4, [4, 3])])
def test_pairs_of_neighbours_stay_together_whatever_fits(size, sizes):
    batch = {**batch_of(7), "feature_pair": torch.tensor([1, -1, 1, -1, 1, -1, 0])}
    found = pieces(batch, size)
    assert [row_count(piece) for piece in found] == sizes
    for piece in found:
        others = torch.arange(row_count(piece)) + piece["feature_pair"]
        assert 0 <= int(others.min()) <= int(others.max()) < row_count(piece)


def test_padding_on_the_left_stays():
    batch = batch_of(4)
    batch["attention_mask"] = batch["attention_mask"].flip(1)
    assert [piece["attention_mask"].shape[1] for piece in pieces(batch, 2)] == [6, 6]


@pytest.mark.parametrize("share", [0, 1, 3, 4])
def test_rows_that_only_fill_up_count_in_no_piece(share):
    assert sum(int(piece["share"]) for piece in pieces(batch_of(4, share=share), 3)) == share


def test_nested_inputs_of_own_modules_are_cut():
    inputs = {"left": torch.arange(10).view(5, 2), "pair": (torch.arange(5), torch.tensor(3.0))}
    batch = {"inputs": inputs, "target": torch.arange(5)}
    first, second = pieces(batch, 3)
    assert torch.equal(second["inputs"]["left"], inputs["left"][3:])
    assert torch.equal(first["inputs"]["pair"][0], torch.arange(3))
    assert float(second["inputs"]["pair"][1]) == 3.0


def test_inputs_without_a_row_per_example_are_refused():
    with pytest.raises(TrainingError, match=r"this batch cannot be cut(?s:.*)micro_size=auto"):
        pieces({"inputs": torch.zeros(12, 3), "target": torch.zeros(4)}, 2)
