"""Texts that are varied for training: tokenised anew, the same for any number of workers."""

import numpy as np
import pytest
import torch

from upfit.data.examples import TextExamples
from upfit.data.loader import Loader
from upfit.data.read import read
from upfit.models import load_backbone
from upfit.techniques.text_policies import TextPolicy, text_augmentation
from upfit.testing import docstring_sentences
from upfit.values import Augment, Transform

SENTENCES = docstring_sentences(per_class=6)


@pytest.fixture(scope="module")
def tokenizer():
    return load_backbone("auto", "text", segments=1).inputs.tokenizer


def examples(frame, tokenizer, segments=1):
    data = read(frame)
    rows = np.arange(len(data))[::-1].copy()
    return TextExamples(data, rows, tokenizer=tokenizer, max_length=32, segments=segments)


def batches(prepared, workers=0):
    loader = Loader(prepared, np.arange(len(prepared)), size=8, seed=2, workers=workers)
    return list(loader.epoch(3))


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_batches_are_the_same_for_any_number_of_workers(tokenizer):
    varied = examples(SENTENCES, tokenizer).varied(text_augmentation(Augment(policy="strong")))
    alone, helped = batches(varied), batches(varied, workers=2)
    for one, other in zip(alone, helped, strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_texts_are_varied_in_training_alone(tokenizer):
    plain = examples(SENTENCES, tokenizer)
    varied = plain.varied(text_augmentation(Augment(policy="strong")))
    rng = np.random.default_rng
    changed = [not np.array_equal(varied.get(k, rng(k)), plain.get(k, rng(k))) for k in range(len(plain))]
    assert np.mean(changed) > 0.5
    for k in range(len(plain)):
        assert np.array_equal(varied.get(k, None), plain.get(k, None))
        assert varied.get(k, rng(k)).dtype == plain.get(k, None).dtype
        assert varied.get(k, rng(k)).shape[0] == 2
        assert varied.get(k, rng(k)).shape[1] <= 32


def test_a_policy_that_changes_nothing_gives_the_same_tokens(tokenizer):
    plain = examples(SENTENCES, tokenizer)
    for idle in (None, TextPolicy(transforms=(Transform(name="drop", strength=0),))):
        for k in range(len(plain)):
            assert np.array_equal(plain.varied(idle).get(k, np.random.default_rng(k)), plain.get(k, None))


def test_only_text_columns_are_varied(tokenizer):
    """Upper case in every word, and an uncased tokenizer: the tokens stay; numbers are no words."""
    frame = SENTENCES.assign(size=np.arange(len(SENTENCES)) + 0.25)
    plain = examples(frame, tokenizer, segments=2)
    drop = plain.varied(TextPolicy(transforms=(Transform(name="drop", strength=0.9),)))
    shorter = 0
    for k in range(len(plain)):
        before, after = plain.get(k, None), drop.get(k, np.random.default_rng(k))
        assert np.array_equal(before[0][before[1] == 2], after[0][after[1] == 2])
        shorter += after.shape[1] < before.shape[1]
    assert shorter > len(plain) / 2
