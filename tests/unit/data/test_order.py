"""Orders of rows: decided by (seed, epoch) alone; draws by chance, however they are cut into shares."""

from __future__ import annotations

import numpy as np
import pytest

from upfit.data.examples import FeatureExamples
from upfit.data.loader import Loader
from upfit.data.order import epoch_batches, repeats

COUNT = 200
CHANCES = np.where(np.arange(COUNT) < 20, 9.0, 1.0)
CHANCES /= CHANCES.sum()
LENGTHS = np.random.default_rng(0).integers(3, 60, COUNT)
FEATURES = np.arange(COUNT, dtype=np.float32)[:, None]


def order(**settings):
    return epoch_batches(COUNT, size=16, **{"seed": 3, "epoch": 0, "chances": CHANCES} | settings)


def loader(**settings):
    given = {"size": 16, "seed": 3, "chances": CHANCES}
    return Loader(FeatureExamples(FEATURES), np.arange(COUNT), **given | settings)


def positions(batches):
    return [batch["position"].tolist() for batch in batches]


@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_draws_are_the_same_for_the_same_seed_and_epoch_only(lengths):
    same, again = order(lengths=lengths), order(lengths=lengths)
    assert all(np.array_equal(*pair) for pair in zip(same, again, strict=True))
    for other in (order(lengths=lengths, epoch=1), order(lengths=lengths, seed=4)):
        assert not all(np.array_equal(*pair) for pair in zip(same, other, strict=True))


@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_an_epoch_is_as_long_as_before(lengths):
    batches = order(lengths=lengths)
    assert sorted(map(len, batches)) == [8, *[16] * 12]


def test_draws_come_by_their_chances():
    drawn = np.concatenate([np.concatenate(order(epoch=epoch)) for epoch in range(200)])
    # 20 rows of weight 9 against 180 of weight 1: half of all draws; the error of a share is 0.0025.
    assert np.mean(drawn < 20) == pytest.approx(0.5, abs=0.0125)


def test_rows_of_like_length_share_a_batch():
    spread = [np.ptp(LENGTHS[batch]) for batch in order(lengths=LENGTHS)]
    assert np.mean(spread) < 0.5 * np.mean([np.ptp(LENGTHS[batch]) for batch in order()])


def test_without_chances_every_row_comes_once():
    assert sorted(np.concatenate(order(chances=None))) == list(range(COUNT))


def test_repeats_count_the_draws_before():
    batches = order()
    seen: dict[int, int] = {}
    for batch, before in zip(batches, repeats(batches), strict=True):
        for position, count in zip(batch.tolist(), before.tolist(), strict=True):
            assert count == seen.get(position, 0)
            seen[position] = count + 1
    assert max(seen.values()) > 2


@pytest.mark.parametrize("start", [1, 7, 12])
def test_it_goes_on_at_any_batch(start):
    assert positions(loader().epoch(2, start=start)) == positions(loader().epoch(2))[start:]


def test_two_processes_share_the_batches_of_one():
    whole = positions(loader().epoch(0))
    shares = [positions(loader(shard=(rank, 2)).epoch(0)) for rank in (0, 1)]
    for one, first, second in zip(whole, *shares, strict=True):
        assert one[0::2] == first
        assert one[1::2] == second


class Noise(FeatureExamples):
    """Features to which each draw adds noise of its own, as augmentation does."""

    def get(self, position, rng):
        return super().get(position, rng) if rng is None else np.float32([rng.random()])


@pytest.mark.parametrize("start", [0, 5])
@pytest.mark.parametrize("shard", [(0, 1), (1, 2)])
def test_a_row_drawn_twice_is_varied_twice_and_the_same_after_a_resume(start, shard):
    given = {"size": 16, "seed": 3, "chances": CHANCES, "shard": shard}
    noise = Loader(Noise(FEATURES), np.arange(COUNT), **given)
    whole = [batch["features"].flatten().tolist() for batch in noise.epoch(0)]
    assert [batch["features"].flatten().tolist() for batch in noise.epoch(0, start=start)] == whole[start:]
    values = [value for batch in whole for value in batch]
    assert len(set(values)) == len(values)


def test_rows_that_come_once_are_varied_as_they_always_were():
    plain = Loader(Noise(FEATURES), np.arange(COUNT), size=16, seed=3)
    batch = next(iter(plain.epoch(4)))
    expected = [np.random.default_rng((3, 4, p)).random() for p in batch["position"].tolist()]
    np.testing.assert_allclose(batch["features"].flatten().numpy(), expected, rtol=1e-6)
