"""Techniques that make batches smaller: progressive resizing, length warm-up, token dropout."""

import pytest
import torch

from upfit.errors import RecipeError
from upfit.techniques import build
from upfit.techniques.growth import stage
from upfit.techniques.length_warmup import LengthWarmup, ends, shortened
from upfit.techniques.parts import generator
from upfit.techniques.progressive_resize import ProgressiveResize, resized
from upfit.techniques.token_dropout import TokenDropout
from upfit.testing.contracts import check_strength_zero_is_absent
from upfit.values import Technique


def texts():
    """Two rows of two segments each: [CLS] 1 2 … [SEP] | … [SEP], padded with zeros."""
    segments_BT = torch.tensor([[1] * 9 + [2] * 2 + [0] * 2, [1] * 4 + [2] * 9])
    ids_BT = torch.arange(1, 27).view(2, 13) * (segments_BT > 0)
    return {"input_ids": ids_BT, "attention_mask": (segments_BT > 0).long(), "segments": segments_BT}


def images(side=64):
    return {"image": torch.randn(2, 3, side, side, generator=generator(0, 0)), "target": torch.zeros(2)}


def test_sizes_grow_in_stages_and_end_at_the_full_one():
    sizes = [stage(step / 100, start=0.25, until=0.8, stages=3) for step in range(101)]
    assert sizes == sorted(sizes)
    assert sorted(set(sizes)) == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert sizes[80:] == [1.0] * 21


@pytest.mark.parametrize("side", [16, 32, 64, 144, 224])
def test_images_grow_and_are_whole_at_the_end(side):
    part = ProgressiveResize(start=0.5, until=0.5, stages=2)
    sides = [part.on_batch(images(side), generator(0, k), k / 10)["image"].shape[-1] for k in range(11)]
    assert sides == sorted(sides)
    assert sides[5:] == [side] * 6
    assert all(s % 16 == 0 or s == side for s in sides)
    assert sides[0] < side or side <= 32


def test_shrinking_keeps_what_an_image_shows():
    plain = torch.full((1, 3, 64, 64), 0.7)
    assert torch.allclose(resized(plain, 32), torch.full((1, 3, 32, 32), 0.7))
    halves = torch.cat([torch.zeros(1, 3, 64, 32), torch.ones(1, 3, 64, 32)], dim=3)
    small = resized(halves, 32)
    assert small[..., :15].max() < 1e-6
    assert small[..., 17:].min() > 1 - 1e-6
    assert resized(plain, 64) is plain


def test_nothing_of_the_batch_but_the_images_changes():
    batch = images()
    smaller = ProgressiveResize().on_batch(batch, generator(0, 0), 0.0)
    assert smaller["target"] is batch["target"]
    assert batch["image"].shape[-1] == 64
    assert ProgressiveResize(start=1).on_batch(batch, generator(0, 0), 0.0)["image"] is batch["image"]


def test_ends_of_segments():
    assert [row.nonzero().flatten().tolist() for row in ends(texts()["segments"])] == [[8, 10], [3, 12]]


@pytest.mark.parametrize("limit", [4, 6, 8, 12])
def test_each_segment_is_cut_by_itself_and_keeps_its_end(limit):
    batch = texts()
    short = shortened(batch, limit)
    room = limit // 2
    for row in range(2):
        shown = short["segments"][row] > 0
        assert torch.equal(shown.long(), short["attention_mask"][row])
        for segment in (1, 2):
            whole = batch["input_ids"][row][batch["segments"][row] == segment].tolist()
            left = short["input_ids"][row][short["segments"][row] == segment].tolist()
            expected = whole if len(whole) <= room else [*whole[: room - 1], whole[-1]]
            assert left == expected
    assert short["input_ids"].shape[1] <= limit


def test_texts_that_are_short_enough_are_left_alone():
    batch = texts()
    assert shortened(batch, 13) is batch
    assert LengthWarmup(start=4, full=8).on_batch(batch, generator(0, 0), 0.6) is batch
    assert LengthWarmup(start=8, full=8).on_batch(batch, generator(0, 0), 0.0) is batch
    short = LengthWarmup(start=4, full=256).on_batch(batch, generator(0, 0), 0.0)
    assert short["input_ids"].shape == short["segments"].shape == (2, 4)


def test_without_segments_a_text_is_one():
    batch = {"input_ids": torch.arange(1, 11).view(1, 10), "attention_mask": torch.ones(1, 10).long()}
    assert shortened(batch, 4)["input_ids"].tolist() == [[1, 2, 3, 10]]
    assert TokenDropout(rate=0.5).on_batch(batch, generator(0, 3), 0.0)["attention_mask"].sum() < 10


def test_special_tokens_and_short_texts_are_never_hidden():
    batch = texts()
    part = TokenDropout(rate=0.9, least=5)
    masks = torch.stack([part.on_batch(batch, generator(0, k), 0.0)["attention_mask"] for k in range(200)])
    always = masks.min(0).values
    assert always[0].nonzero().flatten().tolist() == [0, 8, 10]
    assert always[1].nonzero().flatten().tolist() == [0, 3, 12]
    assert (masks[:, 0, 1:8].sum(1) + masks[:, 0, 9] > 0).all(), "something is left of every text"
    whole = TokenDropout(rate=0.9, least=9).on_batch(batch, generator(0, 1), 0.0)
    assert torch.equal(whole["attention_mask"][0], batch["attention_mask"][0])


def test_as_many_tokens_are_hidden_as_asked_for():
    segments_BT = torch.ones(50, 102).long()
    batch = {"input_ids": segments_BT, "attention_mask": segments_BT, "segments": segments_BT}
    hidden = 1 - TokenDropout(rate=0.2).on_batch(batch, generator(3, 1), 0.0)["segments"].float().mean()
    assert float(hidden) == pytest.approx(0.2 * 100 / 102, abs=0.02)
    assert TokenDropout(rate=0).on_batch(batch, generator(0, 0), 0.0) is batch


def test_token_dropout_is_decided_by_seed_and_step():
    batch, part = texts(), TokenDropout(rate=0.5)
    once, again, other = (part.on_batch(batch, generator(1, k), 0.0)["segments"] for k in (1, 1, 2))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


IDLE = (
    "techniques.progressive_resize={start: 1.0}",
    "techniques.length_warmup={start: 8, full: 8}",
    "techniques.token_dropout={rate: 0}",
)


@pytest.mark.parametrize("switch", IDLE)
def test_with_no_strength_they_are_absent(switch):
    check_strength_zero_is_absent(switch)


@pytest.mark.parametrize(
    "technique",
    [
        Technique(name="progressive_resize", start=0),
        Technique(name="length_warmup", start=2),
        Technique(name="token_dropout", rate=1.0),
    ],
)
def test_settings_out_of_range_are_refused(technique):
    with pytest.raises(RecipeError, match=r"\.(start|rate): input should be"):
        build(technique)
